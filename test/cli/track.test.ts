/** `brevity track`, and held-out pairs of `brevity update`, as processes. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { decodeEvent, unframe } from '../../src/core/eventFile.js';
import { newRound } from '../../src/core/rounds.js';
import { roundFiles } from '../../src/core/runFiles.js';
import { Run } from '../../src/run/run.js';
import { metrics } from '../components/fixtures.js';
import { quickConfig } from '../engine/runs.js';
import { goldenFolder } from '../golden.js';
import { temporaryDirectories } from '../temporary.js';
import { brevity } from './cli.js';

vi.setConfig({ testTimeout: 60_000 });
const fresh = temporaryDirectories();

describe('track', () => {
  const settings = { alpha: 0.02, beta: 0.1, lr: 1e-6 };

  function finishedRun(folder: string): string {
    const run = Run.create(path.join(folder, 'mine'), quickConfig(folder));
    run.addRound(newRound(0, null, settings));
    run.addRound({ ...newRound(1, 0, settings), stage: 'evaluate' });
    const rows = metrics.slice(0, 3).map((row) => JSON.stringify(row) + '\n');
    writeFileSync(run.files.file(1, roundFiles.metrics), rows.join(''));
    return run.directory;
  }

  it('writes what there is, and nothing when repeated', () => {
    const folder = fresh();
    const run = finishedRun(folder);
    const file = path.join(folder, 'tb/mine/round-0001/events.out.tfevents.brevity');
    for (let time = 0; time < 2; time++) {
      const { status, stdout, stderr } = brevity(['track', run, '--tensorboard', 'tb'], '', folder);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^TensorBoard \(.*\/tb\): round-0001 3, rounds 0 points\n$/);
      const events = unframe(readFileSync(file)).records.map((record) => decodeEvent(record)?.kind);
      expect(events).toEqual(['version', 'text', 'scalars', 'scalars', 'scalars']);
    }
  });

  it.runIf(process.platform === 'linux')('refuses a folder that cannot be created, and ends', () => {
    const { status, stderr } = brevity(['track', finishedRun(fresh()), '--tensorboard', '/proc/x']);
    expect([status, stderr]).toEqual([
      1,
      'brevity: cannot create the folder /proc/x/mine: /proc takes no new folders; name another place\n',
    ]);
  });

  it('asks for a tracker, and says what it lacks', () => {
    const folder = fresh();
    const run = finishedRun(folder);
    const none = brevity(['track', run]);
    expect(none.status).toBe(2);
    expect(none.stderr).toMatch(
      /has no trackers in its configuration; name one with --tensorboard, --wandb or --trackio\n$/,
    );
    const missing = brevity(['track', run, '--trackio', 'p'], '', folder, { BREVITY_PYTHON: '/nowhere/python' });
    expect(missing.status).toBe(1);
    expect(missing.stderr).toBe(
      'brevity: --trackio: trackio needs the Python package trackio, and /nowhere/python lacks it; install it with pip, or set BREVITY_PYTHON to a Python that has it\n',
    );
    expect(brevity(['track', run, '--wandb', 'a/b']).stderr).toMatch(
      /--wandb a\/b: expected a name of at most 128 characters without/,
    );
  });
});

describe('update', () => {
  const pair = (i: number) => ({ prompt_ids: [3 + i, 4], chosen_ids: [5, 6 + i], rejected_ids: [7, 8, 9] });
  const policy = `${goldenFolder}llama-tied-gqa/model`;

  function update(flags: string[], pairs: object[], heldOut: object[] = []) {
    const folder = fresh();
    mkdirSync(folder, { recursive: true });
    const files = { pairs: path.join(folder, 'pairs.jsonl'), heldOut: path.join(folder, 'held-out.jsonl') };
    writeFileSync(files.pairs, pairs.map((row) => JSON.stringify(row) + '\n').join(''));
    writeFileSync(files.heldOut, heldOut.map((row) => JSON.stringify(row) + '\n').join(''));
    const held = heldOut.length === 0 ? [] : ['--held-out', files.heldOut];
    const common = ['--policy', policy, '--pairs', files.pairs, '--backend', 'wasm', '--batch-size', '2'];
    return brevity(['update', ...common, ...held, '--out', path.join(folder, 'out'), ...flags]);
  }

  it('holds out a share of the pairs, or those of a file', () => {
    const pairs = [0, 1, 2, 3, 4].map(pair);
    const share = update(['--held-out-share', '0.2', '--eval-steps', '1'], pairs);
    expect(share.status).toBe(0);
    expect(share.rows().map((row) => [row.step, typeof row.start_eval_loss, typeof row.eval_loss])).toEqual([
      [1, 'number', 'number'],
      [2, 'undefined', 'number'],
    ]);
    const file = update([], pairs, [pair(1), pair(9)]);
    expect(file.rows()).toHaveLength(3);
    expect(file.rows()[2].eval_loss).toBeTypeOf('number');
    expect(file.stderr).toContain('Prompts of held-out pairs that are trained on as well: 1;');
    const both = update(['--held-out-share', '0.2'], pairs, [pair(9)]);
    expect(both.stderr).toContain('--held-out-share: sets aside a part of --pairs, and --held-out names other pairs');
    const one = update(['--held-out-share', '0.2'], [pair(0)]);
    expect(one.stderr).toMatch(/update\.held_out_share is 0\.2 and all pairs are from one prompt/);
  });
});
