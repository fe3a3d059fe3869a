/** The probe prompts and what the policy answered them over the steps. */
import type { ProbeSeen } from '../../../src/protocol/messages.js';
import type { UpdateUi } from './state.js';

export interface ProbeShown {
  prompt: string;
  /** Place among the probe prompts, and how many there are. */
  index: number;
  of: number;
  /** Steps at which it was answered, in order, and the place among them of the answer that is shown. */
  steps: readonly number[];
  look: number;
  start: ProbeSeen;
  answer: ProbeSeen;
}

/** null where no probe prompt has been answered. */
export function probeShown(probes: readonly ProbeSeen[], ui: Pick<UpdateUi, 'probe' | 'look'>): ProbeShown | null {
  const places = [...new Set(probes.map(({ probe }) => probe))].sort((a, b) => a - b);
  if (places.length === 0) return null;
  const index = Math.min(ui.probe, places.length - 1);
  const answers = probes.filter(({ probe }) => probe === places[index]).sort((a, b) => a.step - b.step);
  const look = Math.min(ui.look ?? Infinity, answers.length - 1);
  return {
    ...{ prompt: answers[0].prompt, index, of: places.length, look },
    ...{ steps: answers.map(({ step }) => step), start: answers[0], answer: answers[look] },
  };
}
