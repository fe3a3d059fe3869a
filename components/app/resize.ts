/**
 * A window that is made smaller shows less, and what is selected or scrolled to is brought into what there is. Made
 * larger again, it shows what it showed before: the terminal remembers what a resize has moved until a person moves it.
 */
import { inView } from './screen.js';
import { type Displaced, type Screen, type Size, type State, screens } from './state.js';
import { isTooSmall } from './layout.js';

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
    return part[field] === became ? withPart(seen, screen, { ...part, [field]: was }) : seen;
  }, state);
}

/** A screen's own part of the state. */
function partOf(state: State, screen: Screen): Record<string, unknown> {
  return (state as unknown as Record<Screen, Record<string, unknown>>)[screen];
}

function withPart(state: State, screen: Screen, part: object): State {
  return { ...state, [screen]: part };
}

function changes(screen: Screen, before: State, after: State): Displaced[] {
  const [was, became] = [partOf(before, screen), partOf(after, screen)];
  if (was === became) return [];
  return Object.keys(was)
    .filter((field) => was[field] !== became[field])
    .map((field) => ({ screen, field, was: was[field], became: became[field] }));
}
