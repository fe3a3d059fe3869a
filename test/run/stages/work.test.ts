/** The stages of a round on a golden model, in this process: a full disk, stopping, aborting, going on. */
import * as fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { testBackend } from '../../backend.js';
import type { Report, WorkContext, WorkStage } from '../../../src/run/stages/context.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { Suspended, type ControlSignal } from '../../../src/core/control.js';
import { Run } from '../../../src/run/run.js';
import { temporaryDirectories } from '../../temporary.js';
import { UserError } from '../../../src/core/errors.js';
import { work } from '../../../src/run/stages/work.js';
import { newRound } from '../../../src/core/rounds.js';
import { winProbabilities } from '../../../src/core/objectives/sppo.js';
import { roundPairSchema, sampleRowSchema, scoreRowSchema } from '../../../src/core/rows.js';
import { quickConfig } from '../../engine/runs.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { appendJsonLines, readJsonLines } from '../../../src/io/jsonl.js';
import { readCounts, readReview } from '../../../src/run/stages/reviewFiles.js';
import { trainingPairs } from '../../../src/run/stages/update.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { expectSameRows } from '../../backend.js';

vi.mock('node:fs', async (original) => {
  const actual = await original<typeof fs>();
  return { ...actual, writeSync: vi.fn(actual.writeSync), openSync: vi.fn(actual.openSync) };
});
const actual = await vi.importActual<typeof fs>('node:fs');

const fresh = temporaryDirectories();

/** Writes to files of this name fail from the n-th on, until the disk is emptied. */
function fillDisk(name: string, from: number): () => void {
  let writes = 0;
  const handles = new Set<number>();
  const open: typeof fs.openSync = (file, ...rest) => {
    const handle = actual.openSync(file, ...rest);
    // Numbers are given again once closed.
    if (path.basename(String(file)).replace(/-[0-9a-f]{16}$/, '') === name) handles.add(handle);
    else handles.delete(handle);
    return handle;
  };
  const write = (handle: number, ...rest: unknown[]) => {
    if (handles.has(handle) && ++writes >= from)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
    return (actual.writeSync as (handle: number, ...rest: unknown[]) => number)(handle, ...rest);
  };
  vi.mocked(fs.openSync).mockImplementation(open);
  vi.mocked(fs.writeSync).mockImplementation(write as typeof fs.writeSync);
  return () => {
    vi.mocked(fs.openSync).mockReset();
    vi.mocked(fs.writeSync).mockReset();
  };
}

class Bench {
  readonly run: Run;
  readonly reports: Report[] = [];
  verdict: (reports: Report[]) => ControlSignal = () => 'go';
  /** How many samples are enough by now. */
  enough: (reports: Report[]) => number = () => 3;
  private readonly models: ModelShelf;

  constructor(changes: Parameters<typeof quickConfig>[1] = {}) {
    const home = fresh();
    const config = quickConfig(home, {
      ...changes,
      sampling: { samples_per_prompt: 3, max_new_tokens: 12, batch_size: 6, temperature: 2, ...changes.sampling },
    });
    this.run = Run.create(path.join(home, 'run'), config);
    this.models = new ModelShelf(namedByUser);
    const { alpha, beta } = changes.dpo === undefined ? { alpha: 0.01, beta: 0.1 } : config.dpo;
    const settings = { alpha, beta, lr: config.update.lr };
    this.run.addRound(newRound(0, null, settings));
    this.run.addRound(newRound(1, 0, settings));
  }

  do<S extends WorkStage>(stage: S, task: { stopAfter?: number } = {}): ReturnType<(typeof work)[S]> {
    const context: WorkContext = {
      config: this.run.config,
      files: this.run.files,
      models: this.models,
      round: this.run.round(1),
      ...task,
      promptCounts: [this.run.config.sampling.prompts_per_round],
      permission: namedByUser,
      control: { point: () => new Promise((resolve) => resolve(this.verdict(this.reports))) },
      enough: () => this.enough(this.reports),
      report: (report) => this.reports.push(report),
    };
    return work[stage](context) as ReturnType<(typeof work)[S]>;
  }

  file(name: string): string {
    return this.run.files.file(1, name);
  }

  lines(name: string): string[] {
    return fs.readFileSync(this.file(name), 'utf8').trim().split('\n').sort();
  }

  weights(): string {
    return fs.readFileSync(this.file('policy/model.safetensors')).toString('base64');
  }

  losses(): number[] {
    return fs
      .readFileSync(this.file('metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { loss: number }).loss);
  }

  steps(): number {
    return this.reports.filter(({ type }) => type === 'step').length;
  }

  dispose(): void {
    this.models.dispose();
  }
}

let undisturbed: Bench;
let b: Bench;

beforeAll(async () => {
  await useBackend(testBackend);
  undisturbed = new Bench();
  await undisturbed.do('sample');
  await undisturbed.do('score');
  await undisturbed.do('update');
  undisturbed.dispose();
});
beforeEach(() => {
  b = new Bench();
});
afterEach(() => {
  b.dispose();
});

it('scoring tries one step before the first update, and leaves the policy as it was', () => {
  const [step] = undisturbed.lines('first-step.jsonl').map((line) => JSON.parse(line) as Record<string, number>);
  expect(step.tokens_per_second).toBeGreaterThan(0);
  expect(step.memory_mb).toBeGreaterThan(0);
  // The update's first loss is that of the round's start: σ(α·Δ|y|) of each pair.
  const pairs = undisturbed
    .lines('pairs.jsonl')
    .map((line) => JSON.parse(line) as { chosen_ids: []; rejected_ids: [] });
  const losses = pairs.map(({ chosen_ids: w, rejected_ids: l }) => Math.log1p(Math.exp(-0.01 * (w.length - l.length))));
  expect(undisturbed.losses()[0]).toBeGreaterThan(Math.min(...losses) - 1e-6);
  expect(undisturbed.losses()[0]).toBeLessThan(Math.max(...losses) + 1e-6);
});

describe('a full disk', () => {
  it('while samples are written keeps those before and goes on with the others', async () => {
    const empty = fillDisk('samples.jsonl', 5);
    await expect(b.do('sample')).rejects.toThrow(`cannot write ${b.file('samples.jsonl')}: the disk is full`);
    empty();
    expect(b.lines('samples.jsonl')).toHaveLength(4);
    b.reports.length = 0;
    await b.do('sample');
    expect(b.reports.filter(({ type }) => type === 'response')).toHaveLength((16 - 4) * 3);
    expect(b.lines('samples.jsonl')).toEqual(undisturbed.lines('samples.jsonl'));
  });

  it('while scores are written keeps those before', async () => {
    await b.do('sample');
    const empty = fillDisk('scores.jsonl', 3);
    await expect(b.do('score')).rejects.toThrow('the disk is full');
    empty();
    expect(b.lines('scores.jsonl')).toHaveLength(2);
    await b.do('score');
    expect(b.lines('scores.jsonl')).toEqual(undisturbed.lines('scores.jsonl'));
    expect(b.lines('pairs.jsonl')).toEqual(undisturbed.lines('pairs.jsonl'));
  });

  it.each([
    ['metrics.jsonl', 4],
    ['state.safetensors.tmp', 20],
    ['model.safetensors.tmp', 5],
  ])('while %s is written ends the update, which goes on to the same weights', async (name, from) => {
    await b.do('sample');
    await b.do('score');
    const empty = fillDisk(name, from);
    const failure = (await b.do('update').catch((error: unknown) => error)) as Error;
    empty();
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toContain('the disk is full');
    expect(fs.existsSync(b.file('policy'))).toBe(false);
    await b.do('update');
    expect(b.losses()).toEqual(undisturbed.losses());
    expect(b.weights()).toBe(undisturbed.weights());
  });
});

describe('an update', () => {
  beforeEach(async () => {
    await b.do('sample');
    await b.do('score');
    b.reports.length = 0;
  });

  it('that is stopped saves the policy of the steps it took', async () => {
    b.verdict = () => (b.steps() >= 3 ? 'stop' : 'go');
    expect(await b.do('update')).toEqual({ steps: 3, outcome: 'stopped' });
    expect(b.losses()).toEqual(undisturbed.losses().slice(0, 3));
    expect(b.weights()).not.toBe(undisturbed.weights());
    // Until run.json says that the update has ended, a killed engine resumes from the checkpoint.
    expect(fs.existsSync(b.file('update'))).toBe(true);
    b.verdict = () => 'go';
    // There is no evaluation of the base to compare with.
    await expect(b.do('evaluate')).rejects.toThrow('rounds/0000');
    expect(fs.existsSync(b.file('update'))).toBe(false);
  });

  it('that was stopped before a crash takes the same steps again and no more', async () => {
    b.verdict = () => (b.steps() >= 3 ? 'stop' : 'go');
    await b.do('update');
    const stopped = b.weights();
    // As after a kill that left no checkpoint, and after one that left a checkpoint of a later step.
    for (const left of ['update', 'policy']) fs.rmSync(b.file(left), { recursive: true });
    b.verdict = () => 'go';
    expect(await b.do('update', { stopAfter: 3 })).toEqual({ steps: 3, outcome: 'stopped' });
    expect(b.weights()).toBe(stopped);
    expect(await b.do('update', { stopAfter: 2 })).toEqual({ steps: 3, outcome: 'stopped' });
    expect(b.weights()).toBe(stopped);
  });

  it('that is aborted leaves nothing, and the next one starts at the start', async () => {
    b.verdict = () => (b.steps() >= 3 ? 'abort' : 'go');
    expect(await b.do('update')).toMatchObject({ outcome: 'aborted' });
    for (const left of ['policy', 'metrics.jsonl', 'update']) expect(fs.existsSync(b.file(left))).toBe(false);
    b.verdict = () => 'go';
    await b.do('update');
    expect(b.weights()).toBe(undisturbed.weights());
  });

  it('that is aborted while the reference is computed leaves nothing', async () => {
    b.verdict = () => 'abort';
    expect(await b.do('update')).toEqual({ steps: 0, outcome: 'aborted' });
    expect(fs.existsSync(b.file('policy'))).toBe(false);
  });

  it('that goes on reports the steps it need not take again', async () => {
    const total = undisturbed.losses().length;
    const empty = fillDisk('metrics.jsonl', 4);
    await expect(b.do('update')).rejects.toThrow('the disk is full');
    empty();
    const read = () => fs.readFileSync(b.file('metrics.jsonl'), 'utf8').split('\n').slice(0, 3);
    const taken = read();
    b.reports.length = 0;
    await b.do('update');
    // Speeds and all.
    expect(read()).toEqual(taken);
    const steps = b.reports.flatMap((report) => (report.type === 'step' ? [report.metrics.step] : []));
    expect(steps).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  });

  it('that is suspended goes on with the step it was in', async () => {
    const suspended = new Bench({ update: { checkpoint_seconds: 1000 } });
    await suspended.do('sample');
    await suspended.do('score');
    suspended.verdict = () => {
      if (suspended.steps() >= 5) throw new Suspended();
      return 'go';
    };
    await expect(suspended.do('update')).rejects.toThrow(Suspended);
    expect(fs.existsSync(suspended.file('update/state.safetensors'))).toBe(true);
    expect(suspended.losses()).toHaveLength(5);
    suspended.verdict = () => 'go';
    await suspended.do('update');
    expect(suspended.losses()).toEqual(undisturbed.losses());
    expect(suspended.weights()).toBe(undisturbed.weights());
    suspended.dispose();
  });

  it('without pairs says so', async () => {
    for (const name of ['pairs.jsonl', 'review.jsonl']) fs.writeFileSync(b.file(name), '');
    await expect(b.do('update')).rejects.toThrow('round 1 has no pairs to train on');
  });
});

describe.each(['simpo', 'sppo', 'wpo', 'ld-dpo'] as const)('a round with %s', (objective) => {
  const make = () => new Bench({ dpo: { objective, ...(objective === 'ld-dpo' && { ld_scale: 0.5 }) } });
  let whole: Bench;
  const pairs = () => readJsonLines(whole.file('pairs.jsonl'), roundPairSchema);

  beforeAll(async () => {
    whole = make();
    await whole.do('sample');
    await whole.do('score');
    await whole.do('update');
    whole.dispose();
  });

  it('starts with the loss that its pairs have', () => {
    const [first] = whole.losses();
    const { beta } = whole.run.config.dpo;
    const losses = pairs().map(({ chosen_win_probability: w = NaN, rejected_win_probability: l = NaN }) =>
      objective === 'sppo' ? (((w - 0.5) / beta) ** 2 + ((l - 0.5) / beta) ** 2) / 2 : Math.log(2),
    );
    // SimPO compares likelihoods, WPO weights by them.
    if (objective === 'simpo') expect(Math.abs(first - Math.log(2))).toBeGreaterThan(1e-3);
    else if (objective === 'wpo') expect(first).toBeLessThan(Math.log(2));
    else expect(first).toBeGreaterThan(Math.min(...losses) * (1 - 1e-6));
    expect(first).toBeGreaterThan(0);
    if (objective !== 'simpo') expect(first).toBeLessThan(Math.max(...losses) * (1 + 1e-6));
  });

  it('goes on from its checkpoint to the same weights', async () => {
    const stopped = make();
    await stopped.do('sample');
    await stopped.do('score');
    stopped.verdict = () => {
      if (stopped.steps() >= 3) throw new Suspended();
      return 'go';
    };
    await expect(stopped.do('update')).rejects.toThrow(Suspended);
    expect(fs.existsSync(stopped.file('update/state.safetensors'))).toBe(true);
    stopped.verdict = () => 'go';
    await stopped.do('update');
    expect(stopped.losses()).toEqual(whole.losses());
    expect(stopped.weights()).toBe(whole.weights());
    stopped.dispose();
  });

  it('keeps of the reference what its loss takes', () => {
    const file = whole.file('reference.jsonl');
    if (objective === 'simpo') return expect(fs.existsSync(file)).toBe(false);
    // A row of each response, and with LD-DPO one of each part.
    const rows = 2 * pairs().length;
    expect(whole.lines('reference.jsonl')).toHaveLength(objective === 'ld-dpo' ? 2 * rows : rows);
  });

  it('writes win probabilities of all responses where its loss takes them', () => {
    const scores = new Map(
      readJsonLines(whole.file('scores.jsonl'), scoreRowSchema).map((row) => [row.prompt_index, row.rewards]),
    );
    for (const pair of pairs()) {
      const wins = winProbabilities(scores.get(pair.prompt_index ?? -1) ?? []);
      const [w, l] = objective === 'sppo' ? [pair.chosen_index, pair.rejected_index].map((i) => wins[i ?? -1]) : [];
      expect([pair.chosen_win_probability, pair.rejected_win_probability]).toEqual([w, l]);
    }
  });
});

describe('two pairs per prompt, weighted by margin', () => {
  it('are trained on as decided: weights, win probabilities and prompts agree in every file', async () => {
    const pairs = { strategy: 'best-random', per_prompt: 2, weight: 'margin' } as const;
    const bench = new Bench({ pairs, dpo: { objective: 'sppo', beta: 0.1 }, update: { epochs: 1, batch_size: 64 } });
    await bench.do('sample');
    const scored = await bench.do('score');
    const written = () => readJsonLines(bench.file('pairs.jsonl'), roundPairSchema);
    const review = readReview(bench.run.files, 1);
    const made = written();
    expect(made).toEqual(scored.pairs);
    const two = review.filter(({ further }) => further !== undefined);
    expect(two.length).toBeGreaterThan(3);
    const margin = (one: (typeof made)[number]) => (one.chosen_reward ?? NaN) - (one.rejected_reward ?? NaN);
    const mean = made.reduce((sum, one) => sum + margin(one), 0) / made.length;
    for (const one of made) expect(one.weight).toBeCloseTo(Math.min(3, margin(one) / mean), 12);
    // Without decisions training rewrites nothing.
    const context = { config: bench.run.config, files: bench.run.files, round: bench.run.round(1) };
    expect(trainingPairs(context)).toEqual(made);

    const [first, second, third] = two.map(({ prompt_index }) => prompt_index);
    const decide = (decision: object) =>
      appendJsonLines(bench.file('decisions.jsonl'), [
        { at: '', action: 'decide', decision: { note: '', ...decision } },
      ]);
    const { automatic } = two[1];
    if (typeof automatic === 'string') throw new Error('no pair');
    const swapped = { chosen: automatic.rejected, rejected: automatic.chosen };
    decide({ prompt_index: first, ruling: { kind: 'exclude' } });
    decide({ prompt_index: second, ruling: { kind: 'pair', ...swapped } });
    decide({ prompt_index: third, ruling: null, weight: 0.25 });
    const trained = trainingPairs(context);
    expect(written()).toEqual(trained);
    const of = (prompt: number) => trained.filter(({ prompt_index }) => prompt_index === prompt);
    expect(of(first)).toEqual([]);
    expect(of(second)).toMatchObject([{ chosen_index: swapped.chosen, rejected_index: swapped.rejected }]);
    expect(of(second)[0]).not.toHaveProperty('weight');
    expect(of(third)).toMatchObject([{ weight: 0.25 }, { weight: 0.25 }]);
    expect(trained).toHaveLength(made.length - 3);
    expect(readCounts(bench.run.files, 1, { share: 0, seed: 1 })).toMatchObject({ pairs: trained.length });
    const scores = new Map(review.map(({ prompt_index, rewards }) => [prompt_index, winProbabilities(rewards)]));
    for (const one of trained) {
      const wins = scores.get(one.prompt_index ?? -1) ?? [];
      expect(one).toMatchObject({
        chosen_win_probability: wins[one.chosen_index ?? -1],
        rejected_win_probability: wins[one.rejected_index ?? -1],
      });
    }
    expect(await bench.do('update')).toMatchObject({ outcome: 'done' });
    // Policy and reference are the same at the first step: ½·(((P_w - ½)/β)² + ((P_l - ½)/β)²), times the weight.
    const losses = trained.map(
      ({ weight = 1, chosen_win_probability: w = NaN, rejected_win_probability: l = NaN }) =>
        (weight * (((w - 0.5) / 0.1) ** 2 + ((l - 0.5) / 0.1) ** 2)) / 2,
    );
    const loss = losses.reduce((sum, each) => sum + each, 0) / losses.length;
    expect(bench.losses()[0] / loss).toBeCloseTo(1, 4);
    bench.dispose();
  });
});

describe('sampling of which fewer are enough', () => {
  const responses = (bench: Bench) =>
    readJsonLines(bench.file('samples.jsonl'), sampleRowSchema).map(({ responses: all }) => all);
  const count = (reports: Report[]) => reports.filter(({ type }) => type === 'response').length;

  it('keeps the first in sampling order of each prompt, and what was complete', async () => {
    const bench = new Bench({ sampling: { batch_size: 8 } });
    // Two batches of eight: five prompts and a part of the sixth.
    bench.enough = (reports) => (count(reports) >= 10 ? 2 : 3);
    const { responses: kept } = await bench.do('sample');
    const rows = responses(bench);
    expect(rows).toHaveLength(16);
    expect(rows.reduce((sum, row) => sum + row.length, 0)).toBe(kept);
    const sizes = rows.map(({ length }) => length);
    expect(sizes).toContain(3);
    expect(sizes.filter((size) => size === 2).length).toBeGreaterThan(9);
    // Whole rows are those of a run that was left alone, the others their beginning.
    const whole = readJsonLines(undisturbed.file('samples.jsonl'), sampleRowSchema);
    for (const row of readJsonLines(bench.file('samples.jsonl'), sampleRowSchema)) {
      const same = whole.find(({ prompt_index }) => prompt_index === row.prompt_index);
      expectSameRows(row.responses, same?.responses.slice(0, row.responses.length));
    }
    const last = bench.reports.filter((report) => report.type === 'progress').at(-1);
    expect(last).toMatchObject({ done: kept, total: kept });
    bench.dispose();
  });

  it('is the same where it begins with fewer', async () => {
    const bench = new Bench();
    bench.enough = () => 2;
    await bench.do('sample');
    expect(responses(bench).every(({ length }) => length === 2)).toBe(true);
    expect(count(bench.reports)).toBe(32);
    bench.dispose();
  });
});

describe('sampling that is stopped', () => {
  // Batches of four: three responses to one prompt and one to the next, then two and two.
  it.each([
    [4, [3]],
    [8, [3, 3, 2]],
  ])('after %i responses keeps prompts with two and more', async (enough, kept) => {
    const bench = new Bench({ sampling: { batch_size: 4 } });
    bench.verdict = (reports) => (reports.filter(({ type }) => type === 'response').length >= enough ? 'stop' : 'go');
    expect(await bench.do('sample')).toEqual({
      responses: kept.reduce((sum, count) => sum + count, 0),
      sampled: { prompts: kept.length, planned: 16, stopped_early: true },
    });
    const rows = readJsonLines(bench.file('samples.jsonl'), sampleRowSchema);
    expect(rows.map(({ responses }) => responses.length)).toEqual(kept);
    const { pairs, dropped } = await bench.do('score');
    expect(pairs.length + dropped.ties + dropped.identical).toBe(kept.length);
    bench.dispose();
  });
});
