/** Each alarm on a series made by hand, and none on series that are well. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { MetricsRow } from '../../../../src/core/rows.js';
import { type AlarmContext, alarmText, alarmsOf } from '../../../../components/screens/update/alarms.js';
import { metrics } from '../../fixtures.js';

/** A step of an update that goes well: the margin grows by 0.005 a step, in batches of 32. */
function row(i: number, more: Partial<MetricsRow> = {}): MetricsRow {
  return {
    ...{ step: i + 1, total_steps: 200, epoch: 1, loss: 0.693 - 0.002 * i, grad_norm: 2 + ((i * 7) % 5) / 10 },
    learning_rate: 5e-7 * Math.min(1, (i + 1) / 10),
    ...{ 'rewards/chosen': 0.002 * i, 'rewards/rejected': -0.003 * i, 'rewards/margins': 0.005 * i },
    'rewards/accuracies': i === 0 ? 0 : Math.min(0.95, 0.55 + 0.01 * i),
    ...{ 'logps/chosen': -40, 'logps/rejected': -35, 'lengths/chosen': 43, 'lengths/rejected': 40 },
    ...{ 'lengths/margin': 3 + ((i * 11) % 7) - 3, 'weights/mean': 0.49 },
    ...{ tokens: 3200, tokens_per_second: 1234, micro_batch: 8, memory_mb: 400 },
    ...more,
  };
}
const series = (n: number, more: (i: number) => Partial<MetricsRow> = () => ({})) =>
  Array.from({ length: n }, (_, i) => row(i, more(i)));
const running: AlarmContext = {
  ...{ running: true, beta: 0.1, perToken: false, fromStart: true, saturates: true },
  evaluated: null,
};
const whats = (rows: MetricsRow[], context = running) => alarmsOf(rows, context).map(({ what }) => what);

describe('an update that goes well', () => {
  it.each([0, 1, 2, 5, 20, 60, 200])('raises no alarm after %i steps', (n) => {
    expect(alarmsOf(series(n), running)).toEqual([]);
    expect(alarmsOf(metrics.slice(0, n), running)).toEqual([]);
  });

  it('raises none at any step of two real updates of the bundled example', () => {
    const file = new URL('healthy.json', import.meta.url);
    for (const columns of JSON.parse(readFileSync(file, 'utf8')) as Record<string, number[]>[]) {
      const rows = columns['loss'].map((_, i) => ({
        ...row(i, { total_steps: 20, micro_batch: 16 }),
        ...Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i]])),
      }));
      for (let n = 1; n <= rows.length; n++) expect(whats(rows.slice(0, n))).toEqual([]);
    }
  });

  it('may be slow in its warm-up, spike once, fall in loss to nothing and end right on every pair', () => {
    const warming = series(40, (i) => ({ learning_rate: 1e-9 * i * i * i, 'rewards/margins': 1e-4 * i }));
    expect(whats(warming)).toEqual([]);
    expect(whats(series(60, (i) => ({ grad_norm: i === 58 ? 300 : 2 })))).toEqual([]);
    const learnt = series(100, (i) => ({
      loss: 0.693 * Math.exp(-i / 20),
      'rewards/accuracies': i < 30 ? i / 30 : 1,
      'weights/mean': 0.5 * Math.exp(-i / 20),
    }));
    expect(whats(learnt)).toEqual([]);
  });
});

it('a loss that stays at log 2 once the learning rate is there', () => {
  const still = series(45, (i) => ({ loss: 0.6931, 'rewards/margins': (i % 3) * 1e-4 }));
  expect(whats(still)).toEqual(['the loss is stuck at 0.693: after 45 steps the reward margin is still 1.1e-4']);
  // The learning rate rises over ten steps: after 20 steps there were 15.5 full ones.
  expect(whats(still.slice(0, 20))).toEqual([]);
});

it('with α the loss starts elsewhere, and what is stuck is still seen', () => {
  const still = series(45, (i) => ({ loss: 0.48 + (i % 5) / 50, 'rewards/margins': 0 }));
  expect(whats(still)).toEqual(['the loss is stuck at 0.520: after 45 steps the reward margin is still 0.000']);
});

describe('what counts as stuck follows the scale of the objective', () => {
  // After 45 steps, so many nats lie between the log-ratios of chosen and rejected; the metrics have β times that.
  const moved = (nats: number, beta: number) =>
    series(45, () => ({ 'rewards/chosen': 0, 'rewards/rejected': 0, 'rewards/margins': nats * beta }));

  it.each([
    ['lr-dpo', 0.1],
    ['wpo', 0.01],
    ['sppo', 0.001],
  ])('%s: half a nat is movement, a hundredth is none', (_objective, beta) => {
    expect(whats(moved(0.5, beta), { ...running, beta })).toEqual([]);
    expect(whats(moved(0.03, beta), { ...running, beta })).toEqual([]);
    expect(whats(moved(0.01, beta), { ...running, beta })).toHaveLength(1);
  });

  it('means per token are divided by the length: 41.5 tokens here', () => {
    const context = { ...running, beta: 5, perToken: true };
    // The limit is 0.02·5/41.5 = 0.00241.
    expect(
      whats(
        series(45, () => ({ 'rewards/margins': 0.0025 })),
        context,
      ),
    ).toEqual([]);
    expect(
      whats(
        series(45, () => ({ 'rewards/margins': 0.0023 })),
        context,
      ),
    ).toHaveLength(1);
  });
});

it('accuracy 1.0 at once', () => {
  // At least 8 pairs a step: 64 after eight steps.
  const perfect = series(30, (i) => ({ 'rewards/accuracies': i === 0 ? 0 : 1 }));
  expect(whats(perfect)).toEqual(['every pair is right from step 2 to 30: accuracy 1.0 at once']);
  expect(whats(perfect.slice(0, 9))).toHaveLength(1);
  expect(whats(perfect.slice(0, 8))).toEqual([]);
  expect(whats(series(30, (i) => ({ 'rewards/accuracies': i < 3 ? 0.5 : 1 })))).toEqual([]);
});

it('both log-probabilities collapsing', () => {
  const collapsing = series(60, (i) => ({
    'logps/chosen': -40 - i,
    'logps/rejected': -35 - 2 * i,
    'rewards/chosen': -0.1 * i,
    'rewards/rejected': -0.2 * i,
    'rewards/margins': 0.1 * i,
  }));
  // Means of five: -42/43 = -0.977 and -97/43 = -2.256 nats per token.
  expect(whats(collapsing, { ...running, fromStart: false })).toEqual([
    'the chosen responses lose probability with the rejected ones: -0.98 nats per token at the start, -2.26 now',
  ]);
  // Longer batches have lower sums, and only the rejected falling is what an update is for.
  const longer = (i: number) => ({ 'logps/chosen': -40 - i, 'lengths/chosen': 43 + 43 * (i / 40) });
  expect(whats(series(60, longer))).toEqual([]);
  const rejected = series(60, (i) => ({ 'logps/rejected': -35 - 2 * i, 'rewards/rejected': -0.2 * i }));
  expect(whats(rejected, { ...running, fromStart: false })).toEqual([]);
});

it('a gradient that explodes', () => {
  expect(whats(series(30, (i) => ({ grad_norm: i < 27 ? 2 : 40 })))).toEqual([
    'the gradient norm has grown from 2.00 to 40.00',
  ]);
  expect(whats(series(30, (i) => ({ grad_norm: i < 27 ? 0.01 : 0.5 })))).toEqual([]);
});

it.each([NaN, Infinity, null])('what is not finite (%s), alone', (value) => {
  // NaN arrives as null: JSON has no other word for it.
  const rows = [...series(5), row(5, { 'rewards/chosen': value as number }), row(6)];
  expect(whats(rows)).toEqual(['rewards/chosen is not a finite number at step 6']);
});

it('a learning rate of 0', () => {
  expect(whats(series(40, (i) => ({ learning_rate: i < 30 ? 1e-6 : 0 })))).toEqual([
    'the learning rate is 0: the policy no longer changes',
  ]);
  expect(whats(series(40, () => ({ learning_rate: 0, 'rewards/margins': 0 })))).toHaveLength(1);
});

it('weights near 0 from the start, where α·Δ|y| saturates', () => {
  const saturated = series(30, (i) => ({
    'weights/mean': 0.004,
    'lengths/margin': 60 + (i % 3),
    loss: 0.004,
    'rewards/margins': 0,
  }));
  expect(whats(saturated)).toEqual([
    'the gradient weights are 0.004 on average from the start: the pairs have hardly any effect',
  ]);
  expect(alarmsOf(saturated, running)[0].cause).toContain('61.0 tokens longer');
});

it('a margin that follows the length difference, either way', () => {
  const noise = (i: number) => ((i * 37) % 23) - 11;
  const follows = (sign: number) =>
    series(40, (i) => ({
      'lengths/margin': sign * 12 + noise(i),
      'rewards/margins': 0.005 * i + sign * 0.004 * noise(i),
    }));
  expect(whats(follows(1))).toEqual([
    'the reward margin follows the length difference of the pairs (correlation 1.00)',
  ]);
  expect(alarmsOf(follows(1), running)[0].advice).toContain('larger α');
  expect(alarmsOf(follows(-1), running)[0].advice).toContain('smaller α');
  expect(whats(follows(1).slice(0, 19))).toEqual([]);
});

it('each says what is seen, why it may be and what to do', () => {
  const [alarm] = alarmsOf(
    series(30, (i) => ({ grad_norm: i < 27 ? 2 : 40 })),
    running,
  );
  expect(alarmText(alarm)).toBe(
    'the gradient norm has grown from 2.00 to 40.00. Likely cause: the learning rate is too high, and each step overshoots. Abort with x and launch again at a third of the learning rate or with a longer warm-up.',
  );
});

describe('a policy far from the start', () => {
  // Of a response's 41.5 tokens each has become 0.6 nats less likely: 24.9 nats, so -2.49 in rewards at β 0.1.
  const far = series(30, (i) => ({ 'rewards/chosen': -0.083 * (i - 28) - 2.49, 'rewards/rejected': -2.49 }));

  it('raises an alarm by nats per token', () => {
    const rows = far.map((step) => ({ ...step, 'rewards/chosen': -2.49 }));
    expect(whats(rows)).toContain(
      "the policy has moved 24.9 nats per response away from the round's start, 0.60 per token, on the pairs (estimated)",
    );
    const near = rows.map((step) => ({ ...step, 'rewards/chosen': -2, 'rewards/rejected': -2 }));
    expect(whats(near).filter((what) => /moved/.test(what))).toEqual([]);
  });

  it('or by nats per response, which long responses add up', () => {
    const long = series(30, () => ({
      ...{ 'rewards/chosen': -10, 'rewards/rejected': -11, 'logps/chosen': -900 },
      ...{ 'lengths/chosen': 500, 'lengths/rejected': 500 },
    }));
    expect(whats(long)).toContain(
      "the policy has moved 105.0 nats per response away from the round's start, 0.21 per token, on the pairs (estimated)",
    );
  });

  it('by what the evaluation measured, once there is one', () => {
    const evaluated = { kl: 192, kl_per_token: 4.8 };
    expect(whats(series(30), { ...running, running: false, evaluated })).toEqual([
      "the policy has moved 192.0 nats per response away from the round's start, 4.80 per token, on held-out prompts",
    ]);
    expect(whats(far, { ...running, evaluated: { kl: 1.2, kl_per_token: 0.03 } }).join()).not.toContain('moved');
  });

  it('says nothing of log-ratios to another reference', () => {
    expect(whats(far, { ...running, fromStart: false }).join()).not.toContain('moved');
  });
});

describe('advice for an update that is over', () => {
  const explosion = series(30, (i) => ({ grad_norm: i < 27 ? 2 : 40 }));
  const cases: MetricsRow[][] = [
    explosion,
    series(45, (i) => ({ loss: 0.6931, 'rewards/margins': (i % 3) * 1e-4 })),
    series(30, (i) => ({ 'rewards/accuracies': i === 0 ? 0 : 1 })),
    [...series(5), row(5, { 'rewards/chosen': NaN })],
    series(40, (i) => ({ learning_rate: i < 30 ? 1e-6 : 0 })),
    series(30, () => ({ 'weights/mean': 0.004, 'lengths/margin': 60 })),
  ];
  it.each(cases.map((rows) => [alarmsOf(rows, running)[0].what, rows] as const))('%s', (_what, rows) => {
    const [alarm] = alarmsOf(rows, { ...running, running: false });
    expect(alarm.advice).toMatch(
      /^The update is over\. On screen 4, reject the round \(x\) or redo it \(e\) (?:at|after) /,
    );
    expect(alarm.advice).not.toMatch(/[Aa]bort|Stop/);
  });
});

describe('held-out loss', () => {
  const evaluated = (losses: (number | null)[]) =>
    series(losses.length, (i) => (losses[i] === null ? {} : { eval_loss: losses[i] }));

  it('has risen twice in a row', () => {
    const rows = evaluated([null, 0.68, null, 0.612, null, 0.63, null, 0.655]);
    const [alarm] = alarmsOf(rows, running);
    expect(alarmText(alarm)).toBe(
      'held-out loss lowest at step 4 (0.612), now 0.655. Likely cause: more steps fit the training pairs only. S stops here and keeps the policy as it is now, not that of step 4; x aborts, and a launch with fewer steps or a lower learning rate ends before the loss rises.',
    );
    const [over] = alarmsOf(rows, { ...running, running: false });
    expect(over.advice).toBe(
      'The update is over. On screen 4, reject the round (x) or redo it (e) with fewer steps (update: steps 4) or at a lower learning rate (lr=)',
    );
  });

  it('rises once, falls, or rises and falls: no alarm', () => {
    for (const losses of [[0.6, 0.61], [0.6, 0.59, 0.58], [0.6, 0.62, 0.61, 0.63], [null]])
      expect(whats(evaluated(losses))).toEqual([]);
  });

  it('is lowest before the first step', () => {
    const rows = series(2, (i) => (i === 0 ? { start_eval_loss: 0.6, eval_loss: 0.65 } : { eval_loss: 0.7 }));
    expect(whats(rows)).toEqual(['held-out loss lowest at the start (0.600), now 0.700']);
  });
});
