/** Failures of sampling servers in the middle of work, and weights that they cannot load: retried, taken over, explained. */
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Sequence } from '../../../src/train/logprobs.js';
import type { SampledResponse } from '../../../src/core/rows.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { testBackend } from '../../backend.js';
import { temporaryDirectories } from '../../temporary.js';
import type { Faults } from '../standIns/faults.js';
import { adapterPolicy, basePolicy, changedPolicy } from '../standIns/policies.js';
import { StandIn } from '../standIns/standIn.js';
import { jobs, logprobsUnder, ownResponses, poolOver, probesOf, refusal, sampled, wanted } from './bench.js';

const fresh = temporaryDirectories();
const home = fresh();
const running: StandIn[] = [];
let own: SampledResponse[] = [];
let probes: Sequence[] = [];
let start: number[][] = [];

beforeAll(async () => {
  await useBackend(testBackend);
  own = await ownResponses(basePolicy);
  probes = probesOf(own).slice(0, 2);
  start = await logprobsUnder(basePolicy, probes);
});
afterEach(() => {
  for (const standIn of running.splice(0)) standIn.close();
  vi.unstubAllEnvs();
});

async function serve(faults: Faults = {}, kind: 'vllm' | 'sglang' = 'vllm'): Promise<StandIn> {
  const standIn = await StandIn.start(kind, basePolicy, faults);
  running.push(standIn);
  return standIn;
}

const bases = () => wanted(basePolicy, probes, { start: null, end: start }, { name: 'base policy', before: null });
const ids = (responses: SampledResponse[]) => responses.map((response) => response.ids);

describe('requests that fail', () => {
  it.each([
    ['429 with Retry-After', { busy: 6 }, /^answered 429/],
    ['500', { broken: 3 }, /^answered 500/],
  ])('%s are retried with the same responses', async (_, faults, problem) => {
    const standIn = await serve();
    const { pool, views } = await poolOver([standIn], home, { retries: 4 });
    await pool.hold(bases());
    Object.assign(standIn.faults, faults);
    expect(ids(await sampled(pool))).toEqual(ids(own));
    pool.close();
    expect(views[0]).toMatchObject({ state: 'ready', done: jobs.length });
    expect(views[0].retried).toBeGreaterThan(0);
    expect(views[0].problem).toMatch(problem);
  });

  it('no more requests are in flight than the configuration allows', async () => {
    const standIn = await serve({ slow: 20 });
    const { pool } = await poolOver([standIn], home, { concurrency: 3 });
    await sampled(pool);
    expect(standIn.most).toBe(3);
  });

  it('a slow endpoint delays nothing: the other takes over what it holds', async () => {
    const [fast, slow] = [await serve(), await serve()];
    const { pool, views } = await poolOver([fast, slow], home);
    slow.faults.slow = 60_000;
    const began = performance.now();
    expect(ids(await sampled(pool))).toEqual(ids(own));
    expect(performance.now() - began).toBeLessThan(40_000);
    pool.close();
    expect(views.map(({ done }) => done)).toEqual([jobs.length, 0]);
  });

  it('an endpoint that dies midway leaves its prompts to the other, and its view says why', async () => {
    const [whole, dying] = [await serve(), await serve()];
    const { pool, views } = await poolOver([whole, dying], home, { retries: 1 });
    await pool.hold(bases());
    dying.faults.diesAfter = 2;
    expect(ids(await sampled(pool))).toEqual(ids(own));
    pool.close();
    expect(views[0]).toMatchObject({ state: 'ready' });
    expect(views[1].problem).toMatch(/^cannot be reached \(.*\)$/);
  });

  it('one that comes back with other weights is not used, and is named when it was the last', async () => {
    const standIn = await serve();
    const changed = changedPolicy(path.join(fresh(), 'changed'), 0x04);
    const end = await logprobsUnder(changed, probes);
    const { pool } = await poolOver([standIn], home, { retries: 3, concurrency: 1 });
    await pool.hold(wanted(changed, probes, { start, end }));
    standIn.faults.diesAfter = 2;
    const back = (async () => {
      while (standIn.faults.diesAfter !== undefined && standIn.isUp)
        await new Promise((resolve) => setTimeout(resolve, 10));
      await standIn.engine.reload(basePolicy);
      Object.assign(standIn.faults, { diesAfter: undefined, staleWeights: true });
      await standIn.revive();
    })();
    const message = await refusal(sampled(pool));
    await back;
    expect(message).toMatch(
      /^the sampling server is unusable: sampling server \S+ is not proven to hold round 1: .*base policy/,
    );
  });

  it('all dead end the stage in one sentence that names each', async () => {
    const both = [await serve({ diesAfter: 3 }), await serve({ diesAfter: 3 })];
    const { pool } = await poolOver(both, home, { retries: 1, concurrency: 1 });
    const message = await refusal(sampled(pool));
    expect(message).toMatch(/^all 2 sampling servers are unusable: .*; everything finished before is kept/);
    for (const { url } of both) expect(message).toContain(url);
  });
});

describe('connecting', () => {
  it('leaves out an endpoint that cannot be reached, and needs one', async () => {
    const nobody = 'http://127.0.0.1:9';
    const { pool, views } = await poolOver([await serve(), nobody], home, { retries: 0 });
    expect(ids(await sampled(pool))).toEqual(ids(own));
    pool.close();
    expect(views[1]).toMatchObject({ state: 'down', problem: expect.stringMatching(/^cannot be reached/) });
    expect(await refusal(poolOver([nobody], home, { retries: 0 }))).toMatch(
      /^sampling server http:\/\/127.0.0.1:9 cannot be reached \(.*\); start it, or correct sampling.server.endpoints/,
    );
  });

  it.each(['vllm', 'sglang'] as const)('explains 401 of %s, with and without a key', async (kind) => {
    const standIn = await serve({ key: 'right' }, kind);
    expect(await refusal(poolOver([standIn], home))).toMatch(
      /wants an API key \(401\); set sampling.server.key_variable/,
    );
    vi.stubEnv('SERVER_KEY', 'wrong');
    const wrong = await refusal(poolOver([standIn], home, { key_variable: 'SERVER_KEY' }));
    expect(wrong).toMatch(/refuses the API key of SERVER_KEY \(401\)/);
    expect(wrong).not.toContain('wrong ');
    vi.stubEnv('SERVER_KEY', 'right');
    await poolOver([standIn], home, { key_variable: 'SERVER_KEY' });
    vi.stubEnv('SERVER_KEY', '');
    expect(await refusal(poolOver([standIn], home, { key_variable: 'SERVER_KEY' }))).toMatch(
      /names SERVER_KEY, which is not set/,
    );
  });

  it('refuses tempered log-probabilities', async () => {
    const standIn = await serve({ processedLogprobs: true });
    expect(await refusal(poolOver([standIn], home))).toMatch(/start it with --logprobs-mode raw_logprobs$/);
  });

  it('sends every sampling field, token ids, a seed of 32 bits and the end-of-turn ids', async () => {
    const standIn = await serve();
    const { pool } = await poolOver([standIn], home);
    await sampled(pool);
    const body = standIn.bodies('POST /v1/completions').find(({ seed }) => seed === 17);
    expect(body).toMatchObject({
      ...{ prompt: jobs[0].prompt_ids, n: 1, temperature: 0.8, top_p: 0.95, top_k: 0, min_p: 0, repetition_penalty: 1 },
      ...{ presence_penalty: 0, frequency_penalty: 0, max_tokens: 12, ignore_eos: false, stop_token_ids: [3] },
      ...{ skip_special_tokens: false, return_token_ids: true, stream: false, min_tokens: 0, logprobs: 0 },
    });
  });
});

describe('weights that cannot be loaded', () => {
  const load = async (
    kind: 'vllm' | 'sglang',
    faults: Faults,
    folder: string,
    adapter: string | null,
    paths: string[] = [],
  ) => {
    const standIn = await serve(faults, kind);
    const { pool } = await poolOver([standIn], home, { weights: adapter === null ? 'reload' : 'adapter', paths });
    const far = { start: null, end: start.map((row) => row.map((value) => value - 1)) };
    return refusal(pool.hold(wanted(folder, probes, far, { adapter })));
  };
  const kinds = ['vllm', 'sglang'] as const;

  it.each(kinds)('an adapter above the rank limit of %s', async (kind) => {
    const folder = adapterPolicy(path.join(fresh(), 'r'), 32);
    expect(await load(kind, {}, folder, 'r1')).toMatch(
      /cannot load an adapter of rank 32, which is above its limit.*; restart it with --max-lora-rank 32, or lower update.lora.rank$/,
    );
  });

  it.each(kinds)('a folder that %s cannot see under its mapped name', async (kind) => {
    const folder = adapterPolicy(path.join(fresh(), 'r'), 4);
    const paths = [`${path.dirname(folder)}=/elsewhere`];
    expect(await load(kind, {}, folder, 'r1', paths)).toMatch(
      /does not see the folder \/elsewhere\/r \(.*\/r here\).*sampling.server.paths/,
    );
    expect(await load(kind, {}, '/nowhere/policy', null)).toMatch(/does not see the folder \/nowhere\/policy/);
  });

  it('a server without adapters', async () => {
    const folder = adapterPolicy(path.join(fresh(), 'r'), 4);
    expect(await load('vllm', { noAdapters: true }, folder, 'r1')).toMatch(
      /has no route to load weights \(404\); start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1/,
    );
  });

  it('adapters with modules_to_save, and full checkpoints in their place', async () => {
    const saved = adapterPolicy(path.join(fresh(), 'r'), 4, { modules_to_save: ['lm_head'] });
    expect(await load('vllm', {}, saved, 'r1')).toMatch(
      /has modules_to_save \(lm_head\), which sampling servers ignore/,
    );
    expect(await load('vllm', {}, basePolicy, 'r1')).toMatch(
      /holds a full checkpoint, and sampling.server.weights is adapter/,
    );
  });
});
