/** Keys of the evaluation screen. */
import type { EvaluationState } from './state.js';
import type { Action } from '../../app/state.js';
import { currentRound, shownRound } from '../../app/selectors.js';
import { evaluationLayout } from './layout.js';

const canJudge = (state: EvaluationState): boolean => {
  const round = shownRound(state);
  return state.link.status === 'up' && round !== null && round.id > 0 && round.stage === 'done';
};
const verdict = (state: EvaluationState) => shownRound(state)?.verdict ?? null;
/** The engine works on one round at a time: the current one must be done, or wait in review. */
const canRedo = (state: EvaluationState): boolean => {
  const current = currentRound(state);
  const between = current !== null && (current.stage === 'done' || current.stage === 'review');
  return canJudge(state) && between && state.run?.engine.activity === 'idle';
};
const comparesWith = (state: EvaluationState) => evaluationLayout(state).opponent?.against ?? null;
const seesPrompts = (state: EvaluationState): boolean => (evaluationLayout(state).prompts?.changes?.length ?? 0) > 0;
const canScroll = (state: EvaluationState): boolean => {
  const { prompts } = evaluationLayout(state);
  return prompts !== null && Math.max(prompts.before.length, prompts.after.length) > prompts.textRows;
};

export const evaluationKeys = [
  {
    id: 'accept',
    aliases: ['approve', 'keep'],
    keys: ['a'],
    label: 'accept',
    help: 'accept the round: the next starts from its policy',
    when: (state) => canJudge(state) && verdict(state) !== 'accepted',
  },
  {
    id: 'reject',
    aliases: ['discard'],
    keys: ['x'],
    label: 'reject',
    help: 'reject it: the next starts from the old policy',
    when: (state) => canJudge(state) && verdict(state) !== 'rejected',
  },
  {
    id: 'no-verdict',
    command: 'take-back',
    aliases: ['no verdict', 'unjudge', 'undo'],
    keys: ['u'],
    label: '',
    help: 'take the verdict back',
    when: (state) => canJudge(state) && verdict(state) !== null,
  },
  {
    id: 'redo-at',
    command: 'redo',
    aliases: ['redo round', 'again', 'retry'],
    keys: ['e'],
    label: 'redo',
    help: 'do the round again at another α, which is typed',
    when: canRedo,
  },
  {
    id: 'show-prompts',
    command: 'prompts',
    keys: ['v'],
    label: 'prompts',
    help: 'the prompts that changed most, on the whole screen',
    when: (state) => state.ui.view === 'numbers' && evaluationLayout(state).opponent !== null,
  },
  {
    id: 'show-numbers',
    command: 'numbers',
    keys: ['v'],
    label: 'numbers',
    help: 'back to the numbers',
    when: (state) => state.ui.view === 'prompts',
  },
  {
    id: 'order',
    aliases: ['sort'],
    keys: ['o'],
    label: 'order',
    help: 'order the prompts by reward or length, changed or worse',
    when: seesPrompts,
  },
  {
    id: 'against-base',
    command: 'base',
    aliases: ['against base'],
    keys: ['b'],
    label: 'base',
    help: 'compare prompt by prompt with the base policy',
    when: (state) => comparesWith(state) === 'start' && evaluationLayout(state).opponents.length > 1,
  },
  {
    id: 'against-start',
    command: 'start',
    aliases: ['against start'],
    keys: ['b'],
    label: 'start',
    help: "compare prompt by prompt with the round's start",
    when: (state) => comparesWith(state) === 'base' && evaluationLayout(state).opponents.length > 1,
  },
  { id: 'change-up', command: 'up', keys: ['up', 'k'], label: '', help: 'previous prompt', when: seesPrompts },
  {
    id: 'change-down',
    command: 'down',
    keys: ['down', 'j'],
    label: 'prompt',
    sign: '↑↓',
    help: 'next prompt',
    when: seesPrompts,
  },
  {
    id: 'changes-page-up',
    command: 'page-up',
    keys: ['pageup'],
    label: '',
    help: 'a page of prompts up',
    when: seesPrompts,
  },
  {
    id: 'changes-page-down',
    command: 'page-down',
    keys: ['pagedown'],
    label: '',
    help: 'a page of prompts down',
    when: seesPrompts,
  },
  {
    id: 'first-change',
    command: 'first',
    aliases: ['top'],
    keys: ['home', 'g'],
    label: '',
    help: 'first prompt',
    when: seesPrompts,
  },
  {
    id: 'last-change',
    command: 'last',
    aliases: ['bottom', 'end'],
    keys: ['end', 'G'],
    label: '',
    help: 'last prompt',
    when: seesPrompts,
  },
  {
    id: 'answer-up',
    command: 'scroll-up',
    keys: ['K', '-'],
    label: '',
    help: 'scroll the responses up',
    when: canScroll,
  },
  {
    id: 'answer-down',
    command: 'scroll-down',
    keys: ['J', 'space'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the responses down',
    when: canScroll,
  },
] as const satisfies readonly Omit<Action<EvaluationState>, 'run'>[];

export type EvaluationKey = (typeof evaluationKeys)[number]['id'];
