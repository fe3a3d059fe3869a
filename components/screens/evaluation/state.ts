/** The evaluation screen's slice of the state. */
import { type PromptsUi, firstPrompt } from '../../app/heldOut/prompts.js';
import type { Slice } from '../../app/state.js';

export interface EvaluationUi extends PromptsUi {
  /** The numbers, with the prompts beneath them where there is room, or the prompts alone. */
  view: 'numbers' | 'prompts';
  /** The opponent whose responses the prompts are compared with. */
  against: 'start' | 'base';
}

export type EvaluationState = Slice<EvaluationUi>;

export const evaluationUi: EvaluationUi = { view: 'numbers', against: 'start', order: 'reward', ...firstPrompt };

export function changed(state: EvaluationState, more: Partial<EvaluationUi>): EvaluationState {
  return { ...state, ui: { ...state.ui, ...more } };
}
