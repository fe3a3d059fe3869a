/**
 * Rounds on the bundled example through the engine's stage functions, without its process and run directory: sample,
 * score, pair, update, and responses to other prompts, whose answers are checked too.
 */
import type { Config } from '../../src/core/config/schema.js';
import { objectives } from '../../src/core/objectives/index.js';
import { makePairs, withColumns } from '../../src/core/pairs.js';
import type { PairRow, SampleRow, SampledResponse } from '../../src/core/rows.js';
import { deriveSeed, sampleSeed } from '../../src/core/seeds.js';
import { type LoadedModel, loadModel } from '../../src/model/folder.js';
import { sampleResponses } from '../../src/model/generate/sample.js';
import { type Reward, namedByUser, openReward } from '../../src/rewards/index.js';
import { responseLogprobs } from '../../src/train/logprobs.js';
import { pairSides, type ReferenceLogps, referenceSums } from '../../src/train/step.js';
import { updatePolicy } from '../../src/train/update.js';
import { type CheckedPrompt, isCorrect } from '../make-data/check.js';
import type { Responses, Settings } from './results.js';

export interface Task {
  config: Config;
  /** Prompts that rounds train on. */
  training: CheckedPrompt[];
  /** Prompts that policies are measured on. */
  measured: CheckedPrompt[];
  /** Responses to each measured prompt; more of them reduce the noise. */
  responses: number;
  seed: number;
}

/** A round's pairs and the log-probabilities of their responses under the policy that sampled them. */
interface Collected {
  pairs: PairRow[];
  /** Of all responses, by prompt. */
  rewards: number[][];
  reference: ReferenceLogps;
}

/**
 * Everything that starts from the base policy under one seed. The first round's samples and pairs are the same for all
 * settings, so they are made once.
 */
export class Trials {
  private first: Collected | null = null;

  private constructor(
    private readonly task: Task,
    private readonly reward: Reward,
  ) {}

  static async open(task: Task): Promise<Trials> {
    return new Trials(task, await openReward(task.config.reward, task.config.rewards, namedByUser));
  }

  close(): void {
    this.reward.dispose();
  }

  /** The base policy's responses to the measured prompts. */
  async base(): Promise<Responses> {
    const policy = await this.load();
    const responses = await this.measure(policy, 0);
    policy.dispose();
    return responses;
  }

  /**
   * Rounds whose reference is the policy they start from.
   *
   * @returns responses to the measured prompts after each round
   * @throws UserError if a loss or gradient is not finite, or a round has no pairs
   */
  async train(settings: Settings, rounds: number): Promise<Responses[]> {
    const { config, seed } = this.task;
    const { lr, ...dpo } = settings;
    const policy = await this.load();
    const measurements: Responses[] = [];
    try {
      for (let round = 1; round <= rounds; round++) {
        const { pairs, rewards, reference } = round === 1 ? await this.firstRound() : await this.collect(policy, round);
        await updatePolicy(
          policy,
          pairs.map((pair) => withColumns(pair, { ...config, dpo }, rewards[pair.prompt_index as number])),
          objectives[dpo.objective].reference ? reference : null,
          { dpo, update: { ...config.update, lr }, seed: deriveSeed(seed, 'update', round) },
          { onStep: () => undefined },
        );
        measurements.push(await this.measure(policy, round));
      }
    } finally {
      policy.dispose();
    }
    return measurements;
  }

  private load(): Promise<LoadedModel> {
    return loadModel(this.task.config.model, { task: 'causal-lm' });
  }

  private async firstRound(): Promise<Collected> {
    if (this.first === null) {
      const policy = await this.load();
      this.first = await this.collect(policy, 1);
      policy.dispose();
    }
    return this.first;
  }

  private async collect(policy: LoadedModel, round: number): Promise<Collected> {
    const { config, training, seed } = this.task;
    const K = config.sampling.samples_per_prompt;
    const seedOf = (prompt: number, sample: number) => sampleSeed(seed, round, prompt, sample);
    const { ids, responses } = await this.respond(policy, training, K, config.sampling.temperature, seedOf);
    const scores = await this.score(training, responses, K);
    const samples: SampleRow[] = training.map(({ prompt }, i) => ({
      prompt_index: i,
      prompt,
      prompt_ids: ids[i],
      responses: responses.slice(i * K, (i + 1) * K),
    }));
    const rewards = samples.map((_, i) => scores.slice(i * K, (i + 1) * K));
    const rows = rewards.map((each, i) => ({ prompt_index: i, rewards: each }));
    const { pairs } = makePairs(samples, rows, config.pairs, deriveSeed(seed, 'pairs', round));
    return { pairs, rewards, reference: referenceSums(pairs, await responseLogprobs(policy, pairSides(pairs))) };
  }

  private async measure(policy: LoadedModel, round: number): Promise<Responses> {
    const { config, measured, responses: K, seed } = this.task;
    const seedOf = (prompt: number, sample: number) => deriveSeed(seed, 'held-out', round, prompt, sample);
    const { responses } = await this.respond(policy, measured, K, config.evaluation.temperature, seedOf);
    const rewards = await this.score(measured, responses, K);
    return {
      rewards: rewards.map((reward) => Number(reward.toFixed(4))),
      lengths: responses.map(({ ids }) => ids.length),
      correct: responses.map(({ text }, i) => (isCorrect(measured[Math.floor(i / K)], text) ? '1' : '0')).join(''),
      cut_off: responses.filter(({ finish_reason }) => finish_reason === 'length').length,
    };
  }

  /** K responses to each prompt, grouped by prompt. */
  private async respond(
    policy: LoadedModel,
    prompts: CheckedPrompt[],
    K: number,
    temperature: number,
    seedOf: (prompt: number, sample: number) => number,
  ): Promise<{ ids: number[][]; responses: SampledResponse[] }> {
    const { sampling } = this.task.config;
    const { tokenizer } = policy;
    if (tokenizer === null) throw new Error(`${policy.dir} has no tokenizer`);
    const ids = prompts.map(({ prompt }) => tokenizer.promptIds(prompt, { raw: sampling.raw }));
    const jobs = ids.flatMap((prompt_ids, i) =>
      Array.from({ length: K }, (_, k) => ({ prompt_ids, seed: seedOf(i, k) })),
    );
    const responses = new Array<SampledResponse>(jobs.length);
    const settings = { ...sampling, temperature };
    await sampleResponses(policy, jobs, settings, { onResponse: (job, response) => (responses[job] = response) });
    return { ids, responses };
  }

  private async score(prompts: CheckedPrompt[], responses: SampledResponse[], K: number): Promise<number[]> {
    const inputs = responses.map(({ text }, i) => ({ prompt: prompts[Math.floor(i / K)].prompt, response: text }));
    const rewards = new Array<number>(inputs.length);
    await this.reward.score(inputs, { onReward: (index, value) => (rewards[index] = value) });
    return rewards;
  }
}
