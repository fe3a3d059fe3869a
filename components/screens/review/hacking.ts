/** The reward-hacking pane in words: what was counted, what of it is a sign, the phrases, and where they stand. */
import type { ReviewState } from './state.js';
import { agreementOf, type Agreement, type HackingReport } from '../../../src/core/review/hacking.js';
import { type Contrast, wilson } from '../../../src/core/statistics.js';
import { halfWidth } from '../../../src/core/winRate.js';
import { printFilter } from '../../../src/core/review/filter.js';
import { marks } from '../../../src/core/review/phrases.js';
import { count, fixed, of, percent, share, signed } from '../../../src/core/format.js';
import { bodyRows } from '../../app/layout.js';
import { makeLine } from '../../../src/core/sanitize.js';

import { wrap } from '../../parts/text.js';
import type { ReviewTable } from './data.js';
import { lookingAt } from './looking.js';
import { unitOf } from './remark.js';

/** One of the things looked at. */
export interface Fact {
  label: string;
  /** One paragraph each. */
  texts: string[];
  /** It speaks for reward hacking. */
  sign: boolean;
}

/** Half of a 95 % interval from a standard error. */

/** What the engine has counted of the round that is looked at; null while it counts. */
export function reportOf(state: ReviewState): HackingReport | null {
  const { hacking } = state.ui;
  return hacking !== null && hacking.round === lookingAt(state)?.round ? hacking : null;
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
      ? `One more ${one} goes with ${signed(slope, 4)} reward: α ${fixed(slope, 4)} would take that out of r - α|y|.`
      : `One more ${one} goes with ${fixed(slope, 4)} reward: nothing for α to take out.`;
  const spread = Number.isNaN(within_error) ? '' : ` ±${fixed(halfWidth(within_error), 2)} (95 %)`;
  return {
    label: 'length',
    texts: [
      `ρ ${signed(within, 2)}${spread} with reward within a prompt (mean of ${of(prompts, 'prompt')}), r ${signed(overall, 2)} over all ${of(responses, 'response')}.`,
      `The winner is longer in ${share(longer, pairs)} of ${of(pairs, 'pair')}.${Number.isNaN(slope) ? '' : ` ${pull}`}`,
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
    return { label: 'truncated', texts: ['Not known: not every response has a finish_reason.'], sign: false };
  }
  const { winners, losers } = truncated;
  const text = `${share(winners, pairs)} of winners and ${share(losers, pairs)} of losers met the length limit.`;
  return {
    label: 'truncated',
    texts: [text],
    sign: wilson(winners, pairs).low > Math.max(0.02, wilson(losers, pairs).high),
  };
}

function repetitionFact({ repetition: { winners, losers } }: HackingReport): Fact {
  const text = `Of a winner's four-word sequences ${percent(100 * winners)} were said before in the same response, of a loser's ${percent(100 * losers)}.`;
  return { label: 'repeats', texts: [text], sign: winners > 0.02 && winners > 1.25 * losers };
}

function agreementFact(agreement: Agreement): Fact {
  const { judged, agreed, low, high, against_longer, against_shorter, ties, excluded } = agreement;
  const others = [
    ...(ties > 0 ? [`${of(ties, 'pair')} called ${ties === 1 ? 'a tie' : 'ties'}`] : []),
    ...(excluded > 0 ? [`${count(excluded)} left out`] : []),
  ];
  if (judged === 0) {
    const text = 'No pair confirmed (c) or swapped (s) by hand yet: then it is seen how far you and the rewards agree.';
    return { label: 'you', texts: [[text, ...others].join(' · ')], sign: false };
  }
  const range = `95 % interval ${fixed(100 * low, 0)} to ${fixed(100 * high, 0)} %`;
  const against = judged - agreed;
  const lean =
    against === 0
      ? ''
      : ` Of the ${of(against, 'pair')} against them the rewards liked the longer response in ${count(against_longer)}, the shorter in ${count(against_shorter)}.`;
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

/** A row of the list of phrases: a phrase, or what the phrases below it are. */
export type ListRow = { heading: string } | { phrase: Contrast; at: number };

export function listRows({ phrases, repeated }: HackingReport): ListRow[] {
  const row = (phrase: Contrast, at: number): ListRow => ({ phrase, at });
  return [
    { heading: phrases.length > 0 ? 'winners say, losers do not' : 'winners say nothing that losers do not say' },
    ...phrases.map(row),
    ...(repeated.length > 0 ? [{ heading: 'said three times and more in one response' }] : []),
    ...repeated.map((phrase, i) => row(phrase, phrases.length + i)),
  ];
}

/** null where there is none. */
export function selectedPhrase(state: ReviewState): Contrast | null {
  const report = reportOf(state);
  return report === null ? null : ([...report.phrases, ...report.repeated][state.ui.phrase] ?? null);
}

/** The filter that finds the winners with this phrase; null for emoji, which have no text in common. */
export function filterFor({ text }: Contrast): string | null {
  const mark = Object.values(marks).find(({ name }) => name === text);
  const searched = mark === undefined ? text : mark.sign;
  return searched === '' ? null : printFilter({ kind: 'text', part: 'w', text: searched });
}

export interface HackingLayout {
  /** Lines of facts: the first of a fact has its label. */
  facts: { label: string; text: string; sign: boolean }[];
  /** Columns of the facts and of the list; beside each other where wide enough. */
  factColumns: number;
  /** Rows of the facts, and the first visible line of them. */
  factRows: number;
  factTop: number;
  listColumns: number;
  beside: boolean;
  /** Rows of the list, the first visible, its place on the screen. */
  rows: number;
  top: number;
  x: number;
  y: number;
}

/** Columns of a fact's sign and label. */
export const labelWidth = 12;

/** Rows of the list that are seen at least. */
const leastList = 4;

/** Lines of facts that are seen, and how far they scroll. */
export function factScrolling(state: ReviewState): { rows: number; end: number } {
  const report = reportOf(state);
  const table = lookingAt(state)?.table;
  if (report === null || table === undefined) return { rows: 0, end: 0 };
  const { facts, factRows } = hackingLayout(state, report, table);
  return { rows: factRows, end: facts.length - factRows };
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
  // The list comes first where both do not fit: the facts scroll.
  const least = Math.min(list.length, leastList) + 1;
  const factRows = Math.min(facts.length, beside ? room : Math.max(1, room - least));
  const factTop = Math.max(0, Math.min(facts.length - factRows, state.ui.textTop));
  const rows = Math.max(1, (beside ? room : room - factRows) - 1);
  const selected = list.findIndex((row) => 'at' in row && row.at === state.ui.phrase);
  const top = Math.max(0, Math.min(list.length - rows, selected - (rows >> 1)));
  const x = beside ? factColumns + 2 : 0;
  const y = beside ? 2 : 2 + factRows;
  return { facts, factColumns, factRows, factTop, listColumns: columns - x, beside, rows, top, x, y };
}
