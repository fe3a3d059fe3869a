/** Which prompts a round samples. */
import type { Config } from '../config/schema.js';
import { type PromptEntry, readPrompts } from '../prompts.js';
import { Random } from '../sampling/random.js';
import { deriveSeed } from '../sampling/seed.js';

export interface RoundPrompt extends PromptEntry {
  /** Position in the prompts file. */
  index: number;
}

/**
 * All prompts, or `sampling.prompts_per_round` of them: successive rounds walk through one shuffled order, so that none
 * comes twice before all have come once.
 */
export function roundPrompts(config: Config, round: number): RoundPrompt[] {
  const all = readPrompts(config.prompts).map((entry, index) => ({ ...entry, index }));
  const count = config.sampling.prompts_per_round;
  if (count === 0 || count >= all.length) return all;
  const picked: RoundPrompt[] = [];
  const orders = new Map<number, number[]>();
  const orderOf = (lap: number) => {
    const known = orders.get(lap);
    if (known !== undefined) return known;
    const order = new Random(deriveSeed(config.seed, 'prompts', lap)).shuffle(all.map(({ index }) => index));
    orders.set(lap, order);
    return order;
  };
  for (let position = (round - 1) * count; picked.length < count; position++) {
    const entry = all[orderOf(Math.floor(position / all.length))[position % all.length]];
    // Two laps may meet within one round.
    if (!picked.some(({ index }) => index === entry.index)) picked.push(entry);
  }
  return picked.sort((a, b) => a.index - b.index);
}

export function heldOutPrompts(config: Config): RoundPrompt[] {
  const all = readPrompts(config.held_out).map((entry, index) => ({ ...entry, index }));
  const most = config.evaluation.max_prompts;
  return most === 0 ? all : all.slice(0, most);
}

/** A prompt in one piece, for screens. */
export function promptText({ prompt, prompt_ids }: PromptEntry): string {
  if (prompt === undefined) return `[${(prompt_ids ?? []).join(' ')}]`;
  return typeof prompt === 'string' ? prompt : prompt.map(({ role, content }) => `${role}: ${content}`).join('\n');
}
