/** Keys of the user's own. */
import { describe, expect, it } from 'vitest';
import { type Bindings, bindingProblems, withBindings } from '../../../components/app/bindings.js';
import { footerHints } from '../../../components/app/chrome.js';
import { paletteEntries } from '../../../components/app/commands.js';
import { helpLines } from '../../../components/app/helpLines.js';
import { keyTable } from '../../../components/app/keys.js';
import type { State } from '../../../components/app/state.js';
import { definitions } from '../../../components/screens/index.js';
import { nearest } from '../../../src/core/config/partial.js';
import { attached, large, press } from '../fixtures.js';

const problems = (bindings: Bindings) => bindingProblems(definitions, bindings, nearest);
const bound = (bindings: Bindings, state = attached('review', large)): State => ({
  ...state,
  definitions: withBindings(definitions, bindings),
});
const signs = (state: State) => Object.fromEntries(footerHints(state).map(({ key, sign }) => [key.id, sign]));

describe('a key of one’s own', () => {
  it('does what the action does, and the usual key no longer', () => {
    const state = bound({ exclude: ['X', 'ctrl+x'], curves: ['f5'] });
    expect(press(state, 'f5')).toMatchObject({ review: { pane: 'alpha' } });
    expect(press(state, 'A')).toMatchObject({ review: { pane: 'table' } });
  });

  it('is in the footer, the help and the palette', () => {
    const state = bound({ exclude: ['ctrl+x'], launch: ['f9'] });
    expect(signs(state)).toMatchObject({ exclude: 'ctrl+x', launch: 'f9' });
    expect(helpLines(press(state, '?')).find(({ name }) => name === 'exclude')).toMatchObject({ left: 'ctrl+x' });
    expect(paletteEntries(state, 'exclude')[0]).toMatchObject({ name: 'ctrl+x' });
  });

  it('may be none: the palette still runs the action', () => {
    const state = bound({ curves: [] });
    expect(press(state, 'A')).toMatchObject({ review: { pane: 'table' } });
    expect(press(state, ':', ...'curves', 'enter')).toMatchObject({ review: { pane: 'alpha' }, modal: null });
    expect(Object.keys(signs(state))).not.toContain('curves');
  });

  it('takes the sign that it shared with its neighbour', () => {
    expect(signs(attached('review', large))).toMatchObject({ 'pair-down': '↑↓', 'alpha-up': '←→' });
    expect(signs(bound({ 'pair-up': ['i'] }))).toMatchObject({ 'pair-down': '↓', 'alpha-up': '←→' });
    expect(signs(bound({ 'pair-down': ['ctrl+n'] }))).toMatchObject({ 'pair-down': 'ctrl+n' });
    // More keys beside the usual ones change nothing.
    expect(signs(bound({ 'pair-up': ['up', 'i'] }))).toMatchObject({ 'pair-down': '↑↓' });
  });

  it('of the screens stands for the screen in its place', () => {
    const state = bound({ go: ['f1', 'f2', 'f3', 'f4', 'f5'] });
    expect(press(state, 'f5')).toMatchObject({ screen: 'history' });
    expect(press(state, ':', ...'go-update', 'enter')).toMatchObject({ screen: 'update' });
    expect(press(state, '3')).toMatchObject({ screen: 'review' });
  });

  it('changes nothing else', () => {
    expect(withBindings(definitions, {})).toBe(definitions);
    const others = (table: ReturnType<typeof keyTable>) =>
      table.filter(({ id }) => id !== 'note').map(({ id, keys, sign }) => ({ id, keys, sign }));
    expect(others(keyTable(withBindings(definitions, { note: ['N'] })))).toEqual(others(keyTable(definitions)));
  });
});

describe('what cannot be bound', () => {
  it.each<[string, Bindings, string[]]>([
    ['an unknown action', { exclde: ['X'] }, ['there is no action "exclde"; did you mean exclude?']],
    [
      'one that resembles nothing',
      { zzzzzzzz: ['X'] },
      ['there is no action "zzzzzzzz"; `brevity keys` lists the names'],
    ],
    [
      'a key that no terminal sends',
      { exclude: ['ctrl+i'] },
      [expect.stringContaining('"ctrl+i" is no key that a terminal sends')],
    ],
    [
      'a character in a text field',
      { 'erase-word': ['x'] },
      [expect.stringContaining('"x" is typed into the text field')],
    ],
    ['no way out', { close: [], 'detach-now': [] }, ['close needs a key', 'detach-now needs a key']],
    ['too few screens', { go: ['f1'] }, ['go needs 6 keys, one for each screen']],
    [
      'a key that is taken',
      { exclude: ['s'] },
      [
        '"s" is also the key of swap (exchange chosen and rejected, and back) on the screen Review; give one of them another key',
      ],
    ],
    [
      'a key of all screens',
      { 'open-run': ['q'] },
      [expect.stringMatching(/^"q" is also the key of quit-list .* on the screen Runs;/)],
    ],
  ])('%s', (_name, bindings, texts) => {
    expect(problems(bindings).map(({ text }) => text)).toEqual(texts);
  });

  it('two actions may exchange keys, and share one if they do by default', () => {
    // s skips a pair in blind mode, where nothing is excluded; x ends an engine on another screen.
    expect(problems({ exclude: ['s'], swap: ['x'] })).toEqual([]);
    expect(problems({ 'pair-up': ['f7'], 'better-response': ['f7'] })).toEqual([]);
  });
});
