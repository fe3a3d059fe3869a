/** The evaluation screen as it is drawn. */
import { describe, expect, it } from 'vitest';
import { decodingNote } from '../../../../src/core/heldOutDecoding.js';
import { widthOf } from '../../../../components/parts/text.js';
import { after, attached, comparison, finished, heldOut, large, press, response, small, told } from '../../fixtures.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';

const base = { rounds: [finished(0, 1.1, 41.2)], current: 0 };
const first = { rounds: [finished(0, 1.1, 41.2), finished(1, 1.5, 42)], current: 1 };

it.each(sizes)('fits into $columns×$rows, with its footer', (size) => {
  const heldOutResponses = Array.from({ length: 50 }, (_, i) => response(i, { held_out: true, reward: i }));
  const states = [
    attached('evaluate', size, { responses: heldOutResponses }),
    attached('evaluate', size, { responses: [], progress: null }),
    attached('done', size),
    told(attached('done', size)),
    told(attached('done', size, base)),
    told(attached('done', size, first)),
    press(told(attached('done', size)), 'v'),
    press(told(attached('done', size)), 'v', 'end', 'o'),
    press(told(attached('done', size, base)), 'v'),
    press(told(attached('done', size)), 'x'),
    press(attached('review', size), '4'),
  ];
  for (const state of states) {
    const lines = frame(state).split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    expect(lines.at(-1)).toContain('detach');
  }
});

describe('numbers', () => {
  it('tell what was decided by hand', () => {
    const decisions = { swapped: 2, repaired: 0, confirmed: 0, excluded: 1, ties: 0, noted: 0 };
    const state = attached('done', small, { rounds: [finished(1, 1, 40), { ...finished(2, 1, 40), decisions }] });
    expect(frame(state)).toContain('4 steps on 103 pairs (by hand 2 swapped, 1 excluded)');
  });

  it('tell how the responses were decoded, and why there is no KL', () => {
    const round = finished(1, 1.5, 42);
    const kl_note = 'the best of 8 are not samples of the policy';
    const evaluation = {
      ...round.evaluation!,
      decoding: { best_of: 8 },
      notes: [decodingNote({ best_of: 8 })],
      comparisons: [comparison('base', { kl: null, kl_per_token: null, kl_note })],
    };
    const state = attached('done', small, { rounds: [finished(0, 1, 40), { ...round, evaluation }], current: 1 });
    expect(frame(state)).toMatch(/^ *best of 8 by the training reward · 4 steps on/m);
    expect(frame(state)).toMatch(/KL, nats +–/);
    expect(
      frame(attached('done', large, { rounds: [finished(0, 1, 40), { ...round, evaluation }], current: 1 })),
    ).toContain(
      'All held-out responses are the best of 8 by the training reward, and flatter it. KL is not estimated: the best of 8',
    );
  });

  it('compare with the round start and the base', () => {
    const text = frame(attached('done'));
    expect(text).toContain('Round 2 on 100 held-out prompts');
    expect(text).toMatch(/^ +start \(1\) +base +round 2 +Δ start \(1\) +Δ base *$/m);
    expect(text).toMatch(/win rate, 95 % +▲ 61\.5 % ±8\.2 +▲ 68\.0 % ±8\.2/);
    expect(frame(attached('done', large))).toMatch(
      /win rate, 95 % +▲ 61\.5 % \[53\.3, 69\.7\] +▲ 68\.0 % \[59\.8, 76\.2\]/,
    );
    expect(text).toMatch(/length-controlled +60\.3 % +60\.3 %/);
    expect(text).toMatch(/length, tokens +41\.2 +41\.2 +43\.1 +\+1\.9 \(\+4\.6 %\)/);
    expect(text).toMatch(/reward +1\.523 +\S+ +1\.821 +\+0\.298 +[+-]/);
    expect(text).toMatch(/KL, nats +1\.204 +3\.400/);
    expect(text).toMatch(/distinct-2 +0\.410 +0\.420 +0\.400 +-0\.010 +-0\.020/);
    expect(text).toMatch(/truncated +1\.2 % +0\.0 % +2\.4 % +\+1\.2 pp +\+2\.4 pp/);
    expect(text).toContain('a accept  x reject  e redo  v prompts  b base  n next round');
  });

  it('compare a first round with the base only, which is its start', () => {
    expect(frame(attached('done', small, first))).toMatch(/^ +base +round 1 +Δ base *$/m);
    expect(frame(attached('done', small, first))).not.toContain('Δ start');
  });

  it('mark a divergence that is large, in words too', () => {
    const far = finished(1, 1.5, 42);
    const evaluation = { ...far.evaluation!, comparisons: [comparison('base', { kl: 192, kl_per_token: 4.8 })] };
    const state = attached('done', small, { rounds: [finished(0, 1, 40), { ...far, evaluation }], current: 1 });
    expect(frame(state)).toMatch(/KL, nats +192\.000 \(large\)/);
    expect(frame(state)).toMatch(/KL per token, nats +4\.8000 \(large\)/);
  });

  it('of one prompt have no interval', () => {
    const one = finished(1, 1.5, 42);
    const alone = {
      ...one.evaluation!,
      prompts: 1,
      comparisons: [comparison('base', { win_rate: 100, win_rate_standard_error: null })],
    };
    const state = attached('done', small, { rounds: [finished(0, 1, 40), { ...one, evaluation: alone }], current: 1 });
    expect(frame(state)).toContain('on 1 held-out prompt ');
    expect(frame(state)).toMatch(/win rate, 95 % +100\.0 %/);
    const both = [0, 1].reduce(
      (before, round) =>
        after(before, { type: 'answer', query: { type: 'read-held-out', round }, answer: heldOut(round).slice(1, 2) }),
      state,
    );
    expect(frame(both)).toMatch(/now +█/);
  });

  it('say what was said of the round', () => {
    expect(frame(attached('done'))).toContain('No verdict yet');
    const rejected = { ...finished(2, 1, 60), verdict: 'rejected' as const, note: 'far too long' };
    const text = frame(attached('done', large, { rounds: [finished(0, 1, 40), finished(1, 1, 40), rejected] }));
    expect(text).toContain('✘ rejected: the next round starts from the policy of round 1.');
    expect(text).toContain('far too long');
  });

  it('come with lengths and rewards before and after, over the same bins', () => {
    const lines = frame(told(attached('done'))).split('\n');
    expect(lines.some((line) => /length, tokens +mean 28\.1 ← 26\.6/.test(line))).toBe(true);
    expect(lines.some((line) => /^now .*█.* now /.test(line))).toBe(true);
    expect(lines.some((line) => /^start .*█.* start /.test(line))).toBe(true);
    expect(lines.some((line) => /^ +10 +46 +-1\.16 +1\.68/.test(line))).toBe(true);
    expect(frame(attached('done'))).toContain('Reading the held-out responses …');
  });
});

describe('prompts', () => {
  it('that changed most stand above both responses, with rewards and lengths', () => {
    const text = frame(press(told(attached('done')), 'v', 'down', 'down'));
    expect(text).toMatch(/Prompts, reward changed most ─+ vs start \(1\) · 3 of 40/);
    expect(text).toMatch(/› +0\.93 +\+0\.40 +19 +\+3 +Please name 21 things/);
    expect(text).toMatch(/round 1: reward 0\.53, 16 tokens +│ round 2: reward 0\.93, 19 tokens/);
    expect(text).toMatch(/A thing, A thing, A thing, and that is +│ A thing, A thing, A thing, A thing,/);
  });

  it('stand beneath the numbers of a large terminal', () => {
    const text = frame(told(attached('done', large)));
    expect(text).toContain('win rate, 95 %');
    expect(text).toContain('Prompts, reward changed most');
  });

  it('say so where there is nothing to compare', () => {
    expect(frame(press(attached('done'), 'v'))).toContain('Reading the held-out responses …');
    expect(frame(press(told(attached('done')), 'v', 'b'))).toContain('vs base');
    const none = [1, 2].reduce(
      (state, round) => after(state, { type: 'answer', query: { type: 'read-held-out', round }, answer: [] }),
      attached('done'),
    );
    expect(frame(press(none, 'v'))).toContain('No held-out prompt has a response from both rounds.');
  });
});

it('shows progress and held-out responses while it runs', () => {
  const responses = [response(1), response(7, { held_out: true, reward: 0.5, text: 'Held out.' })];
  const text = frame(attached('evaluate', small, { responses }));
  expect(text).toContain('312 of 640 responses · 12,480 tokens · 1,234 tokens/s · 0:42 left');
  expect(text).toContain('Held out.');
  expect(text).not.toContain('Please add 1 and 4.');
  expect(text).toContain('p pause');
  expect(frame(press(attached('review'), '4'))).toContain('Round 2 is evaluated after its update');
});

it.each(sizes)('shows hostile held-out responses and notes harmlessly at $columns×$rows', (size) => {
  const rounds = [finished(0, 1, 40), finished(1, 1, 40), { ...finished(2, 1, 40), seconds: {}, note: hostile }];
  const state = [1, 2].reduce(
    (before, round) => {
      const answer = heldOut(round).map((one) => ({ ...one, prompt: hostile, text: hostile }));
      return after(before, { type: 'answer', query: { type: 'read-held-out', round }, answer });
    },
    attached('done', size, { rounds }),
  );
  expectHarmless(state);
  expectHarmless(press(state, 'v', 'J'));
});
