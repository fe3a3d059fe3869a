/** What a person can do on the evaluation screen. */
import type { RoundState } from '../../../src/protocol/messages.js';
import {
  firstPrompt,
  hasLongText,
  hasPrompts,
  nextOrder,
  scrollPage,
  selectPrompt,
} from '../../app/heldOut/prompts.js';
import { listActions, movedTo, scrolledTo, textActions } from '../../app/lists.js';
import { currentRound, shownRound } from '../../app/selectors.js';
import { type Action, type Step, noEffects, send } from '../../app/state.js';
import { typeRedo } from './redo.js';
import { evaluationLayout } from './select.js';
import { type EvaluationState, type EvaluationUi, changed } from './state.js';

const canJudge = (state: EvaluationState): boolean => {
  const round = shownRound(state);
  return state.link.status === 'up' && round !== null && round.id > 0 && round.stage === 'done';
};
const verdictOf = (state: EvaluationState) => shownRound(state)?.verdict ?? null;
/** The engine works on one round at a time: the current one must be done, or wait in review. */
const canRedo = (state: EvaluationState): boolean => {
  const current = currentRound(state);
  const waits = current !== null && (current.stage === 'done' || current.stage === 'review');
  return canJudge(state) && waits && state.run?.engine.activity === 'idle';
};
const kindsOf = (state: EvaluationState) => evaluationLayout(state).opponent?.comparison.kinds ?? [];
/** Whether the kinds are shown and not all of them fit. */
const hiddenKinds = (state: EvaluationState): boolean =>
  state.ui.view === 'kinds' && kindsOf(state).length > evaluationLayout(state).kindRows;
const promptsOf = (state: EvaluationState) => evaluationLayout(state).prompts;
/** Whether the prompts are compared with this opponent, and there is another. */
const canLeaveOpponent = (against: 'start' | 'base') => (state: EvaluationState) => {
  const { opponent, opponents } = evaluationLayout(state);
  return opponent?.against === against && opponents.length > 1;
};

function judge(state: EvaluationState, verdict: RoundState['verdict']): Step<EvaluationState> {
  const round = shownRound(state);
  return round === null ? noEffects(state) : send(state, { type: 'judge', round: round.id, verdict });
}

const sets = (more: Partial<EvaluationUi>) => (state: EvaluationState) => noEffects(changed(state, more));

/** In the order of the footer. */
export const evaluationActions: readonly Action<EvaluationState>[] = [
  {
    id: 'accept',
    group: 'deciding',
    aliases: ['approve', 'keep'],
    keys: ['a'],
    label: 'accept',
    help: 'accept the round: the next starts from its policy',
    when: (state) => canJudge(state) && verdictOf(state) !== 'accepted',
    run: (state) => judge(state, 'accepted'),
  },
  {
    id: 'reject',
    group: 'deciding',
    aliases: ['discard'],
    keys: ['x'],
    label: 'reject',
    help: 'reject the round: the next starts from the old policy',
    when: (state) => canJudge(state) && verdictOf(state) !== 'rejected',
    run: (state) => judge({ ...state, notice: 'Rejected; u takes the verdict back.' }, 'rejected'),
  },
  {
    id: 'no-verdict',
    group: 'deciding',
    command: 'take-back',
    aliases: ['no verdict', 'unjudge', 'undo'],
    keys: ['u'],
    label: '',
    help: 'take the verdict back',
    when: (state) => canJudge(state) && verdictOf(state) !== null,
    run: (state) => judge(state, null),
  },
  {
    id: 'redo-at',
    group: 'settings',
    command: 'redo',
    aliases: ['redo round', 'again', 'retry'],
    keys: ['e'],
    label: 'redo',
    help: 'redo the round with another α (typed next)',
    when: canRedo,
    run: typeRedo,
  },
  {
    id: 'show-prompts',
    group: 'views',
    command: 'prompts',
    keys: ['v'],
    label: 'prompts',
    help: 'show the prompts that changed most on the whole screen',
    when: (state) => state.ui.view !== 'prompts' && evaluationLayout(state).opponent !== null,
    run: sets({ view: 'prompts', textTop: 0 }),
  },
  {
    id: 'show-numbers',
    group: 'views',
    command: 'numbers',
    keys: ['v'],
    label: 'numbers',
    help: 'back to the numbers',
    when: (state) => state.ui.view === 'prompts',
    run: sets({ view: 'numbers', textTop: 0 }),
  },
  {
    id: 'show-kinds',
    group: 'views',
    command: 'kinds',
    aliases: ['by kind'],
    keys: ['i'],
    label: 'kinds',
    help: 'show the figures of each kind of prompt',
    when: (state) => state.ui.view !== 'kinds' && kindsOf(state).length > 0,
    why: (state) =>
      shownRound(state)?.evaluation == null || state.ui.view === 'kinds'
        ? null
        : 'No held-out prompt has a "kind", or nothing is compared.',
    run: sets({ view: 'kinds', kindsTop: 0 }),
  },
  {
    id: 'hide-kinds',
    group: 'views',
    command: 'no-kinds',
    keys: ['i'],
    label: 'numbers',
    help: 'from the kinds back to the numbers',
    when: (state) => state.ui.view === 'kinds',
    run: sets({ view: 'numbers' }),
  },
  {
    id: 'show-judges',
    group: 'views',
    command: 'judges',
    aliases: ['second judge', 'agreement'],
    keys: ['d'],
    label: 'judges',
    help: 'show what both judges say, and how far they agree',
    when: (state) => state.ui.view !== 'judges' && evaluationLayout(state).opponent?.comparison.judge !== undefined,
    why: (state) =>
      shownRound(state)?.evaluation == null || state.ui.view === 'judges'
        ? null
        : 'There is no second judge; evaluation.judge names one.',
    run: sets({ view: 'judges' }),
  },
  {
    id: 'hide-judges',
    group: 'views',
    command: 'no-judges',
    keys: ['d'],
    label: 'numbers',
    help: 'from the judges back to the numbers',
    when: (state) => state.ui.view === 'judges',
    run: sets({ view: 'numbers' }),
  },
  {
    id: 'order',
    group: 'views',
    aliases: ['sort'],
    keys: ['o'],
    label: 'order',
    help: 'next order: change in reward or length, or worst first',
    when: (state) => hasPrompts(promptsOf(state)),
    run: (state) => noEffects(changed(state, nextOrder(state.ui))),
  },
  {
    id: 'against-base',
    group: 'views',
    command: 'base',
    aliases: ['against base'],
    keys: ['b'],
    label: 'base',
    help: 'compare with the base policy, prompt by prompt and in the sentences',
    when: canLeaveOpponent('start'),
    run: sets({ against: 'base', ...firstPrompt }),
  },
  {
    id: 'against-start',
    group: 'views',
    command: 'start',
    aliases: ['against start'],
    keys: ['b'],
    label: 'start',
    help: "compare with the round's start, prompt by prompt and in the sentences",
    when: canLeaveOpponent('base'),
    run: sets({ against: 'start', ...firstPrompt }),
  },
  ...listActions<EvaluationState>({
    moves: {
      up: ['change-up', 'previous prompt'],
      down: ['change-down', 'next prompt'],
      'page-up': ['changes-page-up', 'a page of prompts up'],
      'page-down': ['changes-page-down', 'a page of prompts down'],
      first: ['first-change', 'first prompt'],
      last: ['last-change', 'last prompt'],
    },
    label: 'prompt',
    when: (state) => hasPrompts(promptsOf(state)) || hiddenKinds(state),
    moved(state, move) {
      if (state.ui.view === 'kinds') {
        const { kindsTop, kindRows } = evaluationLayout(state);
        return changed(state, { kindsTop: scrolledTo(kindsTop, move, kindsOf(state).length, kindRows) });
      }
      const prompts = promptsOf(state);
      if (prompts?.changes == null) return state;
      const place = movedTo(prompts.selected, move, prompts.changes.length, prompts.listRows);
      return changed(state, selectPrompt(prompts, place));
    },
  }),
  ...textActions<EvaluationState>({
    ids: ['answer-up', 'answer-down'],
    what: 'the responses',
    when: (state) => hasLongText(promptsOf(state)),
    scrolled(state, by) {
      const prompts = promptsOf(state);
      return prompts === null ? state : changed(state, scrollPage(prompts, by));
    },
  }),
];
