/**
 * The JSON-lines rows that the stage commands exchange and the run directory stores. Fields keep the files' names
 * (snake_case; metrics are TRL's), so one type serves disk, wire and screen.
 *
 * Leaves out reading and writing (io/jsonl.ts) and the configuration (config/schema.ts).
 */
import { z } from 'zod';
import type { NamedPart } from './config/rewardSpec.js';
import type { HeldOutDecoding } from './heldOutDecoding.js';
import { MAX_REWARD, MAX_TOKEN_ID } from './limits.js';
import type { Interval } from './statistics.js';

export const messageSchema = z.object({ role: z.string(), content: z.string() });
export type Message = z.infer<typeof messageSchema>;

/** A prompt as text (one user message if the tokenizer has a chat template) or as messages. */
export const promptSchema = z.union([z.string(), z.array(messageSchema).min(1)]);
export type Prompt = z.infer<typeof promptSchema>;

export const tokenIdsSchema = z.array(z.int().min(0).max(MAX_TOKEN_ID, `a token id is at most ${MAX_TOKEN_ID}`));

export const rewardSchema = z
  .number()
  .min(-MAX_REWARD, `a reward is at least -${MAX_REWARD}`)
  .max(MAX_REWARD, `a reward is at most ${MAX_REWARD}`);

/**
 * Parts of the rewards of a prompt's responses, for a weighted sum: [response][part], the unweighted value of each part
 * in the order of the specification. Absent for a single reward, and in rows of earlier versions.
 */
export const rewardPartsSchema = z.array(z.array(rewardSchema));

/** Why these parts do not belong to so many responses; null if they do. */
export function problemWithParts(parts: readonly (readonly number[])[] | undefined, responses: number): string | null {
  if (parts === undefined) return null;
  if (parts.length !== responses) return `expected one list for each of ${responses} rewards, got ${parts.length}`;
  const uneven = parts.find((values) => values.length < 2 || values.length !== parts[0].length);
  return uneven === undefined ? null : 'expected lists of as many numbers, at least two, one for each part';
}

/** One sampled response. `ids` includes the end-of-turn token if the model produced it: |y| = ids.length. */
export const responseSchema = z.object({
  ids: tokenIdsSchema,
  text: z.string(),
  /** Sum over response tokens of log π(token | prefix), of the untempered policy. */
  logps: z.number(),
  token_logprobs: z.array(z.number()),
  finish_reason: z.enum(['stop', 'length']),
});
export type SampledResponse = z.infer<typeof responseSchema>;

/** A row of `samples.jsonl`: every response to one prompt. */
export const sampleRowSchema = z.object({
  prompt_index: z.int().min(0),
  prompt: promptSchema.optional(),
  prompt_ids: tokenIdsSchema,
  responses: z.array(responseSchema),
});
export type SampleRow = z.infer<typeof sampleRowSchema>;

/** A row of `scores.jsonl`: the rewards of `samples.jsonl`'s row with the same prompt_index, in its order. */
export const scoreRowSchema = z
  .object({ prompt_index: z.int().min(0), rewards: z.array(rewardSchema), parts: rewardPartsSchema.optional() })
  .superRefine(({ rewards, parts }, context) => {
    const message = problemWithParts(parts, rewards.length);
    if (message !== null) context.addIssue({ code: 'custom', path: ['parts'], message });
  });
export type ScoreRow = z.infer<typeof scoreRowSchema>;

const winProbabilityExpected = 'expected a number from 0 to 1';
const winProbabilitySchema = z
  .number(winProbabilityExpected)
  .min(0, winProbabilityExpected)
  .max(1, winProbabilityExpected);

/** A row of `pairs.jsonl`: what one update trains on. Text is for people; training uses the ids. */
export const pairRowSchema = z.object({
  prompt_index: z.int().min(0).optional(),
  prompt: promptSchema.optional(),
  prompt_ids: tokenIdsSchema,
  chosen_ids: tokenIdsSchema.min(1),
  rejected_ids: tokenIdsSchema.min(1),
  chosen_text: z.string().optional(),
  rejected_text: z.string().optional(),
  chosen_reward: rewardSchema.optional(),
  rejected_reward: rewardSchema.optional(),
  /** Index among the prompt's responses. */
  chosen_index: z.int().optional(),
  rejected_index: z.int().optional(),
  /** The response reached max_new_tokens before an end-of-turn token. */
  chosen_truncated: z.boolean().optional(),
  rejected_truncated: z.boolean().optional(),
});

/** Columns of pairs that updates read. Runs write win probabilities, for SPPO, and mark held-out pairs. */
export const pairColumnsSchema = z.object({
  /** Weight of the pair; 1 if absent. */
  weight: z.number('expected a finite number').min(0, 'expected a number of 0 or more').optional(),
  /** SPPO: probability that the response beats another of the policy's responses to the prompt. */
  chosen_win_probability: winProbabilitySchema.optional(),
  rejected_win_probability: winProbabilitySchema.optional(),
  /** The update never trains on the pair; it tracks loss and accuracy on it. */
  held_out: z.boolean('expected true or false').optional(),
});
export type PairRow = z.infer<typeof pairRowSchema> & z.infer<typeof pairColumnsSchema>;

/** A row of a round's `pairs.jsonl`. */
export const roundPairSchema = pairRowSchema.extend(pairColumnsSchema.shape);

/** How many prompts gave no pair, by cause. */
export interface DroppedPairs {
  /** The best and the worst reward are equal. */
  ties: number;
  /** Chosen and rejected are the same tokens. */
  identical: number;
  /** The reward margin is below `pairs.min_gap`. */
  below_gap: number;
  /** Fewer than two responses. */
  too_few: number;
}

/** Means over the held-out pairs. Names are TRL's. */
export interface HeldOutMetrics {
  eval_loss: number;
  'eval_rewards/chosen': number;
  'eval_rewards/rejected': number;
  'eval_rewards/margins': number;
  'eval_rewards/accuracies': number;
  'eval_logps/chosen': number;
  'eval_logps/rejected': number;
}

/** The same before the first step, which has no row of its own. */
export type StartMetrics = { [Name in keyof HeldOutMetrics as `start_${Name}`]: number };

/**
 * A row of `metrics.jsonl`: one optimizer step. Steps after which the held-out pairs were evaluated have their metrics,
 * and the first step also those of the start.
 */
export interface MetricsRow extends StepMetrics, Partial<HeldOutMetrics>, Partial<StartMetrics> {}

/** What every row of `metrics.jsonl` has. Names are TRL's; loss and rewards are those before the step. */
export interface StepMetrics {
  step: number;
  total_steps: number;
  epoch: number;
  loss: number;
  grad_norm: number;
  learning_rate: number;
  'rewards/chosen': number;
  'rewards/rejected': number;
  'rewards/margins': number;
  'rewards/accuracies': number;
  'logps/chosen': number;
  'logps/rejected': number;
  'lengths/chosen': number;
  'lengths/rejected': number;
  'lengths/margin': number;
  'weights/mean': number;
  tokens: number;
  tokens_per_second: number;
  /** Pairs computed at once; halves when memory runs out. */
  micro_batch: number;
  memory_mb: number;
}

/** Figures of a comparison that have a 95 % interval: core/evaluation.ts. */
export const comparedFigures = [
  'win_rate',
  'length_controlled_win_rate',
  'style_controlled_win_rate',
  'reward_change',
  'length_change_percent',
  'kl',
  'kl_per_token',
] as const;
export type ComparedFigure = (typeof comparedFigures)[number];

/**
 * One policy against another on the held-out prompts. Rates are in percent. Every figure is a mean over prompts of the
 * mean over a prompt's responses. Optional fields are missing from evaluations of versions before 0.2.
 */
export interface Comparison {
  /** `round-start` or `base`. */
  against: string;
  prompts: number;
  win_rate: number;
  /** null for a single prompt, which has no spread. */
  win_rate_standard_error: number | null;
  length_controlled_win_rate: number;
  /** `minimal` (θ1, θ3) or `difficulty` (θ1, θ2, θ3). */
  length_controlled_form: 'minimal' | 'difficulty';
  /** At equal style (core/styleControl.ts). */
  style_controlled_win_rate?: number;
  /** Parts of the style that do not vary, so that nothing is controlled for them. */
  style_constant_features?: string[];
  mean_length: number;
  mean_length_against: number;
  /** 100·(mean_length / mean_length_against - 1). */
  length_change_percent: number;
  reward: number;
  reward_against: number;
  /**
   * Mean over responses of Σ_t [log π(y_t) - log π_against(y_t)]: a Monte-Carlo estimate of KL(π ‖ against), nats; null
   * if unknown.
   */
  kl: number | null;
  kl_per_token: number | null;
  /** Why the KL is null. */
  kl_note?: string;
  /** Of `reward - reward_against`, and of the figures above. A figure whose interval is unknown is left out. */
  intervals?: Partial<Record<ComparedFigure, Interval>>;
  metrics?: ComparedMetric[];
  judge?: JudgeComparison;
  kinds?: KindComparison[];
}

/** A user's metric of both policies' responses, in the metric's own unit. */
export interface ComparedMetric {
  name: string;
  /** Values from 0 to 1, shown as percentages. */
  percent: boolean;
  value: number;
  value_against: number;
  /** Of `value - value_against`. */
  interval?: Interval;
}

/** The same responses by the second judge. Rates are in percent. */
export interface JudgeComparison {
  /** `comparisons`: the judge compared the responses; `scores`: the one with the higher score wins. */
  by: 'comparisons' | 'scores';
  win_rate: number;
  length_controlled_win_rate: number;
  /** Mean scores; only if the judge scores. */
  score?: number;
  score_against?: number;
  /** Of `score - score_against`, and of the rates. */
  intervals: { win_rate?: Interval; length_controlled_win_rate?: Interval; score_change?: Interval };
  agreement: Agreement;
}

/** How far two judges agree, prompt by prompt: core/agreement.ts. */
export interface Agreement {
  /** Share of prompts on which both prefer the same policy, or neither, 0…1. */
  share: number;
  /** Cohen's κ; null if both always give the same verdict. */
  kappa: number | null;
  /** Spearman's ρ of both judges' score differences; null unless both score and both vary. */
  spearman: number | null;
  intervals: { share?: Interval; kappa?: Interval; spearman?: Interval };
}

/** The comparison on the prompts of one kind. */
export interface KindComparison {
  kind: string;
  prompts: number;
  win_rate: number;
  reward_change: number;
  length_change_percent: number;
  judge_win_rate?: number;
  /** Changes, in the order of the comparison's metrics. */
  metrics: { name: string; percent: boolean; change: number; interval?: Interval }[];
  intervals: {
    win_rate?: Interval;
    reward_change?: Interval;
    length_change_percent?: Interval;
    judge_win_rate?: Interval;
  };
}

export interface RewardCheckSummary {
  /** Its published name. */
  reward: string;
  summary: string;
  /** What speaks against it, one sentence each. */
  warnings: string[];
}

export type PartMean = NamedPart & { reward: number };

/** `evaluation.json` of a round; round 0 (the base) has no comparisons. */
export interface EvaluationResult {
  round: number;
  prompts: number;
  /** Responses per prompt; 1 if absent. */
  responses?: number;
  /** Absent: plain sampling. */
  decoding?: HeldOutDecoding;
  reward: number;
  /** Mean unweighted value of each part of a weighted sum; absent for a single reward, and in earlier versions. */
  reward_parts?: PartMean[];
  /** Of round 0, if the run has preference rows: how far the reward agrees with them. */
  reward_check?: RewardCheckSummary;
  mean_length: number;
  mean_characters: number;
  distinct_2: number;
  truncated_share: number;
  metrics?: { name: string; percent: boolean; value: number }[];
  /** The second judge: its specification, its mean score if it scores, and what it reports of its own work. */
  judge?: { spec: string; score?: number; remarks: string[] };
  /** Sentences that belong beside the figures: prompts without a kind, a judge that is no second opinion, … */
  notes?: string[];
  comparisons: Comparison[];
}

/** A row of remarks.jsonl: sentences about rewards that were computed in a stage, the most important one first. */
export const remarksRowSchema = z.object({
  stage: z.enum(['score', 'evaluate']),
  /** The judge or reward that they are about, as `Reward.spec`. */
  reward: z.string(),
  remarks: z.array(z.string()),
});
export type RemarksRow = z.infer<typeof remarksRowSchema>;

/** A row of probes.jsonl: the policy's response to one probe prompt after `step` steps of the update. */
export const probeRowSchema = z.object({
  /** Optimizer steps taken; 0 is the round's start. */
  step: z.int().min(0),
  /** Index among the probe prompts. */
  probe: z.int().min(0),
  prompt: z.string(),
  text: z.string(),
  length: z.int().min(0),
  truncated: z.boolean(),
});
export type ProbeRow = z.infer<typeof probeRowSchema>;

/**
 * A response as people see it: while it is sampled, in review, to a probe or a held-out prompt. SampledResponse is the same
 * with its tokens, as files keep it.
 */
export interface ShownResponse {
  text: string;
  /** In tokens. */
  length: number;
  /** It met the token limit, so no end-of-turn token ends it. */
  truncated: boolean;
}

/** A response to a held-out prompt with its reward. */
export interface HeldOutResponse extends ShownResponse {
  prompt_index: number;
  /** Index among the prompt's responses; 0 if absent. */
  sample?: number;
  prompt: string;
  reward: number;
}

export const sampleOf = ({ sample = 0 }: Pick<HeldOutResponse, 'sample'>): number => sample;

/** Names a held-out response among those of a round; two rounds' responses with one name are compared. */
export const heldOutKey = (response: Pick<HeldOutResponse, 'prompt_index' | 'sample'>): string =>
  `${response.prompt_index} ${sampleOf(response)}`;
