/** The mouse on what surrounds a screen, and on the α slider. */
import { describe, expect, it } from 'vitest';
import { footerHints, tabsOf } from '../../../components/app/chrome.js';
import { bodyTop } from '../../../components/app/layout.js';
import { reduce } from '../../../components/app/reducer.js';
import type { AppEvent, State } from '../../../components/app/state.js';
import { settingsOf } from '../../../components/app/selectors.js';
import { sliderEnd } from '../../../components/screens/review/slider.js';
import { attached, large, press, small } from '../fixtures.js';
import { frame } from '../frame.js';
import { opened } from '../homeFixtures.js';
import { on, slices } from '../slices.js';

type Kind = Extract<AppEvent, { type: 'mouse' }>['kind'];
const mouse = (state: State, kind: Kind, x: number, y: number, together = false) =>
  reduce(state, { type: 'mouse', kind, x, y, together });
const click = (state: State, x: number, y: number): State => mouse(state, 'press', x, y).state;
/** Where a text stands on the screen. */
function placeOf(state: State, text: string, line?: number): [x: number, y: number] {
  const lines = frame(state).split('\n');
  const y = line ?? lines.findIndex((one) => one.includes(text));
  return [lines[y].indexOf(text), y];
}

describe('tabs', () => {
  it.each([small, large, { columns: 60, rows: 18 }])(
    'are clicked where they are drawn, on $columns columns',
    (size) => {
      const state = attached('review', size);
      for (const { screen, text, x } of tabsOf(state)) {
        expect(
          frame(state)
            .split('\n')[0]
            .padEnd(size.columns)
            .slice(x, x + text.length),
        ).toBe(text);
        expect(click(state, x, 0).screen).toBe(screen);
        expect(click(state, x + text.length - 1, 0).screen).toBe(screen);
      }
      expect(click(state, 0, 0).screen).toBe('review');
    },
  );

  it('are not there before a run, and not under a question', () => {
    expect(tabsOf(opened('runs'))).toEqual([]);
    const asked = press(attached('review'), 'enter');
    expect(click(asked, placeOf(asked, '4 Evaluation')[0], 0)).toEqual(asked);
  });
});

describe('the footer', () => {
  it('does what its keys do', () => {
    const state = attached('review', large);
    const bottom = state.size.rows - 1;
    expect(click(state, ...placeOf(state, 'filter', bottom)).modal).toMatchObject({ kind: 'edit', field: 'filter' });
    expect(mouse(state, 'press', placeOf(state, 'detach', bottom)[0], bottom).effects).toEqual([{ do: 'detach' }]);
    // Between two hints there is nothing.
    const [first, second] = footerHints(state);
    expect(click(state, second.x - 1, bottom)).toEqual(state);
    expect(click(state, first.x, bottom).modal).toMatchObject({ kind: 'confirm', what: 'launch' });
  });

  it('tells the keys of one sign apart', () => {
    const state = press(attached('review'), 'down');
    const [x, y] = placeOf(state, '↑↓', state.size.rows - 1);
    expect(slices(click(state, x, y)).review.selected).toBe(0);
    expect(slices(click(state, x + 1, y)).review.selected).toBe(2);
    expect(slices(click(state, x + 3, y)).review.selected).toBe(2);
  });

  it('answers a question, but not in one piece with what asked it', () => {
    const asked = press(attached('review'), 'enter');
    const [x, y] = placeOf(asked, 'y yes');
    expect(mouse(asked, 'press', x, y, true).state).toEqual(asked);
    expect(mouse(asked, 'press', x, y).effects).toEqual([{ do: 'send', command: { type: 'launch' } }]);
  });
});

it('the wheel scrolls the help and moves through the palette, where a second click gives the command', () => {
  const help = press(attached('review'), '?');
  expect(mouse(help, 'wheel-down', 5, 9).state.modal).toMatchObject({ kind: 'help', top: 3 });
  const palette = press(attached('review'), ':');
  expect(mouse(palette, 'wheel-down', 5, 9).state.modal).toMatchObject({ selected: 1 });
  const at = placeOf(palette, 'write down why');
  const selected = click(palette, ...at);
  expect(frame(selected).split('\n')[at[1]]).toContain('write down why');
  expect(click(selected, ...at).modal).toMatchObject({ kind: 'edit', field: 'note' });
  expect(click(palette, 5, bodyTop(palette) + 1)).toEqual(palette);
});

describe('the α slider', () => {
  it.each([small, large])('is set by a click and moved by a drag, on $columns columns', (size) => {
    const state = attached('review', size);
    const end = sliderEnd(on.review(state));
    const lines = frame(state).split('\n');
    const y = lines.findIndex((one) => one.includes('●─'));
    const [, scale] = /(─*●─*) /.exec(lines[y].slice(lines[y].indexOf('α 0.'))) ?? [];
    const left = lines[y].indexOf(scale);
    const right = left + scale.length - 1;
    const pressed = mouse(state, 'press', right, y);
    expect(settingsOf(pressed.state).alpha).toBe(end);
    expect(pressed.effects).toEqual([{ do: 'send', command: { type: 'set', settings: { alpha: end } } }]);
    const middle = mouse(pressed.state, 'drag', (left + right) >> 1, y + 9).state;
    expect(settingsOf(middle).alpha).toBeGreaterThan(0.4 * end);
    expect(settingsOf(middle).alpha).toBeLessThan(0.6 * end);
    // In steps of 0.001, and within the scale however far the mouse goes.
    expect(Number(settingsOf(middle).alpha.toFixed(3))).toBe(settingsOf(middle).alpha);
    expect(settingsOf(mouse(middle, 'drag', 0, y).state).alpha).toBe(0);
    const released = mouse(middle, 'release', 0, y).state;
    expect(settingsOf(released).alpha).toBe(settingsOf(middle).alpha);
    expect(mouse(released, 'drag', right, y).state).toEqual(released);
  });

  it('is not moved by a drag that began elsewhere, nor where α cannot be moved', () => {
    const state = attached('review');
    expect(mouse(state, 'drag', 40, 2).state).toEqual(state);
    const done = press(attached('done'), '2');
    expect(settingsOf(click(done, 40, 2)).alpha).toBe(settingsOf(done).alpha);
  });
});

it('a terminal that is too small takes no clicks', () => {
  const state = attached('review', { columns: 50, rows: 10 });
  expect(click(state, 1, 9)).toEqual(state);
});
