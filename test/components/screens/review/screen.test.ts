/** What each key of the review screen does to the state, and what it asks of the engine. */
import { describe, expect, it } from 'vitest';
import type { EngineCommand, Snapshot } from '../../../../src/protocol/messages.js';
import { configSchema } from '../../../../src/core/config/schema.js';
import { winProbabilities } from '../../../../src/core/objectives/sppo.js';
import type { Decision, Ruling } from '../../../../src/core/review/rows.js';
import { flippedIn } from '../../../../src/core/pairPreview.js';
import { reduce } from '../../../../components/app/reducer.js';
import { toAscii } from '../../../../components/terminal/ascii.js';
import { columnOf, columns, columnsFor } from '../../../../components/screens/review/columns.js';
import { marksOf } from '../../../../components/screens/review/marks.js';
import { marginsOf } from '../../../../components/screens/review/table.js';
import { reviewLayout, reviewedRound, weightsReason } from '../../../../components/screens/review/select.js';
import { review as module } from '../../../../components/screens/review/screen.js';
import { panelNumbers } from '../../../../components/screens/review/alpha.js';
import { pairingOf } from '../../../../components/screens/review/pairing.js';
import { launchLines, remarkOn } from '../../../../components/screens/review/words.js';
import type { State } from '../../../../components/app/state.js';
import {
  after,
  attached,
  config,
  detailOf,
  hackingReport,
  large,
  pair,
  press,
  reviewRows,
  round,
  small,
  weightedRound,
} from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const review = attached('review');

const effectsOf = (state: State, key: string) => reduce(state, { type: 'key', key }).effects;
const sent = (state: State, key: string): EngineCommand[] =>
  effectsOf(state, key).flatMap((effect) => (effect.do === 'send' ? [effect.command] : []));
const asked = (state: State, key: string) =>
  effectsOf(state, key).flatMap((effect) => (effect.do === 'ask' ? [effect.query] : []));

/** The engine says how decisions stand. */
const decided = (state: State, ...decisions: Decision[]): State =>
  after(state, { type: 'decisions', round: 2, decisions: { decisions, undoable: decisions.length, redoable: 0 } });
const ruling = (prompt_index: number, said: Ruling | null, note = ''): Decision => ({
  prompt_index,
  ruling: said,
  note,
});

/** Numbers of the prompts as the table shows them. */
const shownIn = (state: State): number[] => {
  const reviewed = reviewedRound(on.review(state));
  return Array.from(reviewed?.order.rows ?? [], (row) => (reviewed?.table.rows[row].prompt_index ?? -1) + 1);
};

describe('the table', () => {
  it('selects within bounds and keeps the selection in view', () => {
    const { table } = reviewLayout(on.review(review));
    expect(slices(press(review, 'up')).review.selected).toBe(0);
    const page = press(review, 'pagedown');
    expect(slices(page).review).toMatchObject({ selected: table, top: 1 });
    expect(slices(press(page, 'pageup')).review).toMatchObject({ selected: 0, top: 0 });
    expect(slices(press(review, 'G', 'j')).review).toMatchObject({ selected: 106, top: 107 - table });
    expect(slices(press(review, 'G', 'g')).review).toMatchObject({ selected: 0, top: 0 });
    expect(slices(press(review, 'j', 'j', 'k')).review.selected).toBe(1);
  });

  it('keeps a selection that exists when the rows change', () => {
    const fewer = after(press(review, 'end'), {
      type: 'pairs',
      weights: { need: 'rows' },
      round: 2,
      pairs: [],
      review: reviewRows([pair(1, 0, 2, 1)]),
      dropped: { ties: 0, identical: 0, below_gap: 0, too_few: 0 },
    });
    expect(slices(fewer).review.selected).toBe(4);
    expect(reviewLayout(on.review(fewer)).top).toBe(0);
  });

  it.each<[number, number[]]>([
    [10, [2.25, 1.5]],
    [4, [3.25, 2.8]],
  ])('%i columns to the right is sorted by with the greatest first, and turned round', (steps, [first]) => {
    const rows = reviewRows([pair(1.5, 0.5, 140, 40), pair(2.25, -1, 20, 45), pair(1, 0.2, 9, 30)]);
    const state = press(attached('review', small, { review: rows }), ...Array<string>(steps).fill('>'));
    const [top] = shownIn(state);
    const value = steps === 10 ? rows[top - 1].rewards[1] : rows[top - 1].rewards[1] - rows[top - 1].rewards[2];
    expect(value).toBe(first);
    const turned = shownIn(press(state, 'S'));
    expect(turned.indexOf(top)).toBeGreaterThan(0);
    expect(shownIn(press(state, 'S', 'S'))).toEqual(shownIn(state));
    expect(slices(press(state, ...Array<string>(steps).fill('<'))).review.sort).toEqual({
      column: 'prompt',
      reversed: false,
    });
  });

  it('sorts by every column, and back to the first', () => {
    let state = review;
    const seen = new Set<string>();
    for (let i = 0; i < 16; i++) {
      seen.add(slices(state).review.sort.column);
      expect([...shownIn(state)].sort((a, b) => a - b)).toEqual(Array.from({ length: 107 }, (_, n) => n + 1));
      state = press(state, '>');
    }
    expect(seen.size).toBe(16);
    expect(slices(state).review.sort.column).toBe('prompt');
  });

  it('sorts what is flipped most to the top, as α moves', () => {
    const rows = reviewRows([pair(1, 0, 20, 10), pair(9, 0, 200, 10)]);
    const state = press(attached('review', small, { review: rows }), ...Array<string>(8).fill('>'));
    expect(slices(state).review.sort.column).toBe('penalized');
    // α = 0.02: 1 - 0.2 against 9 - 3.8. α = 0.12: 1 - 1.2 against 9 - 22.8.
    const order = (at: State) => shownIn(at).filter((n) => n <= 2);
    expect(order(state)).toEqual([1, 2]);
    expect(order(press(state, ...Array<string>(10).fill(']')))).toEqual([2, 1]);
  });

  it('keeps the selected prompt selected when it is sorted', () => {
    const state = press(review, 'j', 'j', '>', '>');
    expect(slices(state).review.selected).toBe(2);
    expect(reviewedRound(on.review(state))?.order.rows[slices(state).review.at]).toBe(2);
  });

  it('has texts that scroll to their end and no further', () => {
    const long = attached('review', small, {
      pairs: [pair(1, 0, 2, 1, { chosen_text: 'line\n'.repeat(40) }), pair(1, 0, 2, 1)],
    });
    const end = press(long, ...Array<string>(50).fill('J'));
    expect(slices(end).review.textTop).toBe(reviewLayout(on.review(end)).textEnd);
    expect(slices(end).review.textTop).toBeGreaterThan(20);
    expect(slices(press(end, ...Array<string>(50).fill('K'))).review.textTop).toBe(0);
    expect(slices(press(end, 'j')).review.textTop).toBe(0);
  });

  it('restores the scroll positions that a larger window has no use for', () => {
    const pairs = [pair(1, 0, 2, 1, { chosen_text: 'line\n'.repeat(40) }), pair(1, 0, 2, 1)];
    const end = press(attached('review', small, { pairs }), ...Array<string>(50).fill('J'));
    const { textTop } = reviewLayout(on.review(end));
    const tall = after(end, { type: 'size', size: { columns: 80, rows: 120 } });
    expect(reviewLayout(on.review(tall)).textTop).toBe(0);
    expect(reviewLayout(on.review(after(tall, { type: 'size', size: small }))).textTop).toBe(textTop);
    // Scrolling begins where the screen is.
    expect(slices(press(tall, 'J')).review.textTop).toBe(0);
    const last = press(review, 'G', 'k', 'k');
    const { top } = reviewLayout(on.review(last));
    expect(top).toBeGreaterThan(90);
    const all = after(last, { type: 'size', size: { columns: 80, rows: 400 } });
    expect(reviewLayout(on.review(all)).top).toBe(0);
    expect(reviewLayout(on.review(after(all, { type: 'size', size: small }))).top).toBe(top);
  });

  it('gives the texts more room on z', () => {
    const zoomed = press(review, 'z');
    expect(reviewLayout(on.review(zoomed)).text).toBeGreaterThan(reviewLayout(on.review(review)).text);
    expect(slices(press(zoomed, 'z')).review.zoomed).toBe(false);
  });

  it('derives what 20,000 rows need once, not at every key', () => {
    const many = reviewRows(Array.from({ length: 20_000 }, (_, i) => pair(i / 100, 0, 20, 10)));
    const state = attached('review', large, { review: many, pairs: [] });
    const [reviewed, moved] = [
      reviewedRound(on.review(press(state, 'j'))),
      reviewedRound(on.review(press(state, 'j', 'right'))),
    ];
    expect(reviewed?.order.rows).toHaveLength(20_004);
    expect(moved?.settings.alpha).not.toBe(reviewed?.settings.alpha);
    expect(moved?.table === reviewed?.table && moved?.order === reviewed?.order).toBe(true);
  });
});

describe('the filter', () => {
  const typed = (text: string) => press(review, '/', ...[...text].map((c) => (c === ' ' ? 'space' : c)));

  it('works as it is typed, stays on enter and is left on escape', () => {
    expect(shownIn(typed('flipped')).length).toBe(2);
    expect(typed('flipped').modal).toMatchObject({ kind: 'edit', hint: '2 prompts', error: null });
    const kept = press(typed('flipped'), 'enter');
    expect(kept).toMatchObject({ modal: null, review: { filter: 'flipped' } });
    expect(shownIn(kept)).toHaveLength(2);
    expect(shownIn(press(typed('flipped'), 'escape'))).toHaveLength(107);
    expect(slices(press(kept, 'escape')).review.filter).toBe('');
  });

  it.each<[string, number]>([
    ['dropped', 4],
    ['pair', 103],
    ['truncated', 2],
    ['november', 3],
    ['"say hello"', 4],
    ['dlen>=100', 1],
    ['r>3 -truncated', 0],
    ['wlen=30 llen=30', 1],
    ['k=4 prompt<=2', 2],
    ['tie', 3],
    ['dlen > 99', 1],
    ['tie or truncated', 5],
    ['prompt: 2..4', 3],
  ])('%s', (text, hits) => {
    expect(shownIn(press(typed(text), 'enter'))).toHaveLength(hits);
  });

  it.each([...columns.map(({ heading }) => heading), 'Δ|y|'])('takes the heading %s as a name', (heading) => {
    for (const name of [heading, toAscii(heading), heading.toUpperCase()])
      expect(typed(`${name} > 0`).modal).toMatchObject({ error: null });
  });

  it('says why nothing matches', () => {
    expect(typed('fliped').modal).toMatchObject({
      hint: '0 prompts: no text has “fliped”; did you mean flipped?',
      error: null,
    });
    expect(typed('fliped or near').modal).toMatchObject({ hint: expect.stringContaining('did you mean flipped?') });
  });

  it('finds what a person did', () => {
    const state = decided(
      review,
      ruling(0, { kind: 'exclude' }),
      ruling(1, { kind: 'pair', chosen: 2, rejected: 1 }),
      ruling(2, null, 'odd'),
      ruling(3, { kind: 'tie' }),
    );
    const hits = (text: string) => shownIn(press(state, '/', ...text, 'enter'));
    expect(hits('excluded')).toEqual([1]);
    expect(hits('swapped')).toEqual([2]);
    expect(hits('noted')).toEqual([3]);
    expect(hits('odd')).toEqual([3]);
    expect(hits('decided')).toEqual([1, 2, 4]);
    expect(hits('tie')).toEqual([4, 104, 105, 106]);
  });

  it('leaves the selection alone until it is applied', () => {
    const typing = press(review, 'j', '/', ...'prompt>50');
    const meanwhile = after(typing, { type: 'servers', round: 2, servers: [] });
    expect(slices(meanwhile).review.selected).toBe(1);
    expect(slices(press(meanwhile, 'escape')).review).toMatchObject({ selected: 1, at: 1 });
    expect(slices(press(meanwhile, 'enter')).review).toMatchObject({ selected: 51, at: 1 });
  });

  it('says what cannot be read, and where, and shows everything meanwhile', () => {
    const wrong = typed('r> x');
    expect(wrong.modal).toMatchObject({ error: 'at 4: expected a number after `>`, not `x`' });
    expect(shownIn(wrong)).toHaveLength(107);
    expect(press(wrong, 'enter').modal).toMatchObject({ kind: 'edit', text: 'r> x' });
  });

  it('moves the selection to what is left, and keeps it where it is left', () => {
    const state = press(typed('prompt>50'), 'enter');
    expect(slices(state).review).toMatchObject({ selected: 50, at: 0 });
    expect(slices(press(state, 'escape')).review).toMatchObject({ selected: 50, at: 50 });
    expect(slices(press(typed('nowhere'), 'enter', 'j', 'x')).review.selected).toBe(0);
  });
});

describe('the order while a person decides', () => {
  // Length margins 100, -25, 0: from the second heading left of weights, the longest chosen response first.
  const rows = reviewRows([pair(1.5, 0.5, 140, 40), pair(2.25, -1, 20, 45), pair(0.75, 0.25, 30, 30)]);
  const byLength = press(attached('review', small, { review: rows }), ...Array<string>(5).fill('>'));
  const swapped = (prompt: number) => ruling(prompt, { kind: 'pair', chosen: 2, rejected: 1 });

  it('stays as it was sorted, with the cursor on its prompt', () => {
    expect(slices(byLength).review.sort.column).toBe('|y_w|');
    expect(shownIn(byLength).slice(0, 3)).toEqual([1, 3, 2]);
    // |y_w| becomes 40, 45: sorted again the second prompt would come first.
    const state = decided(press(byLength, 'j'), swapped(0), swapped(1));
    expect(shownIn(state).slice(0, 3)).toEqual([1, 3, 2]);
    expect(slices(state).review).toMatchObject({ selected: 2, at: 1 });
    // α does not matter to lengths.
    expect(shownIn(press(state, 'right', ']')).slice(0, 3)).toEqual([1, 3, 2]);
    expect(shownIn(after(state, { type: 'size', size: large })).slice(0, 3)).toEqual([1, 3, 2]);
  });

  it('is sorted again on o, and when another order is chosen', () => {
    const state = decided(press(byLength, 'j'), swapped(0), swapped(1));
    expect(shownIn(press(state, 'o')).slice(0, 3)).toEqual([2, 1, 3]);
    expect(slices(press(state, 'o')).review).toMatchObject({ selected: 2, at: 2 });
    expect(shownIn(press(state, '<', '>')).slice(0, 3)).toEqual([2, 1, 3]);
    // Nothing to do before a decision, nor once sorted again.
    expect(press(byLength, 'o').notice).toContain('Nothing to do now for o');
    expect(press(state, 'o', 'o').notice).toContain('Nothing to do now for o');
  });

  it('keeps a row that no longer matches the filter, until the filter is applied again', () => {
    const filtered = press(byLength, '/', ...'longer', 'enter');
    expect(shownIn(filtered)).toEqual([1]);
    const state = decided(filtered, swapped(0), swapped(1));
    expect(shownIn(state)).toEqual([1]);
    expect(module.reading(on.review(state)).join('\n')).toContain('no longer matches the filter');
    expect(module.reading(on.review(filtered)).join('\n')).not.toContain('no longer matches');
    expect(shownIn(press(state, 'o'))).toEqual([2]);
    expect(shownIn(press(state, '/', 'enter'))).toEqual([2]);
    // A filter that is begun and left again hides nothing.
    expect(shownIn(press(state, '/', 'x', 'escape'))).toEqual([1]);
    // Undone, it fits again.
    expect(module.reading(on.review(decided(state))).join('\n')).not.toContain('no longer matches');
  });

  it('is sorted anew for another round', () => {
    const state = decided(byLength, swapped(0), swapped(1));
    const again = after(state, {
      type: 'pairs',
      weights: { need: 'rows' },
      round: 2,
      pairs: [],
      review: [...rows],
      dropped: { ties: 0, identical: 0, below_gap: 0, too_few: 0 },
    });
    expect(shownIn(again).slice(0, 3)).toEqual([2, 1, 3]);
  });
});

describe('another objective', () => {
  const withObjective = (dpo: object, more: Partial<Snapshot> = {}): State =>
    attached('review', small, {
      config: configSchema.parse({ ...config, dpo }),
      rounds: [round(0, 'done'), round(1, 'done'), round(2, 'review', { settings: { alpha: 0, beta: 0.5, lr: 5e-7 } })],
      ...more,
    });
  const weightOf = (state: State, row = 0): number => {
    const reviewed = reviewedRound(on.review(state));
    return reviewed === null ? NaN : columnOf('weight').value(reviewed.table, row, reviewed.settings.alpha);
  };

  it('without α keeps it where it is, and says why', () => {
    const state = withObjective({ objective: 'hinge' });
    for (const key of ['left', 'right', '[', ']', '=', 'f', 'a']) {
      expect(sent(state, key)).toEqual([]);
      expect(press(state, key)).toMatchObject({ modal: null, notice: 'α stays 0: objective hinge does not use it.' });
    }
    expect(sent(press(state, 'b', '1', 'enter'), 'x')).not.toEqual([]);
    expect(remarkOn(on.review(state))).toContain('objective hinge · reference round start');
  });

  it('has its own weights', () => {
    // 1 - 0 > 0: every pair is below the margin.
    expect(weightOf(withObjective({ objective: 'hinge' }))).toBe(1);
    expect(weightOf(withObjective({ objective: 'ipo' }))).toBeCloseTo(2, 12);
    // Mean log-probabilities -1 and -43/40; β 0.5.
    expect(weightOf(withObjective({ objective: 'simpo' }))).toBeCloseTo(1 / (1 + Math.exp(0.5 * 0.075)), 12);
    // All four rewards of the prompt count: 0.833, 1.5, 0.5, 1.167.
    const rewards = [2.5 / 3, 1.5, 0.5, 3.5 / 3];
    const wins = winProbabilities(rewards);
    expect(weightOf(withObjective({ objective: 'sppo' }))).toBeCloseTo(
      (Math.abs(wins[1] - 0.5) + Math.abs(wins[2] - 0.5)) / 2 / 0.5,
      12,
    );
  });

  it('follows β where its weights do', () => {
    const state = withObjective({ objective: 'ipo' });
    expect(weightOf(press(state, 'b', '2', 'enter'))).toBeCloseTo(0.5, 12);
  });

  it('wpo waits for the probabilities of all tokens and then follows α', () => {
    const progress = { need: 'logps' as const, done: 12, total: 40, computing: true, problem: null };
    const waiting = withObjective({ objective: 'wpo' }, { weights: { ...progress, known: [] } });
    expect(weightOf(waiting)).toBeNaN();
    expect(remarkOn(on.review(waiting))).toBe(
      "gradient weights of wpo need the policy's probabilities of all tokens: computing 12 of 40",
    );
    const known = (waiting.run?.review ?? []).map(({ prompt_index }) => ({
      ...{ prompt_index, log_ratios: [0, 0, 0, 0], confidences: [0, -0.2, -0.5, 0] },
    }));
    const told = after(waiting, { type: 'logps', round: 2, known, weights: { ...progress, done: 40 } });
    // Δ|y| = 100, c(y_w) + c(y_l) = -0.7; α goes from 0 to 0.001.
    expect(weightOf(told)).toBeCloseTo(Math.exp(-0.7) / 2, 12);
    expect(weightOf(press(told, 'right'))).toBeCloseTo(Math.exp(-0.7) / (1 + Math.exp(0.1)), 12);
    expect(weightsReason(on.review(told))).toBeNull();
  });

  it('is named before the launch', () => {
    const lines = launchLines(on.review(withObjective({ objective: 'simpo' })));
    expect(lines[0]).toMatch(/objective simpo {2}α 0\.0000 {2}β 0\.5/);
    expect(launchLines(on.review(review))[0]).not.toContain('objective');
  });
});

describe('gradient weights that need log-probabilities', () => {
  const progress = { need: 'logps' as const, done: 12, total: 80, computing: true, problem: null };
  const waiting = attached('review', small, { weights: { ...progress, known: [] } });
  /** Log-ratios 0.5 for the response that each row pairs as chosen, 1.5 for the rejected one. */
  const known = (waiting.run?.review ?? []).map(({ prompt_index }) => ({ prompt_index, log_ratios: [0, 0.5, 1.5, 9] }));
  const told = after(waiting, {
    type: 'logps',
    round: 2,
    known,
    weights: { ...progress, done: 80, computing: false },
  });
  const weightAt = (state: State, row = 0): number => {
    const reviewed = reviewedRound(on.review(state));
    return reviewed === null ? NaN : columnOf('weight').value(reviewed.table, row, reviewed.settings.alpha);
  };

  it('are unknown until they are there, with the reason', () => {
    expect(weightAt(waiting)).toBeNaN();
    expect(weightsReason(on.review(waiting))).toBe(
      "gradient weights need the reference's log-probabilities: computing 12 of 80",
    );
    expect(remarkOn(on.review(waiting))).toBe(weightsReason(on.review(waiting)));
    expect(press(waiting, '=').notice).toBe(`There is no length-neutral α yet: ${weightsReason(on.review(waiting))}.`);
    expect(module.reading(on.review(waiting))).toContain(weightsReason(on.review(waiting)));
    expect(shownIn(press(waiting, '/', ...'weight>0', 'enter'))).toEqual([]);
    // What the rewards and lengths give is known.
    const reviewed = reviewedRound(on.review(waiting));
    expect(reviewed === null ? 0 : panelNumbers(reviewed.table, 0.02).flipped).toBe(2);
  });

  it('follow α and β once they are', () => {
    // Δ|y| = 100, log-ratio 0.5 - 1.5: z = 0.1·(-1) + 0.02·100.
    expect(weightAt(told)).toBeCloseTo(1 / (1 + Math.exp(1.9)), 12);
    expect(weightAt(press(told, 'right'))).toBeCloseTo(1 / (1 + Math.exp(2)), 12);
    expect(weightAt(press(told, 'b', '2', 'enter'))).toBeCloseTo(0.5, 12);
    expect(weightsReason(on.review(told))).toBeNull();
    expect(remarkOn(on.review(told))).not.toContain('log-probabilities');
  });

  it('follow a decision for other responses', () => {
    const swapped = decided(told, ruling(0, { kind: 'pair', chosen: 2, rejected: 1 }));
    expect(weightAt(swapped)).toBeCloseTo(1 / (1 + Math.exp(-1.9)), 12);
  });

  it('sort the rows as they come in until the person moves or decides', () => {
    const byWeight = press(waiting, ...Array<string>(9).fill('>'));
    const half = { ...progress, done: 40 };
    const some = after(byWeight, { type: 'logps', round: 2, known: known.slice(0, 50), weights: half });
    // Those that are known come first, and the rest follow once they are.
    expect(shownIn(some)).not.toEqual(shownIn(byWeight));
    expect(
      shownIn(some)
        .slice(0, 50)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    const rest = { type: 'logps', round: 2, known: known.slice(50), weights: { ...progress, done: 80 } } as const;
    const all = after(some, rest);
    expect(shownIn(all)).toEqual(shownIn(press(told, ...Array<string>(9).fill('>'))));
    expect(slices(all).review.selected).toBe(slices(byWeight).review.selected);
    expect(press(all, 'o').notice).toContain('Nothing to do now for o');
    // Once the cursor was moved or a pair decided, rows stay where they are.
    for (const touched of [press(some, 'j'), decided(some, ruling(3, { kind: 'tie' }))]) {
      expect(shownIn(after(touched, rest))).toEqual(shownIn(some));
      expect(press(after(touched, rest), 'o').notice).toBeNull();
    }
  });

  it('apply a filter again as they come in until the person moves or decides', () => {
    const filtered = press(waiting, '/', ...'weight>0', 'enter');
    expect(shownIn(filtered)).toEqual([]);
    const tenth = { type: 'logps', round: 2, known: known.slice(10, 20), weights: progress } as const;
    const some = after(filtered, tenth);
    expect(shownIn(some)).toHaveLength(10);
    expect(shownIn(after(some, { ...tenth, known }))).toHaveLength(known.length);
    expect(shownIn(after(press(some, 'j'), { ...tenth, known }))).toHaveLength(10);
  });

  it('keep the order and the selection as they come in', () => {
    const sorted = press(waiting, ...Array<string>(9).fill('>'));
    expect(slices(sorted).review.sort.column).toBe('weight');
    const moved = press(sorted, 'j', 'j');
    const then = after(moved, { type: 'logps', round: 2, known, weights: { ...progress, done: 80, computing: false } });
    expect(shownIn(then)).toEqual(shownIn(moved));
    expect(slices(then).review.selected).toBe(slices(moved).review.selected);
  });

  it('say why they cannot be had', () => {
    const failed = after(waiting, {
      type: 'logps',
      round: 2,
      known: [],
      weights: { ...progress, computing: false, problem: '/r holds no model' },
    });
    expect(weightsReason(on.review(failed))).toBe(
      "gradient weights need the reference's log-probabilities: /r holds no model",
    );
    const { run } = waiting;
    if (run === null) throw new Error('no run');
    const past = {
      ...waiting,
      past: { ...run, round: 1, weights: { ...progress, done: 0, computing: false, known: [] } },
    };
    expect(weightsReason(on.review(past))).toBe(
      "gradient weights need the reference's log-probabilities, of which this round has 0 of 80",
    );
  });
});

describe('deciding', () => {
  it.each<[string, EngineCommand]>([
    ['x', { type: 'decide', prompt_index: 0, ruling: { kind: 'exclude' } }],
    ['t', { type: 'decide', prompt_index: 0, ruling: { kind: 'tie' } }],
    ['s', { type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 2, rejected: 1 } }],
    ['c', { type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 1, rejected: 2 } }],
  ])('%s', (key, command) => {
    expect(sent(review, key)).toEqual([command]);
    // Nothing is shown that the engine has not confirmed.
    expect(press(review, key).run).toBe(review.run);
  });

  it.each<[string, Ruling]>([
    ['x', { kind: 'exclude' }],
    ['t', { kind: 'tie' }],
    ['s', { kind: 'pair', chosen: 2, rejected: 1 }],
    ['c', { kind: 'pair', chosen: 1, rejected: 2 }],
  ])('%s again takes it back', (key, said) => {
    const state = decided(review, ruling(0, said));
    expect(sent(state, key)).toEqual([{ type: 'decide', prompt_index: 0, ruling: null }]);
    expect(sent(state, 'backspace')).toEqual([{ type: 'decide', prompt_index: 0, ruling: null }]);
  });

  it.each(['exclude', 'tie'] as const)('%s again leaves the pair that was chosen before it', (kind) => {
    const key = kind === 'exclude' ? 'x' : 't';
    const swapped: Ruling = { kind: 'pair', chosen: 2, rejected: 1 };
    const state = decided(review, ruling(0, { kind, instead_of: { chosen: 2, rejected: 1 } }));
    expect(sent(state, key)).toEqual([{ type: 'decide', prompt_index: 0, ruling: swapped }]);
    // The screen shows that pair, so confirming it chooses it and swapping it leads back to the rewards' pair.
    expect(reviewedRound(on.review(state))?.table).toMatchObject({
      statuses: { 0: kind === 'tie' ? 'tie' : 'excluded' },
    });
    expect([
      reviewedRound(on.review(state))?.table.chosen[0],
      reviewedRound(on.review(state))?.table.rejected[0],
    ]).toEqual([2, 1]);
    expect(sent(state, 'c')).toEqual([{ type: 'decide', prompt_index: 0, ruling: swapped }]);
    expect(sent(state, 's')).toEqual([{ type: 'decide', prompt_index: 0, ruling: null }]);
  });

  it('c after a swap confirms the pair as it is shown', () => {
    const swapped = decided(review, ruling(0, { kind: 'pair', chosen: 2, rejected: 1 }));
    expect(sent(swapped, 'c')).toEqual([]);
    expect(press(swapped, 'c').notice).toBe('Prompt 1 already has your decision: this pair, as it is shown.');
    // Nor is the choice of another response undone, or a pair where the rewards make none.
    expect(sent(decided(review, ruling(0, { kind: 'pair', chosen: 0, rejected: 2 })), 'c')).toEqual([]);
    const ofTies = decided(press(review, 'G'), ruling(106, { kind: 'pair', chosen: 0, rejected: 3 }));
    expect(sent(ofTies, 'c')).toEqual([]);
  });

  it('swaps a prompt without pair between its best and worst response', () => {
    expect(sent(press(review, 'G'), 's')).toEqual([
      { type: 'decide', prompt_index: 106, ruling: { kind: 'pair', chosen: 3, rejected: 0 } },
    ]);
  });

  it('chooses any two of the responses', () => {
    // By rank: places 1, 3, 0, 2; the cursor begins on the rejected one.
    const detail = press(review, 'd');
    const third = press(detail, 'up');
    expect(sent(third, 'w')).toEqual([
      { type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 0, rejected: 2 } },
    ]);
    expect(sent(third, 'l')).toEqual([
      { type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 1, rejected: 0 } },
    ]);
    // The rejected one made the chosen one is exchanged with it.
    expect(sent(detail, 'w')).toEqual([
      { type: 'decide', prompt_index: 0, ruling: { kind: 'pair', chosen: 2, rejected: 1 } },
    ]);
    expect(sent(detail, 'l')).toEqual([]);
  });

  it('goes a round with the engine: decided, chosen, undone', () => {
    let state = press(review, 'd', 'up');
    const [command] = sent(state, 'w');
    if (command.type !== 'decide' || command.ruling == null) throw new Error('no ruling');
    state = decided(state, ruling(command.prompt_index, command.ruling));
    const reviewed = reviewedRound(on.review(state));
    expect([reviewed?.table.chosen[0], reviewed?.table.rejected[0]]).toEqual([0, 2]);
    expect(sent(state, 'u')).toEqual([{ type: 'undo' }]);
    const undone = after(state, {
      type: 'decisions',
      round: 2,
      decisions: { decisions: [], undoable: 0, redoable: 1 },
    });
    expect([
      reviewedRound(on.review(undone))?.table.chosen[0],
      reviewedRound(on.review(undone))?.table.rejected[0],
    ]).toEqual([1, 2]);
    expect(sent(undone, 'u')).toEqual([]);
    expect(sent(undone, 'U')).toEqual([{ type: 'redo' }]);
    expect(sent(undone, 'ctrl+r')).toEqual([{ type: 'redo' }]);
  });

  it('leaves excluded pairs and ties out of the pairs', () => {
    const state = decided(review, ruling(0, { kind: 'exclude' }), ruling(1, { kind: 'tie' }));
    expect(reviewedRound(on.review(state))?.table.pairs).toHaveLength(101);
    expect(reviewedRound(on.review(state))?.table.inputs).toHaveLength(101);
  });

  it('writes down why', () => {
    const typing = press(review, 'e', ...'too', 'space', ...'long');
    expect(sent(typing, 'enter')).toEqual([{ type: 'decide', prompt_index: 0, note: 'too long' }]);
    const noted = decided(review, ruling(0, null, 'too long'));
    expect(press(noted, 'e').modal).toMatchObject({ text: 'too long' });
    expect(sent(press(noted, 'e', 'ctrl+u'), 'enter')).toEqual([{ type: 'decide', prompt_index: 0, note: '' }]);
  });

  it('shows the sentence of a refusal', () => {
    const message = 'another terminal drives; take over with T';
    expect(after(press(review, 'x'), { type: 'refused', command: 'decide', message }).notice).toBe(message);
  });

  it('is not for earlier rounds, and not for rounds that are done', () => {
    const { run } = review;
    if (run === null) throw new Error('no run');
    const past = after(review, {
      type: 'answer',
      query: { type: 'read-round', round: 1 },
      answer: { ...run, round: 1 },
    });
    for (const key of ['x', 's', 't', 'c', 'e', 'u', 'left', 'a', '=', 'enter']) {
      expect(sent(past, key)).toEqual([]);
      expect(press(past, key).modal).toBeNull();
      expect(sent(press(attached('done'), '2'), key)).toEqual([]);
    }
    expect(slices(press(past, 'j')).review.selected).toBe(1);
  });
});

describe('asking', () => {
  const query = (prompt_index: number) => ({ type: 'read-detail' as const, round: 2, prompt_index });

  it('asks for the responses of the selected prompt once', () => {
    expect(asked(review, 'j')).toEqual([query(1)]);
    const moved = press(review, 'j');
    expect(asked(moved, 'z')).toEqual([]);
    const [, second] = review.run?.review ?? [];
    const known = after(moved, { type: 'answer', query: query(1), answer: detailOf(second) });
    expect(asked(press(known, 'j'), 'k')).toEqual([]);
    expect(asked(press(moved, 'j'), 'k')).toEqual([query(1)]);
  });

  it('asks when it attaches, and again of a new engine', () => {
    const { run } = review;
    if (run === null) throw new Error('no run');
    const snapshot = (pid: number) => ({
      type: 'snapshot' as const,
      snapshot: { ...run, engine: { ...run.engine, pid } },
    });
    expect(reduce(review, snapshot(run.engine.pid)).effects).toEqual([]);
    expect(reduce(review, snapshot(99)).effects).toEqual([{ do: 'ask', query: query(0) }]);
  });

  it('keeps the newest answers', () => {
    const rows = review.run?.review ?? [];
    const state = rows
      .slice(0, 60)
      .reduce(
        (seen, row) => after(seen, { type: 'answer', query: query(row.prompt_index), answer: detailOf(row) }),
        review,
      );
    expect(slices(state).review.details.map(({ detail }) => detail.prompt_index)).toEqual(
      Array.from({ length: 32 }, (_, i) => 59 - i),
    );
  });

  it('asks for the tokens of the response that is looked at', () => {
    const tokens = (sample: number) => ({ type: 'read-tokens', round: 2, prompt_index: 0, sample });
    expect(asked(review, 'v')).toEqual([tokens(1)]);
    expect(asked(press(review, 'd', 'up'), 'v')).toEqual([tokens(0)]);
    expect(slices(press(review, 'd', 'up', 'v', 'v')).review.pane).toBe('detail');
    expect(slices(press(review, 'v', 'escape')).review.pane).toBe('table');
  });

  it('asks for the plan before launch', () => {
    expect(asked(review, 'enter')).toEqual([{ type: 'read-plan', round: 2 }]);
  });
});

describe('the panes', () => {
  it.each([
    ['d', 'detail'],
    ['A', 'alpha'],
    ['v', 'tokens'],
    ['B', 'hacking'],
  ])('%s opens, closes and is left by escape: %s', (key, pane) => {
    const open = press(review, key);
    expect(slices(open).review.pane).toBe(pane);
    expect(slices(press(open, key)).review.pane).toBe('table');
    expect(slices(press(open, 'escape')).review.pane).toBe('table');
    expect(module.crumbs?.(on.review(open))).not.toEqual([]);
  });

  it('goes through the responses and the prompts', () => {
    const detail = press(review, 'd');
    expect(slices(press(detail, 'up')).review.response).toBe(0);
    expect(slices(press(detail, 'up', 'up', 'up', 'up')).review.response).toBe(1);
    expect(slices(press(detail, 'down')).review.response).toBe(2);
    const next = press(detail, 'up', 'p', '>');
    expect(slices(next).review).toMatchObject({ pane: 'detail', selected: 1, response: null, against: null });
    expect(slices(press(next, '<')).review.selected).toBe(0);
  });

  it('copies the text that is looked at', () => {
    expect(module.copies?.(on.review(review))).toContain('December comes');
    expect(module.copies?.(on.review(press(review, 'd')))).toBe('January.');
    expect(module.copies?.(on.review(press(review, 'd', 'up', 'up', 'up')))).toContain('December comes');
  });

  it('reads itself aloud', () => {
    const lines = module.reading(on.review(review)).join('\n');
    expect(lines).toContain('α 0.0200: 2 of 103 pairs flipped');
    expect(lines).toContain('Prompt 1, 1 of 107. flipped by α');
    expect(lines).toContain('chosen y_w, reward 1.50, length 140: December comes');
    expect(module.reading(on.review(press(review, 'd'))).join('\n')).toContain('4: reward 0.50, length 40, selected.');
    expect(module.reading(on.review(attached('sample')))).toEqual(['No scored prompts yet.']);
  });
});

describe('α', () => {
  it('= sets the length-neutral one and says why', () => {
    const [command] = sent(review, '=');
    expect(command).toMatchObject({ type: 'set' });
    const state = press(review, '=');
    expect(slices(state).review.reason?.text).toContain('length-neutral');
    expect(state.draft.alpha).toBe(slices(state).review.reason?.alpha);
  });

  it('= says why there is none', () => {
    const never = attached('review', small, { review: reviewRows([pair(1, 0, 9, 5)]) });
    expect(sent(never, '=')).toEqual([]);
    expect(press(never, '=').notice).toContain('no chosen response is shorter');
  });

  it('f takes a number of pairs', () => {
    const rows = reviewRows([pair(1, 0, 200, 100), pair(2, 0, 200, 100), pair(5, 0, 200, 100)]);
    const state = attached('review', small, { review: rows });
    // α is 0.02 already.
    expect(sent(press(state, 'f', '1'), 'enter')).toEqual([]);
    expect(sent(press(state, 'f', '2'), 'enter')).toEqual([{ type: 'set', settings: { alpha: 0.05 } }]);
    expect(press(state, 'f', 'x', 'enter').modal).toMatchObject({ error: expect.stringContaining('whole number') });
  });
});

describe('signs of reward hacking', () => {
  const query = { type: 'read-hacking' as const, round: 2 };
  const waiting = press(review, 'B');
  const open = after(waiting, { type: 'answer', query, answer: hackingReport });

  it('are counted when they are looked at, once', () => {
    expect(asked(review, 'B')).toEqual([query]);
    expect(asked(waiting, 'down')).toEqual([]);
    expect(asked(press(open, 'B'), 'B')).toEqual([]);
    // What failed is asked for again.
    const failed = after(waiting, { type: 'unanswered', query, message: 'no' });
    expect(asked(press(failed, 'B'), 'B')).toEqual([query]);
  });

  it('lead from a phrase to the prompts whose chosen response contains it', () => {
    const third = press(open, 'j', 'down', 'k', 'j');
    expect(slices(third).review.phrase).toBe(2);
    const shown = press(third, 'enter');
    expect(slices(shown).review).toMatchObject({ pane: 'table', filter: 'w:"let\'s break it down"' });
    expect(slices(press(open, 'enter')).review.filter).toBe('w:"**"');
    // Emoji have no text in common to search for; an empty search would show every prompt.
    const emoji = { ...hackingReport, phrases: [{ ...hackingReport.phrases[0], text: 'emoji' }] };
    const stays = press(after(waiting, { type: 'answer', query, answer: emoji }), 'enter');
    expect(stays).toMatchObject({ notice: 'The filter cannot search for every emoji.', review: { filter: '' } });
    const sums = press(open, 'j', 'enter');
    expect(reviewedRound(on.review(sums))?.order.rows).toHaveLength(100);
    // Past the end there is nothing; a page is half of what is seen.
    expect(slices(press(open, 'pagedown', 'pagedown')).review.phrase).toBe(3);
    expect(module.copies?.(on.review(third))).toBe("let's break it down");
  });

  it('leave α and the launch alone, which are not to be seen', () => {
    for (const key of ['left', 'right', ']', '=']) expect(sent(open, key)).toEqual([]);
    expect(press(open, 'enter').modal).toBeNull();
    expect(press(waiting, 'enter').modal).toBeNull();
  });

  it('are read aloud', () => {
    expect(module.reading(on.review(waiting))).toEqual(['Counting words and phrases.']);
    const lines = module.reading(on.review(press(open, 'down'))).join('\n');
    expect(lines).toContain('A sign of reward hacking: length: ρ +0.41 ±0.06 (95 %) with reward within a prompt');
    expect(lines).toContain('the sum of, in 58 chosen and 4 rejected responses, selected.');
  });

  it('are pointed at', () => {
    const point = (state: State, kind: 'press' | 'wheel-down', x: number, y: number): State =>
      after(state, { type: 'mouse', kind, x, y: y + 2 });
    expect(slices(point(open, 'wheel-down', 3, 3)).review.phrase).toBe(1);
    const { run } = open;
    const wide = after(
      attached('review', large),
      { type: 'snapshot', snapshot: run ?? (undefined as never) },
      { type: 'key', key: 'B' },
      { type: 'answer', query, answer: hackingReport },
    );
    expect(slices(point(wide, 'press', 100, 5)).review.phrase).toBe(2);
    // On a heading, and beside the list.
    expect(slices(point(wide, 'press', 100, 2)).review.phrase).toBe(0);
    expect(slices(point(wide, 'press', 10, 5)).review.phrase).toBe(0);
  });
});

describe('the mouse', () => {
  const at = (state: State, kind: 'press' | 'wheel-up' | 'wheel-down', x: number, y: number): State =>
    // The body begins beneath the header's two lines.
    after(state, { type: 'mouse', kind, x, y: y + 2 });

  it('selects the row that is clicked', () => {
    expect(slices(at(review, 'press', 10, 3 + 1 + 2)).review.selected).toBe(2);
    expect(slices(at(attached('review', large), 'press', 10, 1 + 4)).review.selected).toBe(4);
  });

  it('sorts by the column whose heading is clicked, and turns it round', () => {
    // After the number, the text, the marks and the spaces between them.
    const { text } = columnsFor(80, { weighted: false, parts: [], logps: true }, 'prompt');
    const margin = 7 + 1 + text + 1 + 6 + 2;
    const once = at(review, 'press', margin, 3);
    expect(slices(once).review.sort).toEqual({ column: 'margin', reversed: false });
    expect(slices(at(once, 'press', margin, 3)).review.sort).toEqual({ column: 'margin', reversed: true });
    expect(slices(at(review, 'press', 10, 3)).review.sort.column).toBe('text');
    expect(slices(at(review, 'press', margin - 4, 3)).review.sort.column).toBe('marks');
  });

  it('scrolls what is under the pointer', () => {
    const long = attached('review', small, { pairs: [pair(1, 0, 2, 1, { chosen_text: 'line\n'.repeat(40) })] });
    expect(slices(at(long, 'wheel-down', 5, 18)).review).toMatchObject({ selected: 0, textTop: 3 });
    expect(slices(at(long, 'wheel-down', 5, 5)).review).toMatchObject({ selected: 3, textTop: 0 });
    expect(slices(at(at(long, 'wheel-down', 5, 5), 'wheel-up', 5, 5)).review.selected).toBe(0);
  });

  it('picks the response that is clicked', () => {
    expect(slices(at(press(review, 'd'), 'press', 5, 3)).review.response).toBe(1);
    expect(slices(at(press(review, 'd'), 'press', 5, 4)).review.response).toBe(3);
  });
});

describe('pair weights', () => {
  const weighted = attached('review', small, weightedRound());
  const enter = (state: State, text: string) => press(press(state, 'm'), ...text, 'enter');

  it('are typed, sent, and refused out of range', () => {
    expect(sent(press(review, 'm', ...'0,5'), 'enter')).toEqual([{ type: 'decide', prompt_index: 0, weight: 0.5 }]);
    // A swap of a prompt that keeps its weight, and a weight as it is, send nothing of it.
    expect(sent(press(weighted, 'm', ...'0.5'), 'enter')).toEqual([]);
    for (const wrong of ['-1', 'much', '1001', '1e999', 'NaN'])
      expect(enter(review, wrong).modal).toMatchObject({
        error: 'the weight of a pair: expected a number from 0 to 1000, such as 0.5',
      });
  });

  it('are removed by an empty text, or with the decision', () => {
    expect(sent(press(weighted, 'm'), 'enter')).toEqual([{ type: 'decide', prompt_index: 0, weight: null }]);
    expect(sent(press(review, 'm'), 'enter')).toEqual([]);
    expect(sent(weighted, 'backspace')).toEqual([{ type: 'decide', prompt_index: 0, ruling: null, weight: null }]);
  });

  it("count in gradient weights, on each of a prompt's pairs", () => {
    const { table, settings } = reviewedRound(on.review(weighted)) ?? {};
    if (table === undefined || settings === undefined) throw new Error('no round');
    // 103 prompts with two pairs each, of which a swap leaves one.
    expect([table.pairs.length, table.inputs.length]).toEqual([103, 205]);
    expect(table.inputs.slice(0, 5).map(({ pair_weight }) => pair_weight)).toEqual([0.5, 0.5, 0.3, 0.4, 1]);
    // σ(-α·100)·½ at α 0.02.
    expect(marginsOf(table, 0, 0.02).weight).toBeCloseTo(0.5 / (1 + Math.exp(2)), 12);
    expect(launchLines(on.review(weighted))[0]).toMatch(/^Launch the update on 205 pairs\?/);
    expect(panelNumbers(table, 0.02).pairs).toBe(205);
  });

  it('show what the strategy has chosen against the reward, which is no flip', () => {
    const { table } = reviewedRound(on.review(weighted)) ?? {};
    if (table === undefined) throw new Error('no round');
    expect(marginsOf(table, 1, 0.02)).toMatchObject({ reward_margin: -3.25, flipped: false });
    expect(marksOf(table, 1, 0.02)).toMatchObject({ against: true, flipped: false });
    // Prompt 3 has a lower reward by hand.
    expect(marksOf(table, 2, 0.02)).toMatchObject({ against: false, decided: true, pairs: 1 });
    expect(shownIn(press(weighted, '/', ...'against', 'enter'))).toEqual([2]);
    expect(shownIn(press(weighted, '/', ...'pw<0.6', 'enter'))).toEqual([1, 2]);
  });
});

describe('the pairing pane', () => {
  const pane = press(review, 'M');

  it('begins on the present strategy, and makes the pairs by another one once that is confirmed', () => {
    expect(pairingOf(on.review(pane))).toMatchObject({ present: 0, selected: 0 });
    expect(press(pane, 'enter')).toMatchObject({
      modal: null,
      notice: 'The pairs are made by this strategy already.',
    });
    const question = press(pane, ...Array<string>(6).fill('down'), 'enter');
    expect(question.modal).toMatchObject({ kind: 'confirm', what: 'set-pairs' });
    expect(question.modal).toHaveProperty(
      'lines.0',
      'Make the pairs again: length-penalized, λ 0.02 instead of best-worst?',
    );
    const pairs = { strategy: 'length-penalized', length_penalty: 0.02 };
    expect(sent(question, 'y')).toEqual([{ type: 'set-pairs', pairs }]);
    expect(slices(press(question, 'y')).review.pane).toBe('table');
    expect(sent(press(question, 'escape'), 'down')).toEqual([]);
  });

  it('previews what the strategy of the round has made', () => {
    const { previews = [], present = -1 } = pairingOf(on.review(pane)) ?? {};
    const { table } = reviewedRound(on.review(review)) ?? {};
    if (table === undefined) throw new Error('no round');
    const numbers = panelNumbers(table, 0.02);
    expect(previews[present].pairs).toBe(numbers.pairs);
    expect(previews[present].length_difference).toBeCloseTo(numbers.mean_length_difference, 12);
    expect(previews[present].reward_margin).toBeCloseTo(numbers.mean_reward_margin, 12);
    expect(flippedIn(previews[present], 0.02)).toBe(numbers.flipped);
  });

  it('of a finished round says how a fork takes it', () => {
    const past = press(attached('done'), '2', 'M', 'down');
    expect(press(past, 'enter').modal).toBeNull();
    const said = module.reading(on.review(past)).join('\n');
    expect(said).toContain('A fork (history) takes it as pairs.strategy, pairs.length_penalty.');
  });
});
