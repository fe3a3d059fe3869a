/** Moving through prompts, responses and texts; selecting a range; the order, the filter and the columns of the table. */
import { type ListActions, listActions, textActions } from '../../../app/lists.js';
import { inReview } from '../../../app/selectors.js';
import { type Action, noEffects } from '../../../app/state.js';
import { factScroll } from '../hacking.js';
import {
  hasHiddenColumns,
  moveResponse,
  moveSelection,
  openFilter,
  page,
  pin,
  scrollColumns,
  scrollHalf,
  scrollText,
  sortAgain,
  sortBeside,
  sortBy,
  toUndecided,
  toggleImportance,
} from '../moves.js';
import { extendRange, toggleRange } from '../range.js';
import { isOutOfOrder } from '../select.js';
import type { ReviewState } from '../state.js';
import { hasRow, hasRows, inDetail, inHacking, inPane, withTexts } from './conditions.js';

const inTable = inPane('table');
const inTokens = inPane('tokens');
const inTableOfReview = (state: ReviewState): boolean => inReview(state) && inTable(state);
const onPrompt = (state: ReviewState): boolean => hasRow(state) && inPane('detail', 'tokens')(state);
const seesPairs = (state: ReviewState): boolean =>
  inReview(state) && inPane('table', 'detail', 'tokens', 'blind')(state);
const scrollsColumns = (state: ReviewState): boolean => inTable(state) && hasHiddenColumns(state);
const scrollsTexts = (state: ReviewState): boolean =>
  withTexts(state) || inPane('blind')(state) || (inHacking(state) && factScroll(state).end > 0);

/** Moving through the prompts of the table, which the footer lists in two places. */
const promptActions = (moves: ListActions<ReviewState>['moves']): Action<ReviewState>[] =>
  listActions({ moves, label: 'prompt', when: inPane('table', 'blind'), moved: moveSelection });

export const movingActions: readonly Action<ReviewState>[] = [
  ...promptActions({ up: ['pair-up', 'the prompt above'], down: ['pair-down', 'the prompt below'] }),
  ...promptActions({ first: ['first-pair', 'the first prompt'], last: ['last-pair', 'the last prompt'] }),
  {
    id: 'page-up',
    keys: ['pageup'],
    label: '',
    help: 'a page up',
    when: hasRows,
    run: (state) => noEffects(page(state, 'page-up')),
  },
  {
    id: 'page-down',
    keys: ['pagedown'],
    label: '',
    help: 'a page down',
    when: hasRows,
    run: (state) => noEffects(page(state, 'page-down')),
  },
  {
    id: 'next-prompt',
    keys: ['.', '>'],
    label: 'prompt',
    sign: '< >',
    help: 'the next prompt of the table',
    when: onPrompt,
    run: (state) => noEffects(moveSelection(state, 'down')),
  },
  {
    id: 'previous-prompt',
    keys: [',', '<'],
    label: '',
    help: 'the previous prompt of the table',
    when: onPrompt,
    run: (state) => noEffects(moveSelection(state, 'up')),
  },
  {
    id: 'next-undecided',
    command: 'next undecided',
    aliases: ['undecided'],
    keys: ['n'],
    label: 'undecided',
    sign: 'n N',
    help: 'the next undecided pair that the filter shows',
    when: seesPairs,
    run: (state) => noEffects(toUndecided(state, 'down')),
  },
  {
    id: 'previous-undecided',
    command: 'previous undecided',
    keys: ['N'],
    label: '',
    help: 'the undecided pair before it',
    when: seesPairs,
    run: (state) => noEffects(toUndecided(state, 'up')),
  },
  {
    id: 'range',
    aliases: ['select', 'mark', 'visual'],
    keys: ['*'],
    label: 'range',
    help: 'begin a range of prompts, for x t c m F and backspace; and end it',
    when: inTableOfReview,
    run: (state) => noEffects(toggleRange(state)),
  },
  {
    id: 'range-up',
    command: 'range up',
    keys: ['shift+up'],
    label: '',
    help: 'select this prompt and the one above',
    when: inTableOfReview,
    run: (state) => noEffects(extendRange(state, 'up')),
  },
  {
    id: 'range-down',
    command: 'range down',
    keys: ['shift+down'],
    label: '',
    help: 'select this prompt and the one below',
    when: inTableOfReview,
    run: (state) => noEffects(extendRange(state, 'down')),
  },
  {
    id: 'better-response',
    command: 'better',
    aliases: ['up'],
    keys: ['up', 'k'],
    label: '',
    help: 'the response with the next better reward',
    when: inDetail,
    run: (state) => noEffects(moveResponse(state, 'up')),
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
    run: (state) => noEffects(moveResponse(state, 'down')),
  },
  {
    id: 'against',
    command: 'pin',
    aliases: ['against', 'hold'],
    keys: ['p'],
    label: 'pin',
    help: 'compare the other responses with this one',
    when: inDetail,
    run: (state) => noEffects(pin(state)),
  },
  {
    id: 'lines-up',
    command: 'scroll-up',
    keys: ['up', 'k'],
    label: '',
    help: 'scroll up',
    when: inTokens,
    run: (state) => noEffects(scrollText(state, -1)),
  },
  {
    id: 'lines-down',
    command: 'scroll-down',
    keys: ['down', 'j'],
    label: 'scroll',
    sign: '↑↓',
    help: 'scroll down',
    when: inTokens,
    run: (state) => noEffects(scrollText(state, 1)),
  },
  ...textActions<ReviewState>({
    ids: ['text-up', 'text-down'],
    what: 'the texts',
    when: scrollsTexts,
    scrolled: scrollHalf,
  }),
  {
    id: 'filter',
    aliases: ['search', 'find'],
    keys: ['/'],
    label: 'filter',
    help: 'show only prompts that match',
    when: inPane('table', 'detail'),
    run: (state) => noEffects(openFilter(state)),
  },
  {
    id: 'sort-left',
    aliases: ['sort'],
    keys: ['<', ','],
    label: '',
    help: 'sort by the column to the left',
    when: inTable,
    run: (state) => noEffects(sortBeside(state, -1)),
  },
  {
    id: 'sort-right',
    aliases: ['sort'],
    keys: ['>', '.'],
    label: 'sort',
    sign: '< >',
    help: 'sort by the column to the right',
    when: inTable,
    run: (state) => noEffects(sortBeside(state, 1)),
  },
  {
    id: 'sort-reverse',
    command: 'reverse',
    aliases: ['descending', 'ascending'],
    keys: ['S'],
    label: 'reverse',
    help: 'reverse the order',
    when: inTable,
    run: (state) => noEffects(sortBy(state, state.ui.sort.column, !state.ui.sort.reversed)),
  },
  {
    id: 'importance',
    command: 'important',
    aliases: ['sort by importance', 'priority'],
    keys: ['i'],
    label: 'important',
    help: 'sort by how much your decision matters, undecided first; and back',
    when: inTable,
    run: (state) => noEffects(toggleImportance(state)),
  },
  {
    id: 'sort-again',
    command: 're-sort',
    aliases: ['sort again'],
    keys: ['o'],
    label: 're-sort',
    help: 'sort and filter again: rows stay in place while you decide',
    when: (state) => inTable(state) && isOutOfOrder(state),
    run: (state) => noEffects(sortAgain(state)),
  },
  {
    id: 'columns-left',
    command: 'columns left',
    keys: ['('],
    label: '',
    help: 'show the columns to the left',
    when: scrollsColumns,
    run: (state) => noEffects(scrollColumns(state, -1)),
  },
  {
    id: 'columns-right',
    command: 'columns right',
    aliases: ['columns'],
    keys: [')'],
    label: 'columns',
    sign: '( )',
    help: 'show the columns to the right; the prompt stays',
    when: scrollsColumns,
    run: (state) => noEffects(scrollColumns(state, 1)),
  },
];
