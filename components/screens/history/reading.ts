/** The history screen in words: read aloud, copied, and as breadcrumbs. */
import { pairsInWords } from '../../../src/core/heldOutPairs.js';
import { commandLine, shellQuote } from '../../../src/core/shell.js';
import { controlledTitle, resultColumns, rowRemark, settingLabel, settingText } from '../../../src/core/controlled.js';
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../../../src/core/review/decisions.js';
import { branchTitle } from '../../../src/core/rounds.js';
import { alpha, fixed, percent, signed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import type { RoundState } from '../../../src/protocol/messages.js';
import { enlargedReading } from '../../app/charts.js';
import { compareLayout, pageNames } from './compare.js';
import { comparisonsOf } from './controlled.js';
import { explained, forkFields, shownValue } from './fork.js';
import { queueReading } from './queue.js';
import { nameOf, roundOf, selectedRound, treeIn, verdictWord, viewOf } from './select.js';
import type { HistoryState } from './state.js';

export function crumbs(state: HistoryState): string[] {
  const { comparison, controlled, fork, plot, queue } = state.ui;
  if (fork !== null) return [`fork of ${fork.parent}`];
  if (queue !== null) return ['queue'];
  if (comparison !== null) return [`${comparison.left} vs ${comparison.right}`];
  if (controlled !== null) return [`round ${controlled.round} controlled`];
  return plot ? ['plot'] : [];
}

/** The selected response, the page or form in words, or in the list the command that exports the selected policy. */
export function copies(state: HistoryState): string | null {
  const { comparison } = state.ui;
  if (comparison?.page === 'responses') return compareLayout(state)?.prompts.change?.now.text ?? null;
  if (viewOf(state) !== 'rounds') return reading(state).join('\n');
  const round = selectedRound(state);
  if (round === null || state.run === null || round.evaluation === null) return null;
  return commandLine(`export ${shellQuote(state.run.directory)} --round ${round.id} --out policy-${round.id}`);
}

export function reading(state: HistoryState): string[] {
  switch (viewOf(state)) {
    case 'rounds':
      return readRounds(state);
    case 'comparison':
      return readComparison(state);
    case 'fork':
      return readFork(state);
    case 'queue':
      return queueReading(state);
    case 'controlled':
      return readControlled(state);
  }
}

function readRounds(state: HistoryState): string[] {
  const { branches, rows } = treeIn(state);
  const selected = selectedRound(state);
  const lines = rows.map(({ round }) => {
    const place = [
      ...(round.id === state.run?.current ? ['current'] : []),
      ...(round.id === selected?.id ? ['selected'] : []),
      ...(round.id === state.ui.marked ? ['marked'] : []),
    ].join(', ');
    return `${sentenceOn(round)}${place === '' ? '' : ` (${place})`}`;
  });
  const note = selected === null || selected.note === '' ? [] : [`Note: ${makeVisible(selected.note)}`];
  const data = selected === null ? [] : dataOf(selected);
  return [
    ...lines,
    ...data,
    ...note,
    ...(branches.length < 2 ? [] : [`Branches: ${branches.map(branchTitle).join('; ')}.`]),
  ];
}

/** What the selected round was trained on. */
function dataOf(round: RoundState): string[] {
  const { sampled, pairs, dropped, decisions, id } = round;
  const byHand = decisionsInWords(decisions);
  const parts = [
    samplingInWords(sampled),
    pairs === null ? null : pairsInWords(round),
    withoutPairInWords(dropped, decisions),
    byHand === null || byHand === 'none' ? null : `decisions: ${byHand}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? [] : [`Round ${id}: ${parts.join('; ')}.`];
}

function sentenceOn(round: RoundState): string {
  const { id, parent, settings, evaluation, stage, verdict } = round;
  const base = evaluation?.comparisons.find(({ against }) => against === 'base');
  const name = nameOf(round);
  const parts = [
    ...(parent === null ? [] : [`from ${parent}`]),
    ...(id === 0 ? [] : [`α ${alpha(settings.alpha)}`]),
    ...(evaluation === null
      ? [stage]
      : [`reward ${fixed(evaluation.reward, 3)}`, `mean length ${fixed(evaluation.mean_length, 1)}`]),
    ...(base === undefined ? [] : [`wins ${percent(base.win_rate)} against the base`]),
    ...(verdict === null ? [] : [verdictWord(round)]),
  ];
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}: ${parts.join(', ')}.`;
}

function readComparison(state: HistoryState): string[] {
  const layout = compareLayout(state);
  const { comparison } = state.ui;
  if (layout === null || comparison === null) return [];
  const { left, right, numbers, curves, prompts } = layout;
  const head = `${nameOf(left)} against ${nameOf(right)}: ${pageNames[comparison.page]}.`;
  switch (comparison.page) {
    case 'numbers':
      return [
        head,
        ...numbers.map(({ title, row }) =>
          row === null
            ? `${title}.`
            : `${row.name.trim()}: ${row.left}, ${row.right}${row.difference === '' ? '' : ` (${row.difference})`}.`,
        ),
      ];
    case 'curves':
      if (curves === null) return [head, 'The metrics are being read.'];
      if (curves.length === 0) return [head, 'Neither round has been updated yet.'];
      if (layout.enlarged !== null) return [head, ...enlargedReading(layout.enlarged, state.ui.charts)];
      return [
        head,
        ...curves.map(
          ({ title, series }) =>
            `${title}: ${series.map(({ name, values }) => `round ${name} ends at ${fixed(values.at(-1) ?? NaN, 4)}`).join(', ')}.`,
        ),
      ];
    case 'responses': {
      const { change } = prompts;
      if (change === null) return [head, 'No held-out prompt with responses from both rounds is known yet.'];
      const sentence = (round: RoundState, { reward, length, text }: typeof change.now) =>
        `${nameOf(round)}, reward ${fixed(reward, 3)}, ${length} tokens: ${makeVisible(text)}`;
      return [
        head,
        `Prompt ${change.prompt_index}, reward ${signed(change.reward, 3)}: ${makeVisible(change.prompt)}`,
        sentence(left, change.before),
        sentence(right, change.now),
      ];
    }
  }
}

/** A sentence per table and one per round, in the tables' order. */
function readControlled(state: HistoryState): string[] {
  const { controlled } = state.ui;
  const of = controlled === null ? null : roundOf(state, controlled.round);
  if (of === null) return [];
  return comparisonsOf(state, of).flatMap((comparison) => {
    const { keys, rows } = comparison;
    const title = controlledTitle(comparison);
    const results = resultColumns(rows.map(({ round }) => round));
    const sentences = rows.map(({ round, values }) => {
      const settings = keys.map((key, i) => `${settingLabel(key)} ${makeVisible(settingText(key, values[i]))}`);
      const numbers = results.map(({ heading, cell }) => `${heading} ${cell(round)}`);
      const remark = rowRemark(round);
      const text = [...settings, nameOf(round), ...numbers, ...(remark === '' ? [] : [remark])].join(', ');
      return `${text}${round.id === of.id ? ' (the selected round)' : ''}.`;
    });
    return [`${title.charAt(0).toUpperCase()}${title.slice(1)}.`, ...sentences];
  });
}

function readFork(state: HistoryState): string[] {
  const { fork } = state.ui;
  if (fork === null) return [];
  const parent = roundOf(state, fork.parent);
  return [
    `A branch from ${parent === null ? `round ${fork.parent}` : nameOf(parent)}.`,
    ...forkFields.map((field, i) => {
      const { present, next } = shownValue(state, field);
      const value = next === null ? makeVisible(present) : `${makeVisible(next)}, was ${makeVisible(present)}`;
      return `${field.label}: ${value}.${i === fork.selected ? ` Selected. ${explained(field)}` : ''}`;
    }),
  ];
}
