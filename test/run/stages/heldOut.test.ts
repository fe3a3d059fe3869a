/** Held-out responses by best of N and by beam search: what is kept, what an interruption costs, what is refused. */
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../../src/core/config/schema.js';
import { newRound } from '../../../src/core/rounds.js';
import type { EvaluationResult, SampleRow, ScoreRow } from '../../../src/core/rows.js';
import { deriveSeed, heldOutSeed } from '../../../src/core/seeds.js';
import { namedByUser } from '../../../src/core/trust.js';
import { loadModel } from '../../../src/model/folder.js';
import { beamSearch, type BeamResponse } from '../../../src/model/generate/beam.js';
import { sampleResponses } from '../../../src/model/generate/sample.js';
import { encodePrompts } from '../../../src/model/prompts.js';
import type { Candidate } from '../../../src/run/answers.js';
import { Run } from '../../../src/run/run.js';
import type { Report } from '../../../src/run/stages/context.js';
import { evaluateRound } from '../../../src/run/stages/evaluate.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { heldOutPrompts } from '../../../src/run/stages/prompts.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { testBackend } from '../../backend.js';
import { quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();
beforeAll(() => useBackend(testBackend));

type Evaluation = Partial<Config['evaluation']>;
type CandidateRow = Candidate & { response_index: number };

class Bench {
  readonly home = fresh();
  readonly run: Run;
  readonly log = path.join(this.home, 'scored.txt');
  readonly stopAt = path.join(this.home, 'stop-at');
  reports: Report[] = [];

  constructor(evaluation: Evaluation, weights = '') {
    // Counts its calls; throws before the one that the file names.
    const reward = path.join(this.home, 'reward.mjs');
    writeFileSync(
      reward,
      `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
       let calls = 0;
       export function score({ response }) {
         if (existsSync(${JSON.stringify(this.stopAt)}) && ++calls > Number(readFileSync(${JSON.stringify(this.stopAt)}, 'utf8')))
           throw new Error('killed');
         appendFileSync(${JSON.stringify(this.log)}, '.');
         let hash = 7;
         for (const character of response) hash = (hash * 31 + character.codePointAt(0)) % 1009;
         return hash;
       }`,
    );
    const config = quickConfig(this.home, {
      sampling: { samples_per_prompt: 3, max_new_tokens: 6, batch_size: 6, temperature: 2 },
      evaluation: { temperature: 2, ...evaluation } as Config['evaluation'],
      reward: weights === '' ? `module:${reward}` : weights.replaceAll('REWARD', `module:${reward}`),
    });
    this.run = Run.create(path.join(this.home, 'run'), config);
    const settings = { alpha: 0.01, beta: 0.1, lr: 1e-4 };
    for (const round of [newRound(0, null, settings), newRound(1, 0, settings)]) this.run.addRound(round);
    mkdirSync(this.run.files.roundDir(1), { recursive: true });
    cpSync(config.model, this.run.files.policyDir(1), { recursive: true });
  }

  async evaluate(round = 0, more: Evaluation = {}, reward = this.run.config.reward): Promise<EvaluationResult> {
    const models = new ModelShelf(namedByUser);
    const { config, files } = this.run;
    this.reports = [];
    try {
      return await evaluateRound({
        config: { ...config, reward, evaluation: { ...config.evaluation, ...more } },
        files,
        models,
        round: this.run.round(round),
        promptCounts: [0],
        permission: namedByUser,
        control: { point: () => Promise.resolve('go') },
        report: (report) => this.reports.push(report),
      });
    } finally {
      models.dispose();
    }
  }

  file(name: string, round = 0): string {
    return this.run.files.file(round, name);
  }

  rows<T extends { prompt_index: number }>(name: string, round = 0): T[] {
    return readFileSync(this.file(name, round), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as T)
      .sort((a, b) => a.prompt_index - b.prompt_index);
  }

  get scored(): number {
    return existsSync(this.log) ? readFileSync(this.log, 'utf8').length : 0;
  }
}

const prompts = 6;

describe('best of N', () => {
  it('keeps the best candidate of each response, and scores each candidate once', async () => {
    const bench = new Bench({ best_of: 4, responses: 2 });
    const result = await bench.evaluate();
    const candidates = bench.rows<CandidateRow>('held-out-candidates.jsonl');
    expect(candidates).toHaveLength(prompts * 2 * 4);
    expect(bench.scored).toBe(prompts * 2 * 4);
    const samples = bench.rows<SampleRow>('held-out-samples.jsonl');
    const scores = bench.rows<ScoreRow>('held-out-scores.jsonl');
    const best = samples.map(({ prompt_index }) =>
      [0, 1].map((response) =>
        Math.max(
          ...candidates
            .filter((row) => row.prompt_index === prompt_index && row.response_index === response)
            .map(({ reward }) => reward as number),
        ),
      ),
    );
    expect(scores.map(({ rewards }) => rewards)).toEqual(best);
    const hashOf = (text: string) => {
      let hash = 7;
      for (const character of text) hash = (hash * 31 + (character.codePointAt(0) as number)) % 1009;
      return hash;
    };
    expect(samples.map(({ responses }) => responses.map(({ text }) => hashOf(text)))).toEqual(best);
    expect(result).toMatchObject({ responses: 2, decoding: { best_of: 4 }, prompts });
    expect(result.reward).toBeCloseTo(best.flat().reduce((a, b) => a + b) / (2 * prompts), 10);
    expect(result.notes).toEqual([
      'All held-out responses are the best of 4 by the training reward, and flatter it. KL is not estimated: the best of 4 are not samples of the policy.',
    ]);
    // Clients see each response once, and its reward once.
    expect(bench.reports.filter(({ type }) => type === 'response')).toHaveLength(2 * prompts);
    expect(bench.reports.flatMap((report) => (report.type === 'rewards' ? report.rewards : []))).toHaveLength(
      2 * prompts,
    );
  });

  it("samples from the responses' own seeds: the first candidate is the response without best of N", async () => {
    expect(heldOutSeed(3, 5, 1, 0)).toBe(heldOutSeed(3, 5, 1));
    expect(heldOutSeed(3, 5, 0, 0)).toBe(deriveSeed(3, 'held-out', 5));
    const seeds = [0, 1, 2].flatMap((response) => [0, 1, 2, 3].map((c) => heldOutSeed(3, 5, response, c)));
    expect(new Set(seeds).size).toBe(12);

    const bench = new Bench({ best_of: 3, responses: 2 });
    await bench.evaluate();
    const { config } = bench.run;
    const model = await loadModel(config.model, { task: 'causal-lm', frozen: true });
    const entries = heldOutPrompts(config);
    const ids = encodePrompts(model, entries, { raw: false });
    const jobs = entries.flatMap(({ index }) =>
      [0, 1].flatMap((response) =>
        [0, 1, 2].map((candidate) => ({
          prompt_ids: ids[index],
          seed:
            candidate === 0
              ? heldOutSeed(config.seed, index, response)
              : deriveSeed(config.seed, 'held-out', index, response, candidate),
        })),
      ),
    );
    const lengths = new Array<number>(jobs.length);
    await sampleResponses(
      model,
      jobs,
      { ...config.sampling, temperature: 2 },
      { onResponse: (job, { ids: of }) => (lengths[job] = of.length) },
    );
    model.dispose();
    const kept = bench.rows<CandidateRow>('held-out-candidates.jsonl');
    for (const { prompt_index, response_index, sample, length } of kept)
      expect(length).toBe(lengths[prompt_index * 6 + response_index * 3 + sample]);
  });

  it.each([1, 12, 29, 47])('goes on after a kill that left %i candidates, none of them scored again', async (left) => {
    const whole = new Bench({ best_of: 4, responses: 2 });
    const expected = await whole.evaluate();
    const bench = new Bench({ best_of: 4, responses: 2 });
    writeFileSync(bench.stopAt, String(left));
    await expect(bench.evaluate()).rejects.toThrow(/it threw: killed/);
    expect(bench.rows('held-out-candidates.jsonl')).toHaveLength(left);
    // A torn line, as a kill in the middle of writing leaves it.
    appendFileSync(bench.file('held-out-candidates.jsonl'), '{"prompt_index":3,"resp');
    rmSync(bench.stopAt);
    expect(await bench.evaluate()).toEqual(expected);
    expect(bench.scored).toBe(48);
    for (const name of ['held-out-samples.jsonl', 'held-out-scores.jsonl'])
      expect(bench.rows(name)).toEqual(whole.rows(name));
    expect(bench.rows('held-out-candidates.jsonl')).toHaveLength(48);
  });

  it('goes on after a kill between the rewards and the responses of a prompt', async () => {
    const bench = new Bench({ best_of: 3 });
    const expected = await bench.evaluate();
    const samples = readFileSync(bench.file('held-out-samples.jsonl'), 'utf8');
    const lines = samples.trim().split('\n');
    writeFileSync(bench.file('held-out-samples.jsonl'), lines.slice(0, 4).join('\n') + '\n');
    const scores = readFileSync(bench.file('held-out-scores.jsonl'), 'utf8');
    writeFileSync(bench.file('held-out-scores.jsonl'), scores.trim().split('\n').slice(0, 5).join('\n') + '\n');
    const before = bench.scored;
    expect(await bench.evaluate()).toEqual(expected);
    expect(bench.scored).toBe(before);
    expect(readFileSync(bench.file('held-out-samples.jsonl'), 'utf8')).toBe(samples);
    expect(readFileSync(bench.file('held-out-scores.jsonl'), 'utf8')).toBe(scores);
  });

  it('keeps the parts of a weighted sum', async () => {
    const bench = new Bench({ best_of: 2 }, '0.5*REWARD+2*REWARD');
    const result = await bench.evaluate();
    for (const { rewards, parts } of bench.rows<ScoreRow>('held-out-scores.jsonl')) {
      expect(parts).toHaveLength(1);
      const [[first, second]] = parts as number[][];
      expect(first).toBe(second);
      expect(rewards[0]).toBeCloseTo(2.5 * first, 10);
    }
    expect(result.reward_parts).toHaveLength(2);
  });

  it('of an unchanged policy ties, without a KL', async () => {
    const bench = new Bench({ best_of: 3 });
    await bench.evaluate();
    const { comparisons } = await bench.evaluate(1);
    for (const comparison of comparisons)
      expect(comparison).toMatchObject({
        win_rate: 50,
        kl: null,
        kl_per_token: null,
        kl_note: 'the best of 3 are not samples of the policy',
      });
    expect(comparisons[0].intervals?.kl).toBe(undefined);
    expect(existsSync(bench.file('held-out-logps.jsonl', 1))).toBe(false);
  });
});

describe('beam search', () => {
  it('gives the responses of the search, which are scored and resumed', async () => {
    const bench = new Bench({ beam: 3, length_penalty: 0.5 });
    const result = await bench.evaluate();
    const { config } = bench.run;
    const model = await loadModel(config.model, { task: 'causal-lm', frozen: true });
    const found: BeamResponse[] = [];
    await beamSearch(
      model,
      encodePrompts(model, heldOutPrompts(config), { raw: false }),
      { beams: 3, length_penalty: 0.5, max_new_tokens: 6, batch_size: 6 },
      { onResponse: (job, response) => (found[job] = response) },
    );
    model.dispose();
    const samples = bench.rows<SampleRow>('held-out-samples.jsonl');
    expect(samples.map(({ responses }) => responses[0].ids)).toEqual(found.map(({ ids }) => ids));
    expect(samples[0].responses[0]).not.toHaveProperty('score');
    expect(result.decoding).toEqual({ beam: 3, length_penalty: 0.5 });
    expect(result.notes).toEqual([
      'All held-out responses are by beam search, 3 beams, length penalty 0.5. KL is not estimated: the results of beam search are not samples of the policy.',
    ]);
    expect(bench.scored).toBe(prompts);
    // As a kill before the last two prompts' rows leaves it.
    const lines = readFileSync(bench.file('held-out-samples.jsonl'), 'utf8').trim().split('\n');
    writeFileSync(bench.file('held-out-samples.jsonl'), lines.slice(0, 4).join('\n') + '\n');
    expect(await bench.evaluate()).toEqual(result);
    expect(bench.scored).toBe(prompts);
    expect((await bench.evaluate(1)).comparisons[0]).toMatchObject({ win_rate: 50, kl: null });
  });
});

describe('responses that were decoded differently', () => {
  it('are not continued', async () => {
    const bench = new Bench({ best_of: 4 });
    writeFileSync(bench.stopAt, '5');
    await expect(bench.evaluate()).rejects.toThrow(/killed/);
    rmSync(bench.stopAt);
    await expect(bench.evaluate(0, { best_of: 8 })).rejects.toThrow(
      /held-out-samples.jsonl has responses by best of 4 by the training reward, and the configuration asks for best of 8/,
    );
    await expect(bench.evaluate(0, { best_of: 1 })).rejects.toThrow(/asks for plain sampling/);
    await bench.evaluate();
  });

  it('by another reward are compared, with a note', async () => {
    const bench = new Bench({ best_of: 2 });
    await bench.evaluate();
    const { notes } = await bench.evaluate(1, {}, `2*${bench.run.config.reward}`);
    expect(notes?.[1]).toBe("The candidates of round 0 were chosen by another reward than this round's.");
    expect((await new Bench({ best_of: 2 }).evaluate()).notes).toHaveLength(1);
  });

  it('are not compared', async () => {
    const bench = new Bench({});
    await bench.evaluate();
    expect(existsSync(bench.file('held-out-decoding.jsonl'))).toBe(false);
    await expect(bench.evaluate(1, { best_of: 2 })).rejects.toThrow(
      /responses of round 0 are by plain sampling and those of round 1 would be by best of 2/,
    );
    // Before anything was sampled.
    expect(existsSync(bench.file('held-out-samples.jsonl', 1))).toBe(false);
  });
});
