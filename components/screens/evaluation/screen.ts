/** The evaluation screen. */
import { EvaluationView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import { fixed, signed } from '../../../src/core/format.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { only, send, type ScreenDefinition, type Step } from '../../app/state.js';
import { shownRound } from '../../app/selectors.js';
import { askForAnswers } from '../../app/heldOut/answers.js';
import { orderNames, orders } from '../../app/heldOut/changes.js';
import { evaluationKeys, type EvaluationKey } from './actions.js';
import { evaluationLayout, neededRounds, numbersRows } from './layout.js';
import { measureInWords, measuresOf } from './measures.js';
import { promptsInView, promptsPointed } from '../../app/heldOut/prompts.js';
import { redoHint, typedRedo, typeRedo } from './redo.js';
import { evaluationUi, type EvaluationState, type EvaluationUi } from './state.js';
import { verdictText } from '../../app/heldOut/verdict.js';

export const evaluation: ScreenDefinition<EvaluationState> = {
  initial: evaluationUi,
  View: EvaluationView,
  actions: actionsOf(evaluationKeys, act),
  /** The answers of what is shown and of what it is compared with. */
  asks: (state) => askForAnswers(state, neededRounds(shownRound(state), evaluationLayout(state).opponent)),
  inView(state) {
    const { prompts } = evaluationLayout(state);
    if (prompts?.changes == null) return state;
    const next = promptsInView(prompts, state.ui);
    const same = Object.entries(next).every(([key, value]) => state.ui[key as keyof EvaluationUi] === value);
    return same ? state : { ...state, ui: { ...state.ui, ...next } };
  },
  typed: (state, _field, text) => typedRedo(state, text),
  typing: (state, _field, text) => redoHint(state, text),
  pointed,
  back: (state) => (state.ui.view === 'prompts' ? changed(state, { view: 'numbers', textTop: 0 }) : null),
  copies(state) {
    const { prompts } = evaluationLayout(state);
    if (prompts?.change != null) return prompts.change.now.text;
    return shownRound(state)?.evaluation == null ? null : evaluation.reading(state).join('\n');
  },
  crumbs(state) {
    const change = evaluationLayout(state).prompts?.change ?? null;
    return state.ui.view === 'prompts' && change !== null ? [`prompt ${change.prompt_index}`] : [];
  },
  reading(state) {
    const round = shownRound(state);
    if (round === null || round.evaluation === null) return ['No evaluation yet.'];
    const { opponents, opponent, prompts } = evaluationLayout(state);
    const measures = measuresOf(round.evaluation, opponents).map((measure) => measureInWords(measure, opponents));
    const change = prompts?.change ?? null;
    return [
      `Round ${round.id} on ${round.evaluation.prompts} held-out prompts. ${verdictText(round)}`,
      ...measures,
      ...(change === null || opponent === null
        ? []
        : [
            `Prompt ${change.prompt_index}, ${orderNames[state.ui.order]}: ${makeVisible(change.prompt)}`,
            `Before, reward ${fixed(change.before.reward, 3)}: ${makeVisible(change.before.text)}`,
            `Now, reward ${fixed(change.now.reward, 3)}, ${signed(change.length, 0)} tokens: ${makeVisible(change.now.text)}`,
          ]),
    ];
  },
};

function act(state: EvaluationState, id: EvaluationKey): Step<EvaluationState> {
  const round = shownRound(state);
  if (round === null) return only(state);
  const { selected, order, textTop } = state.ui;
  const { prompts } = evaluationLayout(state);
  const [last, page] = [(prompts?.changes?.length ?? 1) - 1, prompts?.listRows ?? 1];
  const select = (place: number): Step<EvaluationState> =>
    only(changed(state, { selected: Math.max(0, Math.min(last, place)), textTop: 0 }));
  switch (id) {
    case 'accept':
      return send(state, { type: 'judge', round: round.id, verdict: 'accepted' });
    case 'no-verdict':
      return send(state, { type: 'judge', round: round.id, verdict: null });
    case 'reject':
      return send(
        { ...state, notice: 'Rejected; u takes the verdict back.' },
        { type: 'judge', round: round.id, verdict: 'rejected' },
      );
    case 'redo-at':
      return typeRedo(state);
    case 'show-prompts':
    case 'show-numbers':
      return only(changed(state, { view: id === 'show-prompts' ? 'prompts' : 'numbers', textTop: 0 }));
    case 'order': {
      const next = orders[(orders.indexOf(order) + 1) % orders.length];
      return only(changed(state, { order: next, selected: 0, top: 0, textTop: 0 }));
    }
    case 'against-base':
    case 'against-start':
      return only(
        changed(state, { against: id === 'against-base' ? 'base' : 'start', selected: 0, top: 0, textTop: 0 }),
      );
    case 'change-up':
      return select(selected - 1);
    case 'change-down':
      return select(selected + 1);
    case 'changes-page-up':
      return select(selected - page);
    case 'changes-page-down':
      return select(selected + page);
    case 'first-change':
      return select(0);
    case 'last-change':
      return select(last);
    case 'answer-up':
    case 'answer-down': {
      const by = Math.max(1, (prompts?.textRows ?? 1) - 1);
      return only(changed(state, { textTop: textTop + (id === 'answer-up' ? -by : by) }));
    }
  }
}

function pointed(
  state: EvaluationState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  _x: number,
  y: number,
): Step<EvaluationState> {
  const { prompts, spreadRows } = evaluationLayout(state);
  if (prompts?.changes == null) return only(state);
  const first = state.ui.view === 'numbers' ? numbersRows + spreadRows : 0;
  return only(changed(state, promptsPointed(prompts, state.ui, kind, y - first)));
}

function changed(state: EvaluationState, more: Partial<EvaluationUi>): EvaluationState {
  const next = { ...state, ui: { ...state.ui, ...more } };
  return evaluation.inView?.(next) ?? next;
}
