/** The rounds as the history screen lists them, and how the list, the details and the plot share its rows. */
import { pairsInWords } from '../../../src/core/heldOutPairs.js';
import * as format from '../../../src/core/format.js';
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../../../src/core/review/decisions.js';
import { type Branch, type TreeRow, branchesOf, overriddenKeys, settingOf, treeOf } from '../../../src/core/rounds.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { windowFor } from '../../app/lists.js';
import { wrapped } from '../../parts/markedText.js';
import { firstLines, widthOf } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';
import type { HistoryState } from './state.js';

interface Tree {
  rows: readonly TreeRow[];
  branches: readonly Branch[];
}

const noTree: Tree = { rows: [], branches: [] };
const trees = new WeakMap<readonly RoundState[], Tree>();

/** Computed once for each list of rounds. */
export function treeIn({ run }: Pick<HistoryState, 'run'>): Tree {
  if (run === null) return noTree;
  let tree = trees.get(run.rounds);
  if (tree === undefined) {
    tree = { rows: treeOf(run.rounds), branches: branchesOf(run.rounds) };
    trees.set(run.rounds, tree);
  }
  return tree;
}

export function viewOf({
  ui: { comparison, fork, controlled, queue },
}: HistoryState): 'rounds' | 'comparison' | 'fork' | 'controlled' | 'queue' {
  if (fork !== null) return 'fork';
  if (queue !== null) return 'queue';
  if (comparison !== null) return 'comparison';
  return controlled !== null ? 'controlled' : 'rounds';
}

export function roundOf({ run }: Pick<HistoryState, 'run'>, id: number): RoundState | null {
  return run?.rounds.find((round) => round.id === id) ?? null;
}

/** The selected round; the current one if none was selected or the selected one was deleted. */
export function selectedRound(state: HistoryState): RoundState | null {
  const { selected } = state.ui;
  const found = selected === null ? null : roundOf(state, selected);
  return found ?? (state.run === null ? null : roundOf(state, state.run.current));
}

/** Place of the selected round among the rows. */
export function selectedPlace(state: HistoryState): number {
  const round = selectedRound(state);
  const place = treeIn(state).rows.findIndex((row) => row.round.id === round?.id);
  return Math.max(0, place);
}

/** The round that the selected one is compared with: the marked round, else its parent. */
export function opponentOf(state: HistoryState): RoundState | null {
  const round = selectedRound(state);
  if (round === null) return null;
  const { marked } = state.ui;
  const other = marked === null || marked === round.id ? null : roundOf(state, marked);
  return other ?? (round.parent === null ? null : roundOf(state, round.parent));
}

/** "round 3 steady", on one line, without control characters. */
export function nameOf({ id, name }: Pick<RoundState, 'id' | 'name'>): string {
  return `round ${id}${name === '' ? '' : ` ${makeLine(name, 40)}`}`;
}

/** The verdict in a word, with its sign. */
export function verdictWord({ verdict }: Pick<RoundState, 'verdict'>): string {
  return verdict === null ? '–' : verdict === 'accepted' ? '✔ accepted' : '✘ rejected';
}

const tones: readonly Tone[] = ['first', 'second', 'good', 'warn'];
/** The tones repeat sooner than the marks of plot.ts; each branch is drawn with both. */
export const branchTone = (branch: number): Tone => (branch < 0 ? 'plain' : tones[branch % tones.length]);

/** A configuration value as text. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export interface HistoryLayout {
  /** Rows of the table without its heading; 0: the plot has the screen. */
  table: number;
  /** First visible row of the table. */
  top: number;
  /** Lines on the selected round beneath the table, without their rule. */
  detail: readonly string[];
  /** Rows of the plot with its rule and axis; 0: there is no room for it. */
  plot: number;
}

/** The fewest rows in which a plot can be read. */
const leastPlot = 8;
/** From this many rows on, a round's details may take six lines instead of four. */
const tall = 30;

export function historyLayout(state: HistoryState): HistoryLayout {
  const rows = bodyRows(state);
  if (state.ui.plot) return { table: 0, top: state.ui.top, detail: [], plot: rows };
  const count = state.run?.rounds.length ?? 0;
  const round = selectedRound(state);
  const lines = round === null || state.run === null ? [] : detailLines(state.run.config, round, state.size.columns);
  const detail = firstLines(lines, rows >= tall ? 6 : 4, state.size.columns);
  const headings = 2;
  const free = rows - headings - detail.length;
  const withPlot = free - leastPlot >= 3;
  const table = Math.max(3, Math.min(count, withPlot ? free - leastPlot : free));
  const top = windowFor(selectedPlace(state), state.ui.top, treeIn(state).rows.length, table);
  return { table, top, detail, plot: withPlot ? free - table : 0 };
}

/** The details of a round, the most important first. */
function detailLines(config: Snapshot['config'], round: RoundState, columns: number): string[] {
  const { id, settings, sampled, pairs, dropped, steps, stopped_early, seconds, note, damaged } = round;
  if (damaged !== undefined)
    return wrapped(`Damaged in run.json, ${damaged}; correct that key while no engine runs.`, columns);
  const used = [
    `α ${format.alpha(settings.alpha)}`,
    `β ${settings.beta}`,
    `lr ${format.learningRate(settings.lr)}`,
    ...overriddenKeys(round).map((key) => `${key} ${valueText(settingOf(config, round, key))}`),
  ];
  const decisions = decisionsInWords(round.decisions);
  const done = [
    ...(pairs === null ? [] : [pairsInWords(round)]),
    ...[samplingInWords(sampled), withoutPairInWords(dropped, round.decisions)].filter((part) => part !== null),
    ...(decisions === null || decisions === 'none' ? [] : [`decisions: ${decisions}`]),
    ...(steps === null ? [] : [`${format.of(steps, 'step')}${stopped_early ? ', stopped early' : ''}`]),
    ...Object.entries(seconds).map(([stage, time]) => `${stage} ${format.duration(time)}`),
  ];
  const first = id === 0 ? 'The base policy, as provided.' : used.join(' · ');
  const notes = note === '' ? [] : wrapped(note, columns - 2);
  return [makeLine(first, columns), ...notes.slice(0, 1), ...joined(done, columns), ...notes.slice(1)];
}

/** Parts separated by dots, as many per line as fit. */
function joined(parts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = lines.length === 0 ? part : `${lines[lines.length - 1]} · ${part}`;
    if (lines.length > 0 && widthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(part);
  }
  return lines;
}
