/** Ties the store to React: the state as it is now, and keys from Ink into the store. */
import { useInput } from 'ink';
import { useSyncExternalStore } from 'react';
import { keyNames } from './keys.js';
import type { State } from './state.js';
import type { Store } from './store.js';

export function useApp(store: Store): State {
  useInput((input, key) => {
    for (const [i, name] of keyNames(input, key).entries()) store.now({ type: 'key', key: name, together: i > 0 });
  });
  return useSyncExternalStore(store.subscribe, store.state);
}
