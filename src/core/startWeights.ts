/**
 * Gradient weights of pairs when an update starts, for review, where α moves and no model is loaded: a pair's
 * `weightStart` is computed once, and a `WeightLaw` says how the weight follows α. Both agree with the `weight` of `pairLoss`.
 */
import { type LossSettings, type ObjectiveName, objectives, pairLoss, usesAlpha } from './objectives/index.js';
import { lossLogit, sigmoid } from './objectives/lrDpo.js';
import type { Objective } from './objectives/objective.js';

/** How weights follow α: `logistic`: σ(-(start + α·Δ|y|)) + added. `constant`: the start, whatever α is. */
export type WeightLaw = { kind: 'logistic'; added: number } | { kind: 'constant' };

/** Of -log σ(z), with or without label smoothing. */
export const logistic: WeightLaw = { kind: 'logistic', added: 0 };

export function weightLaw({
  objective,
  label_smoothing: epsilon,
}: Pick<LossSettings, 'objective' | 'label_smoothing'>): WeightLaw {
  if (!usesAlpha(objective)) return { kind: 'constant' };
  // Of robust DPO [(1 - ε)·σ(-z) + ε·σ(z)] / (1 - 2ε).
  return objective === 'robust' ? { kind: 'logistic', added: epsilon / (1 - 2 * epsilon) } : logistic;
}

/** @param start the pair's weightStart @param lengthDifference |y_w| - |y_l| */
export function weightAt(law: WeightLaw, start: number, lengthDifference: number, alpha: number): number {
  return law.kind === 'constant' ? start : sigmoid(-lossLogit(start, lengthDifference, alpha)) + law.added;
}

/** What the weight of a pair depends on when the update starts. */
export interface StartingPair {
  /** log π(y) - log π_ref(y); for an objective without a reference log π(y). NaN: unknown. */
  chosen_log_ratio: number;
  rejected_log_ratio: number;
  chosen_length: number;
  rejected_length: number;
  /** For objectives that need them. */
  chosen_win_probability?: number;
  rejected_win_probability?: number;
}

/** The logit at α = 0 of an objective with α in its logit; of others the weight itself. NaN where it is unknown. */
export function weightStart(loss: LossSettings, pair: StartingPair): number {
  const { objective } = loss;
  const { chosen_log_ratio, rejected_log_ratio, chosen_length, rejected_length, ...wins } = pair;
  if (needsConfidence(objective)) return NaN;
  // A hinge of NaN is 0.
  if (Number.isNaN(chosen_log_ratio + rejected_log_ratio)) return NaN;
  const zero = { chosen_logps: 0, rejected_logps: 0, ref_chosen_logps: 0, ref_rejected_logps: 0 };
  const { z, weight } = pairLoss(
    objective,
    { ...zero, chosen_logps: chosen_log_ratio, rejected_logps: rejected_log_ratio, chosen_length, rejected_length },
    { ...loss, alpha: 0 },
    // LD-DPO's sums over the shared length count only where `whyUnknown` says that they are unknown.
    { ...wins, shared: zero },
  );
  return usesAlpha(objective) ? (z ?? NaN) : weight;
}

/** The start of every pair whose policy is its reference, where it does not depend on the pair; null: it does. */
export function commonStart({ objective }: Pick<LossSettings, 'objective'>): number | null {
  return usesAlpha(objective) && objectives[objective].reference && !needsConfidence(objective) ? 0 : null;
}

/** WPO's, under the policy as it is in the update. */
function needsConfidence(name: ObjectiveName): boolean {
  const { needs }: Objective = objectives[name];
  return needs.includes('chosen_confidence');
}

/**
 * Why an objective's weights cannot be known before its update; null: they can.
 *
 * @param same the update starts from its reference policy
 */
export function whyUnknown(
  { objective, ld_scale }: Pick<LossSettings, 'objective' | 'ld_scale'>,
  same: boolean,
): string | null {
  const { needs }: Objective = objectives[objective];
  if (needsConfidence(objective))
    return `gradient weights of ${objective} need the policy's probabilities of all tokens, which only the update computes`;
  if (needs.includes('shared') && !same && ld_scale !== 1)
    return `gradient weights of ${objective} need the reference's log-probabilities token by token, which only the update computes`;
  return null;
}
