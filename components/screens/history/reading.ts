/** The history screen in words: read aloud, copied, and where one is in it. */
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../../../src/core/review/decisions.js';
import { branchTitle } from '../../../src/core/rounds.js';
import { verdictWord } from '../../app/heldOut/verdict.js';
import { alpha, fixed, of, percent, signed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import type { RoundState } from '../../../src/protocol/messages.js';

import { compareLayout } from './compareLayout.js';
import { shownValue } from './fork.js';
import { explained, forkFields } from './forkFields.js';
import { viewOf } from './actions.js';
import { nameOf, roundOf, selectedRound, treeIn } from './rounds.js';
import { commandLine, shellQuote } from '../../../src/core/shell.js';
import { type HistoryState, type Page, pages } from './state.js';

/** Names of the pages as they stand beside each other, from the left, with two columns between them. */
export const pageNames: Record<Page, string> = { numbers: 'numbers', curves: 'curves', responses: 'responses' };

/** The page whose name stands at a column, its brackets included. */
export function pageAt(x: number): Page | null {
  let left = 0;
  for (const page of pages) {
    const right = left + pageNames[page].length + 2;
    if (x >= left && x < right) return page;
    left = right + 1;
  }
  return null;
}

export function crumbs(state: HistoryState): string[] {
  const { comparison, fork, plot } = state.ui;
  if (fork !== null) return [`fork of ${fork.parent}`];
  if (comparison !== null) return [`${comparison.left} vs ${comparison.right}`];
  return plot ? ['plot'] : [];
}

/** Of the list the command that writes the selected policy out; of a comparison what is seen of it. */
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
function dataOf({ sampled, pairs, dropped, decisions, id }: RoundState): string[] {
  const byHand = decisionsInWords(decisions);
  const parts = [
    samplingInWords(sampled),
    pairs === null ? null : of(pairs, 'pair'),
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
      if (curves === null) return [head, 'The metrics are asked for.'];
      if (curves.length === 0) return [head, 'Neither round was updated.'];
      return [
        head,
        ...curves.map(
          ({ title, series }) =>
            `${title}: ${series.map(({ name, last }) => `round ${name} ends at ${fixed(last, 4)}`).join(', ')}.`,
        ),
      ];
    case 'responses': {
      const { change } = prompts;
      if (change === null) return [head, 'No held-out prompt that both have answered is known yet.'];
      const said = (round: RoundState, answer: typeof change.now) =>
        `${nameOf(round)}, reward ${fixed(answer.reward, 3)}, ${answer.length} tokens: ${makeVisible(answer.text)}`;
      return [
        head,
        `Prompt ${change.prompt_index}, reward ${signed(change.reward, 3)}: ${makeVisible(change.prompt)}`,
        said(left, change.before),
        said(right, change.now),
      ];
    }
  }
}

function readFork(state: HistoryState): string[] {
  const { fork } = state.ui;
  if (fork === null) return [];
  const parent = roundOf(state, fork.parent);
  return [
    `A branch from ${parent === null ? `round ${fork.parent}` : nameOf(parent)}.`,
    ...forkFields.map((field, i) => {
      const { present, changed } = shownValue(state, field);
      const value = changed === null ? makeVisible(present) : `${makeVisible(changed)}, was ${makeVisible(present)}`;
      return `${field.label}: ${value}.${i === fork.selected ? ` Selected. ${explained(field)}` : ''}`;
    }),
  ];
}
