/** The client of `brevity sweep`: runs a round's update again with each of several settings, one after the other. */
import type { Config } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import type { RoundState } from '../core/rounds.js';
import { roundOf, type SweepPoint } from '../core/sweep.js';
import { follow, type FollowOptions } from './follow.js';

export interface SweepOptions extends FollowOptions {
  /** The run's. */
  config: Config;
  /** The round whose samples, scores, pairs and decisions are used. */
  source: number;
  points: readonly SweepPoint[];
}

/**
 * Resolves when every point has a finished round, and leaves the source as the current round. What exists is found by its
 * settings, so that a sweep that was killed continues, and none of its rounds is run twice.
 *
 * @returns all rounds of the run
 * @throws UserError with the message of the update that failed, or if a terminal drives the run
 */
export function sweep(runDir: string, { config, source, points, ...options }: SweepOptions): Promise<RoundState[]> {
  return follow(
    runDir,
    {
      next(round, rounds) {
        const from = rounds.get(source);
        if (from === undefined) throw new UserError(`round ${source} was deleted; the sweep ends`);
        const all = [...rounds.values()];
        const open = points
          .map((point) => ({ point, own: roundOf(config, all, from, point) }))
          .find(({ own }) => own?.stage !== 'done');
        if (open === undefined) return round.id === source ? 'done' : [{ type: 'switch', round: source }];
        const { point, own } = open;
        if (own === null) {
          // The round at hand may be a person's, which cannot be left in the middle of a stage.
          if (round.stage !== 'review' && round.stage !== 'done') return 'wait';
          return [{ type: 'redo-round', round: source, overrides: point.overrides }];
        }
        if (own.id !== round.id && own.stage === 'review') return [{ type: 'switch', round: own.id }];
        return round.stage === 'review' ? [{ type: 'launch' }] : 'wait';
      },
    },
    options,
  );
}
