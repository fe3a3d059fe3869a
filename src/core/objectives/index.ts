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
 * Each may add -λ·ℓ̄(y_w) (nll_weight; RPO, arXiv 2404.19733, eq. 1 without the margin) and weight pairs.
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

/** Values at which a setting changes nothing; an objective that does not use it must have it there. */
export const neutral = { alpha: 0, gamma_ratio: 0, ld_scale: 1, label_smoothing: 0 } as const;

/**
 * The loss of one pair under an objective, with its weight and the NLL term.
 *
 * NLL (arXiv 2404.19733): -λ·log π(y_w)/|y_w|, added after the pair's weight as the objective has it.
 */
export function pairLoss(
  name: ObjectiveName,
  logps: PairLogps,
  settings: ObjectiveSettings,
  extras: PairExtras = {},
): PairLoss {
  const { nll_weight: lambda } = settings;
  const { weight: counts = 1 } = extras;
  const own = objectives[name].pair(logps, settings, extras);
  const perToken = lambda / logps.chosen_length;
  return {
    ...own,
    loss: counts * (own.loss - perToken * logps.chosen_logps),
    weight: counts * own.weight,
    chosen_slope: counts * own.chosen_slope,
    rejected_slope: counts * own.rejected_slope,
    nll_slope: -counts * perToken,
  };
}
