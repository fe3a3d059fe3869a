/** Keys of the history screen. */
import type { HistoryState } from './state.js';
import type { Action } from '../../app/state.js';

import { compareLayout, plotRowsOf } from './compareLayout.js';
import { canFork, canLeave } from './fork.js';
import { forkFields } from './forkFields.js';
import { opponentOf, selectedRound } from './rounds.js';

type View = 'rounds' | 'comparison' | 'fork';

export function viewOf({ ui: { comparison, fork } }: HistoryState): View {
  return fork !== null ? 'fork' : comparison !== null ? 'comparison' : 'rounds';
}

const inView = (view: View) => (state: HistoryState) => state.run !== null && viewOf(state) === view;
const listed = inView('rounds');
const compares = inView('comparison');
const forks = inView('fork');
const isUp = (state: HistoryState) => state.link.status === 'up';
const hasRound = (state: HistoryState) => listed(state) && isUp(state) && selectedRound(state) !== null;
const hasPairs = (state: HistoryState) => hasRound(state) && (selectedRound(state)?.pairs ?? null) !== null;
const afterBase = (state: HistoryState) => hasRound(state) && (selectedRound(state)?.id ?? 0) > 0;
const onPage = (page: string) => (state: HistoryState) => compares(state) && state.ui.comparison?.page === page;
const movable = (state: HistoryState) => {
  const layout = compareLayout(state);
  if (layout === null || !compares(state)) return false;
  if (onPage('numbers')(state)) return layout.numbers.length > layout.numbersRows;
  if (onPage('curves')(state)) return plotRowsOf(layout) > layout.down;
  return (layout.prompts.changes?.length ?? 0) > 0;
};
const hasPrompts = (state: HistoryState) => onPage('responses')(state) && movable(state);
const scrolls = (state: HistoryState) => {
  const layout = compareLayout(state);
  if (layout === null || !hasPrompts(state)) return false;
  const { before, after, textRows } = layout.prompts;
  return Math.max(before.length, after.length) > textRows;
};
const selectedField = (state: HistoryState) => (state.ui.fork === null ? null : forkFields[state.ui.fork.selected]);
const isChanged = (state: HistoryState) => {
  const field = selectedField(state);
  return forks(state) && field !== null && Object.hasOwn(state.ui.fork?.values ?? {}, field.key);
};
const canGoOn = (state: HistoryState) => {
  const round = selectedRound(state);
  const waits = round?.stage === 'done' || round?.stage === 'review';
  return listed(state) && canLeave(state) && waits && round.id !== state.run?.current;
};

export const historyKeys = [
  {
    id: 'open-round',
    command: 'open',
    aliases: ['show round'],
    keys: ['enter'],
    label: 'open',
    help: "the round's evaluation; 1 to 4 show the rest of it",
    when: hasRound,
  },
  {
    id: 'open-pairs',
    command: 'pairs',
    aliases: ['decisions'],
    keys: ['p'],
    label: 'pairs',
    help: "the round's pairs and decisions",
    when: hasPairs,
  },
  {
    id: 'compare',
    aliases: ['diff'],
    keys: ['c'],
    label: 'compare',
    help: 'compare it with the marked round, or with the one that it started from',
    when: (state) => hasRound(state) && opponentOf(state) !== null,
  },
  {
    id: 'fork',
    aliases: ['branch'],
    keys: ['f'],
    label: 'fork',
    help: 'start another branch from it, with other settings',
    when: (state) => listed(state) && canFork(state),
  },
  { id: 'name', aliases: ['rename'], keys: ['N'], label: 'name', help: 'name the round', when: hasRound },
  {
    id: 'round-note',
    command: 'note',
    aliases: ['comment'],
    keys: ['e'],
    label: 'note',
    help: 'write a note on the round',
    when: hasRound,
  },
  {
    id: 'delete',
    aliases: ['remove'],
    keys: ['d'],
    label: 'delete',
    help: 'delete it with all that came from it (asks first)',
    when: afterBase,
  },
  { id: 'mark', keys: ['space'], label: 'mark', help: 'mark it, to compare others with it, and back', when: hasRound },
  {
    id: 'go-on',
    command: 'switch',
    aliases: ['go on', 'continue here', 'checkout'],
    keys: ['s'],
    label: 'continue here',
    help: 'make it the current round, to continue from there',
    when: canGoOn,
  },
  {
    id: 'big-plot',
    command: 'plot',
    aliases: ['zoom'],
    keys: ['v'],
    label: 'plot',
    help: 'the plot on the whole screen, and back',
    when: listed,
  },
  { id: 'round-up', command: 'up', keys: ['up', 'k'], label: '', help: 'the round above', when: listed },
  {
    id: 'round-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'round',
    sign: '↑↓',
    help: 'the round below',
    when: listed,
  },
  { id: 'rounds-page-up', command: 'page-up', keys: ['pageup'], label: '', help: 'a page of rounds up', when: listed },
  {
    id: 'rounds-page-down',
    command: 'page-down',
    keys: ['pagedown'],
    label: '',
    help: 'a page of rounds down',
    when: listed,
  },
  {
    id: 'first-round',
    command: 'first',
    aliases: ['top'],
    keys: ['home', 'g'],
    label: '',
    help: 'the first round',
    when: listed,
  },
  {
    id: 'last-round',
    command: 'last',
    aliases: ['bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'the last round',
    when: listed,
  },

  {
    id: 'page-left',
    command: 'previous-page',
    aliases: ['left'],
    keys: ['left'],
    label: '',
    help: 'numbers, curves, responses: the one before',
    when: compares,
  },
  {
    id: 'page-right',
    command: 'next-page',
    aliases: ['right'],
    keys: ['right'],
    label: 'page',
    sign: '← →',
    help: 'numbers, curves, responses: the next',
    when: compares,
  },
  {
    id: 'exchange',
    aliases: ['swap sides'],
    keys: ['w'],
    label: 'exchange',
    help: 'exchange left and right',
    when: compares,
  },
  {
    id: 'prompt-order',
    command: 'order',
    aliases: ['sort'],
    keys: ['o'],
    label: 'order',
    help: 'order the prompts by reward or length, changed or worse',
    when: hasPrompts,
  },
  {
    id: 'compared-up',
    command: 'up',
    keys: ['up', 'k'],
    label: '',
    help: 'scroll up; of the responses, the prompt above',
    when: movable,
  },
  {
    id: 'compared-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'scroll',
    sign: '↑↓',
    help: 'scroll down; of the responses, the prompt below',
    when: movable,
  },
  { id: 'compared-page-up', command: 'page-up', keys: ['pageup'], label: '', help: 'a page up', when: movable },
  { id: 'compared-page-down', command: 'page-down', keys: ['pagedown'], label: '', help: 'a page down', when: movable },
  {
    id: 'compared-first',
    command: 'first',
    aliases: ['top'],
    keys: ['home', 'g'],
    label: '',
    help: 'to the top',
    when: movable,
  },
  {
    id: 'compared-last',
    command: 'last',
    aliases: ['bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'to the bottom',
    when: movable,
  },
  {
    id: 'compared-text-up',
    command: 'scroll-up',
    keys: ['K', '-'],
    label: '',
    help: 'scroll the responses up',
    when: scrolls,
  },
  {
    id: 'compared-text-down',
    command: 'scroll-down',
    keys: ['J', 'space'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the responses down',
    when: scrolls,
  },

  {
    id: 'edit-setting',
    command: 'change',
    aliases: ['edit'],
    keys: ['enter'],
    label: 'change',
    help: 'type another value; of a choice, the next',
    when: forks,
  },
  {
    id: 'start-fork',
    command: 'start',
    aliases: ['start branch'],
    keys: ['f'],
    label: 'start',
    help: 'start the branch: its first round begins at once',
    when: (state) => forks(state) && canLeave(state),
  },
  {
    id: 'reset-setting',
    command: 'reset',
    aliases: ['as it was'],
    keys: ['backspace'],
    label: 'as it was',
    help: 'continue with the value that the round had',
    when: isChanged,
  },
  {
    id: 'choice-before',
    command: 'previous-choice',
    keys: ['left'],
    label: '',
    help: 'the choice before',
    when: (state) => forks(state) && selectedField(state)?.kind === 'choice',
  },
  {
    id: 'choice-next',
    command: 'next-choice',
    aliases: ['choose'],
    keys: ['right'],
    label: 'choose',
    sign: '← →',
    help: 'the next choice',
    when: (state) => forks(state) && selectedField(state)?.kind === 'choice',
  },
  { id: 'setting-up', command: 'up', keys: ['up', 'k'], label: '', help: 'the setting above', when: forks },
  {
    id: 'setting-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'setting',
    sign: '↑↓',
    help: 'the setting below',
    when: forks,
  },
  {
    id: 'first-setting',
    command: 'first',
    aliases: ['top'],
    keys: ['home', 'g'],
    label: '',
    help: 'the first setting',
    when: forks,
  },
  {
    id: 'last-setting',
    command: 'last',
    aliases: ['bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'the last setting',
    when: forks,
  },
] as const satisfies readonly Omit<Action<HistoryState>, 'run'>[];

export type HistoryKey = (typeof historyKeys)[number]['id'];
