/**
 * A screen is one value (components/screens/SCREEN/screen.ts): its actions, its slice of the state, its view, and how it
 * answers what the terminal asks of it (ScreenDefinition in state.ts). Its functions take a `Slice`: what all screens
 * share, and the screen's own part as `ui`. This file goes from the state to a slice and back.
 */
import { type AnySlice, type Definitions, type Screen, type State, type Step, allScreens } from './state.js';

/** The slices by screen; only this file looks into another screen's. */
type Slices = Record<Screen, unknown>;

const entered = new WeakMap<State, Partial<Record<Screen, AnySlice>>>();

/** The state as one screen sees it. The same state gives the same slice, which caches keyed by it rely on. */
export function enter(state: State, screen: Screen): AnySlice {
  let known = entered.get(state);
  if (known === undefined) entered.set(state, (known = {}));
  return (known[screen] ??= { ...state, ui: (state as unknown as Slices)[screen] });
}

/** What a screen made of its slice, as the state again. */
export function leave(before: State, screen: Screen, after: AnySlice): State {
  if (after === entered.get(before)?.[screen]) return before;
  const { ui, ...shared } = after;
  return { ...shared, [screen]: ui } as State;
}

/** Runs a screen's function on its slice. */
export function within(state: State, screen: Screen, change: (slice: AnySlice) => AnySlice): State {
  return leave(state, screen, change(enter(state, screen)));
}

/** The same for functions with effects. */
export function stepWithin(state: State, screen: Screen, change: (slice: AnySlice) => Step<AnySlice>): Step {
  const { state: after, effects } = change(enter(state, screen));
  return { state: leave(state, screen, after), effects };
}

export function hasForm(state: State): boolean {
  return state.definitions.screens[state.screen].hasForm?.(enter(state, state.screen)) ?? false;
}

/** The slices of all screens, as they begin. */
export function initialSlices({ screens }: Definitions): Slices {
  return Object.fromEntries(Object.entries(screens).map(([screen, { initial }]) => [screen, initial])) as Slices;
}

/** After any change: every screen drops from its slice what no longer exists. */
export function settle(state: State): State {
  return allScreens.reduce((seen, screen) => {
    const { settle: change } = seen.definitions.screens[screen];
    return change === undefined ? seen : within(seen, screen, change);
  }, state);
}

/** What the screens keep when the terminal ends, by screen. */
export function keptOf(state: State): Record<string, unknown> {
  return Object.fromEntries(
    allScreens.flatMap((screen) => {
      const { keeps } = state.definitions.screens[screen];
      return keeps === undefined ? [] : [[screen, keeps(enter(state, screen))]];
    }),
  );
}

/** The state with what was kept of its screens. */
export function withKept(state: State, kept: Readonly<Record<string, unknown>>): State {
  return allScreens.reduce((seen, screen) => {
    const { restored } = seen.definitions.screens[screen];
    if (restored === undefined || kept[screen] === undefined) return seen;
    return within(seen, screen, (slice) => restored(slice, kept[screen]));
  }, state);
}
