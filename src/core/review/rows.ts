/**
 * The data of review: every prompt of a round with the rewards and lengths of all its responses, and a person's
 * decisions about it. The same rows come from a run's engine and from a file of scored samples (`brevity review FILE`).
 *
 * Leaves out how decisions are replayed (decisions.ts) and the effect of α on the pairs (core/margins.ts).
 */
import type { DroppedPairs, Message, SampleRow, ScoreRow, ShownResponse } from '../rows.js';
import { promptText } from '../prompts.js';
import { largest, smallest } from '../limits.js';

/** Two of a prompt's K responses, by their index in sampling order. */
export interface ResponsePair {
  chosen: number;
  rejected: number;
}

/** One of a prompt's pairs, with its weight if it has one; otherwise it counts 1. */
export interface RewardPair extends ResponsePair {
  weight?: number;
}

/** A prompt with its K scored responses, but only two of their texts: 20,000 rows must be cheap to send. */
export interface ReviewRow {
  prompt_index: number;
  /** The prompt as one text, for tables and filters. */
  prompt: string;
  /** One value per response, in sampling order. logps contains no NaN; it is empty if unknown. */
  rewards: number[];
  lengths: number[];
  truncated: boolean[];
  logps: number[];
  /** Of a weighted sum: [response][part], unweighted (core/rows.ts: rewardPartsSchema); absent without parts. */
  parts?: number[][];
  /** The (first) pair that the rewards make, or why they make none. */
  automatic: ResponsePair | keyof DroppedPairs;
  /** Weight of that pair by `pairs.weight`; absent: 1. */
  weight?: number;
  /** The rewards' further pairs of this prompt, if `pairs.per_prompt` is above 1. They are trained on with the first. */
  further?: readonly RewardPair[];
  /** For each response the index of the first one with the same tokens; absent in rounds of earlier versions. */
  same?: readonly number[];
  /** Texts of the automatic pair; without one, of best and worst; empty for fewer than two responses. */
  chosen_text: string;
  rejected_text: string;
}

/** log π(y) - log π_ref(y) of a prompt's responses, with the policy that the update starts from; null: unknown. */
export interface LogRatios {
  prompt_index: number;
  log_ratios: (number | null)[];
  /** For LD-DPO: of each response the log-ratios of its first n tokens, by n: every shorter length of another one. */
  head_ratios?: Record<string, number>[];
  /** For WPO: each response's c(y) under the policy. */
  confidences?: number[];
}

/**
 * The inputs of gradient weights. `rows`: the review rows are enough, as the update starts from its reference policy and the
 * log-ratios are 0, or as there is no reference. `logps`: log-probabilities of every response, which are computed once
 * (core/startWeights.ts: neededLogps says which).
 */
export type WeightInputs =
  | { need: 'rows' }
  | {
      need: 'logps';
      /** Number of known log-probabilities, and their total: one per response and policy. */
      done: number;
      total: number;
      computing: boolean;
      /** Why the rest is not computed; null without a problem. */
      problem: string | null;
      known: LogRatios[];
    };

/** A prompt with all its details. */
export interface ReviewDetail {
  prompt_index: number;
  /** The prompt as given. */
  prompt: string | Message[];
  /** In sampling order. */
  responses: ResponseDetail[];
}

export interface ResponseDetail extends ShownResponse {
  reward: number;
  /** Sum of log π over the response; null if unknown. */
  logps: number | null;
  /** Of a weighted sum: the unweighted value of each part. */
  parts?: number[];
  /** The model or person that wrote it, if the file says so. */
  source?: string;
}

/**
 * A person's ruling on a prompt's pair. `swap` is `pair` with the two sides of the previous pair exchanged.
 *
 * `instead_of`: the pair that the person had chosen before excluding it or calling it a tie, to return to; absent if
 * the rewards' pair applied, and in files of earlier versions.
 */
export type Ruling =
  | { kind: 'pair'; chosen: number; rejected: number }
  | { kind: 'exclude'; instead_of?: ResponsePair }
  | { kind: 'tie'; instead_of?: ResponsePair };

/** A person's decision on a prompt; without a ruling the rewards' pair applies. */
export interface Decision {
  prompt_index: number;
  ruling: Ruling | null;
  /** The reason; empty without one. */
  note: string;
  /** Weight of the prompt's pairs, set by hand; absent: by `pairs.weight`. */
  weight?: number;
  /** The ruling was made without sight of rewards and lengths; absent: it was not, or there is none. */
  blind?: true;
  /** Who has decided last; absent in files of earlier versions. */
  reviewer?: string;
  /** Identifies the prompt's samples (`samplesKey`), so that no journal is applied to others; likewise. */
  samples?: string;
}

/**
 * A row of a round's decisions.jsonl, which is append-only; replaying all rows gives the current decisions. `decide-all`
 * decides many prompts at once: one row, so that a kill leaves all of it or nothing, and one undo takes it back.
 */
export type DecisionRow = { at: string } & (
  | { action: 'decide'; decision: Decision }
  | { action: 'decide-all'; decisions: Decision[] }
  | { action: 'undo' }
  | { action: 'redo' }
);

/** Current decisions compared with the rewards, counted for the round's results. */
export interface DecisionCounts {
  /** The rewards' pair with its sides exchanged. */
  swapped: number;
  /** Another two of the K responses, or a pair where the rewards made none. */
  repaired: number;
  /** The rewards' pair, confirmed. */
  confirmed: number;
  excluded: number;
  ties: number;
  noted: number;
  /** Prompts with a weight set by hand; absent: none. */
  weighted?: number;
  /** Rulings of all kinds that were made without sight of rewards and lengths; absent: none. */
  blind?: number;
}

/**
 * The rows of the review table from a round's samples and scores.
 *
 * @param made the rewards' pairs of each prompt, or why there are none (core/pairs.ts)
 */
export function reviewRows(
  samples: readonly SampleRow[],
  scores: readonly ScoreRow[],
  made: ReadonlyMap<number, readonly RewardPair[] | keyof DroppedPairs>,
): ReviewRow[] {
  const scoresOf = new Map(scores.map((score) => [score.prompt_index, score]));
  return [...samples]
    .sort((a, b) => a.prompt_index - b.prompt_index)
    .map((row): ReviewRow => {
      const { prompt_index, responses } = row;
      const { rewards, parts }: Pick<ScoreRow, 'rewards' | 'parts'> = scoresOf.get(prompt_index) ?? { rewards: [] };
      const pairs = made.get(prompt_index) ?? 'too_few';
      const [first, ...further] = typeof pairs === 'string' ? [] : pairs;
      const automatic = typeof pairs === 'string' ? pairs : { chosen: first.chosen, rejected: first.rejected };
      const shown = typeof automatic !== 'string' ? automatic : rewards.length < 2 ? null : bestAndWorst(rewards);
      return {
        prompt_index,
        prompt: promptText(row),
        rewards,
        lengths: responses.map(({ ids }) => ids.length),
        truncated: responses.map(({ finish_reason }) => finish_reason === 'length'),
        logps: responses.map(({ logps }) => logps),
        ...(parts !== undefined && { parts }),
        automatic,
        ...(first?.weight === undefined ? {} : { weight: first.weight }),
        ...(further.length === 0 ? {} : { further }),
        same: firstOfEqual(responses.map(({ ids }) => ids)),
        chosen_text: shown === null ? '' : responses[shown.chosen].text,
        rejected_text: shown === null ? '' : responses[shown.rejected].text,
      };
    });
}

/** For each response the index of the first one that is the same. @param responses their tokens, or texts */
export function firstOfEqual(responses: readonly (readonly number[] | string)[]): number[] {
  const firsts = new Map<string, number>();
  return responses.map((response, i) => {
    const key = typeof response === 'string' ? response : response.join();
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, i);
    return first ?? i;
  });
}

/** Indices of the best and the worst of at least two rewards; they differ even if all rewards are equal. */
export function bestAndWorst(rewards: readonly number[]): ResponsePair {
  const chosen = rewards.indexOf(largest(rewards));
  const rejected = rewards.indexOf(smallest(rewards));
  return rejected === chosen ? { chosen: 0, rejected: 1 } : { chosen, rejected };
}
