/**
 * What a person can do on the review screen, in the order of the footer. What the keys do is in moves.ts, decide.ts and
 * alpha.ts.
 */
import { type ListActions, listActions, textActions } from '../../app/lists.js';
import { inReview } from '../../app/selectors.js';
import { type Action, type Step, noEffects, send } from '../../app/state.js';
import { canDecideBlind, chooseBlind, isBlind, toggleBlind, toNextUndecided } from './blind.js';
import { canDecideAll, typeBulk } from './bulk.js';
import { alphaIsFixed, moveAlpha, setNeutralAlpha, typeFlips, typeSetting } from './alpha.js';
import {
  canDecide,
  canWeigh,
  choose,
  confirm,
  exclude,
  hasDecision,
  swap,
  takeBack,
  tie,
  typeNote,
  typeWeight,
} from './decide.js';
import { factScroll, reportOf } from './hacking.js';
import {
  change,
  moveChoice,
  moveResponse,
  moveSelection,
  movePhrase,
  openFilter,
  page,
  pin,
  scrollHalf,
  scrollText,
  showPhrase,
  sortAgain,
  sortBeside,
  sortBy,
  toggleImportance,
  toggleHacking,
  togglePairing,
  togglePane,
} from './moves.js';
import { askPairAgain, canPairAgain, whyNotPairAgain } from './pairing.js';
import { isOutOfOrder, reviewedRound } from './select.js';
import type { ReviewPane, ReviewState } from './state.js';
import { launchLines } from './words.js';

/** A round in review, as opposed to a file. */
const ofRun = (state: ReviewState): boolean => inReview(state) && state.workspace !== 'file';
const hasRows = (state: ReviewState): boolean => reviewedRound(state) !== null;
/** Blind mode hides everything that another pane would tell. */
const seesRewards = (state: ReviewState): boolean => hasRows(state) && !isBlind(state);
const hasRow = (state: ReviewState): boolean => !isBlind(state) && reviewedRound(state)?.row != null;
const inPane =
  (...panes: ReviewPane[]) =>
  (state: ReviewState): boolean =>
    hasRows(state) && panes.includes(state.ui.pane);
const inTable = inPane('table');
const inDetail = (state: ReviewState): boolean => hasRow(state) && state.ui.pane === 'detail';
const inBlind = inPane('blind');
const inTokens = inPane('tokens');
const inHacking = (state: ReviewState): boolean => inPane('hacking')(state) && reportOf(state) !== null;
const onPrompt = (state: ReviewState): boolean => hasRow(state) && inPane('detail', 'tokens')(state);
const withTexts = (state: ReviewState): boolean => hasRow(state) && inPane('table', 'detail')(state);
const scrollsTexts = (state: ReviewState): boolean =>
  withTexts(state) || inBlind(state) || (inHacking(state) && factScroll(state).end > 0);
/** The settings are on the screen, or their effect is. */
const movesSettings = (state: ReviewState): boolean =>
  inReview(state) && state.ui.pane !== 'hacking' && !isBlind(state);
const movesAlpha = (state: ReviewState): boolean => movesSettings(state) && alphaIsFixed(state) === null;
/** Said where the objective alone keeps α from being moved. */
const whyFixed = (state: ReviewState): string | null => {
  const why = movesSettings(state) ? alphaIsFixed(state) : null;
  return why === null ? null : `${why}.`;
};
const decides = (state: ReviewState): boolean => canDecide(state) && inPane('table', 'detail', 'tokens')(state);
const canUndo = (state: ReviewState): boolean => inReview(state) && (state.run?.decisions.undoable ?? 0) > 0;
const canRedo = (state: ReviewState): boolean => inReview(state) && (state.run?.decisions.redoable ?? 0) > 0;
const hasTokens = (state: ReviewState): boolean => hasRow(state) && (state.workspace === 'run' || state.file.tokens);

/** Moving through the prompts of the table, which the footer lists in two places. */
const promptActions = (moves: ListActions<ReviewState>['moves']): Action<ReviewState>[] =>
  listActions({ moves, label: 'prompt', when: inPane('table', 'blind'), moved: moveSelection });

export const reviewActions: readonly Action<ReviewState>[] = [
  {
    id: 'launch',
    only: 'run',
    aliases: ['start update', 'train'],
    keys: ['enter'],
    label: 'launch',
    help: 'launch the update: shows what will run, and asks first',
    when: (state) =>
      ofRun(state) &&
      !['hacking', 'pairing', 'blind'].includes(state.ui.pane) &&
      (reviewedRound(state)?.table.pairs.length ?? 0) > 0,
    // Enter is another action in this pane.
    why: (state) => (inPane('pairing')(state) ? whyNotPairAgain(state) : null),
    run: launch,
  },
  {
    id: 'show-phrase',
    command: 'show',
    aliases: ['phrase'],
    keys: ['enter'],
    label: 'show',
    help: 'the prompts whose chosen response contains it',
    when: inHacking,
    run: (state) => noEffects(showPhrase(state)),
  },
  {
    id: 'pair-again',
    command: 'make pairs',
    aliases: ['strategy', 'pair again'],
    keys: ['enter'],
    label: 'make pairs',
    help: "make the round's pairs again by this strategy (asks first)",
    when: (state) => inPane('pairing')(state) && canPairAgain(state),
    run: askPairAgain,
  },
  ...listActions<ReviewState>({
    moves: { up: ['strategy-up', 'the strategy above'], down: ['strategy-down', 'the strategy below'] },
    label: 'strategy',
    when: inPane('pairing'),
    moved: moveChoice,
  }),
  ...listActions<ReviewState>({
    moves: { up: ['phrase-up', 'the phrase above'], down: ['phrase-down', 'the phrase below'] },
    label: 'phrase',
    when: inHacking,
    moved: movePhrase,
  }),
  ...promptActions({ up: ['pair-up', 'the prompt above'], down: ['pair-down', 'the prompt below'] }),
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
  {
    id: 'alpha-down',
    aliases: ['lower α'],
    keys: ['left'],
    label: '',
    help: 'lower α by 0.001 (0.0001 if lengths are in characters)',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, -1, 'fine'),
  },
  {
    id: 'alpha-up',
    aliases: ['raise α'],
    keys: ['right'],
    label: 'α',
    sign: '←→',
    help: 'raise α by 0.001 (0.0001 if lengths are in characters)',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, 1, 'fine'),
  },
  {
    id: 'winner',
    command: 'chosen',
    aliases: ['winner'],
    keys: ['w'],
    label: 'chosen',
    help: 'make this response the chosen one',
    when: (s) => inDetail(s) && decides(s),
    run: (state) => choose(state, 'chosen'),
  },
  {
    id: 'loser',
    command: 'rejected',
    aliases: ['loser'],
    keys: ['l'],
    label: 'rejected',
    help: 'make this response the rejected one',
    when: (s) => inDetail(s) && decides(s),
    run: (state) => choose(state, 'rejected'),
  },
  {
    id: 'detail',
    command: 'responses',
    aliases: ['detail', 'samples'],
    keys: ['d'],
    label: 'responses',
    help: 'all responses to the prompt, and back',
    when: hasRow,
    run: (state) => noEffects(togglePane(state, 'detail')),
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
    id: 'swap',
    aliases: ['exchange', 'flip'],
    keys: ['s'],
    label: 'swap',
    help: 'exchange chosen and rejected, and back',
    when: decides,
    run: swap,
  },
  {
    id: 'exclude',
    aliases: ['skip', 'leave out', 'remove'],
    keys: ['x'],
    label: 'exclude',
    help: 'exclude this pair from the update, and back',
    when: decides,
    run: exclude,
  },
  {
    id: 'tie',
    aliases: ['equal', 'draw'],
    keys: ['t'],
    label: 'tie',
    help: 'neither response is better: no pair, and back',
    when: decides,
    run: tie,
  },
  {
    id: 'undo',
    keys: ['u'],
    label: 'undo',
    help: 'undo the last decision, also one on many prompts',
    when: canUndo,
    run: (state) => send(state, { type: 'undo' }),
  },
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
    id: 'curves',
    aliases: ['α curves', 'plots'],
    keys: ['A'],
    label: 'curves',
    help: 'what α does to the pairs, as curves, and back',
    when: seesRewards,
    run: (state) => noEffects(togglePane(state, 'alpha')),
  },
  {
    id: 'hacking',
    command: 'bias',
    aliases: ['reward hacking', 'phrases', 'signs'],
    keys: ['B'],
    label: 'bias',
    help: 'signs of reward hacking (length bias, phrases), and back',
    when: seesRewards,
    run: (state) => noEffects(toggleHacking(state)),
  },
  {
    id: 'pairing',
    command: 'pairing',
    aliases: ['pairs', 'strategies', 'preview lengths'],
    keys: ['M'],
    label: 'pairing',
    help: 'what each pairing strategy gives: pairs, lengths, margins; and back',
    when: seesRewards,
    run: (state) => noEffects(togglePairing(state)),
  },
  {
    id: 'neutral-alpha',
    aliases: ['neutral α', 'length neutral', 'balance'],
    keys: ['='],
    label: 'neutral α',
    help: 'set the length-neutral α (no pull on length)',
    when: movesAlpha,
    why: whyFixed,
    run: setNeutralAlpha,
  },
  {
    id: 'flip-alpha',
    command: 'flips',
    aliases: ['flip α', 'largest α'],
    keys: ['f'],
    label: '',
    help: 'set the largest α that flips at most N pairs (asks for N)',
    when: movesAlpha,
    why: whyFixed,
    run: typeFlips,
  },
  {
    id: 'edit-alpha',
    command: 'alpha',
    aliases: ['α', 'set α'],
    keys: ['a'],
    label: 'type α',
    help: 'type α, the length-penalty coefficient',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => typeSetting(state, 'alpha'),
  },
  {
    id: 'alpha-down-coarse',
    keys: ['shift+left', '[', 'H'],
    label: '',
    help: 'lower α by ten steps',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, -1, 'coarse'),
  },
  {
    id: 'alpha-up-coarse',
    keys: ['shift+right', ']', 'L'],
    label: 'α coarse',
    sign: '[ ]',
    help: 'raise α by ten steps',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, 1, 'coarse'),
  },
  {
    id: 'edit-beta',
    only: 'run',
    command: 'beta',
    aliases: ['β', 'set β'],
    keys: ['b'],
    label: 'β',
    help: 'type β, the strength of the pull to the reference policy',
    when: (state) => (ofRun(state) || state.run?.weights.need === 'logps') && movesSettings(state),
    run: (state) => typeSetting(state, 'beta'),
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
    run: (state) => typeSetting(state, 'lr'),
  },
  {
    id: 'blind-a',
    command: 'A',
    keys: ['a', 'left'],
    label: 'A',
    help: 'A is better; goes on to the next undecided pair',
    when: canDecideBlind,
    run: (state) => chooseBlind(state, 'a'),
  },
  {
    id: 'blind-b',
    command: 'B',
    keys: ['b', 'right'],
    label: 'B',
    help: 'B is better; goes on to the next undecided pair',
    when: canDecideBlind,
    run: (state) => chooseBlind(state, 'b'),
  },
  {
    id: 'blind-tie',
    command: 'equal',
    keys: ['t'],
    label: 'tie',
    help: 'neither is better; goes on to the next undecided pair',
    when: canDecideBlind,
    run: (state) => chooseBlind(state, 'tie'),
  },
  {
    id: 'blind-skip',
    command: 'skip pair',
    aliases: ['next undecided'],
    keys: ['s'],
    label: 'skip',
    help: 'the next undecided pair, without a decision on this one',
    when: inBlind,
    run: (state) => noEffects(toNextUndecided(state)),
  },
  {
    id: 'confirm',
    aliases: ['keep', 'agree'],
    keys: ['c'],
    label: 'confirm',
    help: 'confirm the pair as it is shown, and back',
    when: decides,
    run: confirm,
  },
  {
    id: 'note',
    aliases: ['comment', 'why'],
    keys: ['e'],
    label: 'note',
    help: 'write down why',
    when: decides,
    run: typeNote,
  },
  {
    id: 'pair-weight',
    command: 'weight',
    aliases: ['pair weight', 'weigh'],
    keys: ['m'],
    label: 'weight',
    help: "type how much the prompt's pairs count in the update",
    when: (state) => decides(state) && canWeigh(state),
    run: typeWeight,
  },
  {
    id: 'decide-all',
    command: 'all',
    aliases: ['exclude all', 'tie all', 'confirm all', 'clear all', 'weight all', 'bulk'],
    keys: ['F'],
    label: 'all',
    help: 'decide on all prompts that the filter shows (asks first)',
    when: canDecideAll,
    run: typeBulk,
  },
  {
    id: 'blind',
    aliases: ['hide rewards', 'compare blind', 'a b'],
    keys: ['V'],
    label: 'blind',
    help: 'decide with rewards and lengths hidden, sides at random; and back',
    when: (state) => inReview(state) && inPane('table', 'blind')(state),
    run: toggleBlind,
  },
  {
    id: 'take-back',
    aliases: ['reset', 'undecide'],
    keys: ['backspace'],
    label: '',
    help: 'take your decision back; the rewards decide',
    when: (state) => decides(state) && hasDecision(state),
    run: takeBack,
  },
  {
    id: 'redo',
    keys: ['U', 'ctrl+r'],
    label: 'redo',
    help: 'redo the decision that was undone',
    when: canRedo,
    run: (state) => send(state, { type: 'redo' }),
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
    id: 'diff',
    aliases: ['mark words'],
    keys: ['D'],
    label: 'diff',
    help: 'mark the words that only one response has, and back',
    when: (s) => withTexts(s) || inBlind(s),
    run: (state) => noEffects(change(state, { diff: !state.ui.diff })),
  },
  {
    id: 'tokens',
    aliases: ['token by token'],
    keys: ['v'],
    label: 'tokens',
    help: 'the response token by token, and back',
    when: hasTokens,
    run: (state) => noEffects(togglePane(state, 'tokens')),
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
  ...promptActions({ first: ['first-pair', 'the first prompt'], last: ['last-pair', 'the last prompt'] }),
  ...textActions<ReviewState>({
    ids: ['text-up', 'text-down'],
    what: 'the texts',
    when: scrollsTexts,
    scrolled: scrollHalf,
  }),
  {
    id: 'write',
    only: 'file',
    aliases: ['export', 'save', 'write pairs'],
    keys: ['W'],
    label: 'write pairs',
    help: 'write the pairs as decided (asks before it overwrites a file)',
    when: (state) => inReview(state) && state.workspace === 'file',
    run: (state) => ({ state, effects: [{ do: 'write', overwrite: false }] }),
  },
  {
    id: 'zoom',
    aliases: ['enlarge'],
    keys: ['z'],
    label: 'zoom',
    help: 'more room for the texts, and back',
    when: inTable,
    run: (state) => noEffects(change(state, { zoomed: !state.ui.zoomed })),
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
];

/** Asks before it launches, and meanwhile queries the engine for the plan. */
function launch(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return noEffects(state);
  const asked = { ...state, ui: { ...state.ui, plan: null } };
  const modal = { kind: 'confirm' as const, owner: 'review' as const, what: 'launch', lines: launchLines(asked) };
  return { state: { ...asked, modal }, effects: [{ do: 'ask', query: { type: 'read-plan', round: reviewed.round } }] };
}
