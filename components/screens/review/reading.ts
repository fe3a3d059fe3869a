/** The review screen as lines to be read aloud. */
import type { ReviewState } from './state.js';
import { alpha, compact, count, fixed, of, percent, signed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';

import { type Marks, marksOf } from './columns.js';
import type { ReviewTable } from './data.js';
import { factsOf, listRows, reportOf } from './hacking.js';
import { decidedText } from './launch.js';
import { type Looking, type Side, comparedIn, isMisfit, lookingAt, ranked, tokensOf } from './looking.js';
import { marginHistogram, neutralAlpha, panelCurves, panelNumbers } from './numbers.js';
import { unitOf, weightsReason } from './remark.js';
import { tokenFacts } from './tokens.js';

/** Points of each α curve that are read aloud. */
const spokenPoints = 5;

export function reading(state: ReviewState): string[] {
  const looking = lookingAt(state);
  if (looking === null) return ['No scored prompts yet.'];
  const { table, order, row, settings } = looking;
  if (state.ui.pane === 'hacking') return hackingInWords(state, table);
  const numbers = panelNumbers(table, settings.alpha);
  const summary = [
    `α ${alpha(settings.alpha)}: ${count(numbers.flipped)} of ${of(numbers.pairs, 'pair')} flipped; mean gradient weight of longer winners ${fixed(numbers.mean_weight_longer, 3)}, of shorter ${fixed(numbers.mean_weight_shorter, 3)}; length pull ${signed(numbers.length_pull, 1)} ${unitOf(state)}.`,
    weightsReason(state) ?? '',
    decidedText(table),
  ].filter((line) => line !== '');
  if (state.ui.pane === 'alpha')
    return [...summary, ...curvesInWords(table, settings.alpha, unitOf(state), weightsReason(state) ?? '')];
  if (row === null) return [...summary, 'No prompt fits the filter.'];
  const { prompt, sides, cursor } = comparedIn(state, looking, row);
  const place = `Prompt ${table.rows[row].prompt_index + 1}, ${count(order.places[row] + 1)} of ${count(order.rows.length)}.`;
  const words = [...marksInWords(marksOf(table, row, settings.alpha)), ...misfitInWords(state, looking, row)];
  const head = [`${place} ${words.join(', ')}`.trim(), makeVisible(prompt)];
  if (state.ui.pane === 'tokens') {
    const tokens = tokensOf(state);
    const { truncated } = table.rows[row];
    return [...head, ...(tokens === null ? ['The tokens are asked for.'] : tokenFacts(tokens, truncated[cursor]))];
  }
  const note = table.decisions[row]?.note ?? '';
  const responses = ranked(table.rows[row]).map(
    (index, rank) =>
      `${rank + 1}: reward ${fixed(table.rows[row].rewards[index], 2)}, length ${table.rows[row].lengths[index]}${index === cursor ? ', selected' : ''}.`,
  );
  return [
    ...summary,
    ...head,
    ...(note === '' ? [] : [`Note: ${makeVisible(note)}`]),
    ...(state.ui.pane === 'detail' ? responses : []),
    ...sides.map(sideInWords),
  ];
}

/** The curves of the α panel at the points of its scale, and the margins at this α. */
function curvesInWords(table: ReviewTable, at: number, unit: string, unknown: string): string[] {
  const { end, flipped, weightLonger, weightShorter, pull } = panelCurves(table, at);
  const last = flipped.length - 1;
  const points = Array.from({ length: spokenPoints }, (_, i) => Math.round((i * last) / (spokenPoints - 1)));
  const neutral = neutralAlpha(table, unknown);
  const { min, max } = marginHistogram(table, at, 1);
  return [
    typeof neutral === 'string' ? neutral : `Length-neutral α: ${alpha(neutral.alpha)}.`,
    `Length-penalized margins at α ${alpha(at)}: ${compact(min)} to ${compact(max)}.`,
    `Over α from 0 to ${end}:`,
    ...points.map(
      (point) =>
        `α ${alpha((end * point) / last)}: ${percent(flipped[point])} of pairs flipped; mean weight of longer winners ${fixed(weightLonger[point], 3)}, of shorter ${fixed(weightShorter[point], 3)}; length pull ${signed(pull[point], 1)} ${unit}.`,
    ),
  ];
}

/** Said of a row that stays in the table although a decision has made it miss the filter. */
export function misfitInWords(state: ReviewState, looking: Looking, row: number): string[] {
  return isMisfit(state, looking, row) ? ['no longer fits the filter'] : [];
}

function hackingInWords(state: ReviewState, table: ReviewTable): string[] {
  const report = reportOf(state);
  if (report === null) return ['Words and phrases are counted.'];
  const facts = factsOf(report, table, unitOf(state)).map(
    ({ label, texts, sign }) => `${sign ? 'A sign of reward hacking: ' : ''}${label}: ${texts.join(' ')}`,
  );
  const phrases = listRows(report).map((row) =>
    'heading' in row
      ? `${row.heading}:`
      : `${makeVisible(row.phrase.text)}, in ${of(row.phrase.winners, 'winner')} and ${of(row.phrase.losers, 'loser')}${row.at === state.ui.phrase ? ', selected' : ''}.`,
  );
  return [...facts, ...phrases];
}

function sideInWords({ name, reward, length, truncated, text }: Side): string {
  const said = text === null ? 'text not here yet' : makeVisible(text);
  return `${name}, reward ${fixed(reward, 2)}, length ${length}${truncated ? ', truncated' : ''}: ${said}`;
}

const standings = {
  excluded: 'excluded by hand',
  tie: 'made a tie by hand',
  ties: 'no pair: all rewards are equal',
  identical: 'no pair: the responses are the same',
  below_gap: 'no pair: the reward margin is below the gap',
  too_few: 'no pair: fewer than two responses',
} as const;

/** The marks of the table spelt out. */
export function marksInWords({ flipped, truncated, nearTie, decided, noted, standing }: Marks): string[] {
  const sides = { w: 'winner truncated', l: 'loser truncated', wl: 'both truncated' }[truncated];
  return [
    ...(standing === 'pair' ? [] : [standings[standing]]),
    ...(flipped ? ['flipped by α'] : []),
    ...(sides === undefined ? [] : [sides]),
    ...(nearTie ? ['near tie'] : []),
    ...(decided && standing === 'pair' ? ['decided by hand'] : []),
    ...(noted ? ['has a note'] : []),
  ];
}
