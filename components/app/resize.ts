/**
 * A window that is made smaller shows less, and what is selected or scrolled to is brought into what there is. Made
 * larger again, it shows what it showed before: the terminal remembers what a resize has moved until a person moves it.
 */
import { inView } from './runActions.js';
import { type Screen, type Size, type State, screens } from './state.js';
import { isTooSmall } from './layout.js';

/** A field of a screen's state that a resize has changed. */
export interface Displaced {
  screen: Screen;
  field: string;
  was: unknown;
  became: unknown;
}

export function resized(state: State, size: Size): State {
  const before = putBack(state);
  // Nothing can be seen: nothing needs to be brought into view.
  if (isTooSmall(size)) return { ...before, size };
  const after = inView({ ...before, size });
  return { ...after, displaced: screens.flatMap((screen) => changes(screen, before, after)) };
}

function putBack(state: State): State {
  return state.displaced.reduce((seen, { screen, field, was, became }) => {
    const part = partOf(seen, screen);
    return part?.[field] === became ? withPart(seen, screen, { ...part, [field]: was }) : seen;
  }, state);
}

/** A screen's own part of the state; null where there is none of it. */
function partOf(state: State, screen: Screen): Record<string, unknown> | null {
  const part = screen === 'runs' || screen === 'setup' ? (state.home?.[screen] ?? null) : state[screen];
  return part as Record<string, unknown> | null;
}

function withPart(state: State, screen: Screen, part: object): State {
  if (screen !== 'runs' && screen !== 'setup') return { ...state, [screen]: part };
  return state.home === null ? state : { ...state, home: { ...state.home, [screen]: part } };
}

function changes(screen: Screen, before: State, after: State): Displaced[] {
  const [was, became] = [partOf(before, screen), partOf(after, screen)];
  if (was === became || was === null || became === null) return [];
  return Object.keys(was)
    .filter((field) => was[field] !== became[field])
    .map((field) => ({ screen, field, was: was[field], became: became[field] }));
}
