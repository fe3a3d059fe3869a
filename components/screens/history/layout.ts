/** How the history screen shares out its rows. */
import type { HistoryState } from './state.js';
import type { RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../../../src/core/review/decisions.js';
import { overriddenKeys, settingOf } from '../../../src/core/rounds.js';
import * as format from '../../../src/core/format.js';
import { bodyRows } from '../../app/layout.js';
import { wrapped } from '../../parts/markedText.js';
import { makeLine } from '../../../src/core/sanitize.js';

import { firstLines, widthOf } from '../../parts/text.js';
import { explained, forkFields } from './forkFields.js';
import { valueText } from './comparison.js';
import { selectedRound } from './rounds.js';

export interface HistoryLayout {
  /** Rows of the table without its heading; 0: the plot has the screen. */
  table: number;
  /** Lines on the selected round beneath the table, without their rule. */
  detail: readonly string[];
  /** Rows of the plot with its rule and axis; 0: there is no room for it. */
  plot: number;
}

/** Below this a plot shows nothing. */
const leastPlot = 8;
/** Rows of the screen from which the lines on the round may take more than four. */
const tall = 30;

export function historyLayout(state: HistoryState): HistoryLayout {
  const rows = bodyRows(state);
  if (state.ui.plot) return { table: 0, detail: [], plot: rows };
  const rounds = state.run?.rounds.length ?? 0;
  const round = selectedRound(state);
  const said = round === null || state.run === null ? [] : detailLines(state.run.config, round, state.size.columns);
  const detail = firstLines(said, rows >= tall ? 6 : 4, state.size.columns);
  // Heading of the table, rule of the lines.
  const free = rows - 2 - detail.length;
  const withPlot = free - leastPlot >= 3;
  const table = Math.max(3, Math.min(rounds, withPlot ? free - leastPlot : free));
  return { table, detail, plot: withPlot ? free - table : 0 };
}

/** What there is to say of a round, the most important first. */
function detailLines(config: Snapshot['config'], round: RoundState, columns: number): string[] {
  const { id, settings, sampled, pairs, dropped, steps, stopped_early, seconds, note, damaged } = round;
  if (damaged !== undefined)
    return wrapped(`Damaged in run.json, ${damaged}; correct that key while no engine runs.`, columns);
  const set = [
    `α ${format.alpha(settings.alpha)}`,
    `β ${settings.beta}`,
    `lr ${format.learningRate(settings.lr)}`,
    ...overriddenKeys(round).map((key) => `${key} ${valueText(settingOf(config, round, key))}`),
  ];
  const decisions = decisionsInWords(round.decisions);
  const done = [
    ...(pairs === null ? [] : [format.of(pairs, 'pair')]),
    ...[samplingInWords(sampled), withoutPairInWords(dropped, round.decisions)].filter((part) => part !== null),
    ...(decisions === null || decisions === 'none' ? [] : [`decisions: ${decisions}`]),
    ...(steps === null ? [] : [`${format.of(steps, 'step')}${stopped_early ? ', stopped early' : ''}`]),
    ...Object.entries(seconds).map(([stage, time]) => `${stage} ${format.duration(time)}`),
  ];
  const first = id === 0 ? 'The base policy, as it was given.' : set.join(' · ');
  const notes = note === '' ? [] : wrapped(note, columns - 2);
  return [makeLine(first, columns), ...notes.slice(0, 1), ...joined(done, columns), ...notes.slice(1)];
}

/** Parts with dots between them, as many to a line as it has room for. */
function joined(parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length === 0 ? part : `${lines[lines.length - 1]} · ${part}`;
    if (lines.length > 0 && widthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}

export interface ForkLayout {
  /** Rows of the list of fields, without rule and heading. */
  list: number;
  help: readonly string[];
}

/** Lines kept for the explanation, so that the list does not move. */
const helpRows = 2;

export function forkLayout(state: HistoryState): ForkLayout {
  const { fork } = state.ui;
  const help = fork === null ? [] : wrapped(explained(forkFields[fork.selected]), state.size.columns);
  return {
    list: Math.max(3, Math.min(forkFields.length, bodyRows(state) - 3 - helpRows)),
    help: firstLines(help, helpRows, state.size.columns),
  };
}
