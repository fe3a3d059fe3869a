/** Draws a reproduction: reward and correctness against length, a line for each α, bars for the spread. */
import { type ChartPanel, chart, chartColours, onWhite } from '../../src/report/svg.js';
import type { Point, Spread } from './summary.js';

export function plot(points: Point[]): string {
  const alphas = [...new Set(points.map(({ alpha }) => alpha))];
  const panel = (yLabel: string, value: (point: Point) => Spread): ChartPanel => ({
    yLabel,
    xLabel: 'mean length, tokens',
    lines: alphas.map((alpha, i) => ({
      colour: chartColours[i],
      points: points
        .filter((point) => point.alpha === alpha)
        .map((point) => ({
          ...{ x: point.mean_length.mean, y: value(point).mean, label: String(point.round) },
          xRange: [point.mean_length.low, point.mean_length.high],
          yRange: [value(point).low, value(point).high],
        })),
    })),
  });
  return chart([panel('reward', ({ reward }) => reward), panel('correct answers, %', ({ correct }) => correct)], {
    title: 'Held-out reward and correctness against mean length, by round and α',
    width: 860,
    height: 400,
    look: onWhite,
    legend: alphas.map((alpha, i) => ({ name: `α = ${alpha}`, colour: chartColours[i] })),
    remark: 'numbers are rounds, 0 the base; bars from the lowest to the highest seed',
  });
}
