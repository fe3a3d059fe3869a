/**
 * Makes queued attempts, one after the other. run.json has the whole queue, and each step is one write of run.json, so that
 * an engine that starts after a crash goes on where the last one was.
 */
import { UserError, messageOf } from '../core/errors.js';
import { type AttemptQueue, type QueuedAttempt, attemptText } from '../core/queue.js';
import { decidedPair } from '../core/review/decisions.js';
import type { RoundState } from '../core/rounds.js';
import { roundOf, type SweepPoint, sweepPoints } from '../core/sweep.js';
import { namedFileProblems } from '../io/configFile.js';
import type { Core } from './core.js';
import { checkRedo, preparedRedo } from './redo.js';

/**
 * The step after a round's last stage: launches an attempt that waits in review because its pairs were made anew, begins
 * the next one, or returns to the round that was repeated.
 *
 * @returns whether the current round now has something to compute
 * @throws UserError if decisions have left an attempt without pairs
 */
export function continueQueue(core: Core): boolean {
  const { run, round } = core;
  if (run.queue.running !== round.id) return round.stage === 'done' && begin(core);
  if (round.stage === 'review') {
    launchAttempt(core);
    return true;
  }
  if (begin(core)) return true;
  const source = run.rounds.find(({ id }) => id === round.redo_of);
  run.setQueue({ ...run.queue, running: null }, source?.id ?? round.id);
  core.show(run.current);
  return false;
}

function launchAttempt(core: Core): void {
  checkPairsLeft(core);
  core.setRound({ stage: 'update' }, { action: 'launch', detail: core.round.settings });
}

/** Makes the first attempt that can be made the current round. @returns false if there is none */
export function begin(core: Core): boolean {
  const { run } = core;
  while (!run.queue.held) {
    const [next, ...waiting] = run.queue.waiting;
    if (next === undefined) return false;
    const queue = { ...run.queue, waiting };
    try {
      const source = run.round(next.round);
      const point = pointOf(core, source, next.settings);
      const own = roundOf(run.config, run.rounds, source, point);
      if (own?.stage === 'done') throw new UserError(`round ${own.id} has these settings already`);
      checkRedo(core, source, point.overrides);
      if (own === null) {
        const round = preparedRedo(core, source, { overrides: point.overrides });
        const entry = {
          action: 'redo-round',
          detail: { redo_of: source.id, overrides: point.overrides, queued: next.id },
        };
        run.addRound(round, entry, { ...queue, running: round.id });
      } else {
        run.setQueue({ ...queue, running: own.id }, own.id);
      }
      core.show(run.current);
      return true;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      setQueue(core, queue);
      core.emit({
        type: 'warning',
        message: `the queued attempt at round ${next.round} (${attemptText(next)}) was dropped: ${messageOf(error)}`,
      });
    }
  }
  return false;
}

/** @throws UserError if decisions have left no pair to train on */
export function checkPairsLeft({ view, round }: Core): void {
  const { standing, review } = view;
  if (standing.decisions.size === 0) return;
  if (review.some((row) => decidedPair(row, standing.decisions.get(row.prompt_index)) !== null)) return;
  throw new UserError(
    `no pair of round ${round.id} is left to train on: all are excluded or marked as ties; undo some of that first`,
  );
}

/** @throws UserError that names every value that cannot be used */
export function pointOf({ run }: Core, source: RoundState, settings: QueuedAttempt['settings']): SweepPoint {
  return sweepPoints(run.config, source, [settings], process.cwd(), namedFileProblems)[0];
}

export function setQueue(core: Core, queue: AttemptQueue, entry?: Parameters<Core['run']['setQueue']>[2]): void {
  core.run.setQueue(queue, core.run.current, entry);
  core.tellQueue();
}
