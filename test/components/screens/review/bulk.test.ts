/** One decision for all prompts that the filter shows, and the order by importance. */
import { describe, expect, it } from 'vitest';
import { reduce } from '../../../../components/app/reducer.js';
import type { State } from '../../../../components/app/state.js';
import { parseBulk } from '../../../../components/screens/review/bulk.js';
import { rangeOf, reviewedRound } from '../../../../components/screens/review/select.js';
import { columnsFor } from '../../../../components/screens/review/columns.js';
import { importanceOf } from '../../../../components/screens/review/table.js';
import type { Decision } from '../../../../src/core/review/rows.js';
import { after, attached, pair, press, reviewRows, small } from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const shownIn = (state: State): number[] => {
  const reviewed = reviewedRound(on.review(state));
  return Array.from(reviewed?.order.rows ?? [], (row) => (reviewed?.table.rows[row].prompt_index ?? -1) + 1);
};
const decided = (state: State, ...decisions: Decision[]): State =>
  after(state, { type: 'decisions', round: 2, decisions: { decisions, undoable: 1, redoable: 0 } });
const type = (state: State, text: string): State => press(state, 'F', ...text, 'enter');
const sent = (state: State) =>
  reduce(state, { type: 'key', key: 'y' }).effects.flatMap((effect) => (effect.do === 'send' ? [effect.command] : []));
const question = (state: State) => (state.modal?.kind === 'confirm' ? state.modal.lines : state.modal);

/** Margins 4, 1, 2 and 0.5, then a tie without pair; lengths are equal. */
const rows = reviewRows([pair(4, 0, 10, 10), pair(1, 0, 10, 10), pair(2, 0, 10, 10), pair(0.5, 0, 10, 10)]).slice(0, 5);
const five = attached('review', small, { review: rows });

describe('importance', () => {
  const sorted = press(five, 'i');
  it('puts near ties first, and prompts without a pair last', () => {
    // All weights are equal and no pair is flipped: the median margin is 2, so the near term alone orders.
    expect(shownIn(sorted)).toEqual([4, 2, 3, 1, 5]);
    const { table, settings } = reviewedRound(on.review(sorted)) ?? {};
    if (table === undefined || settings === undefined) throw new Error('no round');
    // 2 / 2.5 = 0.8, the weight of every pair is the median: 0.5, flipped 0: 1.3 / 3.
    expect(importanceOf(table, 3, settings.alpha)).toBeCloseTo(1.3 / 3, 12);
    expect(importanceOf(table, 4, settings.alpha)).toBeNaN();
  });

  it('is shown while the table is sorted by it, and i leads back', () => {
    const ids = (sort: 'importance' | 'prompt') =>
      columnsFor(80, { weighted: false, parts: [], logps: true }, sort).shown.map(({ id }) => id);
    expect(ids('importance')).toContain('importance');
    expect(ids('prompt')).not.toContain('importance');
    expect(slices(press(sorted, 'i')).review.sort.column).toBe('prompt');
  });

  it('keeps rows in place while the person decides, and puts them behind the undecided ones at a re-sort', () => {
    const done = decided(sorted, { prompt_index: 3, ruling: { kind: 'tie' }, note: '' });
    expect(shownIn(done)).toEqual([4, 2, 3, 1, 5]);
    expect(shownIn(press(done, 'o'))).toEqual([2, 3, 1, 4, 5]);
  });

  it('can be filtered by', () => {
    const filtered = (text: string) => press(five, '/', ...text, 'enter');
    expect(shownIn(filtered('importance > 40'))).toEqual([4]);
    expect(shownIn(filtered('importance < 100'))).toEqual([1, 2, 3, 4]);
    expect(shownIn(filtered('imp. > 40'))).toEqual([4]);
  });
});

describe('all that the filter shows', () => {
  const near = press(five, '/', ...'r < 3', 'enter');

  it('is excluded at once after a question with the exact number', () => {
    const asked = type(near, 'exclude');
    expect(question(asked)).toEqual([
      'Exclude 3 pairs that match `r < 3`?',
      'Of 4 prompts, 1 has no pair.',
      'One undo (u) takes all of it back.',
    ]);
    expect(sent(asked)).toEqual([{ type: 'decide-all', prompts: [1, 2, 3], ruling: 'exclude' }]);
    expect(press(asked, 'n').modal).toBeNull();
  });

  it('keeps what was decided by hand', () => {
    const state = decided(
      near,
      { prompt_index: 1, ruling: { kind: 'pair', chosen: 1, rejected: 2 }, note: '' },
      { prompt_index: 2, ruling: null, note: 'hm', weight: 2 },
    );
    expect(question(type(state, 'tie'))).toEqual([
      'Make ties of 2 pairs that match `r < 3`?',
      'Of 4 prompts, 1 was decided by hand and keeps its decision, 1 has no pair.',
      'One undo (u) takes all of it back.',
    ]);
    expect(sent(type(state, 'co'))).toEqual([{ type: 'decide-all', prompts: [2, 3], ruling: 'confirm' }]);
    expect(sent(type(state, 'weight 0,5'))).toEqual([{ type: 'decide-all', prompts: [1, 3], weight: 0.5 }]);
    expect(sent(type(state, 'clear'))).toEqual([{ type: 'decide-all', prompts: [1, 2], ruling: null, weight: null }]);
  });

  it('leaves out rows that a decision has made miss the filter', () => {
    const state = decided(press(five, '/', ...'-excluded r < 3', 'enter'), {
      prompt_index: 1,
      ruling: { kind: 'exclude' },
      note: '',
    });
    expect(shownIn(state)).toContain(2);
    expect(question(type(state, 'tie'))).toEqual([
      'Make ties of 2 pairs that match `-excluded r < 3`?',
      'Of 3 prompts, 1 has no pair.',
      'One undo (u) takes all of it back.',
    ]);
    expect(sent(type(state, 'clear'))).toEqual([]);
  });

  it('sends what was asked, whatever is decided meanwhile', () => {
    const asked = decided(type(near, 'exclude'), { prompt_index: 1, ruling: { kind: 'tie' }, note: '' });
    expect(sent(asked)).toEqual([{ type: 'decide-all', prompts: [1, 2, 3], ruling: 'exclude' }]);
  });

  it('tells while it is typed what it would do', () => {
    const typing = press(near, 'F', ...'ex');
    expect(typing.modal).toMatchObject({ label: 'all 4 shown', hint: 'exclude 3 pairs; 1 has no pair' });
    expect(press(near, 'F', 'c', 'enter').modal).toMatchObject({ error: 'c may mean confirm or clear' });
    expect(press(near, 'F', ...'clear', 'enter').modal).toMatchObject({ error: 'nothing to clear: 4 are undecided' });
    expect(press(near, 'F', 'enter').modal).toBeNull();
  });

  it('carries the name of the reviewer', () => {
    const asked = type({ ...near, reviewer: 'ann' }, 'ex');
    expect(sent(asked)).toMatchObject([{ type: 'decide-all', reviewer: 'ann' }]);
    const one = reduce({ ...near, reviewer: 'ann' }, { type: 'key', key: 'x' }).effects;
    expect(one).toEqual([
      { do: 'send', command: { type: 'decide', prompt_index: 1, ruling: { kind: 'exclude' }, reviewer: 'ann' } },
    ]);
  });
});

describe('a range', () => {
  const commands = (state: State, key: string) =>
    reduce(state, { type: 'key', key }).effects.flatMap((effect) => (effect.do === 'send' ? [effect.command] : []));
  const rangeIn = (state: State) => rangeOf(on.review(state));

  it('follows ⇧↓ and ⇧↑ from its anchor, and ends with a plain movement', () => {
    const three = press(five, 'shift+down', 'shift+down');
    expect(rangeIn(three)).toEqual([0, 2]);
    expect(rangeIn(press(three, 'shift+up'))).toEqual([0, 1]);
    expect(rangeIn(press(three, 'down'))).toBeNull();
    expect(rangeIn(press(three, 'escape'))).toBeNull();
    expect(slices(press(three, 'escape')).review.selected).toBe(2);
  });

  it('that * has begun follows every movement until * or esc', () => {
    const held = press(five, 'j', '*', 'j', 'j');
    expect(rangeIn(held)).toEqual([1, 3]);
    expect(rangeIn(press(held, 'g'))).toEqual([0, 1]);
    expect(rangeIn(press(held, '*'))).toBeNull();
    expect(rangeIn(press(held, 'S'))).toBeNull();
  });

  it('is decided on at once, as one decision that keeps what was decided by hand', () => {
    const all = press(
      decided(five, { prompt_index: 1, ruling: { kind: 'pair', chosen: 1, rejected: 2 }, note: '' }),
      '*',
      'G',
    );
    expect(commands(all, 'x')).toEqual([{ type: 'decide-all', prompts: [0, 2, 3], ruling: 'exclude' }]);
    expect(commands(all, 't')).toEqual([{ type: 'decide-all', prompts: [0, 2, 3], ruling: 'tie' }]);
    expect(commands(all, 'c')).toEqual([{ type: 'decide-all', prompts: [0, 2, 3], ruling: 'confirm' }]);
    expect(commands(all, 'backspace')).toEqual([{ type: 'decide-all', prompts: [1], ruling: null, weight: null }]);
    expect(commands(press(all, 'm', ...'0,5'), 'enter')).toEqual([
      { type: 'decide-all', prompts: [0, 1, 2, 3], weight: 0.5 },
    ]);
    const done = press(all, 'x');
    expect(done.notice).toBe(
      'Excluded 3 pairs; 1 was decided by hand and keeps its decision, 1 has no pair. One undo (u) takes all of it back.',
    );
    expect(rangeIn(done)).toBeNull();
  });

  it('is what F decides on, and what a swap refuses', () => {
    const two = press(five, 'shift+down');
    expect(question(type(two, 'tie'))).toEqual([
      'Make ties of 2 pairs in the selected range?',
      'One undo (u) takes all of it back.',
    ]);
    expect(sent(type(two, 'tie'))).toEqual([{ type: 'decide-all', prompts: [0, 1], ruling: 'tie' }]);
    expect(press(two, 's').notice).toBe('This concerns one pair only; esc ends the range.');
  });

  it('says why nothing was decided', () => {
    const last = press(five, 'G', '*');
    expect(press(last, 'x').notice).toBe('Nothing to exclude in the range: 1 has no pair.');
    expect(commands(last, 'x')).toEqual([]);
  });
});

describe('undecided pairs', () => {
  const ruled = decided(
    five,
    ...[1, 2].map((prompt_index): Decision => ({ prompt_index, ruling: { kind: 'exclude' }, note: '' })),
  );
  it.each([[[]], [['d']], [['v']]])('are gone through by n and N after %j, around the ends', (keys: string[]) => {
    const at = (...more: string[]) => slices(press(ruled, ...keys, ...more)).review.selected;
    expect([at('n'), at('n', 'n'), at('N'), at('N', 'N')]).toEqual([3, 0, 3, 0]);
  });

  it('are found by the filter', () => {
    expect(shownIn(press(ruled, '/', ...'undecided', 'enter'))).toEqual([1, 4]);
  });
});

it.each([
  ['', null],
  ['e', { do: 'exclude' }],
  ['Exclude', { do: 'exclude' }],
  ['t', { do: 'tie' }],
  ['con', { do: 'confirm' }],
  ['w 2', { do: 'weight', weight: 2 }],
  ['weight0.5', { do: 'weight', weight: 0.5 }],
  ['weight', 'weight needs a number, such as weight 0.5'],
  ['weight -1', 'the weight of a pair: expected a number from 0 to 1000'],
  ['swap', 'expected exclude, tie, confirm, clear, or weight and a number such as weight 0.5'],
  ['tie 3', 'expected exclude, tie, confirm, clear, or weight and a number such as weight 0.5'],
])('%j is read', (typed, expected) => {
  expect(parseBulk(typed)).toEqual(expected);
});
