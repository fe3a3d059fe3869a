/** Makes preference pairs from scored responses. Knows no backend and does no I/O. */
import type { PairsConfig } from './config/schema.js';
import { UserError } from './errors.js';
import { objectives, type ObjectiveName } from './objectives/index.js';
import type { Objective } from './objectives/objective.js';
import { winProbabilities } from './objectives/sppo.js';
import type { ResponsePair } from './review/rows.js';
import type { DroppedPairs, PairRow, SampleRow, ScoreRow } from './rows.js';
import { deriveSeed, Random } from './seeds.js';
import { largest, smallest } from './limits.js';

/**
 * One pair per prompt: the response with the highest reward against the one with the lowest, or against another at
 * random. Only the order of rewards decides; the length penalty enters through the loss.
 *
 * @param scores rewards of each sample row, found by prompt_index
 * @param seed for `best-random`
 * @returns the pairs by prompt_index, the number of prompts without a pair, and the outcome of every prompt
 */
export function makePairs(
  samples: SampleRow[],
  scores: ScoreRow[],
  config: PairsConfig,
  seed: number,
): { pairs: PairRow[]; dropped: DroppedPairs; made: Map<number, ResponsePair | keyof DroppedPairs> } {
  const rewardsOf = new Map(scores.map(({ prompt_index, rewards }) => [prompt_index, rewards]));
  const dropped: DroppedPairs = { ties: 0, identical: 0, below_gap: 0, too_few: 0 };
  const pairs: PairRow[] = [];
  const made = new Map<number, ResponsePair | keyof DroppedPairs>();
  for (const row of [...samples].sort((a, b) => a.prompt_index - b.prompt_index)) {
    const rewards = rewardsOf.get(row.prompt_index);
    if (rewards === undefined || rewards.length !== row.responses.length) {
      throw new UserError(
        `prompt ${row.prompt_index} has ${row.responses.length} responses and ${rewards?.length ?? 0} rewards; its samples or scores are damaged`,
      );
    }
    const result = choosePair(row, rewards, config, seed);
    made.set(row.prompt_index, result);
    if (typeof result === 'string') dropped[result]++;
    else pairs.push(pairRow(row, rewards, result));
  }
  return { pairs, dropped, made };
}

function choosePair(
  row: SampleRow,
  rewards: number[],
  config: PairsConfig,
  seed: number,
): ResponsePair | keyof DroppedPairs {
  if (rewards.length < 2) return 'too_few';
  const chosen = rewards.indexOf(largest(rewards));
  const rejected =
    config.strategy === 'best-worst' ? rewards.indexOf(smallest(rewards)) : randomOther(row, rewards, chosen, seed);
  if (rewards[chosen] === rewards[rejected]) return 'ties';
  if (sameTokens(row.responses[chosen].ids, row.responses[rejected].ids)) return 'identical';
  if (rewards[chosen] - rewards[rejected] < config.min_gap) return 'below_gap';
  return { chosen, rejected };
}

/** Makes a training pair from two of a prompt's responses. */
export function pairRow(row: SampleRow, rewards: number[], { chosen, rejected }: ResponsePair): PairRow {
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
  };
}

/**
 * A round's pair with the columns that its objective needs.
 *
 * @param rewards of all responses to the pair's prompt
 */
export function withColumns(pair: PairRow, objective: ObjectiveName, rewards: readonly number[]): PairRow {
  const { needs }: Objective = objectives[objective];
  const { chosen_index: chosen, rejected_index: rejected } = pair;
  if (!needs.includes('chosen_win_probability') || chosen === undefined || rejected === undefined) return pair;
  const wins = winProbabilities(rewards);
  return { ...pair, chosen_win_probability: wins[chosen], rejected_win_probability: wins[rejected] };
}

/** A response other than the best that could make a pair; the best itself where there is none, which counts as a tie. */
function randomOther(row: SampleRow, rewards: number[], best: number, seed: number): number {
  const others = rewards.flatMap((reward, i) =>
    reward < rewards[best] && !sameTokens(row.responses[i].ids, row.responses[best].ids) ? [i] : [],
  );
  if (others.length === 0) return best;
  return others[new Random(deriveSeed(seed, 'pairs', row.prompt_index)).below(others.length)];
}

function sameTokens(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Prompt and response tokens of both sides. */
export function pairTokens(pair: PairRow): number {
  return 2 * pair.prompt_ids.length + pair.chosen_ids.length + pair.rejected_ids.length;
}
