/** Win rates of a model against a baseline, plain and length-controlled. */
import { UserError } from './errors.js';
import { sigmoid } from './objectives/lrDpo.js';
import { largest } from './limits.js';

export interface WinRates {
  /** In percent. */
  win_rate: number;
  length_controlled_win_rate: number;
  /** Of the plain win rate, in percent; null for a single row, which has no spread. */
  standard_error: number | null;
  prompts: number;
  /** The features of the length-controlled fit. */
  form: 'minimal' | 'difficulty';
  note: string;
}

const notes = {
  minimal: 'minimal form (length and a constant): no difficulties were given',
  difficulty: 'length, difficulty and a constant; the gamed baselines of alpaca_eval are left out',
};

/** `±` on screens and in reports is always this: half the width of the 95 % interval of a mean. */
export const halfWidth = (standardError: number): number => 1.96 * standardError;

/** @throws UserError without rows, or if the difficulty form lacks a difficulty */
export function winRates(rows: PreferenceRow[], form: 'minimal' | 'difficulty' = 'minimal'): WinRates {
  if (rows.length === 0) throw new UserError('there are no rows to compute a win rate from');
  const without = rows.findIndex(({ difficulty }) => difficulty === undefined);
  if (form === 'difficulty' && without >= 0) {
    throw new UserError(`row ${without + 1} has no "difficulty"; give one to each row or leave --difficulty out`);
  }
  const preferences = rows.map(({ preference }) => preference);
  return {
    win_rate: 100 * mean(preferences),
    length_controlled_win_rate: lengthControlledWinRate(rows, form).win_rate,
    standard_error: rows.length < 2 ? null : (100 * sampleDeviation(preferences)) / Math.sqrt(rows.length),
    prompts: rows.length,
    form,
    note: notes[form],
  };
}

// Length-controlled win rate (arXiv 2404.04475; alpaca_eval's `length_controlled_v1`):
//
// p = σ(θ1·tanh(d/sd) + θ2·difficulty + θ3)        d = length of the baseline's output - length of the model's
//
// fitted to soft preferences without an intercept, sd the sample standard deviation of d, not centred. The win rate is
// 100·mean σ(θ2·difficulty + θ3), the prediction at d = 0. Without known difficulties the minimal form has only θ1 and
// θ3.
//
// Leaves out the rows of two "gamed" baselines that the public tool adds as a regularizer.

export interface PreferenceRow {
  /** Probability that the model is preferred, 0…1; a tie is ½. */
  preference: number;
  length_model: number;
  length_baseline: number;
  difficulty?: number;
}

export interface LengthControlled {
  /** In percent. */
  win_rate: number;
  form: 'minimal' | 'difficulty';
  /** θ1, θ2 (difficulty form only), θ3. */
  theta: number[];
}

/** Separable data have no finite maximum: this small ridge gives them one, and changes other fits by less than 1e-4. */
const RIDGE = 1e-6;

/** @param start coefficients to begin the fit with: see fitLogistic */
export function lengthControlledWinRate(
  rows: readonly PreferenceRow[],
  form: 'minimal' | 'difficulty',
  start?: readonly number[],
): LengthControlled {
  const differences = rows.map(({ length_model, length_baseline }) => length_baseline - length_model);
  const sd = sampleDeviation(differences);
  const { distinct, counts } = countEqual(rows, differences);
  const features = distinct.map((i) => {
    const length = sd > 0 ? Math.tanh(differences[i] / sd) : 0;
    return form === 'difficulty' ? [length, rows[i].difficulty as number, 1] : [length, 1];
  });
  const theta = fitLogistic(
    features,
    distinct.map((i) => rows[i].preference),
    { start, counts },
  );
  const controlled = features.map(
    ([, ...rest], i) => counts[i] * sigmoid(rest.reduce((sum, x, k) => sum + x * theta[k + 1], 0)),
  );
  return { win_rate: (100 * controlled.reduce((a, b) => a + b, 0)) / rows.length, form, theta };
}

/**
 * Indices of rows that differ, and how many rows are equal to each. A bootstrap fits thousands of rows a thousand times,
 * and responses to the same prompts have few different lengths.
 */
function countEqual(
  rows: readonly PreferenceRow[],
  differences: readonly number[],
): { distinct: number[]; counts: number[] } {
  const places = new Map<number, Map<number, Map<number | undefined, number>>>();
  const distinct: number[] = [];
  const counts: number[] = [];
  rows.forEach(({ preference, difficulty }, i) => {
    const ofLength = inner(places, differences[i]);
    const ofPreference = inner(ofLength, preference);
    const place = ofPreference.get(difficulty);
    if (place !== undefined) counts[place]++;
    else {
      ofPreference.set(difficulty, distinct.length);
      distinct.push(i);
      counts.push(1);
    }
  });
  return { distinct, counts };
}

/** A map's map under a key, made if there is none. */
function inner<K, L, V>(maps: Map<K, Map<L, V>>, key: K): Map<L, V> {
  let found = maps.get(key);
  if (found === undefined) maps.set(key, (found = new Map<L, V>()));
  return found;
}

export function mean(values: number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** With n - 1; 0 for fewer than two values. */
export function sampleDeviation(values: number[]): number {
  if (values.length < 2) return 0;
  const centre = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1));
}

/**
 * Newton's method with step halving on the mean cross-entropy of soft labels, with a tiny ridge.
 *
 * @param counts how many equal rows each row stands for
 * @param start where to begin: the result is the same, and a bootstrap, whose resamples have nearby maxima, needs a
 *   fraction of the steps
 * @returns θ
 */
export function fitLogistic(
  features: readonly (readonly number[])[],
  labels: readonly number[],
  { counts, start }: { counts?: readonly number[]; start?: readonly number[] } = {},
): number[] {
  const k = features[0].length;
  const rows = features.length;
  // Plain loops over flat arrays: a bootstrap fits a thousand times.
  const shares = new Float64Array(rows).fill(1 / rows);
  if (counts !== undefined) {
    const total = counts.reduce((sum, count) => sum + count, 0);
    for (let i = 0; i < rows; i++) shares[i] = counts[i] / total;
  }
  const flat = new Float64Array(rows * k);
  for (let i = 0; i < rows; i++) for (let a = 0; a < k; a++) flat[i * k + a] = features[i][a];
  const logit = (theta: readonly number[], i: number): number => {
    let z = 0;
    for (let a = 0; a < k; a++) z += flat[i * k + a] * theta[a];
    return z;
  };
  const objective = (theta: readonly number[]): number => {
    let total = 0;
    for (const t of theta) total += (RIDGE / 2) * t * t;
    for (let i = 0; i < rows; i++) {
      const z = logit(theta, i);
      total += shares[i] * (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - labels[i] * z);
    }
    return total;
  };
  let theta: number[] = start === undefined ? new Array<number>(k).fill(0) : [...start];
  let current = objective(theta);
  for (let iteration = 0; iteration < 200; iteration++) {
    const gradient = theta.map((t) => RIDGE * t);
    const hessian = theta.map((_, a) => theta.map((_unused, b) => (a === b ? RIDGE : 0)));
    for (let i = 0; i < rows; i++) {
      const p = sigmoid(logit(theta, i));
      const residual = shares[i] * (p - labels[i]);
      const weight = shares[i] * p * (1 - p);
      for (let a = 0; a < k; a++) {
        const x = flat[i * k + a];
        gradient[a] += residual * x;
        for (let b = 0; b < k; b++) hessian[a][b] += weight * x * flat[i * k + b];
      }
    }
    const direction = solve(hessian, gradient);
    // The last step: it converges quadratically, and the objective no longer tells such steps apart.
    if (largest(direction.map(Math.abs)) < 1e-6) return theta.map((t, a) => t - direction[a]);
    let size = 1;
    let next = theta;
    let reached = current;
    for (; size > 1e-10; size /= 2) {
      next = theta.map((t, a) => t - size * direction[a]);
      reached = objective(next);
      if (reached <= current) break;
    }
    const moved = largest(theta.map((t, a) => Math.abs(t - next[a])));
    theta = next;
    current = reached;
    if (moved < 1e-10) break;
  }
  return theta;
}

/** Gaussian elimination with pivoting, for a few unknowns. */
function solve(matrix: number[][], right: number[]): number[] {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]]);
  for (let c = 0; c < n; c++) {
    const pivot = rows
      .slice(c)
      .reduce((best, row, i) => (Math.abs(row[c]) > Math.abs(rows[best][c]) ? c + i : best), c);
    [rows[c], rows[pivot]] = [rows[pivot], rows[c]];
    for (let r = c + 1; r < n; r++) {
      const factor = rows[r][c] / rows[c][c];
      for (let j = c; j <= n; j++) rows[r][j] -= factor * rows[c][j];
    }
  }
  const x = new Array<number>(n).fill(0);
  for (let r = n - 1; r >= 0; r--)
    x[r] = (rows[r][n] - rows[r].slice(r + 1, n).reduce((sum, value, i) => sum + value * x[r + 1 + i], 0)) / rows[r][r];
  return x;
}
