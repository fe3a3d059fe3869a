/**
 * A screen is one value (components/screens/SCREEN/screen.ts): its actions, its slice of the state, its view, and how it
 * answers what the terminal asks of it (ScreenDefinition in state.ts). Its functions take a `Slice`: what all screens
 * share, and the screen's own part as `ui`. This file goes from the state to a slice and back.
 */
import {
  type Action,
  type AnySlice,
  type Definitions,
  type Screen,
  type State,
  type Step,
  allScreens,
} from './state.js';

/** The slices by screen; only this file and resize.ts look at another screen's. */
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

/** After any change: every screen's selection is within what there is. */
export function inView(state: State): State {
  return allScreens.reduce((seen, screen) => {
    const { inView: change } = seen.definitions.screens[screen];
    return change === undefined ? seen : within(seen, screen, change);
  }, state);
}

/** A screen's actions from a list of keys and the function that carries them out. */
export function actionsOf<S extends AnySlice, Id extends string>(
  keys: readonly (Omit<Action<S>, 'run'> & { readonly id: Id })[],
  act: (state: S, id: Id, key: string) => Step<S>,
): Action<S>[] {
  return keys.map((action) => ({ ...action, run: (state: S, key: string) => act(state, action.id, key) }));
}
