/** Commands that fill, order, hold and continue the queue of attempts; attempts.ts makes them. */
import { UserError } from '../core/errors.js';
import { of } from '../core/format.js';
import { MOST_QUEUED, type QueuedAttempt, isQueued } from '../core/queue.js';
import { queuedSettings, roundOf } from '../core/sweep.js';
import type { RunCommand } from '../protocol/messages.js';
import { begin, pointOf, setQueue } from './attempts.js';
import { trustNamed } from './redo.js';
import type { CommandContext } from './stages.js';

type Command<T extends RunCommand['type']> = Extract<RunCommand, { type: T }>;

/** Queues attempts at a round. They begin at once if the current round is done and nothing holds the queue. */
export function enqueue(context: CommandContext, { round: id, settings }: Command<'enqueue'>): void {
  const { core } = context;
  const { run } = core;
  const source = run.round(id);
  core.expect(id > 0, 'the base policy has no update that could be repeated; queue attempts at a later round');
  core.expect(settings.length > 0, 'no settings were given, so nothing was queued');
  const points = settings.map((each) => pointOf(core, source, each));
  const { queue } = run;
  const fresh = points.filter(
    (point) =>
      !isQueued(queue, id, queuedSettings(point)) && roundOf(run.config, run.rounds, source, point)?.stage !== 'done',
  );
  core.expect(fresh.length > 0, `round ${id} has attempts with these settings already, finished or queued`);
  const total = queue.waiting.length + fresh.length;
  core.expect(total <= MOST_QUEUED, `the queue would have ${of(total, 'attempt')}; at most ${MOST_QUEUED} may wait`);
  // The settings that the queued rounds will have are the user's own words now, not when they begin.
  for (const { config, overrides } of fresh) {
    const { dpo, update } = config;
    trustNamed(core, { overrides, settings: { alpha: dpo.alpha, beta: dpo.beta, lr: update.lr } }, overrides);
  }
  const added = fresh.map((point, i): QueuedAttempt => ({
    id: queue.last + 1 + i,
    round: id,
    settings: queuedSettings(point),
  }));
  setQueue(
    core,
    { ...queue, waiting: [...queue.waiting, ...added], last: queue.last + added.length },
    { action: 'enqueue', detail: { round: id, settings: added.map((attempt) => attempt.settings) } },
  );
  if (core.round.stage === 'done') start(context);
}

export function dequeue({ core }: CommandContext, { attempts }: Command<'dequeue'>): void {
  const { queue } = core.run;
  const waiting = queue.waiting.filter(({ id }) => !attempts.includes(id));
  core.expect(waiting.length < queue.waiting.length, 'these attempts are not queued any more');
  setQueue(core, { ...queue, waiting }, { action: 'dequeue', detail: { attempts } });
}

/** Moves an attempt to another place. @throws UserError if it does not wait any more */
export function moveQueued({ core }: CommandContext, { attempt, to }: Command<'move-queued'>): void {
  const { queue } = core.run;
  const moved = queue.waiting.find(({ id }) => id === attempt);
  if (moved === undefined) throw new UserError('this attempt is not queued any more');
  const others = queue.waiting.filter(({ id }) => id !== attempt);
  setQueue(core, { ...queue, waiting: [...others.slice(0, to), moved, ...others.slice(to)] });
}

/** Holds the queue, or continues it: at once if nothing is computed, even if that leaves a round in review. */
export function holdQueue(context: CommandContext, { held }: Command<'hold-queue'>): void {
  const { core } = context;
  if (held !== core.run.queue.held)
    setQueue(core, { ...core.run.queue, held }, { action: held ? 'hold-queue' : 'continue-queue' });
  if (!held) start(context);
}

/** Begins the next attempt if the engine is free for it. */
function start({ core, stages }: CommandContext): void {
  const { stage } = core.round;
  const free = core.state.activity === 'idle' && core.state.problem === null && core.pending === null;
  if (free && (stage === 'done' || stage === 'review') && begin(core)) stages.work();
}
