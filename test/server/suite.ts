/**
 * Checks of the sampling client against a real server: what the stand-ins in test/remote assume is asked of vLLM or
 * SGLang itself. A check throws if the server, or our reading of it, is wrong; it returns the figures that it measured.
 *
 * The server serves `policy` and may be the only one. The suite leaves it with the weights that it had.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { serverSchema, type ServerConfig } from '../../src/core/config/schema.js';
import type { Sequence } from '../../src/train/logprobs.js';
import { UserError } from '../../src/core/errors.js';
import { readPolicyFiles } from '../../src/model/policyFiles.js';
import { readPrompts } from '../../src/io/prompts.js';
import { ServerPool, type WantedWeights } from '../../src/remote/servers/pool.js';
import { verifyPolicy } from '../../src/remote/servers/verify.js';
import type { Verification } from '../../src/protocol/remoteViews.js';
import type { SampledResponse } from '../../src/core/rows.js';
import { type Fixtures, makeFixtures, ourLogprobs } from './fixtures.js';
import { wholeRound } from './round.js';
import { namedByUser } from '../../src/core/trust.js';
import { encodePrompts } from '../../src/model/prompts.js';

export interface SuiteOptions {
  urls: string[];
  /** Folder of the policy that the server was started on; the same path on the server. */
  policy: string;
  /** Environment variable with the API key; null: the server has none. */
  keyVariable: string | null;
  /** Folder for adapters, checkpoints and the run, seen by the server. */
  work: string;
  /** Largest mean difference of log-probabilities that still counts as the same weights, nats per token. */
  tolerance: number;
}

export type Figures = Record<string, unknown>;

export interface Check {
  name: string;
  run(): Promise<Figures>;
}

const settings = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 64 };
const promptsFile = path.resolve(import.meta.dirname, '../../data/prompts.jsonl');
/** vLLM's CPU build with --enable-lora ends when it scores several sequences at once. */
const scoring = { concurrency: 1 };
const PROMPTS = 8;
const SAMPLES = 4;

export async function connect(options: SuiteOptions, change: Partial<ServerConfig> = {}): Promise<Connection> {
  const server = serverSchema.parse({
    endpoints: options.urls,
    tolerance: options.tolerance,
    key_variable: options.keyVariable,
    ...change,
  });
  const verifications: Verification[] = [];
  const pool = await ServerPool.connect({
    server,
    policy: readPolicyFiles(options.policy),
    permission: namedByUser,
    onViews: () => {},
    onVerification: ({ verification }) => verification !== null && verifications.push(verification),
    restartLog: path.join(options.work, 'restart.log'),
  });
  return { pool, verifications };
}

interface Connection {
  pool: ServerPool;
  verifications: Verification[];
}

/** The suite's checks, in the order in which they have to run: later ones use what earlier ones sampled. */
export function checks(options: SuiteOptions): Check[] {
  const policy = readPolicyFiles(options.policy);
  const prompts = encodePrompts(policy, readPrompts(promptsFile).slice(0, PROMPTS), { raw: false });
  const jobs = prompts.flatMap((prompt_ids, i) =>
    Array.from({ length: SAMPLES }, (_, k) => ({ prompt_ids, seed: 1000 * i + k + 1 })),
  );
  let sampled: SampledResponse[] = [];
  let sequences: Sequence[] = [];
  let base: number[][] = [];
  let fixtures: Fixtures;

  const sample = async (pool: ServerPool, own = jobs, change = {}): Promise<SampledResponse[]> => {
    const responses: SampledResponse[] = [];
    const outcome = await pool.sample(
      own,
      { ...settings, ...change },
      {
        onResponse: (job, response) => {
          responses[job] = response;
        },
      },
    );
    assert.equal(outcome, 'done');
    assert.equal(responses.filter((response) => response !== undefined).length, own.length);
    return responses;
  };
  const wanted = (name: string, folder: string, adapter: string | null, end: number[][]): WantedWeights => ({
    name,
    before: 'base policy',
    folder,
    adapter,
    served: folder === options.policy,
    probes: sequences,
    recorded: { start: base, end },
    recordedBy: 'trainer',
  });
  const basePolicy = (): WantedWeights => ({
    ...wanted('base policy', options.policy, null, base),
    before: null,
    recorded: { start: null, end: base },
  });

  return [
    {
      name: 'identifies the server and its model',
      async run() {
        const { pool } = await connect(options);
        const { description, views } = pool;
        pool.close();
        return { description, kind: views[0].kind, version: views[0].version };
      },
    },
    {
      name: 'samples responses with exactly one end-of-turn token, and its log-probabilities are ours',
      async run() {
        const { pool } = await connect(options);
        const started = performance.now();
        sampled = await sample(pool);
        const seconds = (performance.now() - started) / 1000;
        pool.close();
        const eos = new Set(policy.generation.eosTokenIds);
        for (const { ids, finish_reason, token_logprobs } of sampled) {
          assert.equal(token_logprobs.length, ids.length);
          assert.equal(ids.filter((id) => eos.has(id)).length, finish_reason === 'stop' ? 1 : 0);
          if (finish_reason === 'stop') assert.ok(eos.has(ids[ids.length - 1]));
        }
        const ended = sampled.filter(({ finish_reason }) => finish_reason === 'stop').length;
        assert.ok(ended > 0, 'no response ended its turn');
        sequences = sampled.map(({ ids }, i) => ({ prompt_ids: jobs[i].prompt_ids, response_ids: ids }));
        base = ourLogprobs(options.policy, sequences);
        const apart = differences(
          sampled.map(({ token_logprobs }) => token_logprobs),
          base,
        );
        assert.ok(apart.mean <= options.tolerance, `log-probabilities differ by ${apart.mean} nats per token`);
        const tokens = sampled.reduce((sum, { ids }) => sum + ids.length, 0);
        return { responses: sampled.length, ended, tokens, tokens_per_second: tokens / seconds, ...apart };
      },
    },
    {
      name: 'gives the same response for the same seed, in another order and alone',
      async run() {
        const { pool } = await connect(options);
        const reversed = (await sample(pool, [...jobs].reverse())).reverse();
        const alone = (await sample(pool, [jobs[5]]))[0];
        pool.close();
        const same = reversed.filter(({ ids }, i) => ids.join() === sampled[i].ids.join()).length;
        assert.equal(same, jobs.length, `${jobs.length - same} of ${jobs.length} responses differ`);
        assert.deepEqual(alone.ids, sampled[5].ids);
        const distinct = new Set(sampled.map(({ ids }) => ids.join())).size;
        assert.ok(distinct > PROMPTS, `${distinct} distinct responses: seeds seem to be ignored`);
        return { same, of: jobs.length, distinct };
      },
    },
    {
      name: 'overrides the server’s defaults: greedy responses are ours',
      async run() {
        const { pool } = await connect(options);
        const first = jobs.filter((_, i) => i % SAMPLES === 0);
        const greedy = await sample(pool, first, { temperature: 0 });
        pool.close();
        const scored = ourLogprobs(
          options.policy,
          greedy.map(({ ids }, i) => ({ prompt_ids: first[i].prompt_ids, response_ids: ids })),
        );
        const apart = differences(
          greedy.map(({ token_logprobs }) => token_logprobs),
          scored,
        );
        assert.ok(apart.mean <= options.tolerance, `log-probabilities differ by ${apart.mean} nats per token`);
        return { responses: greedy.length, ...apart };
      },
    },
    {
      name: 'cuts a response off at its limit',
      async run() {
        const { pool } = await connect(options);
        const short = await sample(pool, jobs.slice(0, 4), { max_new_tokens: 3 });
        pool.close();
        for (const { ids, finish_reason } of short) if (finish_reason === 'length') assert.equal(ids.length, 3);
        const cut = short.filter(({ finish_reason }) => finish_reason === 'length').length;
        assert.ok(cut > 0, 'no response was cut off');
        return { cut, of: short.length };
      },
    },
    {
      name: 'scores given tokens as our engine does',
      async run() {
        const { pool } = await connect(options, scoring);
        const scored = await pool.logprobs(sequences, { adapter: null });
        pool.close();
        const apart = differences(scored, base);
        assert.ok(apart.mean <= options.tolerance, `log-probabilities differ by ${apart.mean} nats per token`);
        return { ...apart };
      },
    },
    {
      name: 'loads a LoRA adapter, proves it, samples from it and unloads it',
      async run() {
        fixtures = makeFixtures(options.policy, path.join(options.work, 'weights'), sequences);
        const end = ourLogprobs(fixtures.adapter, sequences);
        const connection = await connect(options, { weights: 'adapter' });
        const { pool, verifications } = connection;
        await pool.hold(wanted('round 1', fixtures.adapter, 'brevity-test-r0001', end));
        const [verification] = verifications;
        assert.equal(verification.verdict, 'verified');
        const responses = await sample(pool);
        const scored = ourLogprobs(
          fixtures.adapter,
          responses.map(({ ids }, i) => ({ prompt_ids: jobs[i].prompt_ids, response_ids: ids })),
        );
        const apart = differences(
          responses.map(({ token_logprobs }) => token_logprobs),
          scored,
        );
        assert.ok(apart.mean <= options.tolerance);
        await pool.hold(basePolicy(), [], 'brevity-test-');
        const left = [...(await identified(options))].filter((name) => name.startsWith('brevity-test-'));
        assert.deepEqual(left, []);
        pool.close();
        return { update: differences(end, base).mean, ...figures(verification), sampled: apart };
      },
    },
    {
      name: 'refuses to call the base policy round 1',
      async run() {
        const end = ourLogprobs(fixtures.adapter, sequences);
        const { pool } = await connect(options, scoring);
        const scored = await pool.logprobs(sequences, { adapter: null });
        pool.close();
        const answers = scored.map((logprobs, sequence) => ({ sequence, logprobs }));
        const verdict = verifyPolicy('round 1', 'base policy', answers, { start: base, end }, options.tolerance);
        assert.equal(verdict.verdict, 'failed');
        return figures(verdict);
      },
    },
    {
      name: 'explains a folder that the server does not see',
      async run() {
        const { pool } = await connect(options, {
          weights: 'adapter',
          paths: [`${fixtures.adapter}=/nonexistent/brevity-adapter`],
        });
        const message = await refusal(pool.hold(wanted('round 1', fixtures.adapter, 'brevity-test-r0002', base)));
        pool.close();
        assert.match(message, /\/nonexistent\/brevity-adapter/);
        return { message };
      },
    },
    {
      name: 'explains an adapter whose rank is above the limit, and the server stays usable',
      async run() {
        const { pool } = await connect(options, { weights: 'adapter' });
        const message = await refusal(pool.hold(wanted('round 1', fixtures.highRank, 'brevity-test-r0003', base)));
        pool.close();
        assert.match(message, /rank 520/);
        await identified(options);
        return { message };
      },
    },
    {
      name: 'explains a key that the server refuses',
      async run() {
        if (options.keyVariable === null) return { skipped: 'the server has no API key' };
        process.env.BREVITY_TEST_WRONG_KEY = 'wrong';
        const message = await refusal(connect(options, { key_variable: 'BREVITY_TEST_WRONG_KEY' }));
        assert.match(message, /BREVITY_TEST_WRONG_KEY/);
        const none = await refusal(connect(options, { key_variable: null }));
        assert.match(none, /key_variable/);
        return { message, none };
      },
    },
    {
      name: 'reloads full weights in place with the embedding unchanged, and proves them',
      async run() {
        return reload(fixtures.inner);
      },
    },
    {
      name: 'reloads all weights in place, and judges them by what the server holds then',
      async run() {
        return reload(fixtures.checkpoint);
      },
    },
    {
      name: 'a whole round of the program samples on the server',
      run: () => wholeRound(options),
    },
  ];

  /** Loads a checkpoint, compares the verdict with what the server really holds, and restores the base policy. */
  async function reload(folder: string): Promise<Figures> {
    const end = ourLogprobs(folder, sequences);
    const { pool, verifications } = await connect(options, { weights: 'reload' });
    // The endpoint's noise under weights that it surely holds tells a partial reload from rounding.
    await pool.hold(basePolicy());
    let message: string | null = null;
    try {
      await pool.hold(wanted('round 1', folder, null, end));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      message = error.message;
    }
    pool.close();
    const again = await connect(options, { weights: 'reload', ...scoring });
    const held = differences(await again.pool.logprobs(sequences, { adapter: null }), end);
    await again.pool.hold({ ...basePolicy(), served: false });
    again.pool.close();
    const update = differences(end, base).mean;
    const complete = held.mean <= 0.05 * update;
    const verdict = verifications[verifications.length - 1]?.verdict ?? 'failed';
    assert.equal(
      verdict,
      complete ? 'verified' : 'failed',
      `the server is ${held.mean} nats per token from the new weights, the update moved them by ${update}`,
    );
    return { complete, update, ...held, verdict, message };
  }
}

async function identified(options: SuiteOptions): Promise<string[]> {
  const key: Record<string, string> =
    options.keyVariable === null ? {} : { authorization: `Bearer ${process.env[options.keyVariable]}` };
  const response = await fetch(new URL('/v1/models', options.urls[0]), { headers: key });
  const { data } = (await response.json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof UserError, `expected a sentence for the user, got ${String(error)}`);
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  throw new assert.AssertionError({ message: 'expected a refusal, and it succeeded' });
}

function figures({ mean, max, shift, tokens, note }: Verification): Figures {
  return { tokens, mean, max, shift, note };
}

function differences(a: readonly number[][], b: readonly number[][]): { mean: number; max: number } {
  const all = a.flatMap((row, i) => row.map((value, k) => Math.abs(value - b[i][k])));
  return { mean: all.reduce((sum, value) => sum + value, 0) / all.length, max: Math.max(...all) };
}
