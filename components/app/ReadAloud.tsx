import { Text } from 'ink';
import { readingOf } from './aloud.js';
import type { State } from './state.js';

/** The terminal as lines to be read aloud; Ink's screen-reader mode writes them without layout. */
export function Reading({ state }: { readonly state: State }) {
  return readingOf(state).map((line, i) => <Text key={i}>{line}</Text>);
}
