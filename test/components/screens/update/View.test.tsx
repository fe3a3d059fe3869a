/** The update screen as it is drawn. */
import { describe, expect, it } from 'vitest';
import { widthOf } from '../../../../components/parts/text.js';
import { attached, config, finished, large, metrics, press, probes, round, small } from '../../fixtures.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';

const exploding = metrics.map((row, i) => ({
  ...row,
  grad_norm: i < 20 ? 2 : 200,
  'rewards/accuracies': i > 0 ? 1 : 0,
}));

it.each(sizes)('fits into $columns×$rows, with its footer', (size) => {
  const states = [
    attached('update', size, { probes }),
    attached('update', size, { probes, metrics: exploding }),
    attached('update', size, { metrics: metrics.slice(0, 1), probes: probes.slice(0, 3) }),
    attached('update', size, { metrics: [] }),
    press(attached('update', size, { probes, metrics: exploding }), 'w'),
    press(attached('update', size, { probes }), 'v'),
    press(attached('update', size), 'v'),
    press(attached('update', size), 'm'),
  ];
  for (const state of states) {
    const lines = frame(state).split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    expect(lines.at(-1)).toContain('detach');
  }
});

describe('plots', () => {
  it('are four at 80×24, the other four a key away', () => {
    const first = frame(attached('update'));
    for (const title of ['loss', 'reward margin', 'accuracy', 'logps']) expect(first).toMatch(new RegExp(`${title} +`));
    expect(first).toMatch(/accuracy +0\.960/);
    expect(first).toMatch(/[\u2801-\u28ff]{3}/);
    const second = frame(press(attached('update'), 'm'));
    for (const title of ['length', 'gradient norm', 'KL from start, est.', 'learning rate'])
      expect(second).toContain(title);
    expect(first).toContain('m plots');
  });

  it('are all eight where there is room, with the probes beneath', () => {
    const text = frame(attached('update', large, { probes }));
    for (const title of ['loss', 'logps', 'gradient norm', 'KL from start, est.', 'Probe 1 of 3'])
      expect(text).toContain(title);
    expect(text).not.toContain('m plots');
    // Step 24: -(23/50 - 23/60) / (2·0.1) = -0.383 nats.
    expect(text).toMatch(/KL from start, est\. +-0\.383/);
  });

  it('say so where the reference is not what the round started from', () => {
    const run = { config: { ...config, dpo: { ...config.dpo, reference: 'base' } } };
    expect(frame(attached('update', large, run))).toContain('log π_ref/π, nats');
  });
});

it('shows where it is, and with what settings', () => {
  const text = frame(attached('update'));
  expect(text).toContain('24 of 40 steps · 76,800 tokens · 1,234 tokens/s · 0:41 left');
  expect(text).toContain('epoch 1 · lr 2.1e-7 of 5e-7 · weight 0.470 · α 0.0200 · β 0.1 · all weights');
  const lora = { rank: 16, alpha: 16, targets: ['q_proj'] };
  const adapters = attached('update', small, { config: { ...config, update: { ...config.update, lora } } });
  expect(frame(adapters)).toContain('LoRA rank 16');
  const ofBranch = {
    ...round(2, 'update'),
    overrides: { update: { lora: { rank: 4, alpha: 16, targets: ['q_proj'] } } },
  };
  expect(frame(attached('update', large, { rounds: [finished(0, 1, 40), finished(1, 1, 40), ofBranch] }))).toContain(
    'LoRA rank 4',
  );
});

describe('alarms', () => {
  it('stand above the plots, in full where they are short enough', () => {
    const one = frame(
      attached('update', small, { metrics: metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200 })) }),
    );
    expect(one).toContain('▲ the gradient norm has grown from 2.00 to 200.00. Likely cause:');
    const two = frame(attached('update', small, { metrics: exploding }));
    expect(two).toContain('▲ the gradient norm has grown from 2.00 to 200.00 · w says why');
    expect(two).toContain('▲ every pair is right from step 2 to 24');
    expect(frame(press(attached('update', small, { metrics: exploding }), 'w'))).toContain('Likely cause');
  });
});

describe('probes', () => {
  it('stand beside what the policy answered at the start', () => {
    const lines = frame(press(attached('update', large, { probes }), 'v')).split('\n');
    expect(lines.some((line) => /Probe 1 of 3 ─+ after step 0 8 16 \[24\]/.test(line))).toBe(true);
    expect(lines.some((line) => line.includes('Which month comes after November?'))).toBe(true);
    expect(lines.some((line) => /start: 6 tokens +│ step 24: 30 tokens/.test(line))).toBe(true);
    expect(lines.some((line) => /December is the last month\. +│ December is the twelfth and last/.test(line))).toBe(
      true,
    );
  });

  it('fill the width of a narrow terminal, and say when they were cut off', () => {
    const text = frame(press(attached('update', small, { probes }), 'v', 'down'));
    expect(text).toContain('step 24: 30 tokens, truncated · start 6; new words are highlighted');
    expect(frame(press(attached('update', small, { probes }), 'v', 'left', 'left', 'left'))).toContain('[0] 8 16 24');
  });

  it('say so where there are none', () => {
    expect(frame(press(attached('update'), 'v'))).toContain('answered once the update begins');
    expect(frame(press(attached('done'), '3', 'v'))).toContain('no responses to probe prompts');
  });
});

describe('where there is nothing yet', () => {
  it('says what comes first', () => {
    expect(frame(attached('update', small, { metrics: [] }))).toContain('No steps yet: the reference');
    expect(frame(press(attached('review'), '3'))).toContain('Round 2 waits in review');
    expect(frame(press(attached('sample'), '3'))).toContain('Round 2 has no update yet');
    const base = attached('evaluate', small, { rounds: [round(0, 'evaluate')], current: 0, metrics: [] });
    expect(frame(press(base, '3'))).toContain('The base policy had no update');
  });

  it('tells of a past round how its update ended', () => {
    const done = attached('done');
    const past = { ...press(done, '3'), past: { ...done.run!, round: 1 } };
    expect(frame(past)).toContain('4 steps on 103 pairs · 1:15');
  });
});

it.each(sizes)('shows hostile answers to probes harmlessly at $columns×$rows', (size) => {
  const answered = probes.map((probe) => ({ ...probe, prompt: hostile, text: hostile }));
  const state = press(attached('update', size, { probes: answered }), 'v');
  expectHarmless(state);
  expectHarmless(press(state, 'J', 'left'));
});

it('draws what is not a number as nothing', () => {
  // NaN has crossed the line as null.
  const none = null as unknown as number;
  const broken = metrics.map((row, i) =>
    i < 20 ? row : { ...row, loss: none, grad_norm: none, 'rewards/chosen': none },
  );
  const text = frame(attached('update', large, { metrics: broken }));
  expect(text).toMatch(/loss +–/);
  expect(text).toContain('▲ loss is not a finite number at step 21');
});
