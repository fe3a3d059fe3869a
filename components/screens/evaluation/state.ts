/** What this terminal alone knows of the evaluation screen. */
import type { Slice } from '../../app/state.js';
import type { PromptsUi } from '../../app/heldOut/prompts.js';

export interface EvaluationUi extends PromptsUi {
  /** Numbers with the prompts beneath where there is room, or the prompts alone. */
  view: 'numbers' | 'prompts';
  /** What the round is compared with, prompt by prompt. */
  against: 'start' | 'base';
}

export const evaluationUi: EvaluationUi = {
  view: 'numbers',
  against: 'start',
  order: 'reward',
  selected: 0,
  top: 0,
  textTop: 0,
};

export type EvaluationState = Slice<EvaluationUi>;
