/** The evaluation screen: what the round changed on the held-out prompts, and the verdict on it. */
import { promptsPointed } from '../../app/heldOut/prompts.js';
import { askForResponses } from '../../app/heldOut/responses.js';
import { type ScreenDefinition, noEffects } from '../../app/state.js';
import { evaluationActions } from './actions.js';
import { redoHint, typedRedo } from './redo.js';
import { copied, crumbs, evaluationLayout, neededRounds, reading } from './select.js';
import { type EvaluationState, changed, evaluationUi } from './state.js';
import { EvaluationView } from './View.js';

export const evaluation: ScreenDefinition<EvaluationState> = {
  initial: evaluationUi,
  View: EvaluationView,
  actions: evaluationActions,
  asks: (state) => askForResponses(state, neededRounds(state)),
  typed: (state, _field, text) => typedRedo(state, text),
  typing: (state, _field, text) => redoHint(state, text),
  back: (state) => (state.ui.view !== 'numbers' ? changed(state, { view: 'numbers', textTop: 0 }) : null),
  pointed(state, kind, _x, y) {
    const { prompts, promptsTop } = evaluationLayout(state);
    return noEffects(prompts?.changes == null ? state : changed(state, promptsPointed(prompts, kind, y - promptsTop)));
  },
  copies: copied,
  crumbs,
  reading,
};
