/** Deciding on pairs: on one, on a range, on all; blind; undo. */
import { type Action, noEffects, send } from '../../../app/state.js';
import { inReview } from '../../../app/selectors.js';
import { canDecideBlind, chooseBlind, isBlind, toggleBlind } from '../blind.js';
import { canDecideAll, decideRange, typeBulk, typeRangeWeight } from '../bulk.js';
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
} from '../decide.js';
import { toUndecided } from '../moves.js';
import { rangeOf } from '../select.js';
import type { ReviewState } from '../state.js';
import { inDetail, inPane } from './conditions.js';

const decides = (state: ReviewState): boolean => canDecide(state) && inPane('table', 'detail', 'tokens')(state);
const onRange = (state: ReviewState): boolean => canDecideAll(state) && rangeOf(state) !== null;
const decidesAny = (state: ReviewState): boolean => onRange(state) || decides(state);
const decidesOne = (state: ReviewState): boolean => decides(state) && !onRange(state);
const whyOne = (state: ReviewState): string | null =>
  onRange(state) ? 'This concerns one pair only; esc ends the range.' : null;
const canUndo = (state: ReviewState): boolean => inReview(state) && (state.run?.decisions.undoable ?? 0) > 0;
const canRedo = (state: ReviewState): boolean => inReview(state) && (state.run?.decisions.redoable ?? 0) > 0;

export const decidingActions: readonly Action<ReviewState>[] = [
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
    id: 'swap',
    aliases: ['exchange', 'flip'],
    keys: ['s'],
    label: 'swap',
    help: 'exchange chosen and rejected, and back',
    when: decidesOne,
    why: whyOne,
    run: swap,
  },
  {
    id: 'exclude',
    aliases: ['skip', 'leave out', 'remove'],
    keys: ['x'],
    label: 'exclude',
    help: 'exclude this pair from the update, and back',
    when: decidesAny,
    run: (state) => (onRange(state) ? decideRange(state, { do: 'exclude' }) : exclude(state)),
  },
  {
    id: 'tie',
    aliases: ['equal', 'draw'],
    keys: ['t'],
    label: 'tie',
    help: 'neither response is better: no pair, and back',
    when: decidesAny,
    run: (state) => (onRange(state) ? decideRange(state, { do: 'tie' }) : tie(state)),
  },
  {
    id: 'confirm',
    aliases: ['keep', 'agree'],
    keys: ['c'],
    label: 'confirm',
    help: 'confirm the pair as it is shown, and back',
    when: decidesAny,
    run: (state) => (onRange(state) ? decideRange(state, { do: 'confirm' }) : confirm(state)),
  },
  {
    id: 'note',
    aliases: ['comment', 'why'],
    keys: ['e'],
    label: 'note',
    help: 'write down why',
    when: decidesOne,
    why: whyOne,
    run: typeNote,
  },
  {
    id: 'pair-weight',
    command: 'weight',
    aliases: ['pair weight', 'weigh'],
    keys: ['m'],
    label: 'weight',
    help: "type how much the prompt's pairs count in the update",
    when: (state) => onRange(state) || (decides(state) && canWeigh(state)),
    run: (state) => (onRange(state) ? typeRangeWeight(state) : typeWeight(state)),
  },
  {
    id: 'decide-all',
    command: 'all',
    aliases: ['exclude all', 'tie all', 'confirm all', 'clear all', 'weight all', 'bulk'],
    keys: ['F'],
    label: 'all',
    help: 'decide on the selected range, or on all prompts that the filter shows (asks first)',
    when: canDecideAll,
    run: typeBulk,
  },
  {
    id: 'take-back',
    aliases: ['reset', 'undecide'],
    keys: ['backspace'],
    label: '',
    help: 'take your decision back; the rewards decide',
    when: (state) => onRange(state) || (decides(state) && hasDecision(state)),
    run: (state) => (onRange(state) ? decideRange(state, { do: 'clear' }) : takeBack(state)),
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
    id: 'redo',
    keys: ['U', 'ctrl+r'],
    label: 'redo',
    help: 'redo the decision that was undone',
    when: canRedo,
    run: (state) => send(state, { type: 'redo' }),
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
    keys: ['s'],
    label: 'skip',
    help: 'the next undecided pair, without a decision on this one',
    when: isBlind,
    run: (state) => noEffects(toUndecided(state, 'down')),
  },
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
];
