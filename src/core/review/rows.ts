/**
 * What review works on: every prompt of a round with the rewards and lengths of all its responses, and what a person
 * decided about it. The same rows come from a run's engine and from a file of scored samples (`brevity review FILE`).
 *
 * Leaves out how decisions follow one another (decisions.ts) and what α does to the pairs (core/margins.ts).
 */
import type { DroppedPairs, Message, SampleRow, ScoreRow } from '../rows.js';
import { promptText } from '../prompts.js';
import { largest, smallest } from '../limits.js';

/** Two of a prompt's K responses, by their place in sampling order. */
export interface ResponsePair {
  chosen: number;
  rejected: number;
}

/** A prompt with its K scored responses, without their texts but two: 20,000 of these must be light to pass around. */
export interface ReviewRow {
  prompt_index: number;
  /** The prompt in one piece, for tables and filters. */
  prompt: string;
  /** Of the K responses in sampling order; logps is NaN-free or empty where it is not known. */
  rewards: number[];
  lengths: number[];
  truncated: boolean[];
  logps: number[];
  /** The pair that the rewards make, or why there is none. */
  automatic: ResponsePair | keyof DroppedPairs;
  /** Texts of the automatic pair; of best and worst where there is none; empty where there is one response or none. */
  chosen_text: string;
  rejected_text: string;
}

/** log π(y) - log π_ref(y) of a prompt's responses, with the policy that the update starts from; null: unknown. */
export interface LogRatios {
  prompt_index: number;
  log_ratios: (number | null)[];
}

/**
 * The inputs of gradient weights. `rows`: the review rows are enough, as the update starts from its reference policy and the
 * log-ratios are 0, or as there is no reference. `logps`: log-probabilities of every response under both policies, which
 * are computed once. `update`: what only the update computes.
 */
export type WeightInputs =
  | { need: 'rows' }
  | {
      need: 'update';
      /** What that is, as a clause. */
      why: string;
    }
  | {
      need: 'logps';
      /** Log-probabilities that are known, and how many there are in all: two per response. */
      done: number;
      total: number;
      computing: boolean;
      /** Why the rest is not computed; null if nothing is wrong. */
      problem: string | null;
      known: LogRatios[];
    };

/** A prompt with everything there is to show of it. */
export interface ReviewDetail {
  prompt_index: number;
  /** The prompt as it was given. */
  prompt: string | Message[];
  /** In sampling order. */
  responses: ResponseDetail[];
}

export interface ResponseDetail {
  text: string;
  length: number;
  reward: number;
  /** Sum of log π over the response; null where it is not known. */
  logps: number | null;
  truncated: boolean;
  /** Who wrote it, where a file tells. */
  source?: string;
}

/**
 * What a person says of a prompt's pair. `swap` is `pair` with the places of the pair before exchanged.
 *
 * `instead_of`: the pair that the person had chosen before excluding it or calling it a tie, to return to; absent if the
 * rewards' pair applied, and in files of an earlier Brevity.
 */
export type Ruling =
  | { kind: 'pair'; chosen: number; rejected: number }
  | { kind: 'exclude'; instead_of?: ResponsePair }
  | { kind: 'tie'; instead_of?: ResponsePair };

/** A person's word on a prompt; without ruling the rewards decide. */
export interface Decision {
  prompt_index: number;
  ruling: Ruling | null;
  /** Why; empty where nothing was said. */
  note: string;
}

/** A row of a round's decisions.jsonl, only ever appended; replaying all rows gives the decisions as they stand. */
export type DecisionRow = { at: string } & (
  { action: 'decide'; decision: Decision } | { action: 'undo' } | { action: 'redo' }
);

/** Counted in the round's results: decisions as they stand against what the rewards said. */
export interface DecisionCounts {
  /** The rewards' pair with its sides exchanged. */
  swapped: number;
  /** Another two of the K, or a pair where the rewards made none. */
  repaired: number;
  /** The rewards' pair, confirmed. */
  confirmed: number;
  excluded: number;
  ties: number;
  noted: number;
}

/**
 * The rows of the review table from a round's samples and scores.
 *
 * @param made of each prompt the pair that the rewards make, or why they make none (core/pairs.ts)
 */
export function reviewRows(
  samples: readonly SampleRow[],
  scores: readonly ScoreRow[],
  made: ReadonlyMap<number, ResponsePair | keyof DroppedPairs>,
): ReviewRow[] {
  const rewardsOf = new Map(scores.map(({ prompt_index, rewards }) => [prompt_index, rewards]));
  return [...samples]
    .sort((a, b) => a.prompt_index - b.prompt_index)
    .map((row): ReviewRow => {
      const { prompt_index, responses } = row;
      const rewards = rewardsOf.get(prompt_index) ?? [];
      const automatic = made.get(prompt_index) ?? 'too_few';
      const shown = typeof automatic !== 'string' ? automatic : rewards.length < 2 ? null : bestAndWorst(rewards);
      return {
        prompt_index,
        prompt: promptText(row),
        rewards,
        lengths: responses.map(({ ids }) => ids.length),
        truncated: responses.map(({ finish_reason }) => finish_reason === 'length'),
        logps: responses.map(({ logps }) => logps),
        automatic,
        chosen_text: shown === null ? '' : responses[shown.chosen].text,
        rejected_text: shown === null ? '' : responses[shown.rejected].text,
      };
    });
}

/** Places of the best and the worst of at least two rewards; they differ even where all rewards are equal. */
export function bestAndWorst(rewards: readonly number[]): ResponsePair {
  const chosen = rewards.indexOf(largest(rewards));
  const rejected = rewards.indexOf(smallest(rewards));
  return rejected === chosen ? { chosen: 0, rejected: 1 } : { chosen, rejected };
}
