import type { State } from './state.js';

/** What a screen's view gets: the state, and the room for the screen's body. */
export interface ViewProps {
  readonly state: State;
  readonly columns: number;
  readonly rows: number;
}
