/** What the evaluation screen shows, derived from its slice: how its rows are shared out, and its content in words. */
import { type Finding, findings } from '../../../src/core/findings.js';
import { fixed, signed } from '../../../src/core/format.js';
import type { EvaluationResult } from '../../../src/core/rows.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import type { HeldOutResponse, RoundState } from '../../../src/protocol/messages.js';
import { type PromptsLayout, orderNames, promptsLayout } from '../../app/heldOut/prompts.js';
import { responsesOf } from '../../app/heldOut/responses.js';
import { bodyRows } from '../../app/layout.js';
import { clampTop } from '../../app/lists.js';
import { shownRound } from '../../app/selectors.js';
import { wrapped } from '../../parts/markedText.js';
import type { Tone } from '../../parts/theme.js';
import { kindInWords, judgesInWords } from './opinions.js';
import { type Measure, type Opponent, measureInWords, measuresOf, opponentsOf } from './measures.js';
import type { EvaluationState } from './state.js';

export interface EvaluationLayout {
  opponents: readonly Opponent[];
  /** The opponent whose responses are compared; null where there is none, as for the base policy. */
  opponent: Opponent | null;
  now: readonly HeldOutResponse[] | null;
  before: readonly HeldOutResponse[] | null;
  /** Rows of both histograms; 0: not shown. */
  spreadRows: number;
  /** The rows of the table, as many as fit. */
  measures: readonly Measure[];
  /** Lines beneath the table: whether the differences exceed the noise, and notes. */
  sentences: readonly SentenceLine[];
  /** Rows of the kinds, and the first visible one. */
  kindRows: number;
  kindsTop: number;
  /** Row of the screen's body at which the prompts begin. */
  promptsTop: number;
  /** null: not shown. */
  prompts: PromptsLayout | null;
}

/** A line of a sentence. */
export interface SentenceLine {
  text: string;
  tone: Tone;
}

/** Rows of the numbers above the measures: rule, facts, verdict and heading. */
const numbersHead = 4;
/** Rows of the kinds' rule and heading. */
const kindsHead = 2;
const leastSpread = 6;
const mostSpread = 12;
const leastPrompts = 14;

const cache = new WeakMap<EvaluationState, EvaluationLayout>();

export function evaluationLayout(state: EvaluationState): EvaluationLayout {
  let layout = cache.get(state);
  if (layout === undefined) cache.set(state, (layout = computeLayout(state)));
  return layout;
}

function computeLayout(state: EvaluationState): EvaluationLayout {
  const round = shownRound(state);
  const rows = bodyRows(state);
  const opponents = round === null ? [] : opponentsOf(round, state.run?.rounds ?? []);
  const opponent = opponents.find(({ against }) => against === state.ui.against) ?? opponents.at(0) ?? null;
  const now = round === null ? null : responsesOf(state, round.id);
  const before = opponent === null ? null : responsesOf(state, opponent.round);
  const numbers = state.ui.view === 'numbers';
  const { evaluation } = round ?? { evaluation: null };
  // The last measures matter least.
  const measures = evaluation === null ? [] : measuresOf(evaluation, opponents).slice(0, rows - numbersHead);
  const measureRows = measures.length;
  const sentences =
    numbers && evaluation !== null
      ? visibleLines(sentenceLines(evaluation, opponent, state.size.columns), rows - numbersHead - measureRows)
      : [];
  const numbersRows = numbersHead + measureRows + sentences.length;
  const free = rows - numbersRows;
  const both = numbers && opponent !== null && free >= leastSpread + leastPrompts;
  const room = both ? Math.min(mostSpread, free - leastPrompts) : Math.min(mostSpread, free);
  const spreadRows = !numbers || room < leastSpread ? 0 : room;
  const promptRows = numbers ? (both ? free - spreadRows : 0) : state.ui.view === 'prompts' ? rows : 0;
  const kindRows = rows - kindsHead;
  const kinds = opponent?.comparison.kinds?.length ?? 0;
  const kindsTop = clampTop(state.ui.kindsTop, kinds, kindRows);
  const promptsRoom = { columns: state.size.columns, rows: promptRows };
  const prompts = promptRows === 0 || opponent === null ? null : promptsLayout(now, before, state.ui, promptsRoom);
  const promptsTop = numbers ? numbersRows + spreadRows : 0;
  return { opponents, opponent, now, before, spreadRows, measures, sentences, kindRows, kindsTop, promptsTop, prompts };
}

const tones: Record<Finding['verdict'], Tone> = {
  gain: 'good',
  loss: 'bad',
  change: 'plain',
  noise: 'muted',
  unknown: 'muted',
  warning: 'warn',
};

/** As many lines as there is room for; a sign at the end of the last one tells that more follow. */
export function visibleLines(lines: readonly SentenceLine[], room: number): SentenceLine[] {
  const shown = lines.slice(0, Math.max(0, room));
  const last = shown.at(-1);
  if (last === undefined || shown.length === lines.length) return shown;
  return [...shown.slice(0, -1), { ...last, text: `${last.text} …` }];
}

/** Findings against the opponent, then notes, wrapped. */
function sentenceLines(evaluation: EvaluationResult, opponent: Opponent | null, columns: number): SentenceLine[] {
  const lines = (text: string, tone: Tone) => wrapped(text, columns - 2).map((line) => ({ text: line, tone }));
  const found = opponent === null ? [] : findings(opponent.comparison);
  return [
    ...found.flatMap(({ text, verdict }) => lines(`${opponent?.name ?? ''}: ${text}.`, tones[verdict])),
    ...(evaluation.notes ?? []).flatMap((note) => lines(note, 'muted')),
  ];
}

/** Rounds whose responses the screen shows. */
export function neededRounds(state: EvaluationState): number[] {
  const round = shownRound(state);
  if (round === null || round.evaluation === null) return [];
  const { opponent } = evaluationLayout(state);
  return opponent === null ? [round.id] : [round.id, opponent.round];
}

export function verdictText({ id, verdict, parent }: Pick<RoundState, 'id' | 'verdict' | 'parent'>): string {
  if (id === 0) return 'The base policy: rounds are compared with it.';
  const start = parent === null || parent === 0 ? 'the base policy' : `the policy of round ${parent}`;
  switch (verdict) {
    case 'accepted':
      return '✔ accepted: the next round starts from its policy.';
    case 'rejected':
      return `✘ rejected: the next round starts from ${start}.`;
    case null:
      return 'No verdict yet; unless it is rejected, the next round starts from its policy.';
  }
}

/** The screen as lines to be read aloud. */
export function reading(state: EvaluationState): string[] {
  const round = shownRound(state);
  if (round === null || round.evaluation === null) return ['No evaluation yet.'];
  const { opponents, opponent, prompts } = evaluationLayout(state);
  const { comparison } = opponent ?? { comparison: null };
  const lines = [
    `Round ${round.id} on ${round.evaluation.prompts} held-out prompts. ${verdictText(round)}`,
    ...measuresOf(round.evaluation, opponents).map((measure) => measureInWords(measure, opponents)),
    ...(comparison === null ? [] : findings(comparison).map(({ text }) => `${opponent?.name ?? ''}: ${text}.`)),
    ...(round.evaluation.notes ?? []),
    ...(state.ui.view === 'kinds' ? (comparison?.kinds ?? []).map(kindInWords) : []),
    ...(state.ui.view === 'judges' && comparison !== null ? judgesInWords(round.evaluation, comparison) : []),
  ];
  const change = prompts?.change ?? null;
  if (change === null) return lines;
  const { before, now, length } = change;
  return [
    ...lines,
    `Prompt ${change.prompt_index}, ${orderNames[state.ui.order]}: ${makeVisible(change.prompt)}`,
    `Before, reward ${fixed(before.reward, 3)}: ${makeVisible(before.text)}`,
    `Now, reward ${fixed(now.reward, 3)}, ${signed(length, 0)} tokens: ${makeVisible(now.text)}`,
  ];
}

/** The round's response to the selected prompt; without prompts the whole screen in words. */
export function copied(state: EvaluationState): string | null {
  const { prompts } = evaluationLayout(state);
  if (prompts?.change != null) return prompts.change.now.text;
  return shownRound(state)?.evaluation == null ? null : reading(state).join('\n');
}

export function crumbs(state: EvaluationState): string[] {
  if (state.ui.view === 'kinds') return ['kinds'];
  if (state.ui.view === 'judges') return ['judges'];
  const change = evaluationLayout(state).prompts?.change ?? null;
  return state.ui.view === 'prompts' && change !== null ? [`prompt ${change.prompt_index}`] : [];
}
