import { describe, expect, it } from 'vitest';
import { curveCount, curvesOf, curvesWithHeldOut } from '../../../components/parts/curves.js';
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

describe('held-out pairs', () => {
  const rows = metrics.slice(0, 4).map((row, i) => ({ ...row, step: i + 1 }));
  const zero = { 'eval_rewards/chosen': 0, 'eval_rewards/rejected': 0, 'eval_rewards/accuracies': 0 };
  const start = { start_eval_loss: 0.8, ...prefixed(zero) };
  const later = { 'eval_rewards/chosen': 0.2, 'eval_rewards/rejected': 0.1, 'eval_rewards/accuracies': 0.75 };

  function prefixed(values: Record<string, number>) {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [`start_${name}`, value]));
  }

  it('are drawn over loss and accuracy: after s steps at the row of step s + 1', () => {
    const all = [
      { ...rows[0], ...start },
      { ...rows[1], eval_loss: 0.6, ...later },
      rows[2],
      { ...rows[3], eval_loss: 0.5, ...later },
    ];
    const curves = curvesWithHeldOut(all, 0.1, true);
    const series = (title: string) => curves.find((curve) => curve.title === title)?.series;
    expect(series('loss')?.map(({ name }) => name)).toEqual(['', 'held']);
    expect(series('loss')?.[1].values[0]).toBe(0.8);
    // Steps 0 and 2 have 0.8 and 0.6; the evaluation after step 4 takes the place of the last row.
    expect(series('loss')?.[1].values[1]).toBeCloseTo(0.7, 12);
    expect(series('loss')?.[1].values.slice(2)).toEqual([0.6, 0.5]);
    expect(series('loss')?.[1].last).toBe(0.5);
    // At the start no pair is right or wrong.
    expect(series('accuracy')?.[1].values).toEqual([NaN, NaN, 0.75, 0.75]);
    expect(series('reward margin')).toHaveLength(1);
  });

  it('have no curve without evaluations', () => {
    expect(curvesWithHeldOut(rows, 0.1, true)).toEqual(curvesOf(rows, 0.1, true));
  });
});
