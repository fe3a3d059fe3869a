/** Keys of the review screen. */
import type { Action } from '../../app/state.js';
import { inReview } from '../../app/selectors.js';
import { canDecide, hasDecision } from './decide.js';
import { factScrolling, reportOf } from './hacking.js';
import { isOutOfOrder, lookingAt } from './looking.js';
import type { ReviewPane, ReviewState } from './state.js';

/** A round in review, no file. */
const ofRun = (state: ReviewState): boolean => inReview(state) && state.workspace !== 'file';
const hasRows = (state: ReviewState): boolean => lookingAt(state) !== null;
const hasRow = (state: ReviewState): boolean => lookingAt(state)?.row != null;
const inPane =
  (...panes: ReviewPane[]) =>
  (state: ReviewState): boolean =>
    hasRows(state) && panes.includes(state.ui.pane);
const inTable = inPane('table');
const inDetail = (state: ReviewState): boolean => hasRow(state) && state.ui.pane === 'detail';
const onPrompt = (state: ReviewState): boolean => hasRow(state) && inPane('detail', 'tokens')(state);
const withTexts = (state: ReviewState): boolean => hasRow(state) && inPane('table', 'detail')(state);
const scrollsTexts = (state: ReviewState): boolean =>
  withTexts(state) || (inHacking(state) && factScrolling(state).end > 0);
const reads = inPane('tokens');
const inHacking = (state: ReviewState): boolean => inPane('hacking')(state) && reportOf(state) !== null;
/** α and the other settings are to be seen, or what they do. */
const movesSettings = (state: ReviewState): boolean => inReview(state) && state.ui.pane !== 'hacking';
const decides = (state: ReviewState): boolean => canDecide(state) && inPane('table', 'detail', 'tokens')(state);

export const reviewKeys = [
  {
    id: 'launch',
    only: 'run',
    aliases: ['start update', 'train'],
    keys: ['enter'],
    label: 'launch',
    help: 'launch the update: says first what will run, and asks',
    when: (state) => ofRun(state) && state.ui.pane !== 'hacking' && (lookingAt(state)?.table.pairs.length ?? 0) > 0,
  },
  {
    id: 'show-phrase',
    command: 'show',
    aliases: ['phrase'],
    keys: ['enter'],
    label: 'show',
    help: 'the prompts whose winner says it',
    when: inHacking,
  },
  { id: 'phrase-up', command: 'up', keys: ['up', 'k'], label: '', help: 'the phrase above', when: inHacking },
  {
    id: 'phrase-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'phrase',
    sign: '↑↓',
    help: 'the phrase below',
    when: inHacking,
  },
  { id: 'pair-up', command: 'up', keys: ['up', 'k'], label: '', help: 'the prompt above', when: inTable },
  {
    id: 'pair-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'prompt',
    sign: '↑↓',
    help: 'the prompt below',
    when: inTable,
  },
  {
    id: 'better-response',
    command: 'better',
    aliases: ['up'],
    keys: ['up', 'k'],
    label: '',
    help: 'the response with the next better reward',
    when: inDetail,
  },
  {
    id: 'worse-response',
    command: 'worse',
    aliases: ['down'],
    keys: ['down', 'j'],
    label: 'response',
    sign: '↑↓',
    help: 'the response with the next worse reward',
    when: inDetail,
  },
  { id: 'lines-up', command: 'scroll-up', keys: ['up', 'k'], label: '', help: 'scroll up', when: reads },
  {
    id: 'lines-down',
    command: 'scroll-down',
    keys: ['down', 'j'],
    label: 'scroll',
    sign: '↑↓',
    help: 'scroll down',
    when: reads,
  },
  {
    id: 'alpha-down',
    aliases: ['lower α'],
    keys: ['left'],
    label: '',
    help: 'lower α by 0.001 (0.0001 a character)',
    when: movesSettings,
  },
  {
    id: 'alpha-up',
    aliases: ['raise α'],
    keys: ['right'],
    label: 'α',
    sign: '←→',
    help: 'raise α by 0.001 (0.0001 a character)',
    when: movesSettings,
  },
  {
    id: 'winner',
    command: 'chosen',
    aliases: ['winner'],
    keys: ['w'],
    label: 'winner',
    help: 'make this response the winner',
    when: (s) => inDetail(s) && decides(s),
  },
  {
    id: 'loser',
    command: 'rejected',
    aliases: ['loser'],
    keys: ['l'],
    label: 'loser',
    help: 'make this response the loser',
    when: (s) => inDetail(s) && decides(s),
  },
  {
    id: 'detail',
    command: 'responses',
    aliases: ['detail', 'samples'],
    keys: ['d'],
    label: 'responses',
    help: 'all responses to the prompt, and back',
    when: hasRow,
  },
  {
    id: 'next-prompt',
    keys: ['.', '>'],
    label: 'prompt',
    sign: '< >',
    help: 'the next prompt of the table',
    when: onPrompt,
  },
  { id: 'previous-prompt', keys: [',', '<'], label: '', help: 'the prompt before in the table', when: onPrompt },
  {
    id: 'swap',
    aliases: ['exchange', 'flip'],
    keys: ['s'],
    label: 'swap',
    help: 'exchange winner and loser, and back',
    when: decides,
  },
  {
    id: 'exclude',
    aliases: ['skip', 'leave out', 'remove'],
    keys: ['x'],
    label: 'exclude',
    help: 'leave this pair out of the update, and back',
    when: decides,
  },
  {
    id: 'tie',
    aliases: ['equal', 'draw'],
    keys: ['t'],
    label: 'tie',
    help: 'neither response is better: no pair, and back',
    when: decides,
  },
  { id: 'undo', keys: ['u'], label: 'undo', help: 'undo the last decision', when: canUndo },
  {
    id: 'filter',
    aliases: ['search', 'find'],
    keys: ['/'],
    label: 'filter',
    help: 'show only prompts that fit',
    when: inPane('table', 'detail'),
  },
  {
    id: 'sort-again',
    command: 're-sort',
    aliases: ['sort again'],
    keys: ['o'],
    label: 're-sort',
    help: 'sort and filter again: rows stay in place while you decide',
    when: (state) => inTable(state) && isOutOfOrder(state),
  },
  {
    id: 'curves',
    aliases: ['α curves', 'plots'],
    keys: ['A'],
    label: 'curves',
    help: 'what α does to the pairs, as curves, and back',
    when: hasRows,
  },
  {
    id: 'hacking',
    command: 'bias',
    aliases: ['reward hacking', 'phrases', 'signs'],
    keys: ['B'],
    label: 'bias',
    help: 'signs of reward hacking: length bias, phrases, your word; and back',
    when: hasRows,
  },
  {
    id: 'neutral-alpha',
    aliases: ['neutral α', 'length neutral', 'balance'],
    keys: ['='],
    label: 'neutral α',
    help: 'set the α at which the pairs pull lengths neither way',
    when: movesSettings,
  },
  {
    id: 'flip-alpha',
    command: 'flips',
    aliases: ['flip α', 'largest α'],
    keys: ['f'],
    label: '',
    help: 'set the largest α that flips at most so many pairs (asks)',
    when: movesSettings,
  },
  {
    id: 'edit-alpha',
    command: 'alpha',
    aliases: ['α', 'set α'],
    keys: ['a'],
    label: 'type α',
    help: 'type α, the length-penalty coefficient',
    when: movesSettings,
  },
  {
    id: 'alpha-down-coarse',
    keys: ['shift+left', '[', 'H'],
    label: '',
    help: 'lower α by ten steps',
    when: movesSettings,
  },
  {
    id: 'alpha-up-coarse',
    keys: ['shift+right', ']', 'L'],
    label: 'α coarse',
    sign: '[ ]',
    help: 'raise α by ten steps',
    when: movesSettings,
  },
  {
    id: 'edit-beta',
    only: 'run',
    command: 'beta',
    aliases: ['β', 'set β'],
    keys: ['b'],
    label: 'β',
    help: 'type β, the hold on the reference policy',
    when: (state) => (ofRun(state) || state.run?.weights.need === 'logps') && movesSettings(state),
  },
  {
    id: 'edit-lr',
    only: 'run',
    command: 'lr',
    aliases: ['learning rate'],
    keys: ['l'],
    label: 'lr',
    help: 'type the peak learning rate',
    when: (state) => ofRun(state) && movesSettings(state) && !inDetail(state),
  },
  {
    id: 'confirm',
    aliases: ['keep', 'agree'],
    keys: ['c'],
    label: 'confirm',
    help: 'the pair is right as it is shown; again: take that back',
    when: decides,
  },
  { id: 'note', aliases: ['comment', 'why'], keys: ['e'], label: 'note', help: 'write down why', when: decides },
  {
    id: 'take-back',
    aliases: ['reset', 'undecide'],
    keys: ['backspace'],
    label: '',
    help: 'take your decision back: the rewards decide',
    when: (state) => decides(state) && hasDecision(state),
  },
  { id: 'redo', keys: ['U', 'ctrl+r'], label: 'redo', help: 'redo the decision that was undone', when: canRedo },
  {
    id: 'against',
    command: 'pin',
    aliases: ['against', 'hold'],
    keys: ['p'],
    label: 'pin',
    help: 'hold the other responses against this one',
    when: inDetail,
  },
  {
    id: 'diff',
    aliases: ['mark words'],
    keys: ['D'],
    label: 'diff',
    help: 'mark the words that only one response has, or not',
    when: withTexts,
  },
  {
    id: 'tokens',
    aliases: ['token by token'],
    keys: ['v'],
    label: 'tokens',
    help: 'the response token by token, and back',
    when: hasTokens,
  },
  {
    id: 'sort-left',
    aliases: ['sort'],
    keys: ['<', ','],
    label: '',
    help: 'sort by the column to the left',
    when: inTable,
  },
  {
    id: 'sort-right',
    aliases: ['sort'],
    keys: ['>', '.'],
    label: 'sort',
    sign: '< >',
    help: 'sort by the column to the right',
    when: inTable,
  },
  {
    id: 'sort-reverse',
    command: 'reverse',
    aliases: ['descending', 'ascending'],
    keys: ['S'],
    label: 'reverse',
    help: 'turn the order round',
    when: inTable,
  },
  { id: 'page-up', keys: ['pageup'], label: '', help: 'a page up', when: hasRows },
  { id: 'page-down', keys: ['pagedown'], label: '', help: 'a page down', when: hasRows },
  {
    id: 'first-pair',
    command: 'first',
    aliases: ['top'],
    keys: ['home', 'g'],
    label: '',
    help: 'the first prompt',
    when: inTable,
  },
  {
    id: 'last-pair',
    command: 'last',
    aliases: ['bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'the last prompt',
    when: inTable,
  },
  { id: 'text-up', command: 'scroll-up', keys: ['K', '-'], label: '', help: 'scroll the texts up', when: scrollsTexts },
  {
    id: 'text-down',
    command: 'scroll-down',
    keys: ['J', 'space'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the texts down',
    when: scrollsTexts,
  },
  {
    id: 'write',
    only: 'file',
    aliases: ['export', 'save', 'write pairs'],
    keys: ['W'],
    label: 'write pairs',
    help: 'write the pairs as decided (asks before it overwrites a file)',
    when: (state) => inReview(state) && state.workspace === 'file',
  },
  {
    id: 'zoom',
    aliases: ['enlarge'],
    keys: ['z'],
    label: 'zoom',
    help: 'more room for the texts, and back',
    when: inTable,
  },
] as const satisfies readonly Omit<Action<ReviewState>, 'run'>[];

export type ReviewKey = (typeof reviewKeys)[number]['id'];

function canUndo(state: ReviewState): boolean {
  return inReview(state) && (state.run?.decisions.undoable ?? 0) > 0;
}

function canRedo(state: ReviewState): boolean {
  return inReview(state) && (state.run?.decisions.redoable ?? 0) > 0;
}

function hasTokens(state: ReviewState): boolean {
  return hasRow(state) && (state.workspace === 'run' || state.file.tokens);
}
