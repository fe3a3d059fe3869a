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

export function lengthControlledWinRate(rows: PreferenceRow[], form: 'minimal' | 'difficulty'): LengthControlled {
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
    counts,
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
function countEqual(rows: PreferenceRow[], differences: number[]): { distinct: number[]; counts: number[] } {
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
 * @returns θ
 */
function fitLogistic(
  features: number[][],
  labels: number[],
  counts: number[] = new Array<number>(labels.length).fill(1),
): number[] {
  const k = features[0].length;
  const n = counts.reduce((a, b) => a + b, 0);
  const objective = (theta: number[]) => {
    let total = (RIDGE / 2) * theta.reduce((sum, t) => sum + t * t, 0);
    features.forEach((x, i) => {
      const z = dot(x, theta);
      total += (counts[i] * (Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - labels[i] * z)) / n;
    });
    return total;
  };
  let theta = new Array<number>(k).fill(0);
  for (let iteration = 0; iteration < 200; iteration++) {
    const gradient = theta.map((t) => RIDGE * t);
    const hessian = theta.map((_, a) => theta.map((_unused, b) => (a === b ? RIDGE : 0)));
    features.forEach((x, i) => {
      const p = sigmoid(dot(x, theta));
      for (let a = 0; a < k; a++) {
        gradient[a] += (counts[i] * (p - labels[i]) * x[a]) / n;
        for (let b = 0; b < k; b++) hessian[a][b] += (counts[i] * p * (1 - p) * x[a] * x[b]) / n;
      }
    });
    const direction = solve(hessian, gradient);
    const current = objective(theta);
    let size = 1;
    let next = theta;
    for (; size > 1e-10; size /= 2) {
      next = theta.map((t, a) => t - size * direction[a]);
      if (objective(next) <= current) break;
    }
    const moved = largest(theta.map((t, a) => Math.abs(t - next[a])));
    theta = next;
    if (moved < 1e-10) break;
  }
  return theta;
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

/** Gaussian elimination with pivoting, for two or three unknowns. */
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
