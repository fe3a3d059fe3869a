/** Colour is there where the terminal has it, and not under NO_COLOR; both say the same. */
import { expect, it, vi } from 'vitest';

// chalk looks once, when it is loaded.
vi.hoisted(() => {
  process.env['FORCE_COLOR'] = '1';
});

import { renderToString } from 'ink';
import { stripVTControlCharacters } from 'node:util';
import { Frame } from '../../components/app/App.js';
import type { State } from '../../components/app/state.js';
import { widthOf } from '../../components/parts/text.js';
import { themeFor, themes } from '../../components/parts/theme.js';
import { after, attached, press, small } from './fixtures.js';
import { listed, ready } from './homeFixtures.js';

const states = [
  ...(['sample', 'review', 'update', 'done'] as const).map((stage) => attached(stage)),
  press(attached('done'), 'h'),
  press(attached('review'), '?'),
  after(attached('review'), { type: 'bye', reason: 'the engine ended' }),
];
const draw = (state: State, env: Record<string, string>): string =>
  renderToString(<Frame state={state} theme={themeFor(env)} />, { columns: state.size.columns });

/** Foreground and background colours; bold, dim and inverse are none. */
const colours = /\x1b\[(3[0-79]|9[0-7]|4[0-79]|10[0-7]|[34]8;[\d;]+)m/;
const words = (text: string): string => text.replace(/\x1b\[[\d;]*m/g, '').replace(/ +$/gm, '');

it('is used by default', () => {
  for (const state of states) expect(draw(state, {})).toMatch(colours);
});

it('is absent under NO_COLOR, which loses no word and no mark', () => {
  for (const state of states) {
    const plain = draw(state, { NO_COLOR: '1' });
    expect(plain).not.toMatch(colours);
    expect(plain).toMatch(/\x1b\[1m/);
    expect(words(plain)).toBe(words(draw(state, {})));
  }
});

it('an empty NO_COLOR is no NO_COLOR', () => {
  expect(draw(states[0], { NO_COLOR: '' })).toMatch(colours);
});

it('is none in a selected line, whose ground reaches from edge to edge', () => {
  const selections: Record<string, State> = {
    table: attached('review'),
    'narrow table': attached('review', { columns: 60, rows: 18 }),
    'a pair that is left out': attached('review', small, {
      decisions: { decisions: [{ prompt_index: 0, ruling: { kind: 'exclude' }, note: '' }], undoable: 1, redoable: 0 },
    }),
    responses: press(attached('review'), 'd'),
    palette: press(attached('review'), ':'),
    rounds: press(attached('done'), 'h'),
    fork: press(attached('done'), 'h', 'f'),
    runs: listed(),
    form: press(ready(), 'j'),
  };
  for (const [name, state] of Object.entries(selections)) {
    for (const theme of Object.values(themes)) {
      const text = renderToString(<Frame state={state} theme={theme} />, { columns: state.size.columns });
      const lines = text.split('\n').filter((line) => line.includes('\x1b[7m'));
      expect(lines.length, name).toBeGreaterThan(0);
      for (const line of lines) {
        expect(line, name).not.toMatch(colours);
        expect(line, name).not.toContain('\x1b[2m');
        // Nothing is outside of what is inverse.
        expect(words(line.replace(/\x1b\[7m.*?\x1b\[27m/g, '')), name).toBe('');
        expect(widthOf(stripVTControlCharacters(line)), name).toBe(state.size.columns);
      }
    }
  }
});
