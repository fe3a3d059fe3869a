/** The unattended client: takes a run through its rounds as a person would, with settings given beforehand. */
import { isActive } from '../core/queue.js';
import type { RoundSettings, RoundState } from '../core/rounds.js';
import { follow, type FollowOptions } from './follow.js';

export interface AutoOptions extends FollowOptions {
  /** Total number of rounds of the current branch, existing ones included. */
  rounds: number;
  /** Settings for every round from here on. */
  settings: Partial<RoundSettings>;
}

/**
 * Resolves when all rounds are done; `follow` says how it ends and fails.
 *
 * @returns the finished rounds, the base as round 0
 */
export function drive(runDir: string, { rounds: wanted, settings, ...options }: AutoOptions): Promise<RoundState[]> {
  return follow(
    runDir,
    {
      next({ id, stage }, rounds, queue) {
        // The engine launches queued attempts itself, and returns to the round that they repeat.
        if (queue.running === id || (stage === 'done' && isActive(queue))) return 'wait';
        if (stage === 'review') return [{ type: 'set', settings }, { type: 'launch' }];
        if (stage !== 'done') return 'wait';
        if (depthOf(rounds, id) >= wanted) return 'done';
        // A new run's base continues to the first round by itself.
        if (id === 0 && rounds.size === 1) return 'wait';
        return [{ type: 'next-round', settings }];
      },
    },
    options,
  );
}

/** Number of rounds from the base to this one, without rejected rounds. */
export function depthOf(rounds: ReadonlyMap<number, RoundState>, id: number): number {
  let count = 0;
  for (let at = rounds.get(id); at !== undefined && at.parent !== null; at = rounds.get(at.parent))
    if (at.verdict !== 'rejected') count++;
  return count;
}
