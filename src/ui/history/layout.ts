/** How the history screen shares out its rows. */
import { bodyRows } from '../layout.js';
import type { State } from '../state.js';

/** Rows of the table of rounds: what the plot beneath leaves. */
export function historyRows(state: State): number {
  const rounds = state.run?.rounds.length ?? 0;
  return Math.max(3, Math.min(rounds, Math.floor((bodyRows(state) - 3) / 2)));
}
