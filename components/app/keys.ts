/**
 * All actions in the order of the footer. They decide what a key does (reducer.ts) and fill the footer, the help screen,
 * the command palette and docs/keys.md. Each screen brings its own; globalActions.ts has those that work on every screen.
 */
import { enter, stepWithin } from './screen.js';
import {
  type Action,
  type Definitions,
  type KeyScope,
  type ScopedAction,
  type Screen,
  type State,
  type Step,
  allScreens,
} from './state.js';

export { keyOfSign, signOf } from './keyNames.js';

export interface TableKey extends ScopedAction {
  /** The screen whose key it is; `run`: it works on several. */
  owner: Screen | 'run';
}

/** A screen's action as one on the whole state. */
function ofScreen(screen: Screen, action: Action<never>): TableKey {
  const { when, why, run } = action as Action<ReturnType<typeof enter>>;
  return {
    ...(action as unknown as Action),
    places: [screen],
    owner: screen,
    ...(when === undefined ? {} : { when: (state: State) => when(enter(state, screen)) }),
    ...(why === undefined ? {} : { why: (state: State) => why(enter(state, screen)) }),
    run: (state: State, key: string): Step => stepWithin(state, screen, (slice) => run(slice, key)),
  };
}

const tables = new WeakMap<Definitions, readonly TableKey[]>();

/** In the order of the footer. */
export function keyTable(definitions: Definitions): readonly TableKey[] {
  let table = tables.get(definitions);
  if (table === undefined) {
    const ofAll = (actions: readonly ScopedAction[]) =>
      actions.map((action): TableKey => ({ ...action, owner: 'run' }));
    const ofScreens = allScreens.flatMap((screen) =>
      definitions.screens[screen].actions.map((action) => ofScreen(screen, action as Action<never>)),
    );
    tables.set(definitions, (table = [...ofAll(definitions.first), ...ofScreens, ...ofAll(definitions.last)]));
  }
  return table;
}

export function scopeOf(state: State): KeyScope {
  return state.modal?.kind ?? state.screen;
}

/** The keys that do something now, in the footer's order. */
export function activeKeys(state: State): TableKey[] {
  const place = scopeOf(state);
  return keyTable(state.definitions).filter(
    ({ places, when }) => places.includes(place) && (when === undefined || when(state)),
  );
}

/** Every key of a place, whether or not it does something now. */
export function keysOf({ definitions }: State, place: KeyScope): TableKey[] {
  return keyTable(definitions).filter(({ places }) => places.includes(place));
}

/** What a key does now; null where it does nothing. */
export function meaningOf(key: string, state: State): TableKey | null {
  return activeKeys(state).find(({ keys }) => keys.includes(key)) ?? null;
}
