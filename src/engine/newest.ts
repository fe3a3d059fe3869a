/** The newest responses and log-ratios as engine and terminals keep them. Pure. */
import type { LogRatios, WeightInputs } from '../review/rows.js';
import type { ResponseSeen, RewardSeen, WeightProgress } from './protocol.js';

/** Of each kind: samples of the round, answers of its evaluation. */
const KEPT = 50;

/** @returns with `response` at the end and, where that is one too many of its kind, without the oldest of it */
export function withNewest(responses: readonly ResponseSeen[], response: ResponseSeen): ResponseSeen[] {
  const ofKind = responses.reduce((n, { held_out }) => (held_out === response.held_out ? n + 1 : n), 0);
  const oldest = responses.findIndex(({ held_out }) => held_out === response.held_out);
  const kept = ofKind < KEPT ? responses : responses.filter((_, i) => i !== oldest);
  return [...kept, response];
}

/** Which of these rewards belong to one of the responses. */
export function rewardsSeen(responses: readonly ResponseSeen[], rewards: readonly RewardSeen[]): RewardSeen[] {
  const known = new Set(responses.map(keyOf));
  return rewards.filter((reward) => known.has(keyOf(reward)));
}

export function withRewards(responses: ResponseSeen[], rewards: readonly RewardSeen[]): ResponseSeen[] {
  if (rewards.length === 0) return responses;
  const known = new Map(rewards.map((reward) => [keyOf(reward), reward.reward]));
  return responses.map((response) => {
    const reward = known.get(keyOf(response));
    return reward === undefined ? response : { ...response, reward };
  });
}

export function withLogRatios(
  before: WeightInputs,
  { known, weights }: { known: readonly LogRatios[]; weights: WeightProgress },
): WeightInputs {
  const earlier = before.need === 'logps' ? before.known : [];
  // The same array where nothing is new: tables are kept by it.
  return { ...weights, known: known.length === 0 ? earlier : [...earlier, ...known] };
}

function keyOf({ held_out, prompt_index, sample }: Omit<RewardSeen, 'reward'>): string {
  return `${held_out} ${prompt_index} ${sample}`;
}
