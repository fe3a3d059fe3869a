/** The rounds as the history screen lists them, and which of them is selected. */
import type { HistoryState } from './state.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import { type Branch, type TreeRow, branchesOf, treeOf } from '../../../src/core/rounds.js';
import { makeLine } from '../../../src/core/sanitize.js';

interface Tree {
  rows: readonly TreeRow[];
  branches: readonly Branch[];
}

const none: Tree = { rows: [], branches: [] };
const kept = new WeakMap<readonly RoundState[], Tree>();

/** Grown once for each list of rounds. */
export function treeIn({ run }: Pick<HistoryState, 'run'>): Tree {
  if (run === null) return none;
  let tree = kept.get(run.rounds);
  if (tree === undefined) {
    tree = { rows: treeOf(run.rounds), branches: branchesOf(run.rounds) };
    kept.set(run.rounds, tree);
  }
  return tree;
}

export function roundOf({ run }: Pick<HistoryState, 'run'>, id: number): RoundState | null {
  return run?.rounds.find((round) => round.id === id) ?? null;
}

/** The selected round; the current one where none was selected, or it is no more. */
export function selectedRound(state: HistoryState): RoundState | null {
  const { selected } = state.ui;
  const found = selected === null ? null : roundOf(state, selected);
  return found ?? (state.run === null ? null : roundOf(state, state.run.current));
}

/** Place of the selected round among the rows. */
export function selectedPlace(state: HistoryState): number {
  const round = selectedRound(state);
  return Math.max(
    0,
    treeIn(state).rows.findIndex((row) => row.round.id === round?.id),
  );
}

/** What the selected round would be compared with: the marked round, or the one that it started from. */
export function opponentOf(state: HistoryState): RoundState | null {
  const round = selectedRound(state);
  if (round === null) return null;
  const { marked } = state.ui;
  const chosen = marked === null || marked === round.id ? null : roundOf(state, marked);
  return chosen ?? (round.parent === null ? null : roundOf(state, round.parent));
}

/** "round 3 steady", in one harmless line. */
export function nameOf({ id, name }: Pick<RoundState, 'id' | 'name'>): string {
  return `round ${id}${name === '' ? '' : ` ${makeLine(name, 40)}`}`;
}
