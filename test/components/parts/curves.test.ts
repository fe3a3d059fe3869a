import { describe, expect, it } from 'vitest';
import { curveCount, curvesOf, curvesWithHeldOut, smoothed, withEarlier } from '../../../components/parts/curves.js';
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
    // After 0, 2 and 4 steps; there is no step 5, so the last evaluation stands at step 4.
    expect(series('loss')?.[1]).toMatchObject({ steps: [1, 3, 4], values: [0.8, 0.6, 0.5] });
    // At the start no pair is right or wrong.
    expect(series('accuracy')?.[1].values).toEqual([NaN, 0.75, 0.75]);
    expect(series('reward margin')).toHaveLength(1);
  });

  it('have no curve without evaluations', () => {
    expect(curvesWithHeldOut(rows, 0.1, true)).toEqual(curvesOf(rows, 0.1, true));
  });
});

describe('smoothing', () => {
  it('is an exponential moving average, corrected for its start', () => {
    // w = 0.5: m = 1, 2.5, 5.25 after 2, 4, 8; divided by 1/2, 3/4 and 7/8.
    expect(smoothed([2, 4, 8], 0.5)).toEqual([2, 2.5 / 0.75, 5.25 / 0.875]);
    expect(smoothed([3, 3, 3, 3], 0.99).map((value) => value.toFixed(9))).toEqual(Array(4).fill('3.000000000'));
  });

  it('passes over what is not finite, and weight 0 changes nothing', () => {
    expect(smoothed([2, NaN, 4], 0.5)).toEqual([2, NaN, 2.5 / 0.75]);
    const values = [1, 2];
    expect(smoothed(values, 0)).toBe(values);
  });
});

it('earlier rounds are drawn behind the first curve of each chart', () => {
  const earlier = { round: 1, curves: curvesOf(metrics.slice(0, 3), 0.1, true) };
  const [loss] = withEarlier(curvesOf(metrics, 0.1, true), [earlier]);
  expect(loss.series.map(({ name, isBackground, values }) => [name, isBackground, values.length])).toEqual([
    ['', undefined, metrics.length],
    ['round 1', true, 3],
  ]);
  const logps = withEarlier(curvesOf(metrics, 0.1, true), [earlier]).find(({ title }) => title === 'logps');
  expect(logps?.series).toHaveLength(3);
});
