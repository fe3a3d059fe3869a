/** Blind mode: nothing tells which response the reward prefers, and every choice is an ordinary decision. */
import { renderToString } from 'ink';
import { describe, expect, it } from 'vitest';
import { Frame } from '../../../../components/app/App.js';
import { readingOf } from '../../../../components/app/aloud.js';
import { activeKeys } from '../../../../components/app/keys.js';
import { reduce } from '../../../../components/app/reducer.js';
import type { Size, State } from '../../../../components/app/state.js';
import { themeFor } from '../../../../components/parts/theme.js';
import { comparedResponses, reviewedRound } from '../../../../components/screens/review/select.js';
import type { Decision } from '../../../../src/core/review/rows.js';
import { after, attached, pair, press, reviewRows, small } from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const theme = themeFor({ NO_COLOR: '1' });
const plain = (state: State) => renderToString(<Frame state={state} theme={theme} />, { columns: state.size.columns });
/** Rewards and lengths that appear nowhere else. */
const rows = reviewRows(
  [0, 1, 2].map((n) => pair(7.77, 3.33, 7177, 3133, { chosen_text: `good ${n}`, rejected_text: `poor ${n}` })),
).slice(0, 4);
const state = (size: Size = small) => ({ ...attached('review', size, { review: rows }), reviewer: 'ann' });
const blind = (size?: Size) => press(state(size), 'V');
const sidesIn = (at: State) => {
  const reviewed = reviewedRound(on.review(at));
  if (reviewed?.row == null) throw new Error('no row');
  return comparedResponses(on.review(at), reviewed, reviewed.row).sides;
};
const sent = (at: State, key: string) =>
  reduce(at, { type: 'key', key }).effects.flatMap((effect) => (effect.do === 'send' ? [effect.command] : []));
const decided = (at: State, ...decisions: Decision[]): State =>
  after(at, { type: 'decisions', round: 2, decisions: { decisions, undoable: 1, redoable: 0 } });

describe.each([
  [80, 24],
  [120, 40],
  [160, 50],
  [60, 18],
])('at %i×%i', (columns, lines) => {
  it('shows A and B without rewards, lengths and marks, on the screen and aloud', () => {
    const shown = blind({ columns, rows: lines });
    const frame = plain(shown);
    expect(frame).toContain('rewards hidden');
    expect(frame).toContain('0 decided blind · 3 undecided');
    expect(frame).toContain('good 0');
    for (const text of [frame, readingOf(shown).join('\n')])
      expect(text).not.toMatch(/7\.77|3\.33|4\.44|7,?177|3,?133|y_w|y_l|chosen|rejected|near|flipped|margin|weight/);
    // The same screen tells them before.
    expect(plain(press(shown, 'V'))).toMatch(/7\.77|4\.44/);
  });
});

describe('blind mode', () => {
  it('decides for A, B or a tie, and goes on to the next undecided pair', () => {
    const [a, b] = sidesIn(blind());
    expect([a.name, b.name]).toEqual(['A', 'B']);
    const better = { type: 'decide', prompt_index: 0, blind: true, reviewer: 'ann' };
    expect(sent(blind(), 'a')).toEqual([{ ...better, ruling: { kind: 'pair', chosen: a.place, rejected: b.place } }]);
    expect(sent(blind(), 'b')).toEqual([{ ...better, ruling: { kind: 'pair', chosen: b.place, rejected: a.place } }]);
    expect(sent(blind(), 't')).toEqual([{ ...better, ruling: { kind: 'tie' } }]);
    for (const key of ['a', 'b', 't', 's']) expect(slices(press(blind(), key)).review.selected).toBe(1);
    expect(sent(blind(), 's')).toEqual([]);
  });

  it('keeps the sides when the choice is known, and says what it was', () => {
    const [a, b] = sidesIn(blind());
    const ruling = { kind: 'pair' as const, chosen: b.place, rejected: a.place };
    const done = decided(blind(), { prompt_index: 0, ruling, note: '', blind: true, reviewer: 'ann' });
    expect(sidesIn(done).map(({ place }) => place)).toEqual([a.place, b.place]);
    expect(plain(done)).toContain('You chose B.');
    expect(plain(done)).toContain('1 decided blind · 2 undecided');
    const open = decided(blind(), { prompt_index: 0, ruling, note: '' });
    expect(plain(open)).toContain('Decided already, not blind by you.');
    expect(plain(open)).toContain('0 decided blind · 2 undecided');
  });

  it('begins on an undecided pair, passes by decided ones and says when none is left', () => {
    const tie = (prompt_index: number): Decision => ({ prompt_index, ruling: { kind: 'tie' }, note: '' });
    expect(slices(press(decided(state(), tie(0), tie(1)), 'V')).review.selected).toBe(2);
    expect(slices(press(decided(blind(), tie(1)), 'a')).review.selected).toBe(2);
    // After the last prompt it begins again at the top.
    expect(slices(press(blind(), 's', 's', 's')).review.selected).toBe(0);
    expect(press(decided(blind(), tie(1), tie(2)), 'a').notice).toMatch(/No other pair .* undecided/);
  });

  it('has no keys that would tell more', () => {
    const ids = activeKeys(blind()).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(['blind-a', 'blind-b', 'blind-tie', 'blind-skip', 'blind']));
    for (const id of [
      'detail',
      'tokens',
      'curves',
      'hacking',
      'pairing',
      'launch',
      'swap',
      'edit-alpha',
      'filter',
      'decide-all',
    ])
      expect(ids).not.toContain(id);
  });

  it('tells on leaving how often the person agreed with the reward', () => {
    const pairOf = (prompt_index: number, chosen: number): Decision => ({
      ...{ prompt_index, note: '', blind: true, reviewer: 'ann' },
      ruling: { kind: 'pair', chosen, rejected: 3 - chosen },
    });
    const done = decided(blind(), pairOf(0, 1), pairOf(1, 2));
    for (const key of ['V', 'escape']) {
      const left = press(done, key);
      expect(slices(left).review.pane).toBe('table');
      expect(left.notice).toBe('You agreed with the reward on 1 of 2 blind choices (50%, 95% interval 9% to 91%).');
    }
    expect(press(blind(), 'V').notice).toBeNull();
  });
});
