/**
 * Policy verification: do the log-probabilities that an endpoint gives to fixed probe tokens belong to the weights that
 * it should hold? Pure: numbers in, a verdict out.
 *
 * Let `new` be the trainer's record of the wanted weights, `old` that of the weights before, and `s` the endpoint's
 * values, all per probe token. Engines compute in other orders and types than trainers, so `s` is never exactly `new`:
 * bfloat16 servers differ by 0.01 to 0.05 nats per token, in bad cases by 0.3 (vllm#42259). Two measures are used:
 *
 * - `mean` = mean |s − new|, at most the configured tolerance. It detects other models, adapters that are not applied,
 *   and ids off by one, but does not tell a small update from its start.
 * - `shift` = ⟨s − old, new − old⟩ / |new − old|²: the least-squares share of the update that `s` shows, 1 with the new
 *   weights and 0 with the old ones. It sums over all tokens, so that numerical noise cancels. Its standard error is se
 *   = rms(residual) / |new − old|, with the residual s − old − shift·(new − old). `shift` counts only if 3·se ≤
 *   MAX_ERROR: otherwise the update is smaller than the noise, and the note says so.
 *
 * A reload can be partial. vLLM 0.32's CPU build keeps a packed copy of a tied output head: mean 0.014 and shift 0.98
 * for an update of 0.086 nats per token. Such an endpoint differs from `new` by far more than it differed from `old`
 * under the old weights (2e-7). So the noise is measured before weights are replaced, and `mean` may be at most
 * MOST_NOISE times as large.
 *
 * Requests to one endpoint may reach several replicas behind a load balancer. So every sequence is sent as a separate
 * request, more than once, and each answer is also judged separately: one stale replica then shows as single answers
 * with a shift near 0 while the total is near 1.
 */
import { smallest } from '../../core/limits.js';
import type { Verification } from '../../protocol/remoteViews.js';

/** Per-token log-probabilities of the probe sequences, recorded for the wanted weights and for those before. */
export interface RecordedProbes {
  /** Log-probabilities under the weights before; null if they are not recorded. */
  start: number[][] | null;
  end: number[][];
}

/** One answer: log-probabilities of one sequence's response tokens. */
export interface ProbeAnswer {
  sequence: number;
  logprobs: number[];
}

/**
 * Largest value of three standard errors for a shift to count. A shift half-way between old and new is then at least
 * three errors from both.
 */
const MAX_ERROR = 0.5;
/**
 * Least total shift of the new weights, after adding three standard errors. One stale replica of eight gives 0.875;
 * vLLM's CPU build, which keeps packed copies of old matrices after a reload, gave 0.84.
 */
const LEAST_SHIFT = 0.9;
/** Largest total shift; beyond it the endpoint holds a later round's weights. */
const MOST_SHIFT = 1.25;
/** Single answers have fewer tokens, so their mean differences vary more than the total's. */
const SINGLE_TOLERANCE = 3;
/** Largest mean difference, as a multiple of the endpoint's own under the weights before. */
const MOST_NOISE = 10;
/**
 * A difference in nats per token that is always accepted: float32 servers differ by 1e-7, and new weights may be
 * computed with other numerics.
 */
const LEAST_NOISE = 1e-3;

interface Measured {
  tokens: number;
  mean: number;
  max: number;
  shift: number | null;
  error: number;
}

/**
 * @param weights the wanted weights, in words: `round 3`
 * @param before the weights before them, in words: `base policy`; null if they are not recorded
 * @param tolerance nats per token
 * @param noise the endpoint's mean difference under weights that it held before; null: not measured
 */
export function verifyPolicy(
  weights: string,
  before: string | null,
  answers: readonly ProbeAnswer[],
  recorded: RecordedProbes,
  tolerance: number,
  noise: number | null = null,
): Verification {
  const total = measure(answers, recorded);
  const { tokens, mean, max, shift } = total;
  const result = (verdict: Verification['verdict'], note: string | null): Verification => ({
    ...{ weights, tokens, mean, max, shift, verdict, note },
  });
  const old = before ?? 'the weights before';
  const single = answers.map((answer) => measure([answer], recorded));
  const stale = single.filter((answer) => answer.shift !== null && answer.shift < 0.5).length;
  const fresh = single.filter((answer) => answer.shift !== null && answer.shift >= 0.5).length;
  if (stale > 0 && fresh > 0)
    return result(
      'failed',
      `${stale} of ${answers.length} answers came from other weights than ${weights}: a replica behind this endpoint seems to hold ${old} still`,
    );
  if (!(mean <= tolerance)) {
    const { start } = recorded;
    const fromOld = start === null ? Infinity : measure(answers, { start: null, end: start }).mean;
    const seems = fromOld <= tolerance ? `it seems to hold ${old}` : 'it seems to hold other weights';
    return result(
      'failed',
      `its log-probabilities differ from those of ${weights} by ${nats(mean)} per token on average, more than the tolerance of ${tolerance}; ${seems}`,
    );
  }
  const lags = shift !== null && shift + 3 * total.error < LEAST_SHIFT;
  // The old weights may be within the tolerance while single answers exceed it, so this comes first.
  if (lags && shift < 0.5)
    return result('failed', `it shows ${percent(shift)} of the update to ${weights}; it seems to hold ${old} still`);
  const apart = single.filter((answer) => answer.mean > SINGLE_TOLERANCE * tolerance).length;
  if (apart > 0)
    return result(
      'failed',
      `${apart} of ${answers.length} answers differ from ${weights} by more than ${SINGLE_TOLERANCE * tolerance} nats per token, and the others do not: a replica behind this endpoint holds other weights`,
    );
  if (noise !== null && mean > Math.max(MOST_NOISE * noise, LEAST_NOISE))
    return result(
      'failed',
      `its log-probabilities differ from those of ${weights} by ${nats(mean)} per token, and differed from those of the weights before by ${nats(noise)}: it seems to have taken over only a part of the weights`,
    );
  if (shift === null)
    return result(
      'verified',
      recorded.start === null
        ? null
        : `the update from ${old} is too small on the probe tokens to tell it from numerical differences`,
    );
  if (lags)
    return result(
      'failed',
      `it shows ${percent(shift)} of the update to ${weights}; a replica behind this endpoint seems to hold ${old} still`,
    );
  if (shift - 3 * total.error > MOST_SHIFT)
    return result('failed', `it shows ${percent(shift)} of the update to ${weights}; it seems to hold later weights`);
  return result('verified', null);
}

/**
 * For weights without a record: endpoints must agree with each other, and each with itself.
 *
 * @param answers of each endpoint, for the same sequences
 */
export function verifyAgreement(
  weights: string,
  answers: readonly (readonly ProbeAnswer[])[],
  tolerance: number,
): Verification[] {
  // The reference is the endpoint that agrees best with all others, so that a single stale one does not make the others
  // fail.
  const averages = answers.map(meanPerSequence);
  const distances = averages.map((mine) => averages.map((other) => difference(mine, other)));
  const sums = distances.map((row) => row.reduce((sum, value) => sum + value, 0));
  const centre = sums.indexOf(smallest(sums));
  return answers.map((own, endpoint): Verification => {
    const tokens = own.reduce((sum, { logprobs }) => sum + logprobs.length, 0);
    const base = { weights, tokens, mean: null, max: null, shift: null };
    const within = measure(own, { start: null, end: averages[endpoint] }).mean;
    if (!(within <= tolerance))
      return {
        ...base,
        verdict: 'failed',
        note: `its answers to the same tokens differ by ${nats(2 * within)} per token: replicas behind this endpoint hold different weights`,
      };
    const apart = distances[centre][endpoint];
    if (!(apart <= tolerance))
      return {
        ...base,
        verdict: 'failed',
        note: `its log-probabilities differ from those of the other endpoints by ${nats(apart)} per token: they hold different weights`,
      };
    const note =
      answers.length === 1
        ? `nothing is recorded of the ${weights} yet, so only its answers could be compared with each other`
        : `nothing is recorded of the ${weights} yet; all ${answers.length} endpoints agree`;
    return { ...base, verdict: 'agreed', note };
  });
}

/** Mean absolute difference between answers and log-probabilities, nats per token. */
export function meanDifference(answers: readonly ProbeAnswer[], from: number[][]): number {
  return measure(answers, { start: null, end: from }).mean;
}

/** Mean of the answers to each sequence, per token. */
export function meanPerSequence(answers: readonly ProbeAnswer[]): number[][] {
  const sums: number[][] = [];
  const counts: number[] = [];
  for (const { sequence, logprobs } of answers) {
    sums[sequence] = logprobs.map((value, i) => value + (sums[sequence]?.[i] ?? 0));
    counts[sequence] = (counts[sequence] ?? 0) + 1;
  }
  return sums.map((row, sequence) => row.map((value) => value / counts[sequence]));
}

function difference(a: number[][], b: number[][]): number {
  const values = a.flatMap((row, sequence) => row.map((value, i) => Math.abs(value - b[sequence][i])));
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function measure(answers: readonly ProbeAnswer[], { start, end }: RecordedProbes): Measured {
  let tokens = 0;
  let sum = 0;
  let max = 0;
  let dot = 0;
  let square = 0;
  let moved = 0;
  for (const { sequence, logprobs } of answers)
    logprobs.forEach((value, i) => {
      const apart = Math.abs(value - end[sequence][i]);
      tokens++;
      sum += apart;
      max = Math.max(max, apart);
      if (start === null) return;
      const update = end[sequence][i] - start[sequence][i];
      const shown = value - start[sequence][i];
      dot += shown * update;
      square += update * update;
      moved += shown * shown;
    });
  const mean = sum / tokens;
  if (square === 0) return { tokens, mean, max, shift: null, error: Infinity };
  const shift = dot / square;
  // |s − old − shift·(new − old)|² = |s − old|² − shift²·|new − old|².
  const residual = Math.sqrt(Math.max(0, moved - shift * shift * square) / tokens);
  const error = residual / Math.sqrt(square);
  return { tokens, mean, max, shift: 3 * error <= MAX_ERROR ? shift : null, error };
}

const nats = (value: number): string => `${Number(value.toPrecision(3))} nats`;
const percent = (share: number): string => `${Math.round(100 * share)}%`;
