/** Colour is there where the terminal has it, and not under NO_COLOR; both say the same. */
import { expect, it, vi } from 'vitest';

// chalk looks once, when it is loaded.
vi.hoisted(() => {
  process.env['FORCE_COLOR'] = '1';
});

import { renderToString } from 'ink';
import { Frame } from '../../components/App.js';
import type { State } from '../../src/ui/state.js';
import { themeFor } from '../../src/ui/theme.js';
import { after, attached, press } from '../ui/fixtures.js';

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
