/** Controlled comparisons: the tables of rounds that share a round's samples and pairs, and scrolling through them. */
import {
  type ControlledComparison,
  type ResultColumn,
  controlledComparisons,
  controlledTitle,
  resultColumns,
  rowRemark,
  settingLabel,
  settingText,
} from '../../../src/core/controlled.js';
import { largest } from '../../../src/core/limits.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { type Move, clampTop, scrolledTo } from '../../app/lists.js';
import { wrapped } from '../../parts/markedText.js';
import { fit, widthOf } from '../../parts/text.js';
import { roundOf, selectedRound } from './select.js';
import { type HistoryState, changed } from './state.js';

/** A line of the view. */
export interface ControlledLine {
  kind: 'title' | 'heading' | 'row' | 'blank';
  text: string;
  /** The round of a row. */
  round: number | null;
}

export interface ControlledLayout {
  round: RoundState;
  lines: readonly ControlledLine[];
  /** Visible lines, and the first of them. */
  rows: number;
  top: number;
}

/** Widest column of a setting; a longer value ends in an ellipsis. */
const WIDEST = 36;

const known = new WeakMap<readonly RoundState[], Map<number, readonly ControlledComparison[]>>();

/** Computed once for each list of rounds and round: conditions of actions ask on every key. */
export function comparisonsOf({ run }: Pick<HistoryState, 'run'>, round: RoundState): readonly ControlledComparison[] {
  if (run === null) return [];
  let ofRounds = known.get(run.rounds);
  if (ofRounds === undefined) known.set(run.rounds, (ofRounds = new Map()));
  let found = ofRounds.get(round.id);
  if (found === undefined) ofRounds.set(round.id, (found = controlledComparisons(run.config, run.rounds, round)));
  return found;
}

/** Whether the selected round is part of a controlled comparison. */
export function isControlled(state: HistoryState): boolean {
  const round = selectedRound(state);
  return round !== null && comparisonsOf(state, round).length > 0;
}

export function openControlled(state: HistoryState): HistoryState {
  const round = selectedRound(state);
  return round === null ? state : changed(state, { controlled: { round: round.id, top: 0 } });
}

/** null unless the view is open. */
export function controlledLayout(state: HistoryState): ControlledLayout | null {
  const { controlled } = state.ui;
  const round = controlled === null ? null : roundOf(state, controlled.round);
  if (controlled === null || round === null) return null;
  const { columns } = state.size;
  const lines = comparisonsOf(state, round).flatMap((comparison, i) => [
    ...(i === 0 ? [] : [{ kind: 'blank' as const, text: '', round: null }]),
    ...tableLines(comparison, columns),
  ]);
  const rule = 1;
  const rows = bodyRows(state) - rule;
  return { round, lines, rows, top: clampTop(controlled.top, lines.length, rows) };
}

function tableLines(comparison: ControlledComparison, columns: number): ControlledLine[] {
  const { keys, rows } = comparison;
  const settings = keys.map((key, i) => {
    const cells = rows.map(({ values }) => makeLine(settingText(key, values[i]), WIDEST));
    return { heading: settingLabel(key), cells, align: 'left' as const };
  });
  const rounds = { heading: 'round', cells: rows.map(({ round }) => String(round.id)), align: 'right' as const };
  const results = resultColumns(rows.map(({ round }) => round)).map((column) => ({
    ...column,
    cells: rows.map(({ round }) => column.cell(round)),
    align: 'right' as const,
  }));
  const left = [...settings, rounds];
  const remarks = rows.map(({ round }) => rowRemark(round));
  const ends = largest(remarks.map(widthOf));
  const shown = [...left, ...fitting(results, columns - widthOfAll(left) - (ends === 0 ? 0 : ends + 2))];
  const line = (cellOf: (column: (typeof shown)[number]) => string) =>
    shown.map((column) => fit(cellOf(column), widthOfColumn(column), column.align)).join('  ');
  const title = controlledTitle(comparison);
  return [
    ...wrapped(`${title.charAt(0).toUpperCase()}${title.slice(1)}.`, columns).map((text) => ({
      kind: 'title' as const,
      text,
      round: null,
    })),
    { kind: 'heading', text: line(({ heading }) => heading), round: null },
    ...rows.map(({ round }, i) => ({
      kind: 'row' as const,
      text: `${line(({ cells }) => cells[i])}  ${remarks[i]}`.trimEnd(),
      round: round.id,
    })),
  ];
}

interface Measured {
  heading: string;
  cells: readonly string[];
}

const widthOfColumn = ({ heading, cells }: Measured): number =>
  Math.min(WIDEST, largest([widthOf(heading), ...cells.map(widthOf)]));
const widthOfAll = (columns: readonly Measured[]): number =>
  columns.reduce((sum, column) => sum + widthOfColumn(column) + 2, 0);

/** Leaves out spare columns, the highest first, until the others fit. */
function fitting<C extends Measured & Pick<ResultColumn, 'spare'>>(results: readonly C[], room: number): C[] {
  let kept = [...results];
  while (widthOfAll(kept) > room + 2) {
    const most = largest(kept.map(({ spare }) => spare));
    if (most === 0) break;
    kept = kept.filter(({ spare }) => spare !== most);
  }
  return kept;
}

export function scrollControlled(state: HistoryState, move: Move): HistoryState {
  const { controlled } = state.ui;
  const layout = controlledLayout(state);
  if (controlled === null || layout === null) return state;
  const top = scrolledTo(layout.top, move, layout.lines.length, layout.rows);
  return changed(state, { controlled: { ...controlled, top } });
}

/** Closes the view of a round that was deleted, or whose siblings all were. */
export function withoutComparisons(state: HistoryState): HistoryState {
  const { controlled } = state.ui;
  if (controlled === null || state.run === null) return state;
  const round = roundOf(state, controlled.round);
  return round !== null && comparisonsOf(state, round).length > 0 ? state : changed(state, { controlled: null });
}
