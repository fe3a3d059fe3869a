/**
 * The one table of keys. It decides what a key does (reducer.ts), fills the footer, the help screen, the command palette
 * and docs/keys.md. Each screen brings its own (its module), runKeys.ts those that work on all.
 */
import { modules } from './screens.js';
import { type Place, type PlacedKey, firstKeys, lastKeys } from './runKeys.js';
import { type Screen, type State, allScreens } from './state.js';

export { keyNames, signOf } from './keyNames.js';
export type { Place } from './runKeys.js';

export interface TableKey extends PlacedKey {
  /** The screen whose key it is; `run`: it works on several. */
  owner: Screen | 'run';
}

const ofScreens = allScreens.flatMap((screen) =>
  modules[screen].keys.map((key): TableKey => ({ ...key, places: [screen], owner: screen })),
);
const ofAll = (keys: readonly PlacedKey[]) => keys.map((key): TableKey => ({ ...key, owner: 'run' }));

/** In the order of the footer. */
export const keyTable: readonly TableKey[] = [...ofAll(firstKeys), ...ofScreens, ...ofAll(lastKeys)];

export function placeOf(state: State): Place {
  return state.modal?.kind ?? state.screen;
}

/** The keys that do something now, in the footer's order. */
export function activeKeys(state: State): TableKey[] {
  const place = placeOf(state);
  return keyTable.filter(({ places, when }) => places.includes(place) && (when === undefined || when(state)));
}

/** Every key of a place, whether or not it does something now. */
export function keysOf(place: Place): TableKey[] {
  return keyTable.filter(({ places }) => places.includes(place));
}

/** What a key does now; null where it does nothing. */
export function meaningOf(key: string, state: State): TableKey | null {
  return activeKeys(state).find(({ keys }) => keys.includes(key)) ?? null;
}
