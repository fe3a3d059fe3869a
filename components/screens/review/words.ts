/**
 * The review screen in words: the marks and the remark that it shows, the question before the update is launched, and
 * the whole screen as lines to be read aloud.
 */
import { referenceInWords } from '../../../src/core/config/reference.js';
import { causesInWords } from '../../../src/core/review/decisions.js';
import { pairsInWords } from '../../../src/core/heldOutPairs.js';
import { objectives } from '../../../src/core/objectives/index.js';
import * as format from '../../../src/core/format.js';
import { settingOf } from '../../../src/core/rounds.js';
import { makeLine, makeVisible } from '../../../src/core/sanitize.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import { settingsOf, shown, shownRound } from '../../app/selectors.js';
import { marginHistogram, neutralAlpha, panelCurves, panelNumbers } from './alpha.js';
import { choiceInWords, flippedIn } from '../../../src/core/pairPreview.js';
import { blindCount, blindLine, isBlind } from './blind.js';
import { factsOf, listRows, reportOf } from './hacking.js';
import { pairingNotes, pairingOf } from './pairing.js';
import {
  type Compared,
  type ReviewedRound,
  type Side,
  comparedParts,
  comparedResponses,
  isMisfit,
  rangeOf,
  ranked,
  reviewedRound,
  tokensOf,
  unitOf,
  usesBeta,
  weightsReason,
} from './select.js';
import type { ReviewState } from './state.js';
import { type Marks, marksOf } from './marks.js';
import type { ReviewTable } from './table.js';
import { likelihoodInWords, tokenFacts } from './tokens.js';

const { compact, count, fixed, of, percent, signed } = format;

const statuses = {
  excluded: 'excluded by hand',
  tie: 'made a tie by hand',
  ties: 'no pair: all rewards are equal',
  identical: 'no pair: the responses are the same',
  below_gap: 'no pair: the reward margin is below the gap',
  too_few: 'no pair: fewer than two responses',
} as const;

/** The marks of the table, spelled out. */
export function marksInWords(marks: Marks): string[] {
  const { flipped, against, pairs, truncated, nearTie, decided, noted, status, weight } = marks;
  const sides = { w: 'chosen truncated', l: 'rejected truncated', wl: 'both truncated' }[truncated];
  return [
    ...(status === 'pair' ? [] : [statuses[status]]),
    ...(pairs > 1 ? [`first of ${pairs} pairs`] : []),
    ...(flipped ? ['flipped by α'] : []),
    ...(against ? ['chosen for its length, against the reward'] : []),
    ...(sides === undefined ? [] : [sides]),
    ...(nearTie ? ['near tie'] : []),
    ...(decided && status === 'pair' ? ['decided by hand'] : []),
    ...(weight === null ? [] : [`weight ${format.compact(weight)} by hand`]),
    ...(noted ? ['has a note'] : []),
  ];
}

/** For a row that stays in the table although a decision has made it miss the filter. */
export function misfitInWords(state: ReviewState, reviewed: ReviewedRound, row: number): string[] {
  return isMisfit(state, reviewed, row) ? ['no longer matches the filter'] : [];
}

/**
 * The last line of the α panel: why gradient weights are unknown or why α has its value; otherwise what was dropped and
 * decided, and the reference.
 */
export function remarkOn(state: ReviewState): string {
  const reviewed = reviewedRound(state);
  if (reviewed === null || state.run === null) return '';
  const unknown = weightsReason(state);
  if (unknown !== null) return unknown;
  const { reason } = state.ui;
  const { decisions } = shown(state) ?? {};
  const { alpha, beta } = reviewed.settings;
  const holds = reason?.alpha === alpha && (!usesBeta(state, reviewed.loss) || reason.beta === beta);
  if (reason !== null && holds && reason.decisions === decisions?.decisions) return reason.text;
  const left = leftOut(shownRound(state)?.dropped ?? null);
  return [left, decidedText(reviewed.table), baseOf(state, reviewed)].filter((part) => part !== '').join(' · ');
}

function baseOf(state: ReviewState, reviewed: ReviewedRound): string {
  const { run } = state;
  // The pairs written follow from rewards and decisions alone.
  if (state.workspace === 'file')
    return run?.weights.need === 'rows'
      ? 'α does not change the pairs; weights assume policy = reference'
      : 'α does not change the pairs';
  const round = shownRound(state);
  const set = run === null || round === null ? 'round' : settingOf(run.config, round, 'dpo.reference');
  const reference = typeof set === 'string' ? set : 'round';
  const { objective } = reviewed.loss;
  const own = objective === 'lr-dpo' ? '' : `objective ${objective} · `;
  if (!objectives[objective].reference) return `${own}no reference`;
  return `${own}reference ${makeLine(reference === 'base' ? reference : referenceInWords(reference, 'round start'), 50)}`;
}

/** The question before launching: the first line asks. The plan is filled in once the engine has answered. */
export function launchLines(state: ReviewState): string[] {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return [];
  const { alpha, beta, lr } = settingsOf(state);
  const { plan } = state.ui;
  const { objective } = reviewed.loss;
  const own = objective === 'lr-dpo' ? '' : `objective ${objective}  `;
  const held_out_pairs = plan?.held_out ?? shownRound(state)?.held_out_pairs ?? null;
  const pairs = pairsInWords({ pairs: reviewed.table.inputs.length, held_out_pairs });
  const question = `Launch the update on ${pairs}? ${own}α ${format.alpha(alpha)}  β ${beta}  learning rate ${format.learningRate(lr)}`;
  const left = [leftOut(shownRound(state)?.dropped ?? null), decidedText(reviewed.table)].filter((text) => text !== '');
  const last = left.length === 0 ? 'nothing was dropped' : left.join(' · ');
  const isJob = plan?.where.startsWith('as ') === true;
  if (plan === null || plan.round !== reviewed.round) return [question, 'Asking the engine for the plan …', ' ', last];
  return [
    question,
    [
      format.of(plan.steps, 'step'),
      format.of(plan.tokens, 'token'),
      plan.seconds === null ? 'time not known before a first update' : `about ${format.duration(plan.seconds)}`,
      ...(isJob ? [] : [plan.memory_mb === null ? 'memory not known' : format.megabytes(plan.memory_mb)]),
    ].join(' · '),
    [
      `trains ${makeLine(plan.trained, 40)}`,
      `reference ${makeLine(plan.reference, 60)}`,
      ...(isJob ? [] : [makeLine(plan.where, 60)]),
    ].join(' · '),
    ...(isJob ? [`runs ${makeLine(plan.where, 200)}`] : []),
    last,
  ];
}

/** Prompts without a pair, by cause; empty if there are none. */
export function leftOut(dropped: RoundState['dropped']): string {
  const causes = dropped === null ? '' : causesInWords(dropped);
  return causes === '' ? '' : `dropped ${causes}`;
}

const decided = new WeakMap<ReviewTable, string>();

/** How many decisions of each kind there are; empty if none. */
export function decidedText(table: ReviewTable): string {
  const found = decided.get(table);
  if (found !== undefined) return found;
  const count = { pair: 0, exclude: 0, tie: 0 };
  for (const decision of table.decisions) if (decision?.ruling != null) count[decision.ruling.kind]++;
  const all = count.pair + count.exclude + count.tie;
  const parts = [
    ...(count.pair > 0 ? [format.of(count.pair, 'pair')] : []),
    ...(count.exclude > 0 ? [`${format.count(count.exclude)} excluded`] : []),
    ...(count.tie > 0 ? [`${format.of(count.tie, 'tie')}`] : []),
  ];
  const text = all === 0 ? '' : `decided by hand ${parts.join(', ')}`;
  decided.set(table, text);
  return text;
}

/** Points of each α curve that are read aloud. */
const spokenPoints = 5;

export function reading(state: ReviewState): string[] {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return ['No scored prompts yet.'];
  const { table, order, row, settings } = reviewed;
  if (state.ui.pane === 'hacking') return hackingInWords(state, table);
  if (state.ui.pane === 'pairing') return pairingInWords(state, settings.alpha);
  if (isBlind(state)) return blindInWords(state, reviewed);
  const numbers = panelNumbers(table, settings.alpha);
  const summary = [
    `α ${format.alpha(settings.alpha)}: ${count(numbers.flipped)} of ${of(numbers.pairs, 'pair')} flipped; mean gradient weight of longer chosen responses ${format.weight(numbers.mean_weight_longer)}, of shorter ${format.weight(numbers.mean_weight_shorter)}; length pull ${signed(numbers.length_pull, 1)} ${unitOf(state)}.`,
    weightsReason(state) ?? '',
    decidedText(table),
  ].filter((line) => line !== '');
  if (state.ui.pane === 'alpha')
    return [...summary, ...curvesInWords(table, settings.alpha, unitOf(state), weightsReason(state) ?? '')];
  if (row === null) return [...summary, 'No prompt matches the filter.'];
  const compared = comparedResponses(state, reviewed, row);
  const { prompt, sides, cursor } = compared;
  const place = `Prompt ${table.rows[row].prompt_index + 1}, ${count(order.places[row] + 1)} of ${count(order.rows.length)}.`;
  const range = rangeOf(state);
  const chosen = range === null ? [] : [`${of(range[1] - range[0] + 1, 'prompt')} selected`];
  const words = [
    ...chosen,
    ...marksInWords(marksOf(table, row, settings.alpha)),
    ...misfitInWords(state, reviewed, row),
  ];
  const head = [`${place} ${words.join(', ')}`.trim(), makeVisible(prompt)];
  if (state.ui.pane === 'tokens') {
    const tokens = tokensOf(state);
    const { truncated } = table.rows[row];
    return [
      ...head,
      ...(tokens === null
        ? ['Waiting for the tokens.']
        : [...tokenFacts(tokens, truncated[cursor]), ...likelihoodInWords(tokens, state.ui.measure)]),
    ];
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
    ...(state.ui.pane === 'detail' ? partsInWords(reviewed, row, compared) : []),
    ...sides.map(sideInWords),
  ];
}

function partsInWords(reviewed: ReviewedRound, row: number, compared: Compared): string[] {
  const [first, second] = compared.sides.map(({ name }) => name);
  return comparedParts(reviewed, row, compared).map(
    ({ name, weight, chosen, rejected, contribution }) =>
      `Part ${makeLine(name, 60)}, weight ${weight}: ${first} ${fixed(chosen, 2)}, ${second} ${fixed(rejected, 2)}, weighted difference ${signed(contribution, 2)}.`,
  );
}

/** The curves of the α panel at some points of its scale, and the margins at this α. */
function curvesInWords(table: ReviewTable, at: number, unit: string, unknown: string): string[] {
  const { end, flipped, weightLonger, weightShorter, pull } = panelCurves(table, at);
  const last = flipped.length - 1;
  const points = Array.from({ length: spokenPoints }, (_, i) => Math.round((i * last) / (spokenPoints - 1)));
  const neutral = neutralAlpha(table, unknown);
  const { min, max } = marginHistogram(table, at, 1);
  return [
    typeof neutral === 'string' ? neutral : `Length-neutral α: ${format.alpha(neutral.alpha)}.`,
    `Length-penalized margins at α ${format.alpha(at)}: ${compact(min)} to ${compact(max)}.`,
    `Over α from 0 to ${end}:`,
    ...points.map(
      (point) =>
        `α ${format.alpha((end * point) / last)}: ${percent(flipped[point])} of pairs flipped; mean weight of longer chosen responses ${format.weight(weightLonger[point])}, of shorter ${format.weight(weightShorter[point])}; length pull ${signed(pull[point], 1)} ${unit}.`,
    ),
  ];
}

function blindInWords(state: ReviewState, reviewed: ReviewedRound): string[] {
  const { table, row } = reviewed;
  const counts = `Rewards hidden. ${blindCount(state)}.`;
  if (row === null) return [counts, 'No prompt matches the filter.'];
  const { prompt, sides } = comparedResponses(state, reviewed, row);
  return [
    counts,
    `Prompt ${table.rows[row].prompt_index + 1}. ${blindLine(state)}`,
    makeVisible(prompt),
    ...sides.map(({ name, text }) => `${name}: ${text === null ? 'waiting for the text' : makeVisible(text)}`),
  ];
}

function hackingInWords(state: ReviewState, table: ReviewTable): string[] {
  const report = reportOf(state);
  if (report === null) return ['Counting words and phrases.'];
  const facts = factsOf(report, table, unitOf(state)).map(
    ({ label, texts, sign }) => `${sign ? 'A sign of reward hacking: ' : ''}${label}: ${texts.join(' ')}`,
  );
  const phrases = listRows(report).map((row) =>
    'heading' in row
      ? `${row.heading}:`
      : `${makeVisible(row.phrase.text)}, in ${count(row.phrase.chosen)} chosen and ${count(row.phrase.rejected)} rejected responses${row.at === state.ui.phrase ? ', selected' : ''}.`,
  );
  return [...facts, ...phrases];
}

function pairingInWords(state: ReviewState, alpha: number): string[] {
  const pairing = pairingOf(state);
  if (pairing === null) return ['No scored prompts yet.'];
  const unit = unitOf(state);
  const strategies = pairing.previews.map((preview, i) => {
    const marks = `${i === pairing.present ? ', makes the present pairs' : ''}${i === pairing.selected ? ', selected' : ''}`;
    const lengths = `mean lengths ${fixed(preview.chosen_length, 1)} and ${fixed(preview.rejected_length, 1)} ${unit}, difference ${signed(preview.length_difference, 1)}`;
    return `${choiceInWords(preview)}${marks}: ${of(preview.pairs, 'pair')}, ${lengths}, reward margin ${signed(preview.reward_margin, 2)}, ${count(flippedIn(preview, alpha))} flipped.`;
  });
  return [...strategies, ...pairingNotes(state, pairing)];
}

function sideInWords({ name, reward, length, truncated, text }: Side): string {
  const said = text === null ? 'waiting for the text' : makeVisible(text);
  return `${name}, reward ${fixed(reward, 2)}, length ${length}${truncated ? ', truncated' : ''}: ${said}`;
}
