/** Makes the training pairs of scored responses; pairing.ts says which. Knows no backend and does no I/O. */
import { rewardScale } from './config/rewardSpec.js';
import type { DpoConfig, PairsConfig } from './config/schema.js';
import { UserError } from './errors.js';
import { objectives } from './objectives/index.js';
import type { Objective } from './objectives/objective.js';
import { type RewardScale, winProbability } from './objectives/sppo.js';
import { type Candidates, choosePairs, weighPairs } from './pairing.js';
import { type RewardPair, firstOfEqual } from './review/rows.js';
import type { DroppedPairs, PairRow, SampleRow, ScoreRow } from './rows.js';

/** The pairs that the rewards make of one prompt, or why they make none. */
export type MadePairs = readonly RewardPair[] | keyof DroppedPairs;

/**
 * A round's pairs by its strategy (pairing.ts). The length penalty of the loss has no part in it.
 *
 * @param scores rewards of each sample row, found by prompt_index
 * @param seed for `best-random`
 * @returns the pairs by prompt_index, the number of prompts without a pair, and the outcome of every prompt
 */
export function makePairs(
  samples: readonly SampleRow[],
  scores: readonly ScoreRow[],
  config: PairsConfig,
  seed: number,
): { pairs: PairRow[]; dropped: DroppedPairs; made: Map<number, MadePairs> } {
  const rewardsOf = new Map(scores.map(({ prompt_index, rewards }) => [prompt_index, rewards]));
  const rows = [...samples]
    .sort((a, b) => a.prompt_index - b.prompt_index)
    .map((row) => {
      const rewards = rewardsOf.get(row.prompt_index);
      if (rewards === undefined || rewards.length !== row.responses.length) {
        throw new UserError(
          `prompt ${row.prompt_index} has ${row.responses.length} responses and ${rewards?.length ?? 0} rewards; its samples or scores are damaged`,
        );
      }
      return { row, rewards, chosen: choosePairs(candidatesOf(row, rewards), config, seed) };
    });
  const weighed = weighPairs(
    rows.map(({ chosen }) => (typeof chosen === 'string' ? [] : chosen)),
    config.weight,
  );
  const dropped: DroppedPairs = { ties: 0, identical: 0, below_gap: 0, too_few: 0 };
  const pairs: PairRow[] = [];
  const made = new Map<number, MadePairs>();
  rows.forEach(({ row, rewards, chosen }, i) => {
    made.set(row.prompt_index, typeof chosen === 'string' ? chosen : weighed[i]);
    if (typeof chosen === 'string') dropped[chosen]++;
    else for (const pair of weighed[i]) pairs.push(pairRow(row, rewards, pair));
  });
  return { pairs, dropped, made };
}

/** @param rewards of its responses, in their order */
export function candidatesOf({ prompt_index, responses }: SampleRow, rewards: readonly number[]): Candidates {
  return {
    prompt_index,
    rewards,
    lengths: responses.map(({ ids }) => ids.length),
    same: firstOfEqual(responses.map(({ ids }) => ids)),
  };
}

/** Makes a training pair from two of a prompt's responses. */
export function pairRow(row: SampleRow, rewards: readonly number[], { chosen, rejected, weight }: RewardPair): PairRow {
  const [w, l] = [row.responses[chosen], row.responses[rejected]];
  return {
    prompt_index: row.prompt_index,
    prompt: row.prompt,
    prompt_ids: row.prompt_ids,
    chosen_ids: w.ids,
    rejected_ids: l.ids,
    chosen_text: w.text,
    rejected_text: l.text,
    chosen_reward: rewards[chosen],
    rejected_reward: rewards[rejected],
    chosen_index: chosen,
    rejected_index: rejected,
    chosen_truncated: w.finish_reason === 'length',
    rejected_truncated: l.finish_reason === 'length',
    ...(weight === undefined ? {} : { weight }),
  };
}

/**
 * A round's pair with the columns that its objective needs.
 *
 * @param rewards of all responses to the pair's prompt
 */
export function withColumns(
  pair: PairRow,
  config: { dpo: Pick<DpoConfig, 'objective'> } & Parameters<typeof rewardScale>[0],
  rewards: readonly number[],
): PairRow {
  const { needs }: Objective = objectives[config.dpo.objective];
  return needs.includes('chosen_win_probability') ? withWinProbabilities(pair, rewards, rewardScale(config)) : pair;
}

/** @param rewards of all responses to the pair's prompt */
export function withWinProbabilities(pair: PairRow, rewards: readonly number[], scale: RewardScale): PairRow {
  const { chosen_index: chosen, rejected_index: rejected } = pair;
  if (chosen === undefined || rejected === undefined) return pair;
  return {
    ...pair,
    chosen_win_probability: winProbability(rewards, chosen, scale),
    rejected_win_probability: winProbability(rewards, rejected, scale),
  };
}

/** Prompt and response tokens of both sides. */
export function pairTokens(pair: PairRow): number {
  return 2 * pair.prompt_ids.length + pair.chosen_ids.length + pair.rejected_ids.length;
}
