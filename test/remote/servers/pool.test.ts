/** The client against stand-ins of vLLM and SGLang on our own engine: well-behaved ones, weights, and every fault. */
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SampledResponse } from '../../../src/core/rows.js';
import type { Sequence } from '../../../src/train/logprobs.js';
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
let changed = '';
let start: number[][] = [];
let end: number[][] = [];

beforeAll(async () => {
  await useBackend(testBackend);
  own = await ownResponses(basePolicy);
  probes = probesOf(own);
  changed = changedPolicy(path.join(home, 'changed'), 0x04);
  start = await logprobsUnder(basePolicy, probes);
  end = await logprobsUnder(changed, probes);
});
afterEach(() => {
  for (const standIn of running.splice(0)) standIn.close();
  vi.unstubAllEnvs();
});

async function serve(faults: Faults = {}, kind: 'vllm' | 'sglang' = 'vllm', folder = basePolicy): Promise<StandIn> {
  const standIn = await StandIn.start(kind, folder, faults);
  running.push(standIn);
  return standIn;
}

const bases = () => wanted(basePolicy, probes, { start: null, end: start }, { name: 'base policy', before: null });
const round1 = () => wanted(changed, probes, { start, end });
const ids = (responses: SampledResponse[]) => responses.map((response) => response.ids);

describe.each(['vllm', 'sglang'] as const)('a stand-in of %s', (kind) => {
  it('gives the responses of our own engine, with their log-probabilities and finish reasons', async () => {
    const { pool, views } = await poolOver([await serve({}, kind)], home);
    await pool.hold(bases());
    const responses = await sampled(pool);
    expect(ids(responses)).toEqual(ids(own));
    expect(responses.map(({ finish_reason }) => finish_reason)).toEqual(own.map(({ finish_reason }) => finish_reason));
    expect(responses.map(({ text }) => text)).toEqual(own.map(({ text }) => text));
    responses.forEach(({ logps }, i) => expect(logps).toBeCloseTo(own[i].logps, 3));
    pool.close();
    expect(views).toMatchObject([{ kind, state: 'ready', done: jobs.length, in_flight: 0, problem: null }]);
  });

  it('gets new weights once, proves them, and is left alone where it holds them already', async () => {
    const standIn = await serve({}, kind);
    const { pool, verifications } = await poolOver([standIn], home);
    await pool.hold(round1());
    expect(verifications).toMatchObject([{ weights: 'round 1', verdict: 'verified', note: null }]);
    expect(verifications[0].shift).toBeCloseTo(1, 3);
    expect(verifications[0].mean).toBeLessThan(1e-4);
    const loads = () => standIn.requests.filter(({ route }) => /collective_rpc|update_weights/.test(route)).length;
    expect(loads()).toBe(1);
    await pool.hold(round1());
    expect(loads()).toBe(1);
    // An engine that starts anew knows nothing, and loads nothing either.
    await (await poolOver([standIn], home)).pool.hold(round1());
    expect(loads()).toBe(1);
  });

  it('loads an adapter under its name and unloads the old one of the run', async () => {
    const standIn = await serve({}, kind);
    const [one, two] = [1, 2].map((round) => adapterPolicy(path.join(fresh(), `r${round}`), 4 * round));
    const { pool, verifications } = await poolOver([standIn], home, { weights: 'adapter' });
    for (const [name, folder] of [
      ['brevity-x-r0001', one],
      ['brevity-x-r0002', two],
    ]) {
      const recorded = { start, end: await logprobsUnder(folder, probes) };
      await pool.hold(wanted(folder, probes, recorded, { adapter: name }), [], 'brevity-x-');
    }
    expect(verifications.map(({ verdict }) => verdict)).toEqual(['verified', 'verified']);
    expect([...standIn.engine.adapters.keys()]).toEqual(['brevity-x-r0002']);
    // The base model stays reachable beside the adapter.
    const base = await pool.logprobs(probes, { adapter: null });
    base.flat().forEach((value, i) => expect(value).toBeCloseTo(start.flat()[i], 3));
  });

  it.each([
    ['stale weights', { staleWeights: true }, /is not proven to hold round 1: .* it seems to hold base policy/],
    ['one stale replica', { staleReplica: true }, /is not proven to hold round 1: .* a replica behind this endpoint/],
  ])('%s are found before sampling starts', async (_, faults: Faults, sentence) => {
    const standIn = await serve(faults, kind);
    const { pool, verifications } = await poolOver([standIn], home);
    const message = await refusal(pool.hold(round1()));
    expect(message).toMatch(sentence);
    expect(message).toContain(`sampling server ${standIn.url} `);
    expect(verifications.at(-1)?.verdict).toBe('failed');
    expect(standIn.engine.model.dir).toBe(faults.staleWeights ? basePolicy : changed);
  });

  it.each([
    ['ids off by one', { idsOffByOne: true }, /gave .*ids/],
    [
      'an end-of-turn token missing from the ids',
      { missingEnd: 'ids' },
      /end-of-turn token|returned \d+ token ids of a/,
    ],
    ['one missing from the counts too', { missingEnd: 'everywhere' }, /left out the end-of-turn token/],
    ['forgotten fields', { forgetsFields: true }, /16 tokens|cut a response off after/],
    ['an answer that is not JSON', { notJson: true }, /gave an answer that is not JSON/],
    ['another tokenizer', { otherTokenizer: true }, /whose tokenizer is not that of/],
    ['another context', { context: 20 }, /serves a context of 20 tokens, and this run's prompts .* need \d+/],
  ])('%s', async (_, faults, sentence) => {
    if (kind === 'sglang' && ('forgetsFields' in faults || 'otherTokenizer' in faults)) return;
    const standIn = await serve(faults as Faults, kind);
    const run = async () => {
      const { pool } = await poolOver([standIn], home);
      await pool.hold(bases());
      await sampled(pool);
    };
    const message = await refusal(run());
    expect(message).toMatch(sentence);
    expect(message).toContain(standIn.url);
    expect(message).not.toMatch(/\n/);
  });
});
