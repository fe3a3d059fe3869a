/** The sampling and scoring screen as it is drawn. */
import { describe, expect, it } from 'vitest';
import { widthOf } from '../../../../components/parts/text.js';
import { attached, finished, large, press, response, round, small } from '../../fixtures.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';

const scored = Array.from({ length: 40 }, (_, i) => response(i, { reward: i % 3 === 2 ? null : i / 8 - 2 }));

it.each(sizes)('fits into $columns×$rows, with its footer', (size) => {
  const long = response(1, { text: 'word '.repeat(3000), prompt: '日本語の質問 '.repeat(200), reward: -12.5 });
  const states = [
    attached('sample', size),
    attached('sample', size, { responses: [], lengths: [], progress: null }),
    press(attached('score', size, { responses: scored }), 'down'),
    attached('score', size, { responses: [long], lengths: [9], truncated: 1, rewards: [1] }),
    press(attached('score', size, { responses: [long] }), 'enter'),
    press(attached('done', size), '1'),
  ];
  for (const state of states) {
    const lines = frame(state).split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    expect(lines.at(-1)).toContain('detach');
  }
});

it('shows progress, speed, time left, how it samples, and both histograms', () => {
  const text = frame(attached('sample', small, { truncated: 3 }));
  expect(text).toContain('312 of 640 responses · 12,480 tokens · 1,234 tokens/s · 0:42 left');
  expect(text).toContain('48 %');
  expect(text).toContain('truncated 1.0 % · 4 per prompt · temperature 0.8 · top-p 0.95 · max 256 tokens');
  expect(text).toContain('length, tokens (312)');
  expect(text).toContain('reward (0)');
  expect(text).toContain('S stop  f fewer');
  expect(frame(attached('score'))).toContain('reward (312)');
});

it('warns where much is truncated, in words and with a sign', () => {
  expect(frame(attached('sample', small, { truncated: 32 }))).toContain('▲ truncated 10.3 %');
});

it('says how many are sampled since they were lowered', () => {
  const lowered = round(2, 'sample', { overrides: { sampling: { samples_per_prompt: 3 } } });
  expect(frame(attached('sample', small, { rounds: [finished(0, 1, 40), finished(1, 1, 40), lowered] }))).toContain(
    '3 per prompt',
  );
});

describe('the newest responses', () => {
  it('each has its length, its reward when that is known, and a mark where it was cut off', () => {
    const lines = frame(attached('score', small, { responses: scored })).split('\n');
    expect(lines.some((line) => /› Please add 39 and 42\. +reward \+2\.88 +23 tokens/.test(line))).toBe(true);
    expect(lines.some((line) => / {2}Please add 38 and 41\. +18 tokens/.test(line))).toBe(true);
    expect(lines.some((line) => /Please add 35 and 38\. +truncated +33 tokens/.test(line))).toBe(true);
  });

  it('stand beside the selected one where there is room, and fill the screen when read', () => {
    expect(frame(press(attached('score', large, { responses: scored }), 'down', 'down'))).toMatch(
      /3 of 40 ─ +─ Prompt 37, sample 2 ─+ 13 tokens · reward \+2\.63 ─/,
    );
    const read = frame(press(attached('score', small, { responses: scored }), 'end', 'enter'));
    expect(read).toMatch(/─ Prompt 0, sample 1 ─+ 8 tokens · reward -2\.00 ─/);
    expect(read).not.toContain('Newest responses');
  });
});

it('says what comes where there is nothing, and how it was where it is over', () => {
  expect(frame(attached('sample', small, { responses: [], lengths: [], progress: null }))).toContain(
    'None yet: the policy is being loaded.',
  );
  expect(frame(press(attached('done'), '1'))).toContain('312 responses · sampled in 1:01 · scored in 0:08');
  const base = { round: 0, rounds: [round(0, 'evaluate')], current: 0 };
  const state = attached('evaluate', small, base);
  expect(frame(press(state, '1'))).toContain('Held-out responses of the base policy');
  expect(frame(press(state, '1'))).toContain('1 per prompt · temperature 0.8 · top-p');
  const decoded = (evaluation: object) => {
    const { config } = state.run!;
    return {
      ...state,
      run: { ...state.run!, config: { ...config, evaluation: { ...config.evaluation, ...evaluation } } },
    };
  };
  expect(frame(press(decoded({ best_of: 8, responses: 2 }), '1'))).toContain(
    '2 per prompt · best of 8 by the training reward · temperature…',
  );
  expect(frame(press(decoded({ beam: 4 }), '1'))).toContain('1 per prompt · beam search, 4 beams · max 256 tokens');
});

it.each(sizes)('shows hostile responses harmlessly at $columns×$rows', (size) => {
  const state = attached('sample', size, { responses: [response(1, { prompt: hostile, text: hostile })] });
  expectHarmless(state);
  expectHarmless(press(state, 'enter'));
});
