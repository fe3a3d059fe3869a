/** Sampling fewer responses to each prompt: how many is typed. */
import type { SamplingState } from './state.js';
import { type Step, only, send } from '../../app/state.js';
import { currentRound } from '../../app/selectors.js';

/** As many as are sampled for each prompt of the current round, K. */
export function samplesPerPrompt(state: SamplingState): number {
  const own = currentRound(state)?.overrides.sampling?.['samples_per_prompt'];
  return typeof own === 'number' ? own : (state.run?.config.sampling.samples_per_prompt ?? 0);
}

export function typeFewer(state: SamplingState): Step<SamplingState> {
  const hint = `now ${samplesPerPrompt(state)}, at least 2; the first of each prompt are kept`;
  const label = 'samples per prompt';
  return only({
    ...state,
    modal: { kind: 'edit', owner: 'sampling', field: 'fewer', label, hint, text: '', error: null },
  });
}

/** @returns a sentence where it is no such number */
export function typedFewer(state: SamplingState, text: string): Step<SamplingState> | string {
  if (text.trim() === '') return only(state);
  const [count, now] = [Number(text), samplesPerPrompt(state)];
  if (!Number.isInteger(count) || count < 2 || count >= now)
    return `a whole number from 2, which a pair needs, to ${now - 1}`;
  const notice = `From here on ${count} responses to each prompt are enough.`;
  return send({ ...state, notice }, { type: 'fewer-samples', samples_per_prompt: count });
}
