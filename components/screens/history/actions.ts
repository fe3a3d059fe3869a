/** What a person can do on the history screen: in the list of rounds, in a comparison, and in the form of a branch. */
import { chartActions } from '../../app/charts.js';
import { currentRound } from '../../app/selectors.js';
import { hasLongText, hasPrompts } from '../../app/heldOut/prompts.js';
import { listActions, textActions } from '../../app/lists.js';
import { type Action, noEffects, send } from '../../app/state.js';
import {
  compareLayout,
  curvesIn,
  exchange,
  moveInPage,
  openComparison,
  orderPrompts,
  scrollResponses,
  turnPage,
  withCharts,
} from './compare.js';
import { controlledLayout, isControlled, openControlled, scrollControlled } from './controlled.js';
import {
  canFork,
  canLeave,
  forkFields,
  moveInFork,
  nextChoice,
  openFork,
  resetField,
  startFork,
  typeField,
} from './fork.js';
import { canReorder, canRepeat, moveInQueue, openQueue, reorder, selectedAttempt, typeAttempts } from './queue.js';
import { askToDelete, moveInRounds, openRound, typeText } from './rounds.js';
import { opponentOf, selectedRound, viewOf } from './select.js';
import { type HistoryState, changed } from './state.js';

type When = (state: HistoryState) => boolean;

const onView =
  (view: ReturnType<typeof viewOf>): When =>
  (state) =>
    state.run !== null && viewOf(state) === view;
const inRounds = onView('rounds');
const inComparison = onView('comparison');
const inFork = onView('fork');
const inControlled = onView('controlled');
const inQueue = onView('queue');
const hasWaiting: When = (state) => (state.run?.queue.waiting.length ?? 0) > 0;

const hasRound: When = (state) => inRounds(state) && state.link.status === 'up' && selectedRound(state) !== null;
const hasPairs: When = (state) => hasRound(state) && (selectedRound(state)?.pairs ?? null) !== null;
const isAfterBase: When = (state) => hasRound(state) && (selectedRound(state)?.id ?? 0) > 0;
const canContinue: When = (state) => {
  const round = selectedRound(state);
  const waits = round?.stage === 'done' || round?.stage === 'review';
  return inRounds(state) && canLeave(state) && waits && round.id !== state.run?.current;
};

const canMoveInPage: When = (state) => {
  const layout = compareLayout(state);
  if (layout === null || !inComparison(state) || layout.enlarged !== null) return false;
  switch (state.ui.comparison?.page) {
    case 'numbers':
      return layout.numbers.length > layout.numbersRows;
    case 'curves':
      return layout.plotRows > layout.down;
    default:
      return hasPrompts(layout.prompts);
  }
};
const onCurves: When = (state) => inComparison(state) && curvesIn(state).length > 0;
const enlarges: When = (state) => onCurves(state) && state.ui.charts.enlarged !== null;
const onPrompts: When = (state) => state.ui.comparison?.page === 'responses' && canMoveInPage(state);
const hasLongResponses: When = (state) => onPrompts(state) && hasLongText(compareLayout(state)?.prompts ?? null);

const selectedField = ({ ui: { fork } }: HistoryState) => (fork === null ? null : forkFields[fork.selected]);
const isChanged: When = (state) => {
  const field = selectedField(state);
  return inFork(state) && field !== null && Object.hasOwn(state.ui.fork?.values ?? {}, field.key);
};
const onChoice: When = (state) => inFork(state) && selectedField(state)?.kind === 'choice';

const roundActions: readonly Action<HistoryState>[] = [
  {
    id: 'open-round',
    group: 'views',
    command: 'open',
    aliases: ['show round'],
    keys: ['enter'],
    label: 'open',
    help: "open the round's evaluation; 1 to 4 show the rest of it",
    when: hasRound,
    run: (state) => openRound(state, null),
  },
  {
    id: 'open-pairs',
    group: 'views',
    command: 'pairs',
    aliases: ['decisions'],
    keys: ['p'],
    label: 'pairs',
    help: "open the round's pairs and decisions",
    when: hasPairs,
    run: (state) => openRound(state, 'review'),
  },
  {
    id: 'compare',
    group: 'views',
    aliases: ['diff'],
    keys: ['c'],
    label: 'compare',
    help: 'compare it with the marked round, or with the one it started from',
    when: (state) => hasRound(state) && opponentOf(state) !== null,
    run: (state) => noEffects(openComparison(state)),
  },
  {
    id: 'controlled',
    group: 'views',
    command: 'controlled-comparison',
    aliases: ['sweep', 'siblings'],
    keys: ['C'],
    label: 'controlled',
    help: 'controlled comparison with rounds of the same samples and pairs',
    when: (state) => hasRound(state) && isControlled(state),
    run: (state) => noEffects(openControlled(state)),
  },
  {
    id: 'repeat',
    group: 'work',
    aliases: ['queue attempts', 'again at', 'sweep over'],
    keys: ['a'],
    label: 'repeat at α',
    help: 'queue the round again with other values of α, from the same samples',
    when: (state) => (hasRound(state) || inQueue(state)) && canRepeat(selectedRound(state)),
    run: typeAttempts,
  },
  {
    id: 'show-queue',
    group: 'views',
    command: 'queue',
    aliases: ['waiting attempts'],
    keys: ['Q'],
    label: 'queue',
    help: 'the attempts that wait: order, remove or hold them',
    when: inRounds,
    run: (state) => noEffects(openQueue(state)),
  },
  {
    id: 'fork',
    group: 'settings',
    aliases: ['branch'],
    keys: ['f'],
    label: 'fork',
    help: 'start another branch from it, with other settings',
    when: (state) => inRounds(state) && canFork(state),
    run: (state) => noEffects(openFork(state)),
  },
  {
    id: 'name',
    group: 'deciding',
    aliases: ['rename'],
    keys: ['N'],
    label: 'name',
    help: 'name the round',
    when: hasRound,
    run: (state) => typeText(state, 'name'),
  },
  {
    id: 'round-note',
    group: 'deciding',
    command: 'note',
    aliases: ['comment'],
    keys: ['e'],
    label: 'note',
    help: 'write a note on the round',
    when: hasRound,
    run: (state) => typeText(state, 'note'),
  },
  {
    id: 'delete',
    group: 'files',
    aliases: ['remove'],
    keys: ['d'],
    label: 'delete',
    help: 'delete it and all that came from it (asks first)',
    when: isAfterBase,
    run: askToDelete,
  },
  {
    id: 'mark',
    group: 'deciding',
    keys: ['space'],
    label: 'mark',
    help: 'mark it, so that others are compared with it; again: unmark',
    when: hasRound,
    run(state) {
      const selected = selectedRound(state)?.id ?? null;
      return noEffects(changed(state, { marked: state.ui.marked === selected ? null : selected }));
    },
  },
  {
    id: 'go-on',
    group: 'work',
    command: 'switch',
    aliases: ['go on', 'continue here', 'checkout'],
    keys: ['s'],
    label: 'continue here',
    help: 'make it the current round, to continue from there',
    when: canContinue,
    run(state) {
      const round = selectedRound(state);
      return round === null ? noEffects(state) : send({ ...state, past: null }, { type: 'switch', round: round.id });
    },
  },
  {
    id: 'big-plot',
    group: 'views',
    command: 'plot',
    aliases: ['zoom'],
    keys: ['v'],
    label: 'plot',
    help: 'show the plot on the whole screen; again: the list',
    when: inRounds,
    run: (state) => noEffects(changed(state, { plot: !state.ui.plot })),
  },
  ...listActions<HistoryState>({
    moves: {
      up: ['round-up', 'the round above'],
      down: ['round-down', 'the round below'],
      'page-up': ['rounds-page-up', 'a page of rounds up'],
      'page-down': ['rounds-page-down', 'a page of rounds down'],
      first: ['first-round', 'the first round'],
      last: ['last-round', 'the last round'],
    },
    label: 'round',
    when: inRounds,
    moved: moveInRounds,
  }),
];

const comparisonActions: readonly Action<HistoryState>[] = [
  ...chartActions<HistoryState>({
    prefix: 'compared-',
    when: onCurves,
    curves: curvesIn,
    ui: ({ ui }) => ui.charts,
    with: withCharts,
    first(state) {
      const layout = compareLayout(state);
      return layout === null ? 0 : layout.curvesTop * layout.across;
    },
  }),
  {
    id: 'page-left',
    group: 'moving',
    command: 'previous-page',
    aliases: ['left'],
    keys: ['left'],
    label: '',
    help: 'the previous page: numbers, curves, responses',
    when: (state) => inComparison(state) && !enlarges(state),
    run: (state) => noEffects(turnPage(state, -1)),
  },
  {
    id: 'page-right',
    group: 'moving',
    command: 'next-page',
    aliases: ['right'],
    keys: ['right'],
    label: 'page',
    sign: '← →',
    help: 'the next page: numbers, curves, responses',
    when: (state) => inComparison(state) && !enlarges(state),
    run: (state) => noEffects(turnPage(state, 1)),
  },
  {
    id: 'exchange',
    group: 'views',
    aliases: ['swap sides'],
    keys: ['w'],
    label: 'exchange',
    help: 'exchange left and right',
    when: inComparison,
    run: (state) => noEffects(exchange(state)),
  },
  {
    id: 'prompt-order',
    group: 'views',
    command: 'order',
    aliases: ['sort'],
    keys: ['o'],
    label: 'order',
    help: 'next order: change in reward or length, or worst first',
    when: onPrompts,
    run: (state) => noEffects(orderPrompts(state)),
  },
  ...listActions<HistoryState>({
    moves: {
      up: ['compared-up', 'scroll up, or select the prompt above'],
      down: ['compared-down', 'scroll down, or select the prompt below'],
      'page-up': ['compared-page-up', 'a page up'],
      'page-down': ['compared-page-down', 'a page down'],
      first: ['compared-first', 'to the top'],
      last: ['compared-last', 'to the bottom'],
    },
    label: 'scroll',
    when: canMoveInPage,
    moved: moveInPage,
  }),
  ...textActions<HistoryState>({
    ids: ['compared-text-up', 'compared-text-down'],
    what: 'the responses',
    when: hasLongResponses,
    scrolled: scrollResponses,
  }),
];

const controlledActions: readonly Action<HistoryState>[] = listActions<HistoryState>({
  moves: {
    up: ['controlled-up', 'scroll up'],
    down: ['controlled-down', 'scroll down'],
    'page-up': ['controlled-page-up', 'a page up'],
    'page-down': ['controlled-page-down', 'a page down'],
    first: ['controlled-first', 'to the top'],
    last: ['controlled-last', 'to the bottom'],
  },
  label: 'scroll',
  when: (state) => {
    const layout = controlledLayout(state);
    return inControlled(state) && layout !== null && layout.lines.length > layout.rows;
  },
  moved: scrollControlled,
});

const queueActions: readonly Action<HistoryState>[] = [
  {
    id: 'hide-queue',
    group: 'views',
    command: 'rounds',
    keys: ['Q'],
    label: 'rounds',
    help: 'back to the list of rounds',
    when: inQueue,
    run: (state) => noEffects(changed(state, { queue: null })),
  },
  {
    id: 'remove-attempt',
    group: 'work',
    command: 'dequeue',
    aliases: ['remove from queue', 'cancel attempt'],
    keys: ['d', 'backspace'],
    label: 'remove',
    help: 'remove the attempt from the queue',
    when: (state) => inQueue(state) && selectedAttempt(state) !== null,
    run(state) {
      const attempt = selectedAttempt(state);
      return attempt === null ? noEffects(state) : send(state, { type: 'dequeue', attempts: [attempt.id] });
    },
  },
  {
    id: 'attempt-earlier',
    group: 'work',
    command: 'earlier-attempt',
    keys: ['K'],
    label: '',
    help: 'make the attempt earlier',
    when: (state) => inQueue(state) && canReorder(state, -1),
    run: (state) => reorder(state, -1),
  },
  {
    id: 'attempt-later',
    group: 'work',
    command: 'later-attempt',
    keys: ['J'],
    label: 'order',
    sign: 'J K',
    help: 'make the attempt later',
    when: (state) => inQueue(state) && canReorder(state, 1),
    run: (state) => reorder(state, 1),
  },
  {
    id: 'hold-queue',
    group: 'work',
    command: 'hold',
    aliases: ['hold queue'],
    keys: ['space'],
    label: 'hold',
    help: 'begin no further attempts until the queue is continued',
    when: (state) => inQueue(state) && hasWaiting(state) && state.run?.queue.held === false,
    run: (state) => send(state, { type: 'hold-queue', held: true }),
  },
  {
    id: 'continue-queue',
    group: 'work',
    command: 'continue-queue',
    aliases: ['start queue'],
    keys: ['space'],
    label: 'continue',
    help: 'continue the queue; at once if nothing is computed',
    when: (state) => inQueue(state) && hasWaiting(state) && state.run?.queue.held === true,
    run: (state) => send(state, { type: 'hold-queue', held: false }),
  },
  {
    id: 'start-attempt',
    group: 'work',
    command: 'start-now',
    aliases: ['begin now'],
    keys: ['enter'],
    label: 'begin now',
    help: 'begin the next attempt now and leave the round in review',
    when: (state) => inQueue(state) && hasWaiting(state) && canLeave(state) && currentRound(state)?.stage === 'review',
    run: (state) => send(state, { type: 'hold-queue', held: false }),
  },
  ...listActions<HistoryState>({
    moves: {
      up: ['attempt-up', 'the attempt above'],
      down: ['attempt-down', 'the attempt below'],
      first: ['first-attempt', 'the first attempt'],
      last: ['last-attempt', 'the last attempt'],
    },
    label: 'attempt',
    when: (state) => inQueue(state) && hasWaiting(state),
    moved: moveInQueue,
  }),
];

const forkActions: readonly Action<HistoryState>[] = [
  {
    id: 'edit-setting',
    group: 'settings',
    command: 'change',
    aliases: ['edit'],
    keys: ['enter'],
    label: 'change',
    help: 'type another value; of a choice, take the next',
    when: inFork,
    run: typeField,
  },
  {
    id: 'start-fork',
    group: 'work',
    command: 'start',
    aliases: ['start branch'],
    keys: ['f'],
    label: 'start',
    help: 'start the branch: its first round begins at once',
    when: (state) => inFork(state) && canLeave(state),
    run: startFork,
  },
  {
    id: 'reset-setting',
    group: 'settings',
    command: 'reset',
    aliases: ['as it was'],
    keys: ['backspace'],
    label: 'reset',
    help: 'reset the setting to the value of the round it starts from',
    when: isChanged,
    run: (state) => noEffects(resetField(state)),
  },
  {
    id: 'choice-before',
    group: 'settings',
    command: 'previous-choice',
    keys: ['left'],
    label: '',
    help: 'the previous choice',
    when: onChoice,
    run: (state) => noEffects(nextChoice(state, -1)),
  },
  {
    id: 'choice-next',
    group: 'settings',
    command: 'next-choice',
    aliases: ['choose'],
    keys: ['right'],
    label: 'choose',
    sign: '← →',
    help: 'the next choice',
    when: onChoice,
    run: (state) => noEffects(nextChoice(state, 1)),
  },
  ...listActions<HistoryState>({
    moves: {
      up: ['setting-up', 'the setting above'],
      down: ['setting-down', 'the setting below'],
      first: ['first-setting', 'the first setting'],
      last: ['last-setting', 'the last setting'],
    },
    label: 'setting',
    when: inFork,
    moved: moveInFork,
  }),
];

/** In the order of the footer. */
export const historyActions: readonly Action<HistoryState>[] = [
  ...roundActions,
  ...comparisonActions,
  ...controlledActions,
  ...queueActions,
  ...forkActions,
];
