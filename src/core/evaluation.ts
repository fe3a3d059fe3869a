/**
 * Compares policies on held-out prompts from samples and scores: one response per prompt of each policy, its rewards,
 * and the log-probabilities of the policy's responses under itself and its opponent. Lengths are response tokens.
 *
 * Knows no backend and does no I/O.
 */
import type { NamedPart } from './config/rewardSpec.js';
import { partMeans } from './rewardParts.js';
import type { Comparison, EvaluationResult, PartMean, SampledResponse } from './rows.js';
import { mean, winRates } from './winRate.js';

/** A policy's responses to the held-out prompts, in their order. */
export interface Answers {
  responses: SampledResponse[];
  rewards: number[];
  /** The parts of a weighted sum, and their unweighted values: [prompt][part]. */
  parts?: { named: readonly NamedPart[]; values: number[][] };
}

export interface Opponent extends Answers {
  /** `round-start` or `base`. */
  against: string;
  /** Summed log-probabilities of the policy's responses under the opponent, or why they are unknown. */
  logps: number[] | { unknown: string };
}

export function evaluatePolicy(round: number, policy: Answers, opponents: Opponent[]): EvaluationResult {
  const { responses, rewards } = policy;
  return {
    round,
    prompts: responses.length,
    reward: mean(rewards),
    ...(policy.parts !== undefined && { reward_parts: meansOf(policy.parts) }),
    mean_length: mean(responses.map(({ ids }) => ids.length)),
    mean_characters: mean(responses.map(({ text }) => text.length)),
    distinct_2: distinctBigrams(responses),
    truncated_share: mean(responses.map(({ finish_reason }) => (finish_reason === 'length' ? 1 : 0))),
    comparisons: opponents.map((opponent) => compare(policy, opponent)),
  };
}

function meansOf({ named, values }: NonNullable<Answers['parts']>): PartMean[] {
  const means = partMeans(values);
  return named.map((part, p) => ({ ...part, reward: means[p] }));
}

/**
 * The response with the higher reward wins; equal rewards count as half a win, and so do equal responses: rewards that
 * depend on the batch (on tensorflow or at a server) differ in their last bits for the same response.
 */
export function compare(policy: Answers, opponent: Opponent): Comparison {
  const rows = policy.rewards.map((reward, i) => ({
    preference: preference(policy.responses[i], reward, opponent.responses[i], opponent.rewards[i]),
    length_model: policy.responses[i].ids.length,
    length_baseline: opponent.responses[i].ids.length,
  }));
  const rates = winRates(rows, 'minimal');
  const length = mean(rows.map(({ length_model }) => length_model));
  const lengthAgainst = mean(rows.map(({ length_baseline }) => length_baseline));
  // E_{y~π}[log π(y) - log π_against(y)] = KL(π ‖ π_against). The estimate can come out below 0; responses sampled at a
  // temperature other than 1 or from a truncated distribution bias it.
  const { logps } = opponent;
  const ratios = Array.isArray(logps) ? policy.responses.map((response, i) => response.logps - logps[i]) : null;
  const tokens = policy.responses.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    against: opponent.against,
    prompts: rows.length,
    win_rate: rates.win_rate,
    win_rate_standard_error: rates.standard_error,
    length_controlled_win_rate: rates.length_controlled_win_rate,
    length_controlled_form: rates.form,
    mean_length: length,
    mean_length_against: lengthAgainst,
    length_change_percent: 100 * (length / lengthAgainst - 1),
    reward: mean(policy.rewards),
    reward_against: mean(opponent.rewards),
    kl: ratios === null ? null : mean(ratios),
    kl_per_token: ratios === null ? null : ratios.reduce((a, b) => a + b, 0) / tokens,
    ...(Array.isArray(logps) ? {} : { kl_note: logps.unknown }),
  };
}

function preference(ours: SampledResponse, reward: number, theirs: SampledResponse, against: number): number {
  if (sameTokens(ours.ids, theirs.ids)) return 0.5;
  return reward > against ? 1 : reward < against ? 0 : 0.5;
}

function sameTokens(a: number[], b: number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Distinct bigrams over all bigrams, of token ids over all responses (arXiv 1510.03055). */
export function distinctBigrams(responses: SampledResponse[]): number {
  const seen = new Set<string>();
  let total = 0;
  for (const { ids } of responses) {
    for (let i = 0; i + 1 < ids.length; i++) {
      seen.add(`${ids[i]} ${ids[i + 1]}`);
      total++;
    }
  }
  return total === 0 ? 0 : seen.size / total;
}
