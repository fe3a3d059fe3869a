/** How the evaluation screen shares out its rows, and what is in them. */
import type { EvaluationState } from './state.js';
import type { HeldOutSeen, RoundState } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { shownRound } from '../../app/selectors.js';
import { answersOf } from '../../app/heldOut/answers.js';
import { type Opponent, opponentsOf } from './measures.js';
import { type PromptsLayout, promptsLayout } from '../../app/heldOut/prompts.js';

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

/** Rule, facts, verdict, heading and the measures. */
export const numbersRows = 12;
const [leastSpread, mostSpread, leastPrompts] = [6, 12, 14];

export function evaluationLayout(state: EvaluationState): EvaluationLayout {
  const round = shownRound(state);
  const rows = bodyRows(state);
  const opponents = round === null ? [] : opponentsOf(round, state.run?.rounds ?? []);
  const opponent = opponents.find(({ against }) => against === state.ui.against) ?? opponents.at(0) ?? null;
  const now = round === null ? null : answersOf(state, round.id);
  const before = opponent === null ? null : answersOf(state, opponent.round);
  const numbers = state.ui.view === 'numbers';
  const free = rows - numbersRows;
  const both = numbers && opponent !== null && free >= leastSpread + leastPrompts;
  const room = both ? Math.min(mostSpread, free - leastPrompts) : Math.min(mostSpread, free);
  const spreadRows = !numbers || room < leastSpread ? 0 : room;
  const promptRows = numbers ? (both ? free - spreadRows : 0) : rows;
  const promptsRoom = { columns: state.size.columns, rows: promptRows };
  const prompts = promptRows === 0 || opponent === null ? null : promptsLayout(now, before, state.ui, promptsRoom);
  return { opponents, opponent, now, before, spreadRows, prompts };
}

/** Rounds whose answers the screen shows. */
export function neededRounds(round: RoundState | null, opponent: Opponent | null): number[] {
  if (round === null || round.evaluation === null) return [];
  return opponent === null ? [round.id] : [round.id, opponent.round];
}
