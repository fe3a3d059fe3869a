/**
 * Gradient weights of pairs when an update starts, for review, where α moves and no model is loaded: a pair's
 * `weightStart` and `weightFactor` are computed once, and a `WeightLaw` says how the weight follows α. Together they agree
 * with the `weight` of `pairLoss`.
 */
import { type LossSettings, type ObjectiveName, objectives, pairLoss, usesAlpha } from './objectives/index.js';
import { lossLogit, sigmoid } from './objectives/lrDpo.js';
import type { Objective, PairExtras } from './objectives/objective.js';
import { wpoWeight } from './objectives/wpo.js';

/**
 * How weights follow α, up to the pair's factor: `logistic`: σ(-(start + α·Δ|y|)) + added. `constant`: the start, whatever α
 * is.
 */
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
  /** The log-ratios over the first min(|y_w|, |y_l|) tokens of each side, for LD-DPO. */
  shared?: Pick<StartingPair, 'chosen_log_ratio' | 'rejected_log_ratio'>;
  /** For objectives that need them. */
  chosen_win_probability?: number;
  rejected_win_probability?: number;
  /** c(y) under the policy that the update starts from, for WPO. */
  chosen_confidence?: number;
  rejected_confidence?: number;
}

/** The logit at α = 0 of an objective with α in its logit; of others the weight itself. NaN where it is unknown. */
export function weightStart(loss: LossSettings, pair: StartingPair): number {
  const { objective, ld_scale } = loss;
  const { chosen_log_ratio, rejected_log_ratio, chosen_length, rejected_length, ...extras } = pair;
  // A factor that is unknown makes the weight unknown.
  if (Number.isNaN(weightFactor(loss, pair))) return NaN;
  // A hinge of NaN is 0.
  if (Number.isNaN(chosen_log_ratio + rejected_log_ratio)) return NaN;
  // With a = 1 the tokens beyond the shared length count like the others.
  const shared = ld_scale === 1 ? pair : (pair.shared ?? { chosen_log_ratio: NaN, rejected_log_ratio: NaN });
  const { z, weight } = pairLoss(
    objective,
    { ...asLogps(pair), chosen_length, rejected_length },
    { ...loss, alpha: 0 },
    { ...extras, shared: asLogps(shared) },
  );
  return usesAlpha(objective) ? (z ?? NaN) : weight;
}

/** Log-ratios as log-probabilities of which the reference's are 0: a loss depends on their difference. */
function asLogps(
  pair: Pick<StartingPair, 'chosen_log_ratio' | 'rejected_log_ratio'>,
): NonNullable<PairExtras['shared']> {
  const { chosen_log_ratio: chosen_logps, rejected_log_ratio: rejected_logps } = pair;
  return { chosen_logps, rejected_logps, ref_chosen_logps: 0, ref_rejected_logps: 0 };
}

/** What the objective itself multiplies a pair's weight by at every α: WPO's w, else 1. NaN where it is unknown. */
export function weightFactor(
  { objective }: Pick<LossSettings, 'objective'>,
  {
    chosen_confidence = NaN,
    rejected_confidence = NaN,
  }: Pick<StartingPair, 'chosen_confidence' | 'rejected_confidence'>,
): number {
  return needsConfidence(objective) ? wpoWeight(chosen_confidence, rejected_confidence) : 1;
}

/** The start of every pair whose policy is its reference, where weights do not depend on the pair; null: they do. */
export function commonStart({ objective }: Pick<LossSettings, 'objective'>): number | null {
  return usesAlpha(objective) && objectives[objective].reference && !needsConfidence(objective) ? 0 : null;
}

/** WPO's, under the policy that the update starts from. */
function needsConfidence(name: ObjectiveName): boolean {
  const { needs }: Objective = objectives[name];
  return needs.includes('chosen_confidence');
}

/** What has to be computed of all responses before weights are known. */
export interface NeededLogps {
  /** Under which policies: the one that the round starts from, its reference. */
  models: readonly ('policy' | 'reference')[];
  /** Also the sums over the first tokens of each response, for every shorter length of another one. */
  heads: boolean;
  /** Also each response's confidence under the policy. */
  confidences: boolean;
}

/**
 * @param same the update starts from its reference policy
 * @returns null: the rows of review are enough
 */
export function neededLogps(
  { objective, ld_scale }: Pick<LossSettings, 'objective' | 'ld_scale'>,
  same: boolean,
): NeededLogps | null {
  const { needs, reference }: Objective = objectives[objective];
  const compared = reference && !same;
  const confidences = needsConfidence(objective);
  if (!compared && !confidences) return null;
  return {
    models: compared ? ['policy', 'reference'] : ['policy'],
    heads: compared && needs.includes('shared') && ld_scale !== 1,
    confidences,
  };
}
