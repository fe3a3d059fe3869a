/**
 * How much more often chosen responses contain something than rejected ones: the log-odds ratio with an informative
 * Dirichlet prior, divided by its standard deviation (Monroe, Colaresi & Quinn, "Fightin' Words", Political Analysis
 * 16(4), 2008). A response counts once however often it repeats the thing (as Wang & Manning, "Baselines and bigrams",
 * 2012, do for sentiment). Pure.
 */
import { deriveSeed, Random } from './seeds.js';

export interface Contrast {
  text: string;
  /** Number of responses that contain it. */
  chosen: number;
  rejected: number;
  /** Log-odds ratio in standard deviations; above zero: chosen responses contain it more often. */
  z: number;
}

/** Pseudo-counts of the prior, as a share of the counts: rare things need a stronger imbalance. */
const PRIOR = 0.1;

/**
 * ẑ of one thing.
 *
 * @param chosen number of chosen responses that contain it
 * @param chosenAll sum of such numbers over all things
 * @param rejected likewise for rejected responses
 * @param rejectedAll likewise for rejected responses
 */
export function zScore(chosen: number, chosenAll: number, rejected: number, rejectedAll: number): number {
  const prior = PRIOR * (chosen + rejected);
  const priorAll = PRIOR * (chosenAll + rejectedAll);
  const odds = (count: number, all: number): number =>
    Math.log(count + prior) - Math.log(all + priorAll - count - prior);
  const variance = 1 / (chosen + prior) + 1 / (rejected + prior);
  return (odds(chosen, chosenAll) - odds(rejected, rejectedAll)) / Math.sqrt(variance);
}

// Correlations.

/** Pearson's r; NaN with fewer than two values, or if one side does not vary. */
export function pearson(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const n = Math.min(xs.length, ys.length);
  let [meanX, meanY] = [0, 0];
  for (let i = 0; i < n; i++) {
    meanX += xs[i] / n;
    meanY += ys[i] / n;
  }
  let [xx, yy, xy] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const dx = xs[i] - meanX;
    const dy = ys[i] - meanY;
    xx += dx * dx;
    yy += dy * dy;
    xy += dx * dy;
  }
  return n < 2 || xx === 0 || yy === 0 ? NaN : xy / Math.sqrt(xx * yy);
}

/** Spearman's ρ: Pearson's r of the ranks; equal values share the mean of their ranks. */
export function spearman(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  return pearson(ranks(xs), ranks(ys));
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const out = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let i = start; i < end; i++) out[order[i]] = (start + 1 + end) / 2;
    start = end;
  }
  return out;
}

/**
 * A share with its 95 % interval (Wilson, "Probable inference, the law of succession, and statistical inference",
 * 1927), which is valid for few cases and near 0 and 1 too. All NaN without cases.
 */
export function wilson(hits: number, cases: number): { share: number; low: number; high: number } {
  const z = 1.959964;
  const share = hits / cases;
  const middle = (share + (z * z) / (2 * cases)) / (1 + (z * z) / cases);
  const reach = (z / (1 + (z * z) / cases)) * Math.sqrt((share * (1 - share)) / cases + (z * z) / (4 * cases * cases));
  return { share, low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) };
}

/**
 * The exact two-sided p-value of `hits` heads in `cases` throws of a fair coin: the sign test, and McNemar's test of
 * paired outcomes that differ. 1 without cases.
 */
export function signTest(hits: number, cases: number): number {
  const tail = Math.min(hits, cases - hits);
  // ln C(cases, i), starting from C(cases, 0) = 1: the coefficients themselves overflow.
  let logCount = 0;
  let probability = 0;
  for (let i = 0; i <= tail; i++) {
    probability += Math.exp(logCount - cases * Math.LN2);
    logCount += Math.log(cases - i) - Math.log(i + 1);
  }
  return Math.min(1, 2 * probability);
}

/** A 95 % interval. */
export interface Interval {
  low: number;
  high: number;
}

/**
 * The percentile bootstrap interval of a statistic over prompts (Efron & Tibshirani, "An introduction to the bootstrap",
 * 1993, chapter 13). A drawn prompt brings everything that belongs to it, both policies' responses included, so
 * comparisons are paired (Koehn, "Statistical significance tests for machine translation evaluation", EMNLP 2004).
 *
 * @param prompts number of prompts
 * @param statistic of a resample: indices of prompts, with repetitions
 * @returns null for fewer than two prompts, and where a resample has no finite value
 */
export function bootstrapInterval(
  prompts: number,
  statistic: (drawn: Int32Array) => number,
  { resamples = 1000, seed = 0 }: { resamples?: number; seed?: number } = {},
): Interval | null {
  if (prompts < 2) return null;
  const values = new Float64Array(resamples);
  const drawn = new Int32Array(prompts);
  const random = new Random(deriveSeed(seed, 'bootstrap', prompts));
  for (let r = 0; r < resamples; r++) {
    for (let i = 0; i < prompts; i++) drawn[i] = random.below(prompts);
    values[r] = statistic(drawn);
    if (!Number.isFinite(values[r])) return null;
  }
  values.sort();
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
}

/** Of sorted values, with linear interpolation. @param share 0…1 */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
