/** How the evaluation screen shares out its rows, and what is in them. */
import type { HeldOutSeen, RoundState } from '../../engine/protocol.js';
import { bodyRows } from '../layout.js';
import { type MarkedLine, comparedLines } from '../marked.js';
import { type State, shownRound } from '../state.js';
import { type Change, type Order, changesOf } from './changes.js';
import { type Opponent, opponentsOf } from './measures.js';

export interface EvaluationLayout {
  opponents: readonly Opponent[];
  /** What is compared with, prompt by prompt; null where there is nothing, as of the base. */
  opponent: Opponent | null;
  now: readonly HeldOutSeen[] | null;
  before: readonly HeldOutSeen[] | null;
  /** Rows of both histograms; 0: not shown. */
  spreadRows: number;
  /** null: not shown. */
  prompts: PromptsLayout | null;
}

export interface PromptsLayout {
  /** null before the engine has answered. */
  changes: readonly Change[] | null;
  change: Change | null;
  listRows: number;
  textRows: number;
  /** Width of each of the two columns of text. */
  width: number;
  /** Both responses, wrapped. */
  before: readonly MarkedLine[];
  after: readonly MarkedLine[];
}

/** Rule, facts, verdict, heading and the measures. */
export const numbersRows = 12;
/** Above the list its rule and heading; beneath it the prompt and the heading of the texts. */
export const listHead = 2;
const promptsHead = listHead + 2;
const [leastSpread, mostSpread, leastPrompts] = [6, 12, 14];

export function evaluationLayout(state: State): EvaluationLayout {
  const round = shownRound(state);
  const rows = bodyRows(state);
  const opponents = round === null ? [] : opponentsOf(round, state.run?.rounds ?? []);
  const opponent = opponents.find(({ against }) => against === state.evaluation.against) ?? opponents.at(0) ?? null;
  const now = round === null ? null : answersOf(state, round.id);
  const before = opponent === null ? null : answersOf(state, opponent.round);
  const numbers = state.evaluation.view === 'numbers';
  const free = rows - numbersRows;
  const both = numbers && opponent !== null && free >= leastSpread + leastPrompts;
  const room = both ? Math.min(mostSpread, free - leastPrompts) : Math.min(mostSpread, free);
  const spreadRows = !numbers || room < leastSpread ? 0 : room;
  const promptRows = numbers ? (both ? free - spreadRows : 0) : rows;
  const prompts = promptRows === 0 || opponent === null ? null : promptsOf(state, now, before, promptRows);
  return { opponents, opponent, now, before, spreadRows, prompts };
}

function promptsOf(
  state: State,
  now: readonly HeldOutSeen[] | null,
  before: readonly HeldOutSeen[] | null,
  rows: number,
): PromptsLayout {
  const { order, selected } = state.evaluation;
  const changes = now === null || before === null ? null : changesIn(now, before, order);
  const change = changes?.at(Math.min(selected, changes.length - 1)) ?? null;
  const listRows = Math.max(2, Math.min(changes?.length ?? 2, Math.floor((rows - promptsHead) / 3)));
  const width = Math.floor((state.size.columns - 3) / 2);
  const [left, right] = change === null ? [[], []] : comparedLines(change.before.text, change.now.text, width, true);
  const textRows = Math.max(1, rows - promptsHead - listRows);
  return { changes, change, listRows, textRows, width, before: left, after: right };
}

/** What the engine has told of a round's answers; null where it has not. */
export function answersOf({ evaluation }: State, round: number): readonly HeldOutSeen[] | null {
  return evaluation.answers.find((known) => known.round === round)?.answers ?? null;
}

/** Rounds whose answers the screen shows. */
export function neededRounds(round: RoundState | null, opponent: Opponent | null): number[] {
  if (round === null || round.evaluation === null) return [];
  return opponent === null ? [round.id] : [round.id, opponent.round];
}

/** Of the last answers, so that not every look at the screen sorts them anew. */
let kept: { now: readonly HeldOutSeen[]; before: readonly HeldOutSeen[]; order: Order; changes: Change[] } | null =
  null;

function changesIn(now: readonly HeldOutSeen[], before: readonly HeldOutSeen[], order: Order): readonly Change[] {
  if (kept?.now !== now || kept.before !== before || kept.order !== order)
    kept = { now, before, order, changes: changesOf(now, before, order) };
  return kept.changes;
}
