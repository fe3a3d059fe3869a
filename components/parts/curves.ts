/** What is plotted over an update's steps. */
import { heldOutPoints, type HeldOutPoint } from '../../src/core/metricsRow.js';
import type { MetricsRow, StepMetrics } from '../../src/core/rows.js';
import { meanLogRatio } from './kl.js';

export interface Curve {
  title: string;
  /** One or two; two are told apart by name. */
  series: { name: string; values: number[]; last?: number }[];
}

/** In the order in which pages show them. */
export const curveCount = 8;

/** @param fromStart whether the reference is the policy that the round started from */
export function curvesOf(metrics: readonly MetricsRow[], beta: number, fromStart: boolean): Curve[] {
  // What is not a finite number has crossed the line as null.
  const of = (name: string, key: keyof StepMetrics) => ({
    name,
    values: metrics.map((row) => (Number.isFinite(row[key]) ? row[key] : NaN)),
  });
  const ratios = { name: '', values: metrics.map((row) => meanLogRatio(row, beta)) };
  return [
    { title: 'loss', series: [of('', 'loss')] },
    { title: 'reward margin', series: [of('', 'rewards/margins')] },
    { title: 'accuracy', series: [{ name: '', values: metrics.map(accuracy) }] },
    { title: 'logps', series: [of('y_w', 'logps/chosen'), of('y_l', 'logps/rejected')] },
    { title: 'length', series: [of('y_w', 'lengths/chosen'), of('y_l', 'lengths/rejected')] },
    { title: 'gradient norm', series: [of('', 'grad_norm')] },
    { title: fromStart ? 'KL from start, est.' : 'log π_ref/π, nats', series: [ratios] },
    { title: 'learning rate', series: [of('', 'learning_rate')] },
  ];
}

/** The curves of an update with those of its held-out pairs over loss and accuracy. */
export function curvesWithHeldOut(metrics: readonly MetricsRow[], beta: number, fromStart: boolean): Curve[] {
  const points = heldOutPoints(metrics);
  const all = curvesOf(metrics, beta, fromStart);
  if (points.length === 0) return all;
  const shown = new Map<string, (point: HeldOutPoint) => number>([
    ['loss', (point) => point.eval_loss],
    ['accuracy', heldOutAccuracy],
  ]);
  return all.map((curve) => {
    const value = shown.get(curve.title);
    if (value === undefined) return curve;
    const values = between(points, metrics.length, value);
    return {
      ...curve,
      series: [...curve.series, { name: 'held', values, last: value(points[points.length - 1]) }],
    };
  });
}

/**
 * A value for each row, on straight lines between the evaluations. The row of step s + 1 has the loss after s steps, so the
 * evaluation after s steps is drawn there; that after the last step has no row of its own and takes the last one.
 */
function between(points: readonly HeldOutPoint[], rows: number, value: (point: HeldOutPoint) => number): number[] {
  const values = new Array<number>(rows).fill(NaN);
  points.forEach((point, i) => {
    const [from, to] = [points[Math.max(0, i - 1)], point];
    for (let row = from.step; row <= Math.min(to.step, rows - 1); row++) {
      const share = to.step === from.step ? 1 : (row - from.step) / (to.step - from.step);
      // Not `0 · NaN`: an accuracy that is undefined at the start must not remove the next one.
      values[row] =
        share === 0 ? value(from) : share === 1 ? value(to) : value(from) + share * (value(to) - value(from));
    }
    if (to.step >= rows) values[rows - 1] = value(to);
  });
  return values;
}

/** Rewards below this are rounding: policy and reference are equal, and no pair is right or wrong. */
const NO_REWARD = 1e-4;

function heldOutAccuracy(point: HeldOutPoint): number {
  const undecided = [point['eval_rewards/chosen'], point['eval_rewards/rejected']].every(
    (r) => Math.abs(r) < NO_REWARD,
  );
  return undecided ? NaN : point['eval_rewards/accuracies'];
}

/** At the first step policy and reference are equal: no pair is right or wrong, and 0 would be misread. */
function accuracy(row: MetricsRow): number {
  const undecided = row['rewards/chosen'] === 0 && row['rewards/rejected'] === 0;
  return undecided ? NaN : row['rewards/accuracies'];
}
