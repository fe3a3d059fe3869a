/**
 * The objectives, and what their settings mean in each:
 *
 * | objective | β | α | other settings |
 * |---|---|---|---|
 * | lr-dpo | scale of the log-ratios | length penalty per token, inside σ | label_smoothing (cDPO) |
 * | dpo | the same | 0 | label_smoothing |
 * | dpo-norm | scale of the log-ratios per token (5) | inside σ | label_smoothing |
 * | simpo | scale of the mean log-probabilities (2 to 10) | inside σ | gamma_ratio = γ/β; label_smoothing |
 * | sppo | 1/η: the log-ratio aimed at is (P - ½)/β (1e-3) | 0 | pair columns: both win probabilities |
 * | wpo | as lr-dpo (0.01) | inside σ | weights from the current policy; label_smoothing |
 * | ld-dpo | as dpo | inside σ | ld_scale = a; label_smoothing |
 * | ipo | τ: the margin aimed at is 1/(2τ) | 0 | |
 * | hinge | scale of the log-ratios | 0 | |
 * | robust | as dpo | inside σ | label_smoothing = ε |
 * | apo-zero, apo-down | scale of the log-ratios | 0 | |
 *
 * Each may add -λ·ℓ̄(y_w) (nll_weight; arXiv 2404.19733, eq. 1) and weight pairs.
 */
import { ldDpo } from './ldDpo.js';
import { dpo, lrDpo } from './lrDpo.js';
import { apoDown, apoZero, hinge, ipo, robust } from './margins.js';
import { dpoNorm, simpo } from './normalized.js';
import type { Objective, ObjectiveSettings, PairExtras, PairLogps, PairLoss } from './objective.js';
import { sppo } from './sppo.js';
import { wpo } from './wpo.js';

export const objectives = {
  'lr-dpo': lrDpo,
  dpo,
  'dpo-norm': dpoNorm,
  simpo,
  sppo,
  wpo,
  'ld-dpo': ldDpo,
  ipo,
  hinge,
  robust,
  'apo-zero': apoZero,
  'apo-down': apoDown,
} as const satisfies Record<string, Objective>;

export type ObjectiveName = keyof typeof objectives;
export const objectiveNames = Object.keys(objectives) as ObjectiveName[];

/** An objective and its settings: what a loss is computed with. */
export interface LossSettings extends ObjectiveSettings {
  objective: ObjectiveName;
}

/** Values at which a setting changes nothing. */
export const neutral = { alpha: 0, gamma_ratio: 0, ld_scale: 1, label_smoothing: 0, nll_weight: 0 } as const;

export type GivenLossSettings = Pick<LossSettings, 'beta' | 'alpha'> & Partial<LossSettings>;

/** LR-DPO, and neutral values, where nothing else is given. */
export function lossSettings(given: GivenLossSettings): LossSettings {
  return { objective: 'lr-dpo', ...neutral, ...given };
}

/** The α that the bundled example and most papers' settings are near; of every other objective it is 0, as in its paper. */
export const LR_DPO_ALPHA = 0.02;

/** β and α of an objective where none are given. */
export function usualSettings(name: ObjectiveName): Pick<LossSettings, 'beta' | 'alpha'> {
  return { beta: objectives[name].usualBeta, alpha: name === 'lr-dpo' ? LR_DPO_ALPHA : neutral.alpha };
}

/** Whether α·Δ|y| is a part of its logit. */
export function usesAlpha(name: ObjectiveName): boolean {
  return objectives[name].uses.includes('alpha');
}

/** Why α cannot be moved; null: the objective uses it. */
export const fixedAlpha = (name: ObjectiveName): string | null =>
  usesAlpha(name) ? null : `α stays 0: objective ${name} does not use it`;

/** Settings away from their neutral value that the objective does not use. */
export function unusedSettings(settings: Omit<LossSettings, 'beta'>): (keyof typeof neutral)[] {
  const { uses } = objectives[settings.objective] as Objective;
  const optional = ['alpha', 'gamma_ratio', 'ld_scale', 'label_smoothing'] as const;
  return optional.filter((key) => !uses.includes(key) && settings[key] !== neutral[key]);
}

/** Why a setting of another objective is refused. */
export const notUsed = (name: ObjectiveName): string => `objective ${name} does not use it; leave it out`;

/**
 * The loss of one pair under an objective, with the NLL term -λ·log π(y_w)/|y_w| (arXiv 2404.19733, eq. 1), times the
 * pair's weight. What an objective itself weights pairs by (WPO) leaves the NLL term alone.
 *
 * @returns `nll_slope` is added to the derivative of every chosen token, whatever `tail` is
 */
export function pairLoss(
  name: ObjectiveName,
  logps: PairLogps,
  settings: ObjectiveSettings,
  extras: PairExtras = {},
): PairLoss & { nll_slope: number } {
  const objective: Objective = objectives[name];
  const missing = objective.needs.find((key) => extras[key] === undefined);
  if (missing !== undefined) throw new Error(`objective ${name} needs ${missing}`);
  const own = objective.pair(logps, settings, extras);
  const weight = extras.weight ?? 1;
  const perToken = settings.nll_weight / logps.chosen_length;
  return {
    ...own,
    loss: weight * (own.loss - perToken * logps.chosen_logps),
    weight: weight * own.weight,
    chosen_slope: weight * own.chosen_slope,
    rejected_slope: weight * own.rejected_slope,
    nll_slope: -weight * perToken,
  };
}
