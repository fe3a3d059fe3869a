import { expect, it } from 'vitest';
import { curveCount, curvesOf } from '../../../components/parts/curves.js';
import { metrics } from '../fixtures.js';

const named = (title: string) => curvesOf(metrics, 0.1, true).find((curve) => curve.title === title);

it('plots every measure over the steps', () => {
  const curves = curvesOf(metrics, 0.1, true);
  expect(curves).toHaveLength(curveCount);
  for (const { series } of curves) for (const { values } of series) expect(values).toHaveLength(metrics.length);
  expect(named('loss')?.series[0].values).toEqual(metrics.map(({ loss }) => loss));
  expect(named('logps')?.series.map(({ name }) => name)).toEqual(['y_w', 'y_l']);
  expect(named('length')?.series[1].values[0]).toBe(metrics[0]['lengths/rejected']);
});

it('has no accuracy at the first step, where no pair can be right or wrong', () => {
  expect(named('accuracy')?.series[0].values.slice(0, 2)).toEqual([NaN, metrics[1]['rewards/accuracies']]);
});

it('calls the mean log-ratio a divergence only where it is one', () => {
  const titles = (fromStart: boolean) => curvesOf(metrics, 0.1, fromStart).map(({ title }) => title);
  expect(titles(true)).toContain('KL from start, est.');
  expect(titles(false)).not.toContain('KL from start, est.');
  expect(titles(false)).toContain('log π_ref/π, nats');
});
