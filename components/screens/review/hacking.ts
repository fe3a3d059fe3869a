/** The reward-hacking pane: the facts with the signs among them, the list of phrases, and where they are drawn. */
import * as format from '../../../src/core/format.js';
import { type Agreement, type HackingReport, agreementOf } from '../../../src/core/review/hacking.js';
import { printFilter } from '../../../src/core/review/filter.js';
import { marks } from '../../../src/core/review/phrases.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { type Contrast, wilson } from '../../../src/core/statistics.js';
import { halfWidth } from '../../../src/core/winRate.js';
import { bodyRows } from '../../app/layout.js';
import { clampTop } from '../../app/lists.js';
import { wrap } from '../../parts/text.js';
import { type Scroll, reviewedRound, unitOf } from './select.js';
import type { ReviewState } from './state.js';
import type { ReviewTable } from './table.js';

const { count, fixed, of, percent, share, signed } = format;

/** One measurement, e.g. of the correlation of length and reward. */
export interface Fact {
  label: string;
  /** Paragraphs. */
  texts: string[];
  /** It is a sign of reward hacking. */
  sign: boolean;
}

/** The engine's report on the round shown; null until it is counted. */
export function reportOf(state: ReviewState): HackingReport | null {
  const { hacking } = state.ui;
  return hacking !== null && hacking.round === reviewedRound(state)?.round ? hacking : null;
}

export function factsOf(report: HackingReport, table: ReviewTable, unit: 'tokens' | 'characters'): Fact[] {
  const agreement = agreementIn(table);
  return [
    lengthFact(report, unit),
    ...(report.rounds.length > 1 ? [roundsFact(report)] : []),
    truncatedFact(report),
    repetitionFact(report),
    agreementFact(agreement),
  ];
}

function lengthFact({ length }: HackingReport, unit: 'tokens' | 'characters'): Fact {
  const { within, within_error, overall, slope, prompts, responses, pairs, longer } = length;
  const one = unit === 'tokens' ? 'token' : 'character';
  const pull =
    slope > 0
      ? `Each additional ${one} goes with ${signed(slope, 4)} reward; α ${fixed(slope, 4)} removes that from r - α|y|.`
      : `Each additional ${one} goes with ${fixed(slope, 4)} reward: nothing for α to remove.`;
  const spread = Number.isNaN(within_error) ? '' : ` ±${fixed(halfWidth(within_error), 2)} (95 %)`;
  return {
    label: 'length',
    texts: [
      `ρ ${signed(within, 2)}${spread} with reward within a prompt (mean of ${of(prompts, 'prompt')}), r ${signed(overall, 2)} over all ${of(responses, 'response')}.`,
      `The chosen response is longer in ${share(longer, pairs)} of ${of(pairs, 'pair')}.${Number.isNaN(slope) ? '' : ` ${pull}`}`,
    ],
    sign: within - halfWidth(within_error) > 0.1,
  };
}

function roundsFact({ rounds }: HackingReport): Fact {
  const told = rounds.slice(-10).map(({ round, length }) => `${round}: ${signed(length.within, 2)}`);
  const [first, last] = [rounds[0].length, rounds[rounds.length - 1].length];
  const change = last.within - first.within;
  const error = Math.hypot(first.within_error, last.within_error);
  const grows = change > halfWidth(error);
  const verdict = grows ? 'It grows.' : change < -halfWidth(error) ? 'It shrinks.' : 'No change beyond chance.';
  return { label: 'rounds', texts: [`ρ by round  ${told.join('  ')}  ${verdict}`], sign: grows };
}

function truncatedFact({ truncated, length: { pairs } }: HackingReport): Fact {
  if (truncated === null) {
    return { label: 'truncated', texts: ['Unknown: some responses have no finish_reason.'], sign: false };
  }
  const { chosen, rejected } = truncated;
  const text = `${share(chosen, pairs)} of chosen and ${share(rejected, pairs)} of rejected responses met the length limit.`;
  return {
    label: 'truncated',
    texts: [text],
    sign: wilson(chosen, pairs).low > Math.max(0.02, wilson(rejected, pairs).high),
  };
}

function repetitionFact({ repetition: { chosen, rejected } }: HackingReport): Fact {
  const text = `${percent(100 * chosen)} of the four-word sequences in chosen responses occur earlier in the same response; in rejected ones, ${percent(100 * rejected)}.`;
  return { label: 'repeats', texts: [text], sign: chosen > 0.02 && chosen > 1.25 * rejected };
}

function agreementFact(agreement: Agreement): Fact {
  const { judged, agreed, low, high, against_longer, against_shorter, ties, excluded } = agreement;
  const others = [
    ...(ties > 0 ? [`${of(ties, 'tie')}`] : []),
    ...(excluded > 0 ? [`${count(excluded)} excluded`] : []),
  ];
  if (judged === 0) {
    const text = 'Confirm (c) or swap (s) some pairs to see how often you agree with the rewards.';
    return { label: 'you', texts: [[text, ...others].join(' · ')], sign: false };
  }
  const range = `95 % interval ${fixed(100 * low, 0)} to ${fixed(100 * high, 0)} %`;
  const against = judged - agreed;
  const lean =
    against === 0
      ? ''
      : ` Where you disagree (${of(against, 'pair')}), the rewards prefer the longer response in ${count(against_longer)}, the shorter in ${count(against_shorter)}.`;
  return {
    label: 'you',
    texts: [
      [`Agree with the rewards on ${count(agreed)} of ${of(judged, 'pair')} (${range}).${lean}`, ...others].join(' · '),
    ],
    sign: high < 0.8 || wilson(against_longer, against).low > 0.5,
  };
}

const agreements = new WeakMap<ReviewTable, Agreement>();

function agreementIn(table: ReviewTable): Agreement {
  let found = agreements.get(table);
  if (found === undefined) agreements.set(table, (found = agreementOf(table.rows, table.decisions)));
  return found;
}

/** A row of the list of phrases: a phrase, or the heading of those below it. */
export type ListRow = { heading: string } | { phrase: Contrast; at: number };

export function listRows({ phrases, repeated }: HackingReport): ListRow[] {
  const row = (phrase: Contrast, at: number): ListRow => ({ phrase, at });
  return [
    {
      heading:
        phrases.length > 0 ? 'over-represented in chosen responses' : 'nothing is over-represented in chosen responses',
    },
    ...phrases.map(row),
    ...(repeated.length > 0 ? [{ heading: 'repeated three times or more in one response' }] : []),
    ...repeated.map((phrase, i) => row(phrase, phrases.length + i)),
  ];
}

/** null if there is none. */
export function selectedPhrase(state: ReviewState): Contrast | null {
  const report = reportOf(state);
  return report === null ? null : ([...report.phrases, ...report.repeated][state.ui.phrase] ?? null);
}

/** The filter that finds the chosen responses with this phrase; null for emoji, which have no text in common. */
export function filterFor({ text }: Contrast): string | null {
  const mark = Object.values(marks).find(({ name }) => name === text);
  const searched = mark === undefined ? text : mark.sign;
  return searched === '' ? null : printFilter({ kind: 'text', part: 'w', text: searched });
}

export interface HackingLayout {
  /** Lines of facts; the first line of a fact has its label. */
  facts: { label: string; text: string; sign: boolean }[];
  /** Columns of the facts; they are beside the list if the terminal is wide enough. */
  factColumns: number;
  /** Rows of the facts, and the first visible line of them. */
  factRows: number;
  factTop: number;
  listColumns: number;
  beside: boolean;
  /** Rows of the list, the first visible one, and where it is on the screen. */
  rows: number;
  top: number;
  x: number;
  y: number;
}

/** Columns of a fact's sign and label. */
export const labelWidth = 12;

/** Rows of the list that stay visible. */
const leastList = 4;

export function factScroll(state: ReviewState): Scroll {
  const report = reportOf(state);
  const table = reviewedRound(state)?.table;
  if (report === null || table === undefined) return { rows: 0, top: 0, end: 0 };
  const { facts, factRows, factTop } = hackingLayout(state, report, table);
  return { rows: factRows, top: factTop, end: facts.length - factRows };
}

export function hackingLayout(state: ReviewState, report: HackingReport, table: ReviewTable): HackingLayout {
  const { columns } = state.size;
  const beside = columns >= 118;
  const factColumns = beside ? Math.floor(columns * 0.55) : columns;
  const facts = factsOf(report, table, unitOf(state)).flatMap(({ label, texts, sign }) =>
    texts
      .flatMap((text) => wrap(makeLine(text, text.length), factColumns - labelWidth))
      .map((text, i) => ({ label: i === 0 ? label : '', text, sign })),
  );
  // The rule; the list's heading.
  const room = bodyRows(state) - 1;
  const list = listRows(report);
  // If both do not fit, the list keeps its rows and the facts scroll.
  const least = Math.min(list.length, leastList) + 1;
  const factRows = Math.min(facts.length, beside ? room : Math.max(1, room - least));
  const factTop = clampTop(state.ui.textTop, facts.length, factRows);
  const rows = Math.max(1, (beside ? room : room - factRows) - 1);
  const selected = list.findIndex((row) => 'at' in row && row.at === state.ui.phrase);
  const top = clampTop(selected - (rows >> 1), list.length, rows);
  const x = beside ? factColumns + 2 : 0;
  const y = beside ? 2 : 2 + factRows;
  return { facts, factColumns, factRows, factTop, listColumns: columns - x, beside, rows, top, x, y };
}
