/** What is plotted over an update's steps, and how its noise is smoothed. */
import { type HeldOutPoint, heldOutAccuracy, heldOutPoints } from '../../src/core/metricsRow.js';
import type { MetricsRow, StepMetrics } from '../../src/core/rows.js';
import { meanLogRatio } from './kl.js';

export interface Series {
  name: string;
  /** Steps, ascending. */
  steps: readonly number[];
  /** NaN: no value at that step. */
  values: readonly number[];
  /** An earlier round's, drawn behind the others. */
  isBackground?: boolean;
  /** Measured at a few steps only: never smoothed. */
  isSparse?: boolean;
}

export interface Curve {
  title: string;
  /** One or two in front, which are told apart by name. */
  series: Series[];
}

/** In the order in which pages show them. */
export const curveCount = 8;

/** @param fromStart whether the reference is the policy that the round started from */
export function curvesOf(metrics: readonly MetricsRow[], beta: number, fromStart: boolean): Curve[] {
  const steps = metrics.map(({ step }) => step);
  const series = (name: string, value: (row: MetricsRow) => number): Series => ({
    name,
    steps,
    // What is not a finite number has crossed the line as null.
    values: metrics.map((row) => (Number.isFinite(value(row)) ? value(row) : NaN)),
  });
  const of = (name: string, key: keyof StepMetrics) => series(name, (row) => row[key]);
  return [
    { title: 'loss', series: [of('', 'loss')] },
    { title: 'reward margin', series: [of('', 'rewards/margins')] },
    { title: 'accuracy', series: [series('', accuracy)] },
    { title: 'logps', series: [of('y_w', 'logps/chosen'), of('y_l', 'logps/rejected')] },
    { title: 'length', series: [of('y_w', 'lengths/chosen'), of('y_l', 'lengths/rejected')] },
    { title: 'gradient norm', series: [of('', 'grad_norm')] },
    {
      title: fromStart ? 'KL from start, est.' : 'log π_ref/π, nats',
      series: [series('', (row) => meanLogRatio(row, beta))],
    },
    { title: 'learning rate', series: [of('', 'learning_rate')] },
  ];
}

/** The curves of an update with those of its held-out pairs over loss and accuracy. */
export function curvesWithHeldOut(metrics: readonly MetricsRow[], beta: number, fromStart: boolean): Curve[] {
  const points = heldOutPoints(metrics);
  const all = curvesOf(metrics, beta, fromStart);
  if (points.length === 0) return all;
  const last = metrics[metrics.length - 1].step;
  // The row of step s + 1 has the loss after s steps; the evaluation after the last step has no such row.
  const steps = points.map(({ step }) => Math.min(step + 1, last));
  const shown = new Map<string, (point: HeldOutPoint) => number>([
    ['loss', (point) => point.eval_loss],
    ['accuracy', heldOutAccuracy],
  ]);
  return all.map((curve) => {
    const value = shown.get(curve.title);
    if (value === undefined) return curve;
    return { ...curve, series: [...curve.series, { name: 'held', steps, values: points.map(value), isSparse: true }] };
  });
}

/** The updates of earlier rounds behind the first curve of each chart; two curves of each would not be told apart. */
export function withEarlier(
  curves: readonly Curve[],
  earlier: readonly { round: number; curves: readonly Curve[] }[],
): Curve[] {
  return curves.map((curve, i) => ({
    ...curve,
    series: [
      ...curve.series,
      ...earlier.map(({ round, curves: own }) => ({
        ...own[i].series[0],
        name: `round ${round}`,
        isBackground: true,
      })),
    ],
  }));
}

/**
 * Exponential moving average, corrected for its start as in TensorBoard and W&B: m_t = w·m_{t-1} + (1 - w)·x_t with m_0 = 0,
 * and the average is m_t / (1 - wᵗ), t counting finite values. What is not finite is passed over.
 *
 * @param weight w in [0, 1); 0 returns the values as they are
 */
export function smoothed(values: readonly number[], weight: number): readonly number[] {
  if (weight === 0) return values;
  let mean = 0;
  let rest = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return NaN;
    mean = weight * mean + (1 - weight) * value;
    rest *= weight;
    return mean / (1 - rest);
  });
}

/** At the first step policy and reference are equal: no pair is right or wrong, and 0 would be misread. */
function accuracy(row: MetricsRow): number {
  const undecided = row['rewards/chosen'] === 0 && row['rewards/rejected'] === 0;
  return undecided ? NaN : row['rewards/accuracies'];
}
