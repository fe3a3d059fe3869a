/** A pool over stand-ins, with probes whose log-probabilities our own engine has recorded. */
import path from 'node:path';
import { serverSchema, type ServerConfig } from '../../../src/core/config/schema.js';
import { responseLogprobs, type Sequence } from '../../../src/train/logprobs.js';
import { loadModel } from '../../../src/model/folder.js';
import { readPolicyFiles } from '../../../src/model/policyFiles.js';
import { ServerPool, type WantedWeights } from '../../../src/remote/servers/pool.js';
import type { RecordedProbes } from '../../../src/remote/servers/verify.js';
import type { EndpointView, Verification } from '../../../src/protocol/remoteViews.js';
import type { SampledResponse } from '../../../src/core/rows.js';
import { sampleResponses } from '../../../src/model/generate/sample.js';
import { basePolicy } from '../standIns/policies.js';
import type { StandIn } from '../standIns/standIn.js';
import { namedByUser } from '../../../src/core/trust.js';

export const policy = readPolicyFiles(basePolicy);
const tokenizer = policy.tokenizer as NonNullable<typeof policy.tokenizer>;

export const settings = {
  ...{ temperature: 0.8, top_p: 0.95, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 12 },
};
export const jobs = ['What is 8 minus 1?', 'Write the plural of knife.', 'What is the capital of Poland?']
  .map((prompt) => tokenizer.promptIds(prompt, { raw: false }))
  .flatMap((prompt_ids, prompt) => [0, 1, 2].map((sample) => ({ prompt_ids, seed: 17 + 4 * prompt + sample })));

/** What our engine samples for the jobs. */
export async function ownResponses(folder: string): Promise<SampledResponse[]> {
  const model = await loadModel(folder);
  const responses: SampledResponse[] = [];
  await sampleResponses(
    model,
    jobs,
    { ...settings, batch_size: 32 },
    { onResponse: (job, it) => (responses[job] = it) },
  );
  model.dispose();
  return responses;
}

export function probesOf(responses: readonly SampledResponse[]): Sequence[] {
  return responses.slice(0, 6).map(({ ids }, job) => ({ prompt_ids: jobs[job].prompt_ids, response_ids: ids }));
}

export async function logprobsUnder(folder: string, probes: Sequence[]): Promise<number[][]> {
  const model = await loadModel(folder);
  const values = (await responseLogprobs(model, probes)).map((row) => [...row]);
  model.dispose();
  return values;
}

export interface Pooled {
  pool: ServerPool;
  views: EndpointView[];
  verifications: Verification[];
}

export async function poolOver(
  standIns: readonly (StandIn | string)[],
  folder: string,
  changes: Partial<ServerConfig> = {},
): Promise<Pooled> {
  const endpoints = standIns.map((standIn) => (typeof standIn === 'string' ? standIn : standIn.url));
  const server = serverSchema.parse({ endpoints, concurrency: 4, retries: 2, timeout_seconds: 20, ...changes });
  const seen: Omit<Pooled, 'pool'> = { views: [], verifications: [] };
  const pool = await ServerPool.connect({
    ...{ server, policy, permission: namedByUser, restartLog: path.join(folder, 'restart.log') },
    onViews: (views) => seen.views.splice(0, Infinity, ...views),
    onVerification: ({ verification }) => verification !== null && seen.verifications.push(verification),
  });
  return { pool, ...seen };
}

export function wanted(
  folder: string,
  probes: Sequence[],
  recorded: RecordedProbes | null,
  changes: Partial<WantedWeights> = {},
): WantedWeights {
  return {
    ...{ name: 'round 1', before: 'base policy', folder, adapter: null, served: false },
    ...{ probes, recorded, recordedBy: 'trainer' as const },
    ...changes,
  };
}

export async function sampled(pool: ServerPool): Promise<SampledResponse[]> {
  const responses: SampledResponse[] = [];
  await pool.sample(jobs, settings, { onResponse: (job, response) => (responses[job] = response) });
  return responses;
}

/** The message of what a promise rejects with. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing was refused';
}
