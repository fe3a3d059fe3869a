/** The pair that the objectives' tests compute by hand. */
import { lossSettings, type LossSettings } from '../../../src/core/objectives/index.js';
import type { PairLogps } from '../../../src/core/objectives/objective.js';

/** Δ(y_w) = 3, Δ(y_l) = -2, δ = 5; |y_w| = 4, |y_l| = 8. */
export const pair: PairLogps = {
  chosen_logps: -7,
  rejected_logps: -22,
  ref_chosen_logps: -10,
  ref_rejected_logps: -20,
  chosen_length: 4,
  rejected_length: 8,
};

export const settings = (given: Partial<LossSettings> = {}): LossSettings =>
  lossSettings({ beta: 0.1, alpha: 0, ...given });
