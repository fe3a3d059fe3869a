/** Rounds whose responses come from sampling servers: the same as on this machine, proven, resumed, and explained. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Config, configSchema } from '../../../src/core/config/schema.js';
import type { Report, WorkContext, WorkResults, WorkStage } from '../../../src/run/stages/context.js';
import { ModelShelf } from '../../../src/run/stages/models.js';
import { readEndpoints, readPolicyProbes } from '../../../src/run/stages/policyProbes.js';
import { work } from '../../../src/run/stages/work.js';
import { RoundView } from '../../../src/engine/view.js';
import { newRound } from '../../../src/core/rounds.js';
import { Run } from '../../../src/run/run.js';
import { useBackend } from '../../../src/tensor/backend.js';
import { permissionIn } from '../../../src/io/trust.js';
import { testBackend } from '../../backend.js';
import type { Faults } from '../../remote/standIns/faults.js';
import { basePolicy } from '../../remote/standIns/policies.js';
import { StandIn } from '../../remote/standIns/standIn.js';
import { temporaryDirectories } from '../../temporary.js';
import { namedByUser, type Permission } from '../../../src/core/trust.js';

const fresh = temporaryDirectories();
const standIns: StandIn[] = [];
const shelves: ModelShelf[] = [];

beforeAll(() => useBackend(testBackend));
afterEach(() => {
  for (const standIn of standIns.splice(0)) standIn.close();
  for (const shelf of shelves.splice(0)) shelf.dispose();
});

async function serve(faults: Faults = {}, kind: 'vllm' | 'sglang' = 'vllm'): Promise<StandIn> {
  const standIn = await StandIn.start(kind, basePolicy, faults);
  standIns.push(standIn);
  return standIn;
}

/** Longer responses are better: every prompt whose responses differ in length makes a pair. */
const reward = `export const score = ({ response }) => response.length;\n`;

function runOn(server: object | null, update: object = {}, sampling: object = {}, evaluation: object = {}): Run {
  const home = fresh();
  const file = (name: string, content: string): string => {
    writeFileSync(path.join(home, name), content);
    return path.join(home, name);
  };
  const prompts = (...texts: string[]) => texts.map((prompt) => JSON.stringify({ prompt })).join('\n') + '\n';
  const config: Config = configSchema.parse({
    model: basePolicy,
    reward: `module:${file('reward.mjs', reward)}`,
    prompts: file('prompts.jsonl', prompts('Write the plural of knife.', 'What is 8 minus 1?', 'Name a colour.')),
    held_out: file('held.jsonl', prompts('What is the capital of Poland?', 'Write the plural of leaf.')),
    seed: 5,
    sampling: { samples_per_prompt: 3, max_new_tokens: 10, temperature: 1.5, server, ...sampling },
    update: { lr: 1e-3, batch_size: 2, micro_batch: 2, ...update },
    evaluation: { probes: 1, probe_tokens: 6, ...evaluation },
  });
  const run = Run.create(path.join(home, 'run'), config);
  const settings = { alpha: 0.01, beta: 0.1, lr: config.update.lr };
  run.addRound(newRound(0, null, settings));
  run.addRound(newRound(1, 0, settings));
  return run;
}

interface Done<S extends WorkStage> {
  result: WorkResults[S];
  reports: Report[];
}

async function done<S extends WorkStage>(
  run: Run,
  stage: S,
  round = 1,
  permission: Permission = namedByUser,
): Promise<Done<S>> {
  const reports: Report[] = [];
  const models = new ModelShelf(permission);
  shelves.push(models);
  const context: WorkContext = {
    ...{ config: run.config, files: run.files, models, round: run.round(round), promptCounts: [0], permission },
    control: { point: () => new Promise((resolve) => setImmediate(resolve, 'go')) },
    report: (report) => reports.push(report),
  };
  const result = (await work[stage](context)) as WorkResults[S];
  models.dispose();
  return { result, reports };
}

async function round(run: Run): Promise<WorkResults['evaluate']> {
  await done(run, 'evaluate', 0);
  await done(run, 'sample');
  await done(run, 'score');
  const { result } = await done(run, 'update');
  run.updateRound(1, { steps: result.steps });
  return (await done(run, 'evaluate')).result;
}

const rows = (run: Run, name: string, id = 1): Record<string, unknown>[] =>
  readFileSync(run.files.file(id, name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const sampledIds = (run: Run) =>
  rows(run, 'samples.jsonl')
    .sort((a, b) => Number(a.prompt_index) - Number(b.prompt_index))
    .map(({ responses }) => (responses as { ids: number[] }[]).map(({ ids }) => ids));

describe('a whole round', () => {
  it('with full weights is the round of this machine, apart from the KL', { timeout: 180_000 }, async () => {
    const standIn = await serve();
    const local = runOn(null);
    const own = await round(local);
    const run = runOn({ endpoints: [standIn.url] });
    const result = await round(run);
    expect(sampledIds(run)).toEqual(sampledIds(local));
    expect(result).toMatchObject({ reward: own.reward, mean_length: own.mean_length, prompts: 2 });
    const note = 'the servers hold one policy at a time (sampling.server.weights is reload)';
    expect(result.comparisons).toMatchObject([
      { against: 'round-start', kl: null, kl_per_token: null, kl_note: note },
      { against: 'base', kl: null },
    ]);

    expect(rows(run, 'verifications.jsonl', 0)).toMatchObject([{ verification: { verdict: 'agreed' } }]);
    const [start, probes, verified] = rows(run, 'verifications.jsonl').map(({ verification }) => verification);
    expect(start).toMatchObject({ weights: 'base policy', verdict: 'agreed' });
    expect(probes).toMatchObject({ weights: 'base policy', verdict: 'agreed' });
    expect(verified).toMatchObject({ weights: 'round 1', verdict: 'verified', note: null });
    expect((verified as { shift: number }).shift).toBeCloseTo(1, 2);
    expect(readEndpoints(run.files, 1)).toMatchObject([{ url: standIn.url, kind: 'vllm', state: 'ready' }]);
    expect(RoundView.read(run, 1).servers).toMatchObject([{ version: '0.32.0', verification: { weights: 'round 1' } }]);

    const greedy = (of: Run) => rows(of, 'probes.jsonl').map(({ step, text }) => [step, text]);
    const ends = greedy(local);
    expect(greedy(run)).toEqual([ends[0], ends[ends.length - 1]]);
    expect(readPolicyProbes(run.files, 1)).toMatchObject({ by: 'trainer', parent: 0 });
    expect(existsSync(local.files.file(1, 'policy-probes.json'))).toBe(false);
  });

  it('with adapters has the KL too, from both policies on the servers', { timeout: 180_000 }, async () => {
    const standIn = await serve();
    const lora = { lora: { rank: 4, targets: ['q_proj', 'v_proj'] }, lr: 1e-2 };
    const own = await round(runOn(null, lora));
    const run = runOn({ endpoints: [standIn.url], weights: 'adapter' }, lora);
    const result = await round(run);
    expect(result.comparisons.map(({ kl }) => kl?.toFixed(3))).toEqual(own.comparisons.map(({ kl }) => kl?.toFixed(3)));
    const [name] = [...standIn.engine.adapters.keys()];
    expect(name).toMatch(/^brevity-[0-9a-f]{8}-r0001$/);
  });
});

describe('an interrupted stage', () => {
  it('samples only prompts without a row', async () => {
    const standIn = await serve();
    const run = runOn({ endpoints: [standIn.url] });
    await done(run, 'sample');
    const whole = sampledIds(run);
    const file = run.files.file(1, 'samples.jsonl');
    const kept = readFileSync(file, 'utf8').split('\n').slice(0, 2).join('\n');
    // What a kill leaves: two rows, and a third torn in half.
    writeFileSync(file, `${kept}\n{"prompt_index":2,"prom`);
    const before = standIn.bodies('POST /v1/completions').length;
    await done(run, 'sample');
    expect(sampledIds(run)).toEqual(whole);
    const sent = standIn.bodies('POST /v1/completions').slice(before);
    // One is the self-test.
    expect(sent.filter((body) => !('prompt_logprobs' in body))).toHaveLength(1 + 3);
  });

  it('keeps finished rows when all servers have died, and says so in one sentence', async () => {
    // The self-test and four responses.
    const run = runOn({ endpoints: [(await serve({ diesAfter: 5 })).url], retries: 1, concurrency: 1 });
    await expect(done(run, 'sample')).rejects.toThrow(
      /^the sampling server is unusable: sampling server \S+ cannot be reached \(.*\); everything finished before is kept, and retry continues$/,
    );
    expect(rows(run, 'samples.jsonl')).toHaveLength(1);
  });
});

describe('what a run may do with the user’s rights', () => {
  it('a key is sent only with permission, and only as a header', async () => {
    process.env['TEST_SERVER_KEY'] = 'very secret';
    try {
      const standIn = await serve({ key: 'very secret' });
      const run = runOn({ endpoints: [standIn.url], key_variable: 'TEST_SERVER_KEY' });
      await expect(done(run, 'sample', 1, permissionIn(run.directory))).rejects.toThrow(
        `would send TEST_SERVER_KEY to ${standIn.url}`,
      );
      expect(standIn.requests).toHaveLength(0);
      await done(run, 'sample');
      const files = ['samples.jsonl', 'verifications.jsonl'].map((name) =>
        readFileSync(run.files.file(1, name), 'utf8'),
      );
      expect([...files, readFileSync(path.join(run.directory, 'run.json'), 'utf8')].join()).not.toContain(
        'very secret',
      );
      expect(JSON.stringify(standIn.requests)).not.toContain('very secret');
    } finally {
      delete process.env['TEST_SERVER_KEY'];
    }
  });

  it('a restart command runs only with permission, and is waited for', async () => {
    const standIn = await serve();
    const restart = `node -e 'fetch(process.argv[1] + "/stand-in/restart", { method: "POST", body: JSON.stringify({ weights: process.argv[2] }) })' {endpoint} {weights}`;
    const run = runOn({ endpoints: [standIn.url], weights: 'restart', restart });
    await done(run, 'evaluate', 0);
    await done(run, 'sample');
    await done(run, 'score');
    run.updateRound(1, { steps: (await done(run, 'update')).result.steps });
    await expect(done(run, 'evaluate', 1, permissionIn(run.directory))).rejects.toThrow(
      'would execute the shell command of sampling.server.restart as you',
    );
    await done(run, 'evaluate');
    expect(standIn.bodies('POST /stand-in/restart')).toEqual([{ weights: run.files.policyDir(1) }]);
    expect(rows(run, 'verifications.jsonl').at(-1)).toMatchObject({ verification: { verdict: 'verified' } });
  });
});

describe('held-out responses', () => {
  const rowsOf = (run: Run, name: string) =>
    rows(run, name, 0).sort((a, b) => Number(a.prompt_index) - Number(b.prompt_index));
  const texts = (run: Run) =>
    rowsOf(run, 'held-out-samples.jsonl').map(({ responses }) => (responses as { text: string }[]).map(({ text }) => text)); // prettier-ignore
  const decoded = (server: object | null, evaluation: object) => runOn(server, {}, {}, evaluation);

  it('by best of N are those of this machine', async () => {
    const standIn = await serve();
    const [there, here] = [{ endpoints: [standIn.url] }, null].map((server) => decoded(server, { best_of: 4 }));
    await done(there, 'evaluate', 0);
    await done(here, 'evaluate', 0);
    expect(texts(there)).toEqual(texts(here));
    expect(rowsOf(there, 'held-out-scores.jsonl')).toEqual(rowsOf(here, 'held-out-scores.jsonl'));
    expect(rows(there, 'held-out-candidates.jsonl', 0)).toHaveLength(8);
  });

  it('by beam search are those of vLLM', async () => {
    const standIn = await serve();
    const [there, here] = [{ endpoints: [standIn.url] }, null].map((server) => decoded(server, { beam: 3 }));
    const { result } = await done(there, 'evaluate', 0);
    await done(here, 'evaluate', 0);
    expect(texts(there)).toEqual(texts(here));
    expect(result.decoding).toEqual({ beam: 3, length_penalty: 1 });
  });

  it('by beam search are refused on SGLang before anything is sampled', async () => {
    const standIn = await serve({}, 'sglang');
    const run = decoded({ endpoints: [standIn.url] }, { beam: 3 });
    await expect(done(run, 'evaluate', 0)).rejects.toThrow('runs SGLang, which has no beam search');
    expect(existsSync(run.files.file(0, 'held-out-samples.jsonl'))).toBe(false);
  });
});
