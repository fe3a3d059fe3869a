/** The rows of the review table, made of a round's samples and scores. Pure. */
import { bestAndWorst } from '../review/decisions.js';
import type { ResponsePair, ReviewRow } from '../review/rows.js';
import type { DroppedPairs, SampleRow, ScoreRow } from '../rows.js';
import { promptText } from './prompts.js';

/** @param made of each prompt the pair that the rewards make, or why they make none (dpo/pairs.ts) */
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
