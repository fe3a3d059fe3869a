/**
 * What every objective is: a pure function from one pair's log-probabilities and lengths to its loss and the derivative
 * with respect to each side's log-probability. Knows no backend and does no I/O.
 *
 * Notation, as in the papers: y_w chosen, y_l rejected; log π(y) the sum over response tokens, the end-of-turn token
 * included; Δ(y) = log π(y) - log π_ref(y); δ = Δ(y_w) - Δ(y_l); |y| the length in tokens; ℓ̄(y) = log π(y) / |y|.
 */

/** Sums over response tokens of log π(token | prefix) under policy and reference, and lengths in tokens. */
export interface PairLogps {
  chosen_logps: number;
  rejected_logps: number;
  /** NaN for an objective without a reference policy. */
  ref_chosen_logps: number;
  ref_rejected_logps: number;
  chosen_length: number;
  rejected_length: number;
}

/** What single objectives need beside the sums. */
export interface PairExtras {
  /** LD-DPO: the sums over the first min(|y_w|, |y_l|) tokens of each side. */
  shared?: Pick<PairLogps, 'chosen_logps' | 'rejected_logps' | 'ref_chosen_logps' | 'ref_rejected_logps'>;
  /** SPPO: the probability that this response beats another of the policy's, from all K rewards of the prompt. A column. */
  chosen_win_probability?: number;
  rejected_win_probability?: number;
  /** WPO: per side the mean over its tokens of log π(token) - log Σ_v π(v)², under the policy as it is now. */
  chosen_confidence?: number;
  rejected_confidence?: number;
  /** How much this pair counts, 1 unless given. A column. */
  weight?: number;
}

export interface ObjectiveSettings {
  /** β > 0; what it means depends on the objective (index.ts has the table). */
  beta: number;
  /** α ≥ 0, per token. */
  alpha: number;
  /** SimPO's γ/β. */
  gamma_ratio: number;
  /** LD-DPO: the share a in [0, 1] that tokens beyond the shorter response's length count. */
  ld_scale: number;
  /** ε in [0, ½): the share of preferences assumed to be wrong. */
  label_smoothing: number;
  /** λ ≥ 0 of the term -λ·ℓ̄(y_w). */
  nll_weight: number;
}

export interface PairLoss {
  /** The loss's logit; null for objectives that are no function of one. */
  z: number | null;
  loss: number;
  /**
   * How hard the update pulls on this pair: σ(-z) for losses of z, else the mean over both sides of the slope's size,
   * without the factor β (or β/|y|) that the log-probabilities have in the loss.
   */
  weight: number;
  /** ∂loss/∂log π(y_w), ∂loss/∂log π(y_l), without the NLL term. */
  chosen_slope: number;
  rejected_slope: number;
  /** Tokens beyond the shorter response's length count this much: LD-DPO's a, else 1. */
  tail: number;
  /** Implicit rewards as the objective defines them; β·Δ(y) unless it says otherwise. */
  chosen_reward: number;
  rejected_reward: number;
}

export interface Objective {
  /** As settings and files name it. */
  readonly name: string;
  /** For the form and help: what it minimizes, in a few words. */
  readonly describe: string;
  /** Paper, version and equation. */
  readonly source: string;
  /** Whether it compares with a reference policy. Without one none is loaded. */
  readonly reference: boolean;
  /** Settings beside β and nll_weight that it uses; another that is not at its neutral value is refused. */
  readonly uses: readonly Exclude<keyof ObjectiveSettings, 'beta' | 'nll_weight'>[];
  /** Extras without which it cannot be computed. */
  readonly needs: readonly (keyof PairExtras)[];
  /** The β that papers and official code use; the default of `brevity update`. */
  readonly usualBeta: number;
  pair(logps: PairLogps, settings: ObjectiveSettings, extras: PairExtras): PairLoss;
}

/** Δ(y) of both sides, times β. */
export function implicitRewards(pair: PairLogps, beta: number): { chosen_reward: number; rejected_reward: number } {
  return {
    chosen_reward: beta * (pair.chosen_logps - pair.ref_chosen_logps),
    rejected_reward: beta * (pair.rejected_logps - pair.ref_rejected_logps),
  };
}

/** α·(|y_w| - |y_l|). The sign is plus: lrDpo.ts says why. */
export function lengthTerm(pair: PairLogps, alpha: number): number {
  return alpha * (pair.chosen_length - pair.rejected_length);
}

/** σ(x) without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log(1 + eˣ) without overflow: -log σ(-x). */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
