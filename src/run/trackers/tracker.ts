/** What every experiment tracker does, and what of a run it gets: read from the run directory, which has all of it. */
import path from 'node:path';
import type { MetricsRow } from '../../core/rows.js';
import type { RoundState } from '../../core/rounds.js';
import { metricsSchema } from '../../core/metricsRow.js';
import { roundFiles } from '../../core/runFiles.js';
import {
  hyperparameters,
  roundName,
  roundPoint,
  roundsName,
  updatePoints,
  type TrackedRun,
} from '../../core/trackers.js';
import { readJsonLines } from '../../io/jsonl.js';
import type { Run } from '../run.js';

export interface Tracker {
  /** In messages: "TensorBoard (/data/tb)". */
  name: string;
  /**
   * Brings the tracker up to date: adds missing points, and withdraws those that an interrupted update will take again.
   * Calling it twice changes nothing.
   *
   * @throws UserError
   */
  write(tracked: TrackedRun): Promise<void>;
  /** Ends what `write` has begun. */
  close(): Promise<void>;
}

/** The run's name in a tracker: that of its directory. */
export const groupOf = (run: Pick<Run, 'directory'>): string => path.basename(run.directory);

/** The update of a round. @param rows its metrics if they are known; else they are read */
export function trackedUpdate(run: Run, round: RoundState, rows?: readonly MetricsRow[]): TrackedRun {
  const metrics =
    rows ?? readJsonLines(run.files.file(round.id, roundFiles.metrics), metricsSchema, { missing: 'empty' });
  return {
    name: roundName(round.id),
    points: updatePoints(metrics),
    hyperparameters: hyperparameters(run.config, round),
  };
}

/** The evaluations of all rounds. */
export function trackedRounds(run: Run): TrackedRun {
  const points = [...run.rounds]
    .filter(({ damaged }) => damaged === undefined)
    .sort((a, b) => a.id - b.id)
    .flatMap((round) => roundPoint(round) ?? []);
  return { name: roundsName, points, hyperparameters: hyperparameters(run.config, null) };
}

/** Everything that a run directory holds. */
export function trackedRun(run: Run): TrackedRun[] {
  const updates = run.rounds
    .filter(({ id, damaged }) => id > 0 && damaged === undefined)
    .map((round) => trackedUpdate(run, round));
  return [...updates.filter(({ points }) => points.length > 0), trackedRounds(run)];
}
