/** Summarizes the runs: means and spread by α and round, as numbers and as a Markdown table. */
import type { Measurement, Run } from './rounds.js';

export interface Spread {
  mean: number;
  /** Smallest and largest over the seeds. */
  low: number;
  high: number;
}

export interface Point {
  alpha: number;
  round: number;
  reward: Spread;
  correct: Spread;
  mean_length: Spread;
  /** Change of the mean length against the same seed's base, in percent. */
  length_change: Spread;
}

/** One point per α and round, in order; round 0 is the base. */
export function summarize(runs: Run[]): Point[] {
  const alphas = [...new Set(runs.map(({ alpha }) => alpha))].sort((a, b) => a - b);
  return alphas.flatMap((alpha) => {
    const same = runs.filter((run) => run.alpha === alpha);
    return same[0].measurements.map(({ round }, i) => {
      const over = (value: (measurement: Measurement, base: Measurement) => number) =>
        spread(same.map(({ measurements }) => value(measurements[i], measurements[0])));
      return {
        alpha,
        round,
        reward: over(({ reward }) => reward),
        correct: over(({ correct }) => correct),
        mean_length: over(({ mean_length }) => mean_length),
        length_change: over((now, base) => 100 * (now.mean_length / base.mean_length - 1)),
      };
    });
  });
}

export function spread(values: number[]): Spread {
  return {
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    low: Math.min(...values),
    high: Math.max(...values),
  };
}

/** The base once, then every round of every α: the mean over the seeds, with the smallest and largest in brackets. */
export function markdownTable(points: Point[]): string {
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(0)} %`;
  const cell = ({ mean, low, high }: Spread, digits: number, unit = '') =>
    `${mean.toFixed(digits)}${unit} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
  const row = (name: string, point: Point) =>
    `| ${name} | ${cell(point.reward, 2)} | ${cell(point.correct, 1, ' %')} | ${cell(point.mean_length, 1)} | ` +
    `${point.round === 0 ? '' : signed(point.length_change.mean)} |`;
  const rounds = points.filter(({ round }) => round > 0);
  return [
    '| | reward | correct | mean length, tokens | against the base |',
    '|---|---|---|---|---|',
    row('base', points[0]),
    ...rounds.map((point) => row(`α = ${point.alpha}, round ${point.round}`, point)),
  ].join('\n');
}
