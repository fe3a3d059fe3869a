/** What this terminal alone knows of the evaluation screen. */
import type { Slice } from '../../app/state.js';
import type { HeldOutSeen } from '../../../src/protocol/messages.js';
import type { PromptsUi } from '../../parts/heldOut/prompts.js';

export interface EvaluationUi extends PromptsUi {
  /** Numbers with the prompts beneath where there is room, or the prompts alone. */
  view: 'numbers' | 'prompts';
  /** What the round is compared with, prompt by prompt. */
  against: 'start' | 'base';
  /** Answers to the held-out prompts that the engine has told, the newest told last. */
  answers: readonly { round: number; answers: readonly HeldOutSeen[] }[];
  /** Rounds of which it was asked for them, and which engine was asked: one that starts anew is asked again. */
  asked: readonly { round: number; pid: number }[];
}

export const evaluationUi: EvaluationUi = {
  view: 'numbers',
  against: 'start',
  order: 'reward',
  selected: 0,
  top: 0,
  textTop: 0,
  answers: [],
  asked: [],
};

export type EvaluationState = Slice<EvaluationUi>;
