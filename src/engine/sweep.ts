/** The client of `brevity sweep`: puts the settings to be compared into the run's queue and waits until all are done. */
import type { Config } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import { type AttemptQueue, isQueued } from '../core/queue.js';
import type { RoundState } from '../core/rounds.js';
import { queuedSettings, roundOf, type SweepPoint } from '../core/sweep.js';
import { follow, type FollowOptions } from './follow.js';

export interface SweepOptions extends FollowOptions {
  /** The run's. */
  config: Config;
  /** The round whose samples, scores, pairs and decisions are used. */
  source: number;
  points: readonly SweepPoint[];
}

/**
 * Resolves when every point has a finished round, and leaves the source as the current round. What exists or is queued is
 * found by its settings, so that nothing is run twice. The engine makes the queued attempts, whoever is attached.
 *
 * @returns all rounds of the run
 * @throws UserError with the message of the update that failed, or if a terminal drives the run
 */
export function sweep(runDir: string, { config, source, points, ...options }: SweepOptions): Promise<RoundState[]> {
  const isTaken = (queue: AttemptQueue, point: SweepPoint, own: RoundState | null) =>
    isQueued(queue, source, queuedSettings(point)) || (own !== null && own.id === queue.running);
  return follow(
    runDir,
    {
      next(round, rounds, queue) {
        const from = rounds.get(source);
        if (from === undefined) throw new UserError(`round ${source} was deleted; the sweep ends`);
        const all = [...rounds.values()];
        const open = points
          .map((point) => ({ point, own: roundOf(config, all, from, point) }))
          .filter(({ own }) => own?.stage !== 'done');
        if (queue.running !== null && open.every(({ point, own }) => isTaken(queue, point, own))) return 'wait';
        if (open.length === 0) return round.id === source ? 'done' : [{ type: 'switch', round: source }];
        // The round at hand may be a person's, which cannot be left in the middle of a stage.
        if (queue.running === null && round.stage !== 'review' && round.stage !== 'done') return 'wait';
        const missing = open.filter(({ point, own }) => !isTaken(queue, point, own));
        return [
          ...(missing.length === 0
            ? []
            : [
                {
                  type: 'enqueue' as const,
                  round: source,
                  settings: missing.map(({ point }) => queuedSettings(point)),
                },
              ]),
          { type: 'hold-queue', held: false },
        ];
      },
    },
    options,
  );
}
