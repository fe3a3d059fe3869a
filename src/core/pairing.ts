/**
 * Which of a prompt's responses make pairs: the strategies, several pairs per prompt, and the weights that follow from
 * margins. It needs rewards, lengths and which responses are alike, so review can try every strategy without texts.
 *
 * Sources: `length-penalized` is `max_min_p` of RLHFlow/Online-RLHF (dpo_iteration/run_dpo.py), with lengths in tokens
 * instead of characters and without its last step, which sorts the two chosen responses by raw reward again and so undoes
 * the penalty. `wpo` is the rule on the model card of Llama3-Instruct-8B-WPO-HB-v2; the public code of WPO
 * (wzhouad/WPO, scripts/run_wpo.py) reads finished pairs.
 */
import type { PairsConfig } from './config/schema.js';
import type { ResponsePair, RewardPair } from './review/rows.js';
import type { DroppedPairs } from './rows.js';
import { largest } from './limits.js';
import { deriveSeed, Random } from './seeds.js';

/** What pairing knows of a prompt's K responses, each list in sampling order. */
export interface Candidates {
  prompt_index: number;
  rewards: readonly number[];
  /** In tokens. */
  lengths: readonly number[];
  /** For each response the index of the first response with the same tokens: its own, unless it repeats another. */
  same: readonly number[];
}

/** A pair and the margin that its strategy orders by: of rewards, or of r - λ·|y|. Always above zero. */
export interface MarginPair extends ResponsePair {
  margin: number;
}

/** The seed of a round's random pairs. */
export const pairingSeed = (runSeed: number, round: number): number => deriveSeed(runSeed, 'pairs', round);

type Pairing = Omit<PairsConfig, 'weight'>;

/**
 * A prompt's pairs, at most `per_prompt`, the first one first. No two pairs have the same two token sequences.
 *
 * @param seed of the round, for `best-random`
 * @returns the pairs, or why even the first attempt gives none
 */
export function choosePairs(
  candidates: Candidates,
  config: Pairing,
  seed: number,
): readonly MarginPair[] | keyof DroppedPairs {
  const { rewards, lengths, same } = candidates;
  if (rewards.length < 2) return 'too_few';
  const { length_penalty: penalty } = config;
  const values = penalty === 0 ? rewards : rewards.map((reward, i) => reward - penalty * lengths[i]);
  const tried =
    config.strategy === 'best-random'
      ? randomPairs(candidates, config.per_prompt, seed)
      : orderedPairs(candidates, values, config);
  const made: MarginPair[] = [];
  const seen: number[] = [];
  let cause: keyof DroppedPairs | null = null;
  for (const { chosen, rejected } of tried) {
    const margin = values[chosen] - values[rejected];
    const wrong = margin <= 0 ? 'ties' : same[chosen] === same[rejected] ? 'identical' : gapOf(margin, config);
    if (wrong !== null) {
      cause ??= wrong;
      continue;
    }
    // Of equal tokens with unequal rewards, the second pair could say the opposite of the first.
    const [first, second] = same[chosen] < same[rejected] ? [chosen, rejected] : [rejected, chosen];
    const key = same[first] * rewards.length + same[second];
    if (seen.includes(key)) continue;
    seen.push(key);
    made.push({ chosen, rejected, margin });
  }
  return made.length === 0 ? (cause ?? 'ties') : made;
}

const gapOf = (margin: number, { min_gap }: Pairing): 'below_gap' | null => (margin < min_gap ? 'below_gap' : null);

/** The n-th best against the n-th worst. A response is in one pair at most, so there are at most K / 2. */
function orderedPairs(
  { rewards, lengths }: Candidates,
  values: readonly number[],
  { strategy, per_prompt }: Pairing,
): ResponsePair[] {
  const byLength = strategy === 'wpo';
  const taken = new Uint8Array(rewards.length);
  const pairs: ResponsePair[] = [];
  // Plain loops: review previews ten strategies over 20,000 prompts. Of equals the lowest index stays.
  for (let left = rewards.length; left >= 2 && pairs.length < per_prompt; left -= 2) {
    let chosen = -1;
    for (let i = 0; i < values.length; i++) {
      if (taken[i] === 1) continue;
      const better = chosen < 0 ? 1 : values[i] - values[chosen] || (byLength ? lengths[chosen] - lengths[i] : 0);
      if (better > 0) chosen = i;
    }
    taken[chosen] = 1;
    let rejected = -1;
    const distance = (i: number): number => Math.abs(lengths[i] - lengths[chosen]);
    for (let i = 0; i < values.length; i++) {
      if (taken[i] === 1) continue;
      const worse =
        rejected < 0 ? 1 : values[rejected] - values[i] || (byLength ? distance(rejected) - distance(i) : 0);
      if (worse > 0) rejected = i;
    }
    taken[rejected] = 1;
    pairs.push({ chosen, rejected });
  }
  return pairs;
}

/** The best against others with lower rewards and other tokens, drawn without putting back. */
function randomPairs({ prompt_index, rewards, same }: Candidates, most: number, seed: number): ResponsePair[] {
  const chosen = rewards.indexOf(largest(rewards));
  let others = [...rewards.keys()].filter((i) => rewards[i] < rewards[chosen] && same[i] !== same[chosen]);
  const random = new Random(deriveSeed(seed, 'pairs', prompt_index));
  const pairs: ResponsePair[] = [];
  while (pairs.length < most && others.length > 0) {
    const rejected = others[random.below(others.length)];
    pairs.push({ chosen, rejected });
    others = others.filter((i) => same[i] !== same[rejected]);
  }
  return pairs;
}

/** The largest weight that a margin gives, so that a few outliers do not decide the update. */
export const MARGIN_WEIGHT_CAP = 3;

/**
 * Weights of a round's pairs.
 *
 * `margin`: the pair's margin divided by the mean margin of the round's pairs, at most MARGIN_WEIGHT_CAP. The margin is
 * the one that the strategy orders by. Decisions do not change it: a decision on one prompt leaves the weights of all
 * other prompts as they are.
 */
export function weighPairs(
  pairs: readonly (readonly MarginPair[])[],
  weight: PairsConfig['weight'],
): readonly (readonly RewardPair[])[] {
  const plain = ({ chosen, rejected }: MarginPair): RewardPair => ({ chosen, rejected });
  if (weight === 'none') return pairs.map((of) => of.map(plain));
  let [sum, count] = [0, 0];
  for (const of of pairs)
    for (const { margin } of of) {
      sum += margin;
      count++;
    }
  const mean = sum / count;
  return pairs.map((of) =>
    of.map((pair) => ({ ...plain(pair), weight: Math.min(MARGIN_WEIGHT_CAP, pair.margin / mean) })),
  );
}
