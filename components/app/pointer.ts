/** What the mouse does: on the tabs, in the footer and over help and palette; the rest is the screen's own. */
import { hintAt, tabAt } from './chrome.js';
import { runCommand, selectEntry, show } from './globalActions.js';
import { scrollHelp } from './helpLines.js';
import { bodyTop, isTooSmall, wheelLines } from './layout.js';
import { paletteEntryAt } from './paletteRows.js';
import { stepWithin } from './screen.js';
import { type AppEvent, type State, type Step, noEffects } from './state.js';

type MouseEvent = Extract<AppEvent, { type: 'mouse' }>;

export function pointed(before: State, { kind, x, y, together = false }: MouseEvent): Step {
  if (isTooSmall(before.size)) return noEffects(before);
  const state = kind !== 'press' || before.notice === null ? before : { ...before, notice: null };
  const { modal, screen, size } = state;
  const row = y - bodyTop(state);
  if (kind === 'press' && y === size.rows - 1) return clickedHint(state, x, together);
  if (modal?.kind === 'help' && (kind === 'wheel-up' || kind === 'wheel-down'))
    return noEffects(scrollHelp(state, kind === 'wheel-up' ? -wheelLines : wheelLines));
  if (modal?.kind === 'palette') return pointedPalette(state, kind, row);
  if (modal !== null) return noEffects(state);
  if (kind === 'press' && y === 0) {
    const tab = tabAt(state, x);
    return noEffects(tab === null ? state : show(state, tab));
  }
  return stepWithin(state, screen, (slice) => {
    const { pointed: onPress, dragged } = slice.definitions.screens[screen];
    if (kind === 'drag' || kind === 'release') return dragged?.(slice, x, row, kind === 'release') ?? noEffects(slice);
    return onPress?.(slice, kind, x, row) ?? noEffects(slice);
  });
}

/** As if the key had been pressed. */
function clickedHint(state: State, x: number, together: boolean): Step {
  const hint = hintAt(state, x);
  if (hint === null || (hint.action.id === 'yes' && together)) return noEffects(state);
  return hint.action.run(state, hint.key);
}

/** A click selects a command, a second one gives it. */
function pointedPalette(state: State, kind: MouseEvent['kind'], row: number): Step {
  if (state.modal?.kind !== 'palette') return noEffects(state);
  if (kind === 'wheel-up' || kind === 'wheel-down') return noEffects(selectEntry(state, kind === 'wheel-up' ? -1 : 1));
  const place = kind === 'press' ? paletteEntryAt(state, state.modal, row) : null;
  if (place === null) return noEffects(state);
  if (place === state.modal.selected) return runCommand(state);
  return noEffects({ ...state, modal: { ...state.modal, selected: place } });
}
