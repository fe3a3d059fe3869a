/** `brevity sweep`: its rounds from a real run, a kill in the middle, the table, and what it says to bad input. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { Run } from '../../src/run/run.js';
import { appendJsonLines } from '../../src/io/jsonl.js';
import { dist, gone, temporaryFolder, writePrompts } from '../engine/runs.js';
import { goldenFolder } from '../golden.js';
import { testBackend } from '../backend.js';
import { brevity } from './cli.js';

const model = `${goldenFolder}llama-tied-gqa/model`;
const reward = `module:${new URL('../fixtures/hash-reward.mjs', import.meta.url).pathname}`;

let home = '';
let run = '';
beforeAll(() => {
  home = temporaryFolder();
  run = path.join(home, 'run');
  const prompts = writePrompts(path.join(home, 'p.jsonl'), 8);
  const heldOut = writePrompts(path.join(home, 'h.jsonl'), 4);
  const flags = ['--model', model, '--reward', reward, '--prompts', prompts, '--held-out', heldOut];
  flags.push('--backend', testBackend, '-n', '3', '--max-new-tokens', '10', '--temperature', '2', '--lr', '1e-3');
  flags.push('--batch-size', '2', '--epochs', '2', '--seed', '5');
  expect(brevity(['auto', run, '--rounds', '1', '--alpha', '0.03', ...flags])).toMatchObject({ status: 0 });
});
afterAll(() => {
  const holder = lockHolder(run);
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

const roundFile = (round: number, name: string) => Run.open(run).files.file(round, name);
const losses = (round: number) =>
  readFileSync(roundFile(round, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss);
const shape = () => Run.open(run).rounds.map(({ id, stage, redo_of }) => `${id} ${stage} ${redo_of ?? '-'}`);

describe('brevity sweep', { timeout: 180_000 }, () => {
  it('prints what it would run, and changes nothing', () => {
    const before = readFileSync(path.join(run, 'run.json'), 'utf8');
    const { status, stdout } = brevity(['sweep', run, '--set', 'dpo.alpha=0,0.03,0.1', '--dry-run']);
    expect(status).toBe(0);
    expect(stdout).toBe(
      'From round 1:\n  dpo.alpha=0  a new round\n  dpo.alpha=0.03  round 1, done\n  dpo.alpha=0.1  a new round\n',
    );
    expect(readFileSync(path.join(run, 'run.json'), 'utf8')).toBe(before);
    expect(brevity(['sweep', run, '--show']).stderr).toMatch(
      /round 1 has no controlled comparison yet; `.*sweep .*` makes one/,
    );
  });

  it('continues after a kill of client and engine, runs nothing twice, and prints the comparison', async () => {
    const args = ['sweep', run, '--set', 'dpo.alpha=0,0.03,0.1', '--out', path.join(home, 'rows.jsonl')];
    const child = spawn(process.execPath, [`${dist}cli.js`, ...args], { stdio: 'ignore' });
    while (!existsSync(path.join(run, 'rounds', '0003'))) {
      expect(child.exitCode).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    child.kill('SIGKILL');
    const engine = lockHolder(run)?.pid as number;
    process.kill(engine, 'SIGKILL');
    await gone(engine);
    // The second value's round is in run.json or its folder is a leftover that no round has.
    const left = shape();
    expect(left.slice(0, 3)).toEqual(['0 done -', '1 done -', '2 done 1']);
    expect(left.length).toBeLessThanOrEqual(4);

    const { status, stdout, stderr } = brevity(args);
    expect(stderr).toContain('From round 1: 3 values, 1 to run.');
    expect(status).toBe(0);
    const [, , , last] = Run.open(run).rounds;
    expect(shape()).toEqual(['0 done -', '1 done -', '2 done 1', `${last.id} done 1`]);
    expect(Run.open(run).current).toBe(1);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe(
      'From round 1, controlled comparison: same samples, pairs, decisions and seeds; only α differs.',
    );
    expect(lines[1]).toMatch(/^α +round +reward +length +win vs base +LC +KL$/);
    expect(lines.slice(2).map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['0.0000', '2'],
      ['0.0300', '1'],
      ['0.1000', String(last.id)],
    ]);
    const rows = readFileSync(path.join(home, 'rows.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows).toMatchObject([
      {
        settings: { 'dpo.alpha': 0 },
        round: 2,
        reward: expect.any(Number) as number,
        comparisons: [{ against: 'round-start' }, { against: 'base' }],
      },
      { settings: { 'dpo.alpha': 0.03 }, round: 1 },
      { settings: { 'dpo.alpha': 0.1 }, round: last.id },
    ]);

    // Once more: nothing is run, the same rows.
    const again = brevity([...args, '--json']);
    expect(again.stderr).toContain('3 values, 0 to run');
    expect(again.rows()).toEqual(rows);
    expect(brevity(['sweep', run, '--show']).stdout).toBe(stdout);
  });

  it('differs in the named setting alone: one that changes nothing gives the same update', () => {
    const settings = ['--set', 'update.checkpoint_seconds=30', '--set', 'dpo.beta=0.1,0.5'];
    expect(brevity(['sweep', run, ...settings])).toMatchObject({ status: 0 });
    const [same, other] = Run.open(run).rounds.slice(-2);
    expect([same.settings.beta, other.settings.beta]).toEqual([0.1, 0.5]);
    expect(losses(same.id).length).toBeGreaterThan(4);
    expect(losses(same.id)).toEqual(losses(1));
    const weights = (round: number) => readFileSync(path.join(roundFile(round, 'policy'), 'model.safetensors'));
    expect(weights(same.id).equals(weights(1))).toBe(true);
    expect(losses(other.id)).not.toEqual(losses(1));
  });

  it('makes pairs anew from the same scores, and says what becomes of decisions', () => {
    appendJsonLines(roundFile(1, 'decisions.jsonl'), [
      { at: '', action: 'decide', decision: { prompt_index: 0, ruling: { kind: 'exclude' }, note: '' } },
    ]);
    const { stdout, stderr, status } = brevity(['sweep', run, '--set', 'pairs.strategy=best-worst,best-random']);
    expect(status).toBe(0);
    expect(stderr).toContain(
      'From round 1 (pairs are made anew from its scores; its decisions, 1 excluded, are about its own pairs and are not used): 2 values, 2 to run.',
    );
    expect(stdout).toContain(
      'same samples, scores and seeds, no decisions; only strategy differs, and the pairs with it',
    );
    const [worst, random] = Run.open(run).rounds.slice(-2);
    expect([worst.pairs, random.pairs, worst.decisions?.excluded ?? 0]).toEqual([8, 8, 0]);
    const pairs = (round: number) => readFileSync(roundFile(round, 'pairs.jsonl'), 'utf8');
    expect(pairs(worst.id)).toBe(pairs(1));
    expect(pairs(random.id)).not.toBe(pairs(1));
    expect(readFileSync(roundFile(worst.id, 'scores.jsonl'), 'utf8')).toBe(
      readFileSync(roundFile(1, 'scores.jsonl'), 'utf8'),
    );
  });

  it.each([
    [
      ['--set', 'sampling.top_p=0.5'],
      "sampling.top_p: cannot change where a round's samples and scores are used again",
    ],
    [['--set', 'dpo.alpha=-1,0.1'], 'dpo.alpha: -1: expected a number from 0 to 100'],
    [['--set', 'dpo.reference=0.5*round+0.4*base'], 'weights that sum to 0.9'],
    [['--set', 'dpo.alpha=0.1', '--round', '9'], 'has no round 9'],
    [['--set', 'dpo.alpha=0.1', '--round', '0'], '--round 0: expected a whole number'],
    [[], '--set: missing; expected a setting and its values'],
  ])('refuses %j', (flags, says) => {
    const { status, stderr } = brevity(['sweep', run, ...flags]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(says);
  });
});
