/** Probe prompts answered during an update: when, what is kept, and that the update ends the same without them. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Config } from '../../../src/core/config/schema.js';
import { removeCheckpoint } from '../../../src/run/stages/checkpoint.js';
import type { Report } from '../../../src/run/stages/context.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { probeRowSchema } from '../../../src/core/rows.js';
import { Probes } from '../../../src/run/stages/probes.js';
import { localSampler } from '../../../src/run/stages/sample.js';
import { work } from '../../../src/run/stages/work.js';
import { readJsonLines } from '../../../src/io/jsonl.js';
import { newRound } from '../../../src/core/rounds.js';
import { Run } from '../../../src/run/run.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { OutOfMemoryError } from '../../../src/tensor/memory.js';
import { quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';
import { testBackend } from '../../backend.js';

const fresh = temporaryDirectories();
const shelves: ModelShelf[] = [];

async function updated(changes: Partial<Config['evaluation']>, update: Partial<Config['update']> = {}) {
  const home = fresh();
  const config = quickConfig(home, { evaluation: changes, update, sampling: { max_new_tokens: 12 } });
  const run = Run.create(`${home}/run`, config);
  const settings = { alpha: 0.01, beta: 0.1, lr: config.update.lr };
  run.addRound(newRound(0, null, settings));
  run.addRound(newRound(1, 0, settings));
  const models = new ModelShelf(namedByUser);
  shelves.push(models);
  const reports: Report[] = [];
  const state: { verdict: 'go' | 'abort' } = { verdict: 'go' };
  const context = {
    ...{ config, files: run.files, models, round: run.round(1), promptCounts: [0] },
    permission: namedByUser,
    control: { point: () => Promise.resolve(state.verdict) },
    report: (report: Report) => reports.push(report),
  };
  await work.sample(context);
  await work.score(context);
  await work.update(context);
  models.closeReward();
  const file = (name: string) => run.files.file(1, name);
  const read = (name: string) => readFileSync(file(`policy/${name}.safetensors`)).toString('base64');
  return {
    ...{ context, state, reports, file },
    weights: () => read(update.lora === undefined ? 'model' : 'adapter_model'),
    steps: readFileSync(file('metrics.jsonl'), 'utf8').trim().split('\n').length,
    rows: () => readJsonLines(file('probes.jsonl'), probeRowSchema, { missing: 'empty' }),
  };
}

let without: Awaited<ReturnType<typeof updated>>;

beforeAll(async () => {
  await useBackend(testBackend);
  without = await updated({ probes: 0 });
});
afterAll(() => shelves.forEach((shelf) => shelf.dispose()));

describe('probes', () => {
  it('answer after every so many steps, at the start and at the end, and change nothing', async () => {
    const each = await updated({ probes: 2, probe_steps: 5, probe_tokens: 7 });
    const due = [0, ...Array.from({ length: each.steps }, (_, i) => i + 1).filter((step) => step % 5 === 0)];
    if (each.steps % 5 !== 0) due.push(each.steps);
    expect(each.rows().map(({ step, probe }) => `${step}.${probe}`)).toEqual(due.flatMap((s) => [`${s}.0`, `${s}.1`]));
    expect(each.rows().every(({ length }) => length <= 7)).toBe(true);
    expect(each.weights()).toBe(without.weights());
    expect(without.rows()).toEqual([]);
    expect(each.reports.filter(({ type }) => type === 'probe')).toHaveLength(each.rows().length);
  });

  it('are answered through an adapter too, which ends the same', async () => {
    const lora = { rank: 2, alpha: 4, targets: ['q_proj'] };
    const [none, some] = [
      await updated({ probes: 0 }, { lora }),
      await updated({ probes: 2, probe_steps: 2 }, { lora }),
    ];
    expect(some.rows().length).toBeGreaterThan(4);
    expect(some.weights()).toBe(none.weights());
  });

  it('of steps that are taken again are answered again, the others told from the file', async () => {
    const { context, file, rows, reports } = await updated({ probes: 1, probe_steps: 4 });
    const before = rows();
    reports.length = 0;
    const policy = await context.models.load(context.files.policyDir(0));
    const probes = new Probes(context, localSampler(policy), 5);
    expect(reports.map((report) => report.type === 'probe' && report.probe.step)).toEqual([0, 4]);
    expect(rows()).toEqual(before.slice(0, 2));
    for (const step of [4, 5, 6, 7, 8]) await probes.at(step, 20);
    expect(rows().map(({ step }) => step)).toEqual([0, 4, 8]);
    expect(existsSync(file('probes.jsonl'))).toBe(true);
    context.models.forget();
  });

  it('go with the update that is discarded', async () => {
    const { context, state, file } = await updated({ probes: 1 });
    // As evaluation does: the update would resume from its last step.
    removeCheckpoint(file('update'));
    state.verdict = 'abort';
    expect(await work.update(context)).toMatchObject({ outcome: 'aborted' });
    expect(existsSync(file('probes.jsonl'))).toBe(false);
  });

  it('give way where memory is short, and the update goes on', async () => {
    const log = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const { context, rows } = await updated({ probes: 1, probe_steps: 1 });
    const policy = await context.models.load(context.files.policyDir(0));
    const before = rows().length;
    vi.spyOn(policy.transformer, 'prefill').mockImplementation(() => {
      throw new OutOfMemoryError(2 ** 20);
    });
    const probes = new Probes(context, localSampler(policy), 3);
    for (const step of [4, 5]) await probes.at(step, 20);
    expect(rows().length).toBeLessThan(before);
    expect(rows().at(-1)?.step).toBe(3);
    expect(log.mock.calls).toEqual([['no memory for probe prompts beside the update; none after step 4\n']]);
    log.mockRestore();
    context.models.forget();
  });
});

describe('how often, where the configuration leaves it open', () => {
  /** Steps at which an update of 60 seconds is looked at where one look takes so long. */
  async function looks(seconds: number): Promise<number[]> {
    const { context, rows, file } = await updated({ probes: 1, probe_tokens: 1 });
    rmSync(file('probes.jsonl'));
    const policy = await context.models.load(context.files.policyDir(0));
    let clock = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => clock * 1000);
    // An answer of one token passes one point.
    const control = { point: () => Promise.resolve(((clock += seconds), 'go' as const)) };
    const probes = new Probes({ ...context, control }, localSampler(policy), 0);
    for (let step = 0; step <= 60; step++) {
      if (step > 0) clock += 1;
      await probes.at(step, 60);
    }
    now.mockRestore();
    context.models.forget();
    return rows().map(({ step }) => step);
  }

  it('is five times in between, as far as all take a twentieth of the time at most', async () => {
    expect(await looks(0.1)).toEqual([0, 10, 20, 30, 40, 50, 60]);
    // Six of half a second are three seconds of sixty.
    expect(await looks(0.5)).toEqual([0, 10, 20, 30, 40, 60]);
    expect(await looks(2)).toEqual([0, 60]);
  });
});
