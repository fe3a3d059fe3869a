/** Log-probabilities for review, against `brevity update --dry-run` on the same pairs; and what the update takes of them. */
import { cpSync, existsSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ControlSignal } from '../../../src/core/control.js';
import { RoundView } from '../../../src/engine/view.js';
import type { Decision } from '../../../src/core/review/rows.js';
import type { DpoConfig } from '../../../src/core/config/schema.js';
import { configOf } from '../../../src/core/config/rounds.js';
import type { Report, Work, WorkContext } from '../../../src/run/stages/context.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { namedByUser } from '../../../src/rewards/index.js';
import { trainingPairs } from '../../../src/run/stages/update.js';
import { work } from '../../../src/run/stages/work.js';
import { usesAlpha } from '../../../src/core/objectives/index.js';
import { appendJsonLines, readJsonLines, writeJsonLines } from '../../../src/io/jsonl.js';
import { lossOf, newRound } from '../../../src/core/rounds.js';
import { sampleRowSchema } from '../../../src/core/rows.js';
import { Run } from '../../../src/run/run.js';
import { SafetensorsReader } from '../../../src/model/safetensors.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { columnOf } from '../../../components/screens/review/columns.js';
import { tableOf } from '../../../components/screens/review/table.js';
import { brevity } from '../../cli/cli.js';
import { goldenFolder } from '../../golden.js';
import { quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';
import { testBackend } from '../../backend.js';

const fresh = temporaryDirectories();
const [base, trained] = ['model', 'policy'].map((name) => `${goldenFolder}llama-tied-gqa/${name}`);
const settings = { alpha: 0.01, beta: 0.4, lr: 1e-4 };
/** Of an objective that does not use α. */
const fixed = { ...settings, alpha: 0 };

/** A run whose second round starts from a policy that is not the base. */
class SecondRound {
  readonly run: Run;
  readonly reports: Report[] = [];
  verdict: () => ControlSignal = () => 'go';
  private readonly models = new ModelShelf(namedByUser);

  constructor(reference: string, dpo: Partial<DpoConfig> = {}) {
    const home = fresh();
    const config = quickConfig(home, {
      dpo: { reference, ...dpo },
      sampling: { samples_per_prompt: 3, max_new_tokens: 12, batch_size: 6, temperature: 2 },
    });
    this.run = Run.create(path.join(home, 'run'), config);
    for (const [id, parent] of [
      [0, null],
      [1, 0],
      [2, 1],
    ] as const)
      this.run.addRound({
        ...newRound(id, parent, usesAlpha(config.dpo.objective) ? settings : fixed),
        ...(id === 2 ? { stage: 'review', pairs: 1 } : {}),
      });
    cpSync(trained, this.run.files.policyDir(1), { recursive: true });
  }

  do<S extends Work>(stage: S): ReturnType<(typeof work)[S]> {
    return work[stage](this.context()) as ReturnType<(typeof work)[S]>;
  }

  context(): WorkContext {
    const round = this.run.round(2);
    return {
      config: configOf(this.run.config, round),
      files: this.run.files,
      models: this.models,
      round,
      promptCounts: [0, 0],
      permission: namedByUser,
      control: { point: () => Promise.resolve(this.verdict()) },
      report: (report) => this.reports.push(report),
    };
  }

  file(name: string): string {
    return this.run.files.file(2, name);
  }

  /** A gradient weight per pair, as the review screen shows it. */
  weights(alpha: number): number[] {
    const { review, standing, weights } = RoundView.read(this.run, 2);
    const table = tableOf(
      review,
      [...standing.decisions.values()],
      weights,
      lossOf(this.run.config, this.run.round(2)),
    );
    return Array.from(table.pairs, (row) => columnOf('weight').value(table, row, alpha));
  }

  decide(...decisions: Decision[]): void {
    for (const decision of decisions)
      appendJsonLines(this.file('decisions.jsonl'), [{ at: '', action: 'decide', decision }]);
  }

  dispose(): void {
    this.models.dispose();
  }
}

let b: SecondRound;
beforeAll(() => useBackend(testBackend));
afterEach(() => b.dispose());

async function scored(reference: string, dpo: Partial<DpoConfig> = {}): Promise<SecondRound> {
  b = new SecondRound(reference, dpo);
  await b.do('sample');
  cutResponses();
  await b.do('score');
  return b;
}

/** Cuts responses to lengths from 4 to 12: the model's own all meet the limit, and α and shared lengths would show nothing. */
function cutResponses(): void {
  const samples = readJsonLines(b.file('samples.jsonl'), sampleRowSchema);
  rmSync(b.file('samples.jsonl'));
  const cut = samples.map(({ responses, ...row }) => ({
    ...row,
    responses: responses.map((response, i) => {
      const length = 4 + ((5 * i + 3 * row.prompt_index) % 9);
      const token_logprobs = response.token_logprobs.slice(0, length);
      const logps = token_logprobs.reduce((total, value) => total + value, 0);
      return { ...response, ids: response.ids.slice(0, length), token_logprobs, logps };
    }),
  }));
  writeJsonLines(b.file('samples.jsonl'), cut);
}

describe.each([
  ['base', 'base'],
  ['a folder', base],
  ['an interpolation', `0.6*round+0.4*${base}`],
])('with %s as the reference of a second round', (_name, reference) => {
  it('weights are those of the dry run, for decided pairs too', { timeout: 120_000 }, async () => {
    await scored(reference);
    expect(b.weights(0.01).every(Number.isNaN)).toBe(true);
    expect(await b.do('logps')).toEqual({ complete: true });
    const [first, second] = RoundView.read(b.run, 2).review;
    if (typeof first.automatic === 'string' || typeof second.automatic === 'string') throw new Error('no pair');
    const { chosen, rejected } = first.automatic;
    const other = [0, 1, 2].find((place) => place !== chosen && place !== rejected) ?? -1;
    b.decide(
      { prompt_index: first.prompt_index, ruling: { kind: 'pair', chosen: other, rejected: chosen }, note: '' },
      { prompt_index: second.prompt_index, ruling: { kind: 'exclude' }, note: '' },
    );
    const pairs = path.join(fresh(), 'pairs.jsonl');
    writeJsonLines(pairs, trainingPairs(b.context()));
    for (const alpha of [0, 0.03]) {
      const result = brevity(
        [
          ...['update', '--policy', b.run.files.policyDir(1), '--pairs', pairs, '--dry-run'],
          ...['--reference', reference === 'base' ? base : reference.replace('round', b.run.files.policyDir(1))],
        ].concat(['--alpha', String(alpha), '--beta', String(settings.beta), '--backend', 'wasm']),
      );
      expect(result).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/error/i) as string });
      const rows = result.rows().slice(0, -1) as { weight: number }[];
      const shown = b.weights(alpha);
      expect(shown).toHaveLength(rows.length);
      // The weights differ from those that leave the log-ratios out, or this would show nothing.
      expect(Math.max(...rows.map(({ weight }, i) => Math.abs(weight - shown[i])))).toBeLessThan(1e-5);
      if (alpha === 0) expect(Math.max(...shown.map((weight) => Math.abs(weight - 0.5)))).toBeGreaterThan(0.01);
    }
  });
});

describe.each([
  ['simpo', 'round', { gamma_ratio: 0.3 }],
  ['sppo', 'base', {}],
  ['dpo-norm', 'base', { label_smoothing: 0.1 }],
  ['ipo', 'base', {}],
] as const)('with objective %s and reference %s', (objective, reference, more) => {
  it('weights are those of the dry run', { timeout: 120_000 }, async () => {
    await scored(reference, { objective, ...more });
    if (reference === 'base') {
      expect(b.weights(0).every(Number.isNaN)).toBe(true);
      await b.do('logps');
    } else expect(RoundView.read(b.run, 2).weights).toEqual({ need: 'rows' });
    const [first] = RoundView.read(b.run, 2).review;
    if (typeof first.automatic === 'string') throw new Error('no pair');
    const { chosen, rejected } = first.automatic;
    const ruling = { kind: 'pair', chosen: rejected, rejected: chosen } as const;
    b.decide({ prompt_index: first.prompt_index, ruling, note: '' });
    const pairs = path.join(fresh(), 'pairs.jsonl');
    writeJsonLines(pairs, trainingPairs(b.context()));
    const alpha = usesAlpha(objective) ? 0.03 : 0;
    const result = brevity(
      ['update', '--policy', b.run.files.policyDir(1), '--pairs', pairs, '--dry-run', '--backend', 'wasm'].concat(
        ['--objective', objective, '--beta', String(settings.beta), '--alpha', String(alpha)],
        reference === 'base' ? ['--reference', base] : [],
        Object.entries(more).flatMap(([key, value]) => [`--${key.replace('_', '-')}`, String(value)]),
      ),
    );
    expect(result).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/error/i) as string });
    const rows = result.rows().slice(0, -1) as { weight: number }[];
    const shown = b.weights(alpha);
    expect(shown).toHaveLength(rows.length);
    rows.forEach(({ weight }, i) => expect(Math.abs(shown[i] / weight - 1)).toBeLessThan(1e-4));
  });
});

describe('an interpolated reference', () => {
  const folder = () => b.file('reference-policy');
  const bytes = () => readFileSync(path.join(folder(), 'model.safetensors'));

  it(
    'is an ordinary folder of the round, whose log-probabilities are those of that folder',
    { timeout: 120_000 },
    async () => {
      await scored('0.5*round+0.5*base', { objective: 'ld-dpo', ld_scale: 0.5 });
      await b.do('update');
      const stored = readFileSync(b.file('reference.jsonl'), 'utf8').trim().split('\n');
      // Hand-made: half of each model's weights, loaded as its own folder.
      const pairs = path.join(fresh(), 'pairs.jsonl');
      writeJsonLines(pairs, trainingPairs(b.context()));
      const result = brevity(
        ['update', '--policy', b.run.files.policyDir(1), '--reference', folder(), '--pairs', pairs, '--dry-run'].concat(
          [...['--objective', 'ld-dpo', '--ld-scale', '0.5', '--backend', 'wasm']],
        ),
      );
      const rows = result.rows().slice(0, -1) as { ref_chosen_logps?: number }[];
      expect(rows.length).toBeGreaterThan(0);
      expect(stored).toHaveLength(4 * rows.length);
      const [mixed, a, c] = [folder(), b.run.files.policyDir(1), base].map((dir) => floatsOf(dir));
      for (let i = 0; i < mixed.length; i++)
        if (mixed[i] !== Math.fround(0.5 * a[i] + 0.5 * c[i])) throw new Error(`value ${i}`);
    },
  );

  it('is built once, and again when one of its models has changed', { timeout: 120_000 }, async () => {
    await scored('0.5*round+0.5*base');
    await b.do('logps');
    const first = bytes();
    const { mtimeMs } = statSync(path.join(folder(), 'model.safetensors'));
    const logps = readFileSync(b.file('logps.jsonl'), 'utf8');
    await b.do('logps');
    await b.do('update');
    expect(statSync(path.join(folder(), 'model.safetensors')).mtimeMs).toBe(mtimeMs);
    expect(existsSync(b.file('reference.jsonl'))).toBe(false);
    expect(readFileSync(b.file('logps.jsonl'), 'utf8')).toBe(logps);
    // Half-built by a killed engine.
    rmSync(path.join(folder(), 'interpolation.json'));
    await b.do('logps');
    expect(bytes().equals(first)).toBe(true);
    expect(readFileSync(b.file('logps.jsonl'), 'utf8')).toBe(logps);
    // Another policy of round 1: both models' log-probabilities are computed again.
    const policy = path.join(b.run.files.policyDir(1), 'model.safetensors');
    cpSync(path.join(base, 'model.safetensors'), policy);
    utimesSync(policy, 1, 1);
    b.dispose();
    await b.do('logps');
    expect(bytes().equals(first)).toBe(false);
    expect(readFileSync(b.file('logps.jsonl'), 'utf8').length).toBeGreaterThan(1.9 * logps.length);
  });
});

/** All float32 values of a golden folder's weights, tensor by tensor in the order of their names. */
function floatsOf(dir: string): Float32Array {
  const reader = SafetensorsReader.open(dir);
  const values = reader
    .names()
    .sort()
    .flatMap((name) => [...reader.readFloats(name)]);
  reader.close();
  return Float32Array.from(values);
}

/** Three responses to each of 16 prompts. */
const RESPONSES = 3 * 16;

describe.each([
  ['wpo', 'round', {}, 1],
  ['wpo', 'base', { label_smoothing: 0.1 }, 2],
  ['ld-dpo', 'base', { ld_scale: 0.5 }, 2],
  ['ld-dpo', 'base', { ld_scale: 0 }, 2],
] as const)('with objective %s, reference %s and %o', (objective, reference, more, policies) => {
  it('weights of any two responses are those of the dry run at every α', { timeout: 120_000 }, async () => {
    await scored(reference, { objective, ...more });
    const total = policies * RESPONSES;
    expect(RoundView.read(b.run, 2).weights).toMatchObject({ need: 'logps', done: 0, total, known: [] });
    expect(b.weights(0).every(Number.isNaN)).toBe(true);
    await b.do('logps');
    expect(b.reports.at(-1)).toMatchObject({ type: 'logps', done: total, total });
    expect(RoundView.read(b.run, 2).weights).toMatchObject({ done: total, total });
    // Rows are decided for pairs that the rewards do not make.
    for (const { prompt_index, automatic } of RoundView.read(b.run, 2).review.slice(0, 6)) {
      if (typeof automatic === 'string') continue;
      const { chosen, rejected } = automatic;
      const other = 3 - chosen - rejected;
      const pair = prompt_index % 2 === 0 ? { chosen: other, rejected: chosen } : { chosen: rejected, rejected: other };
      b.decide({ prompt_index, ruling: { kind: 'pair', ...pair }, note: '' });
    }
    const made = trainingPairs(b.context());
    const differences = made.map(({ chosen_ids, rejected_ids }) => Math.sign(chosen_ids.length - rejected_ids.length));
    expect([differences.includes(1), differences.includes(-1)]).toEqual([true, true]);
    const pairs = path.join(fresh(), 'pairs.jsonl');
    writeJsonLines(pairs, made);
    for (const alpha of [0, 0.03]) {
      const result = brevity(
        ['update', '--policy', b.run.files.policyDir(1), '--pairs', pairs, '--dry-run', '--backend', 'wasm'].concat(
          ['--objective', objective, '--beta', String(settings.beta), '--alpha', String(alpha)],
          reference === 'base' ? ['--reference', base] : [],
          Object.entries(more).flatMap(([key, value]) => [`--${key.replace('_', '-')}`, String(value)]),
        ),
      );
      expect(result).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/error/i) as string });
      const rows = result.rows().slice(0, -1) as { weight: number }[];
      const shown = b.weights(alpha);
      expect(shown).toHaveLength(rows.length);
      expect(Math.max(...rows.map(({ weight }, i) => Math.abs(weight - shown[i])))).toBeLessThan(1e-5);
      // WPO's may be a thousandth.
      rows.forEach(({ weight }, i) => expect(Math.abs(shown[i] / weight - 1)).toBeLessThan(1e-4));
      // Those of DPO from its reference would all be 0.5.
      if (alpha === 0) expect(Math.max(...shown.map((weight) => Math.abs(weight - 0.5)))).toBeGreaterThan(0.005);
    }
  });
});

describe('rows of another objective', () => {
  const rowsOf = () =>
    readFileSync(b.file('logps.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { model: string; confidences?: number[]; heads?: object[]; logps: number[] });

  it.each([
    // WPO lacks the policy's confidences alone.
    ['wpo', {}, 16, 'confidences'],
    ['ld-dpo', { ld_scale: 0.5 }, 32, 'heads'],
  ] as const)('that lack what %s needs are computed again, others are not', async (objective, more, again, key) => {
    await scored('base', { objective, ...more });
    await b.do('logps');
    const whole = rowsOf();
    expect(whole).toHaveLength(32);
    // As another objective, or an earlier version, leaves them.
    rmSync(b.file('logps.jsonl'));
    appendJsonLines(
      b.file('logps.jsonl'),
      whole.map(({ [key]: _left, ...row }) => row),
    );
    const { weights } = RoundView.read(b.run, 2);
    expect(weights).toMatchObject({ done: 3 * (32 - again), total: 2 * RESPONSES, known: [] });
    await b.do('logps');
    const after = rowsOf();
    expect(after).toHaveLength(32 + again);
    expect(after.slice(32)).toEqual(whole.filter((row) => again === 32 || row.model === 'policy'));
    expect(RoundView.read(b.run, 2).weights).toMatchObject({ done: 2 * RESPONSES });
    await b.do('logps');
    expect(rowsOf()).toHaveLength(32 + again);
  });

  it('that have more than lr-dpo needs are enough for it', async () => {
    await scored('base', { objective: 'ld-dpo', ld_scale: 0.5 });
    await b.do('logps');
    const kept = readFileSync(b.file('logps.jsonl'), 'utf8');
    b.dispose();
    await scored('base');
    writeFileSync(b.file('logps.jsonl'), kept);
    expect(RoundView.read(b.run, 2).weights).toMatchObject({ done: 2 * RESPONSES });
    await b.do('logps');
    expect(readFileSync(b.file('logps.jsonl'), 'utf8')).toBe(kept);
  });
});

it('of an ld-dpo update take the reference from review, over the shared length too', { timeout: 120_000 }, async () => {
  await scored('base', { objective: 'ld-dpo', ld_scale: 0.5 });
  await b.do('update');
  const weights = () => readFileSync(path.join(b.run.files.policyDir(2), 'model.safetensors')).toString('base64');
  const without = weights();
  for (const name of ['reference.jsonl', 'policy', 'metrics.jsonl', 'update'])
    rmSync(b.file(name), { recursive: true, force: true });
  await b.do('logps');
  await b.do('update');
  expect(existsSync(b.file('reference.jsonl'))).toBe(false);
  expect(weights()).toBe(without);
});

describe('log-probabilities for review', () => {
  it('are not needed where the reference is the start', async () => {
    b = new SecondRound('round');
    expect(RoundView.read(b.run, 2).weights).toEqual({ need: 'rows' });
    b.dispose();
    // The same policy by its folder.
    b = new SecondRound('base');
    b.run.updateRound(2, { parent: 0 });
    expect(RoundView.read(b.run, 2).weights).toEqual({ need: 'rows' });
  });

  it.each([
    ['lr-dpo', {}],
    ['wpo', {}],
    ['ld-dpo', { ld_scale: 0.5 }],
  ] as const)('of %s are kept prompt by prompt, and an interrupted computation resumes', async (objective, more) => {
    await scored('base', { objective, ...more });
    await b.do('logps');
    const whole = readFileSync(b.file('logps.jsonl'), 'utf8');
    expect(whole.trim().split('\n')).toHaveLength(2 * 16);
    rmSync(b.file('logps.jsonl'));
    // Interrupted between the two policies; the last row is torn by a crash.
    let asked = 0;
    b.verdict = () => (++asked > 2 ? 'abort' : 'go');
    expect(await b.do('logps')).toEqual({ complete: false });
    const part = readFileSync(b.file('logps.jsonl'), 'utf8');
    expect(part.length).toBeLessThan(whole.length);
    expect(RoundView.read(b.run, 2).weights).toMatchObject({ total: 96, known: [] });
    b.verdict = () => 'go';
    await b.do('logps');
    expect(readFileSync(b.file('logps.jsonl'), 'utf8')).toBe(whole);
    expect(RoundView.read(b.run, 2).weights).toMatchObject({ done: 96, total: 96 });
    expect(b.reports.at(-1)).toMatchObject({ type: 'logps', done: 96, total: 96 });
  });

  it('are not computed again by the update, which ends the same', async () => {
    await scored('base');
    await b.do('update');
    const weights = () => readFileSync(path.join(b.run.files.policyDir(2), 'model.safetensors')).toString('base64');
    const without = weights();
    expect(existsSync(b.file('reference.jsonl'))).toBe(true);
    for (const name of ['reference.jsonl', 'policy', 'metrics.jsonl', 'update'])
      rmSync(b.file(name), { recursive: true, force: true });
    await b.do('logps');
    await b.do('update');
    expect(existsSync(b.file('reference.jsonl'))).toBe(false);
    expect(weights()).toBe(without);
  });

  it('of another reference are not used', async () => {
    await scored('base');
    await b.do('logps');
    const stale = readFileSync(b.file('logps.jsonl'), 'utf8').replace(/"fingerprint":"/g, '$&0');
    rmSync(b.file('logps.jsonl'));
    appendJsonLines(
      b.file('logps.jsonl'),
      stale
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
    await b.do('update');
    expect(existsSync(b.file('reference.jsonl'))).toBe(true);
    await b.do('logps');
    expect(readFileSync(b.file('logps.jsonl'), 'utf8').trim().split('\n')).toHaveLength(4 * 16);
  });
});
