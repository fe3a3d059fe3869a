/** Which prompts a round samples. */
import type { Config } from '../../core/config/schema.js';
import { readPrompts, type PromptEntry } from '../../io/prompts.js';
import { deriveSeed, Random } from '../../core/seeds.js';

export interface RoundPrompt extends PromptEntry {
  /** Position in the prompts file. */
  index: number;
}

/**
 * All prompts, or `sampling.prompts_per_round` of them: the rounds of a branch walk through the prompts lap by lap, each
 * lap in another shuffled order, so that none comes twice before all have come once. Rounds beside each other sample the
 * same prompts.
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
  /** What the lap still has to come. */
  private left: number[];

  constructor(
    private readonly size: number,
    private readonly seed: number,
  ) {
    this.left = this.order();
  }

  /** @param count 0 is all, which leaves the walk where it is */
  take(count: number): number[] {
    if (count === 0 || count >= this.size) return Array.from({ length: this.size }, (_, index) => index);
    const picked = this.left.splice(0, count);
    if (picked.length === count) return picked;
    this.lap++;
    // Two laps meet within a round: what it has already comes later in the new lap.
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

export function heldOutPrompts(config: Config): RoundPrompt[] {
  const all = readPrompts(config.held_out).map((entry, index) => ({ ...entry, index }));
  const most = config.evaluation.max_prompts;
  return most === 0 ? all : all.slice(0, most);
}
