/** The evaluation screen's slice of the state. */
import { type PromptsUi, firstPrompt } from '../../app/heldOut/prompts.js';
import type { Slice } from '../../app/state.js';

export interface EvaluationUi extends PromptsUi {
  /**
   * `numbers`: the table, with the prompts below if they fit. `prompts`: the prompts alone. `kinds`: the table by kind
   * of prompt. `judges`: both judges side by side.
   */
  view: 'numbers' | 'prompts' | 'kinds' | 'judges';
  /** First visible kind. */
  kindsTop: number;
  /** The opponent whose responses the prompts are compared with. */
  against: 'start' | 'base';
}

export type EvaluationState = Slice<EvaluationUi>;

export const evaluationUi: EvaluationUi = {
  view: 'numbers',
  kindsTop: 0,
  against: 'start',
  order: 'reward',
  ...firstPrompt,
};

export function changed(state: EvaluationState, more: Partial<EvaluationUi>): EvaluationState {
  return { ...state, ui: { ...state.ui, ...more } };
}
