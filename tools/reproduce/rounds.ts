/**
 * Rounds of iLR-DPO on the bundled example through the engine's stage functions, without its process and run directory:
 * sample, score, pair, update, and a measurement on held-out prompts that also checks the responses' answers.
 */
import type { Config } from '../../src/core/config/schema.js';
import { makePairs } from '../../src/core/pairs.js';
import { responseLogprobs, sum } from '../../src/train/logprobs.js';
import { updatePolicy } from '../../src/train/update.js';
import { type LoadedModel, loadModel } from '../../src/model/folder.js';
import { type Reward, namedByUser, openReward } from '../../src/rewards/index.js';
import type { PairRow, SampleRow, SampledResponse } from '../../src/core/rows.js';
import { sampleResponses } from '../../src/model/generate/sample.js';
import { deriveSeed, sampleSeed } from '../../src/core/seeds.js';
import { type CheckedPrompt, isCorrect } from '../make-data/check.js';

/** Results of a policy on the held-out prompts. Lengths are response tokens. */
export interface Measurement {
  round: number;
  reward: number;
  /** Percentage of responses whose answer is right. */
  correct: number;
  mean_length: number;
  truncated_share: number;
}

export interface Run {
  alpha: number;
  seed: number;
  /** The base policy first, then one per round. */
  measurements: Measurement[];
  seconds: number;
}

export interface Task {
  config: Config;
  prompts: CheckedPrompt[];
  heldOut: CheckedPrompt[];
  rounds: number;
  /** Responses to each held-out prompt; more of them reduce the measurement's noise. */
  heldOutSamples: number;
  log(line: string): void;
}

export async function runRounds(task: Task, alpha: number, seed: number): Promise<Run> {
  const started = performance.now();
  const policy = await loadModel(task.config.model, { task: 'causal-lm' });
  const reward = await openReward(task.config.reward, task.config.rewards, namedByUser);
  const measurements = [await measure(task, policy, reward, seed, 0)];
  for (let round = 1; round <= task.rounds; round++) {
    const pairs = await collectPairs(task, policy, reward, seed, round);
    await update(task.config, policy, pairs, alpha, deriveSeed(seed, 'update', round));
    measurements.push(await measure(task, policy, reward, seed, round));
    const { reward: mean, correct, mean_length } = measurements[round];
    task.log(
      `α ${alpha}  seed ${seed}  round ${round}: ${pairs.length} pairs, reward ${mean.toFixed(2)}, ` +
        `${correct.toFixed(1)} % correct, ${mean_length.toFixed(1)} tokens`,
    );
  }
  policy.dispose();
  reward.dispose();
  return { alpha, seed, measurements, seconds: (performance.now() - started) / 1000 };
}

async function collectPairs(
  task: Task,
  policy: LoadedModel,
  reward: Reward,
  seed: number,
  round: number,
): Promise<PairRow[]> {
  const { sampling, pairs } = task.config;
  const K = sampling.samples_per_prompt;
  const seedOf = (prompt: number, sample: number) => sampleSeed(seed, round, prompt, sample);
  const { ids, responses } = await respond(task, policy, task.prompts, K, sampling.temperature, seedOf);
  const rewards = await score(reward, task.prompts, responses, K);
  const samples: SampleRow[] = task.prompts.map(({ prompt }, i) => ({
    prompt_index: i,
    prompt,
    prompt_ids: ids[i],
    responses: responses.slice(i * K, (i + 1) * K),
  }));
  const scores = samples.map((_, i) => ({ prompt_index: i, rewards: rewards.slice(i * K, (i + 1) * K) }));
  return makePairs(samples, scores, pairs, deriveSeed(seed, 'pairs', round)).pairs;
}

/** One update whose reference is the policy it starts from. */
async function update(
  config: Config,
  policy: LoadedModel,
  pairs: PairRow[],
  alpha: number,
  seed: number,
): Promise<void> {
  const side = async (ids: (pair: PairRow) => number[]) => {
    const sequences = pairs.map((pair) => ({ prompt_ids: pair.prompt_ids, response_ids: ids(pair) }));
    return (await responseLogprobs(policy, sequences)).map(sum);
  };
  const reference = {
    chosen: await side((pair) => pair.chosen_ids),
    rejected: await side((pair) => pair.rejected_ids),
  };
  const settings = { dpo: { ...config.dpo, alpha }, update: config.update, seed };
  await updatePolicy(policy, pairs, reference, settings, { onStep: () => undefined });
}

async function measure(
  task: Task,
  policy: LoadedModel,
  reward: Reward,
  seed: number,
  round: number,
): Promise<Measurement> {
  const K = task.heldOutSamples;
  const seedOf = (prompt: number, sample: number) => deriveSeed(seed, 'held-out', round, prompt, sample);
  const { responses } = await respond(task, policy, task.heldOut, K, task.config.evaluation.temperature, seedOf);
  const rewards = await score(reward, task.heldOut, responses, K);
  const mean = (value: (response: SampledResponse, i: number) => number) =>
    responses.reduce((total, response, i) => total + value(response, i), 0) / responses.length;
  return {
    round,
    reward: mean((_, i) => rewards[i]),
    correct: 100 * mean(({ text }, i) => (isCorrect(task.heldOut[Math.floor(i / K)], text) ? 1 : 0)),
    mean_length: mean(({ ids }) => ids.length),
    truncated_share: mean(({ finish_reason }) => (finish_reason === 'length' ? 1 : 0)),
  };
}

/** K responses to each prompt, grouped by prompt. */
async function respond(
  task: Task,
  policy: LoadedModel,
  prompts: CheckedPrompt[],
  K: number,
  temperature: number,
  seedOf: (prompt: number, sample: number) => number,
): Promise<{ ids: number[][]; responses: SampledResponse[] }> {
  const { tokenizer } = policy;
  if (tokenizer === null) throw new Error(`${policy.dir} has no tokenizer`);
  const ids = prompts.map(({ prompt }) => tokenizer.promptIds(prompt, { raw: task.config.sampling.raw }));
  const jobs = ids.flatMap((prompt_ids, i) =>
    Array.from({ length: K }, (_, k) => ({ prompt_ids, seed: seedOf(i, k) })),
  );
  const responses = new Array<SampledResponse>(jobs.length);
  const settings = { ...task.config.sampling, temperature };
  await sampleResponses(policy, jobs, settings, { onResponse: (job, response) => (responses[job] = response) });
  return { ids, responses };
}

async function score(
  reward: Reward,
  prompts: CheckedPrompt[],
  responses: SampledResponse[],
  K: number,
): Promise<number[]> {
  const inputs = responses.map(({ text }, i) => ({ prompt: prompts[Math.floor(i / K)].prompt, response: text }));
  const rewards = new Array<number>(inputs.length);
  await reward.score(inputs, { onReward: (index, value) => (rewards[index] = value) });
  return rewards;
}
