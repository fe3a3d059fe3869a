/** Selects the prompts that a round samples. */
import type { Config } from '../../core/config/schema.js';
import { readPrompts, type PromptEntry } from '../../io/prompts.js';
import { deriveSeed, Random } from '../../core/seeds.js';

export interface RoundPrompt extends PromptEntry {
  /** Index in the prompts file. */
  index: number;
}

/**
 * All prompts, or `sampling.prompts_per_round` of them. The rounds of a branch go through the prompts in laps, each lap
 * in a new shuffled order, so that no prompt repeats before all have been used. Sibling rounds sample the same prompts.
 *
 * @param counts prompts_per_round of every round from the branch's first to this one
 */
export function roundPrompts(config: Config, counts: number[]): RoundPrompt[] {
  const all = readPrompts(config.prompts).map((entry, index) => ({ ...entry, index }));
  const walk = new PromptWalk(all.length, config.seed);
  const last = counts.map((count) => walk.take(count)).at(-1) ?? [];
  return last.sort((a, b) => a - b).map((index) => all[index]);
}

class PromptWalk {
  private lap = 0;
  /** Prompts left in this lap. */
  private left: number[];

  constructor(
    private readonly size: number,
    private readonly seed: number,
  ) {
    this.left = this.order();
  }

  /** @param count 0 means all prompts, which does not advance the walk */
  take(count: number): number[] {
    if (count === 0 || count >= this.size) return Array.from({ length: this.size }, (_, index) => index);
    const picked = this.left.splice(0, count);
    if (picked.length === count) return picked;
    this.lap++;
    // Two laps meet within a round: prompts that it already has come later in the new lap.
    const order = this.order();
    const early = order.filter((index) => !picked.includes(index)).slice(0, count - picked.length);
    this.left = order.filter((index) => !early.includes(index));
    return [...picked, ...early];
  }

  private order(): number[] {
    return new Random(deriveSeed(this.seed, 'prompts', this.lap)).shuffle(
      Array.from({ length: this.size }, (_, index) => index),
    );
  }
}

/** @param options `rows`: with the whole rows of the file */
export function heldOutPrompts(config: Config, options: { rows?: boolean } = {}): RoundPrompt[] {
  const all = readPrompts(config.held_out, options).map((entry, index) => ({ ...entry, index }));
  const most = config.evaluation.max_prompts;
  return most === 0 ? all : all.slice(0, most);
}
