/** What is plotted over an update's steps. */
import type { MetricsRow } from '../../src/core/rows.js';
import { meanLogRatio } from './kl.js';

export interface Curve {
  title: string;
  /** One or two; two are told apart by name. */
  series: { name: string; values: number[] }[];
}

/** In the order in which pages show them. */
export const curveCount = 8;

/** @param fromStart whether the reference is the policy that the round started from */
export function curvesOf(metrics: readonly MetricsRow[], beta: number, fromStart: boolean): Curve[] {
  // What is not a finite number has crossed the line as null.
  const of = (name: string, key: keyof MetricsRow) => ({
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

/** At the first step policy and reference are equal: no pair is right or wrong, and 0 would be misread. */
function accuracy(row: MetricsRow): number {
  const undecided = row['rewards/chosen'] === 0 && row['rewards/rejected'] === 0;
  return undecided ? NaN : row['rewards/accuracies'];
}
