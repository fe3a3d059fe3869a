/**
 * `npm run test:trackers`: what was written, read back by TensorBoard, trackio and W&B themselves (the Python of
 * BREVITY_PYTHON; offline).
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../../src/core/config/schema.js';
import { newRound } from '../../../src/core/rounds.js';
import type { MetricsRow } from '../../../src/core/rows.js';
import { roundFiles } from '../../../src/core/runFiles.js';
import { Run } from '../../../src/run/run.js';
import { checkTrackers, openTrackers, type TrackersConfig } from '../../../src/run/trackers/index.js';
import { trackedRun } from '../../../src/run/trackers/tracker.js';
import { finished, metrics } from '../../components/fixtures.js';
import { temporaryDirectories } from '../../temporary.js';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });
const fresh = temporaryDirectories();
const asked = process.env['BREVITY_TRACKERS'] === '1';

const rows: MetricsRow[] = metrics.slice(0, 6).map((row, i) => ({
  ...row,
  ...(i === 0 && { start_eval_loss: 0.71 }),
  ...(i % 2 === 1 && { eval_loss: 0.7 - 0.02 * i, 'eval_rewards/accuracies': 0.5 + 0.05 * i }),
}));
const losses = rows.map(({ step, loss }): [number, number] => [step, loss]);
const heldOut = [
  [0, 0.71],
  ...rows.flatMap(({ step, eval_loss }) => (eval_loss === undefined ? [] : [[step, eval_loss]])),
];

function reads(kind: string, target: string): unknown {
  const text = execFileSync(process.env['BREVITY_PYTHON'] ?? 'python3', [
    path.join(import.meta.dirname, 'read_back.py'),
    ...[kind, target],
  ]);
  return JSON.parse(text.toString().trim().split('\n').at(-1) as string);
}

describe.runIf(asked)('read back', () => {
  const base = fresh();
  let run: Run;
  const wandb = { project: 'brevity-test', entity: null };
  const trackers: TrackersConfig = {
    tensorboard: path.join(base, 'tb'),
    wandb,
    trackio: { project: 'brevity-test' },
  };

  const writeRows = (some: MetricsRow[]) =>
    writeFileSync(run.files.file(1, roundFiles.metrics), some.map((row) => JSON.stringify(row) + '\n').join(''));
  async function write(which: TrackersConfig): Promise<void> {
    for (const tracker of openTrackers(run, which)) {
      for (const tracked of trackedRun(run)) await tracker.write(tracked);
      await tracker.close();
    }
  }

  beforeAll(async () => {
    vi.stubEnv('WANDB_MODE', 'offline');
    vi.stubEnv('TRACKIO_DIR', path.join(base, 'trackio'));
    checkTrackers(trackers, (key) => key);
    const config = configSchema.parse({ model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h', trackers });
    run = Run.create(path.join(base, 'mine'), config);
    run.addRound(finished(0, 0.8, 17.5));
    run.addRound({ ...newRound(1, 0, { alpha: 0.07, beta: 0.1, lr: 2e-4 }), stage: 'update' });
    // Four steps; an engine that was killed, and repeats two of them; all six, twice; then the evaluation.
    for (const count of [4, 2, 6, 6]) {
      writeRows(rows.slice(0, count));
      await write(trackers);
    }
    run.updateRound(1, finished(1, 0.9, 17.25));
    await write(trackers);
  });

  it('by TensorBoard', () => {
    const read = reads('tensorboard', path.join(base, 'tb/mine')) as Record<
      string,
      { scalars: Record<string, [number, number][]>; texts: Record<string, string>; text_tags: string[] }
    >;
    expect(Object.keys(read)).toEqual(['round-0001', 'rounds']);
    const { scalars, texts, text_tags } = read['round-0001'];
    expect(scalars['train/loss']).toEqual(losses.map(([step, loss]) => [step, Math.fround(loss)]));
    expect(scalars['eval/loss']).toEqual(heldOut.map(([step, loss]) => [step, Math.fround(loss)]));
    expect(scalars['train/rewards/margins'].map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(texts.hyperparameters).toContain('| dpo.beta | 0.1 |');
    expect(text_tags).toEqual(['hyperparameters']);
    expect(read.rounds.scalars['round/reward']).toEqual([
      [0, Math.fround(0.8)],
      [1, Math.fround(0.9)],
    ]);
  });

  it('by trackio', () => {
    const read = reads('trackio', 'brevity-test') as Record<
      string,
      { points: [number, Record<string, number>][]; config: Record<string, unknown> }
    >;
    const [rounds, update] = Object.entries(read)
      .sort(([a], [b]) => (a < b ? 1 : -1))
      .map(([name, each]) => ({ name, ...each }));
    expect(update.name).toMatch(/^mine-round-0001-[0-9a-f]{8}$/);
    expect(
      update.points
        .filter(([, values]) => 'train/loss' in values)
        .map(([step, values]) => [step, values['train/loss']]),
    ).toEqual(losses);
    expect(
      update.points.filter(([, values]) => 'eval/loss' in values).map(([step, values]) => [step, values['eval/loss']]),
    ).toEqual(heldOut);
    expect(update.config).toMatchObject({ round: 1, 'dpo.beta': 0.1 });
    expect(rounds.points.map(([step, values]) => [step, values['round/reward']])).toEqual([
      [0, 0.8],
      [1, 0.9],
    ]);
  });

  it('from W&B offline runs', () => {
    const read = reads('wandb', path.join(run.directory, 'trackers/wandb')) as {
      id: string;
      name: string;
      group: string;
      project: string;
      config: Record<string, unknown>;
      points: [number, Record<string, number>][];
    }[];
    const of = (name: string) => read.filter((each) => each.name === name);
    expect(new Set(read.map(({ name }) => name))).toEqual(new Set(['mine-round-0001', 'mine-rounds']));
    expect(new Set(of('mine-round-0001').map(({ id }) => id)).size).toBe(1);
    expect(of('mine-round-0001')[0]).toMatchObject({
      group: 'mine',
      project: 'brevity-test',
      config: { round: 1, 'dpo.beta': 0.1 },
    });
    const points = of('mine-round-0001').flatMap((each) => each.points);
    expect(
      points.filter(([, values]) => 'train/loss' in values).map(([step, values]) => [step, values['train/loss']]),
    ).toEqual(losses);
    expect(
      points.filter(([, values]) => 'eval/loss' in values).map(([step, values]) => [step, values['eval/loss']]),
    ).toEqual(heldOut);
    expect(
      of('mine-rounds')
        .flatMap((each) => each.points)
        .map(([, values]) => values['round/reward']),
    ).toEqual([0.8, 0.9]);
  });
});
