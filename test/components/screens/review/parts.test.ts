/** Review of a mixed reward: the dissent of its parts in the table and the filter, and its parts in the detail pane. */
import { describe, expect, it } from 'vitest';
import type { ReviewRow } from '../../../../src/core/review/rows.js';
import { columnsFor } from '../../../../components/screens/review/columns.js';
import { reviewedRound } from '../../../../components/screens/review/select.js';
import { review as module } from '../../../../components/screens/review/screen.js';
import type { State } from '../../../../components/app/state.js';
import { after, attached, config, detailOf, large, pair, press, reviewRows, small } from '../../fixtures.js';
import { frame } from '../../frame.js';
import { on, slices } from '../../slices.js';

const mixed = { ...config, reward: '0.7*hf:/models/judge+0.3*module:/code/brief.mjs' };

const plain = (of: State): string => frame(of).replace(/\x1b\[[\d;]*m/g, '');

/** Rows whose chosen and rejected responses have these parts; null: none, as in earlier versions. */
function rowsOf(...parts: ([chosen: number[], rejected: number[]] | null)[]): ReviewRow[] {
  return reviewRows(parts.map((_, i) => pair(i + 2, 1, 20, 10))).map((row, i): ReviewRow => {
    const own = parts[i] ?? null;
    return own === null ? row : { ...row, parts: [[0, 0], own[0], own[1], [0, 0]] };
  });
}

// Contributions 0.7 and 0.3: all agree; 1.4 and -0.6, a share of 0.3; none known; -0.7 and 1.5, 0.7/2.2 = 0.318.
const rows = rowsOf(
  [
    [1, 1],
    [0, 0],
  ],
  [
    [2, 0],
    [0, 2],
  ],
  null,
  [
    [0, 5],
    [1, 0],
  ],
);
const shownBy = (state: State) => {
  const reviewed = reviewedRound(on.review(state));
  return Array.from(reviewed?.order.rows ?? [], (row) => (reviewed?.table.rows[row].prompt_index ?? -1) + 1);
};
const filtered = (state: State, filter: string) => press(state, '/', ...filter, 'enter');
const state = (size = small) => attached('review', size, { review: rows, config: mixed });

describe('the dissent of the parts', () => {
  it('is a column of its own, which sorts and filters', () => {
    expect(plain(state())).toMatch(/weight dissent/);
    const sorted = press(state(), ...Array<string>(10).fill('>'));
    expect(slices(sorted).review.sort.column).toBe('dissent');
    expect(shownBy(sorted).slice(0, 3)).toEqual([4, 2, 1]);
    expect(plain(sorted)).toContain('32 %');
    expect(shownBy(filtered(state(), 'dissent > 30'))).toEqual([4]);
    expect(shownBy(filtered(state(), 'dissent:0..31'))).toEqual([1, 2]);
  });

  it('follows the pair that a person decides', () => {
    const swap = { prompt_index: 1, ruling: { kind: 'pair' as const, chosen: 2, rejected: 1 }, note: '' };
    const decisions = { decisions: [swap], undoable: 1, redoable: 0 };
    const decided = after(state(), { type: 'decisions', round: 2, decisions });
    expect(shownBy(filtered(decided, 'dissent:69..71'))).toEqual([2]);
  });

  it('has no column for a single reward, nor for rows with other parts than the reward', () => {
    for (const other of [
      { review: rows, config },
      { review: reviewRows([pair(1, 0, 2, 1)]), config: mixed },
    ]) {
      const without = attached('review', small, other);
      expect(plain(without)).not.toContain('dissent');
      expect(slices(press(without, ...Array<string>(10).fill('>'))).review.sort.column).toBe('r_w');
    }
    const three = { ...config, reward: 'hf:/a+hf:/b+hf:/c' };
    expect(plain(attached('review', small, { review: rows, config: three }))).not.toContain('dissent');
  });

  it('has the dissent beside the weight, and scrolls to it where there is no room', () => {
    const table = { parts: [{ name: 'judge', weight: 1 }], weighted: false, logps: false };
    const ids = (width: number, first: number) => columnsFor(width, table, 'prompt', first).shown.map(({ id }) => id);
    expect(ids(100, 0)).toContain('dissent');
    expect(ids(80, 0)).toContain('dissent');
    expect(ids(70, 0)).not.toContain('dissent');
    expect(ids(70, 1).at(-1)).toBe('dissent');
  });
});

describe('the detail pane', () => {
  const opened = (size = small) =>
    press(
      after(press(state(size), 'j'), {
        type: 'answer',
        query: { type: 'read-detail', round: 2, prompt_index: 1 },
        answer: detailOf(rows[1]),
      }),
      'd',
    );

  it.each([small, large])('shows what each part says of both responses', (size) => {
    const text = plain(opened(size));
    expect(text).toMatch(/parts of the reward +weight +chosen y_w +rejected y_l +weighted Δ/);
    expect(text).toMatch(/hf:judge +0\.7 +2\.00 +0\.00 +\+1\.40/);
    expect(text).toMatch(/module:brief\.mjs +0\.3 +0\.00 +2\.00 +-0\.60/);
  });

  it('is read aloud with them', () => {
    expect(module.reading(on.review(opened())).join('\n')).toContain(
      'Part module:brief.mjs, weight 0.3: chosen y_w 0.00, rejected y_l 2.00, weighted difference -0.60.',
    );
  });

  it('has no such lines for a row without parts', () => {
    expect(plain(press(state(), 'j', 'j', 'd'))).not.toContain('parts of the reward');
  });
});

describe('the sampling screen of a scored round', () => {
  // Parts of the four rows' responses: three rows have some, each with two zeros: sums 4 and 8 over 12 responses.
  const sampling = (more: object) => press(attached('review', large, { review: rows, config: mixed, ...more }), '1');

  it('shows the means of the parts', () => {
    expect(plain(sampling({}))).toContain('parts 0.7·hf:judge 0.33, 0.3·module:brief.mjs 0.67');
    expect(plain(sampling({ config }))).not.toContain('parts ');
  });
});
