/** Clients without a person: attach to a run's engine, send what a pilot decides at each stage, and wait for the end. */
import { type AttemptQueue, emptyQueue } from '../core/queue.js';
import type { RoundState } from '../core/rounds.js';
import { UserError } from '../core/errors.js';
import { type EngineClient, EngineGone } from '../protocol/client.js';
import { attachEngine } from './launch.js';
import type { EngineEvent } from '../protocol/messages.js';

/** Decides for a person. It keeps no state of its own: after a restart of the engine it is asked again. */
export interface Pilot {
  /**
   * The commands for the current round as it is now, sent in order and once per stage of a round; `wait` while the engine
   * works, `done` at the end.
   *
   * @param rounds all of them, by id
   */
  next(round: RoundState, rounds: ReadonlyMap<number, RoundState>, queue: AttemptQueue): Command[] | 'wait' | 'done';
}

type Command = Parameters<EngineClient['send']>[0];

export interface FollowOptions {
  onEvent?(event: EngineEvent): void;
  /** Stops waiting; the engine keeps running. */
  signal?: AbortSignal;
}

/**
 * Resolves when the pilot is done, then shuts the engine down unless another client is attached. If a terminal takes
 * over, it waits until that terminal has left.
 *
 * @returns the finished rounds, the base as round 0
 * @throws UserError with the message of the stage that failed, or if a terminal already drives the run
 */
export async function follow(runDir: string, pilot: Pilot, options: FollowOptions): Promise<RoundState[]> {
  for (;;) {
    const follower = new Follower(pilot, options);
    try {
      const rounds = await follower.follow(runDir);
      if (follower.alone) await follower.client?.send({ type: 'shutdown' });
      return rounds;
    } catch (error) {
      if (error instanceof EngineGone && error.again) continue;
      // The failure is reported; finished work is kept, and the next start resumes.
      if (error instanceof StageProblem && follower.alone)
        await follower.client?.send({ type: 'shutdown' }).catch(() => {});
      throw error;
    } finally {
      follower.client?.close();
    }
  }
}

class StageProblem extends UserError {}

class Follower {
  client: EngineClient | null = null;
  /** No other client is attached. */
  alone = true;
  private readonly rounds = new Map<number, RoundState>();
  private current = 0;
  private queue = emptyQueue;
  private driving = false;
  private resumed = false;
  private retried = false;
  /** Whether an update event has arrived: then the update had not ended when this client attached. */
  private updates = false;
  /** The state that was last answered with commands; empty before the first. */
  private asked = '';
  private settle: { resolve(rounds: RoundState[]): void; reject(error: unknown): void } | null = null;

  constructor(
    private readonly pilot: Pilot,
    private readonly options: FollowOptions,
  ) {}

  follow(runDir: string): Promise<RoundState[]> {
    const { options } = this;
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      options.signal?.addEventListener('abort', () => reject(new UserError('interrupted; the engine keeps running')));
      const use = (client: EngineClient): void => {
        this.client = client;
        // Nothing else closes a client that connects after the interrupt.
        if (options.signal?.aborted === true) client.close();
      };
      attachEngine(runDir, 'auto', use, (event) => {
        options.onEvent?.(event);
        this.take(event);
      }).catch(reject);
    });
  }

  private take(event: EngineEvent): void {
    switch (event.type) {
      case 'snapshot':
        this.know(event.snapshot.rounds, event.snapshot.current);
        this.queue = event.snapshot.queue;
        this.role(event.snapshot.role);
        // Whoever starts such a client on a paused run wants it to continue.
        if (event.snapshot.engine.activity === 'paused' && this.driving && !this.resumed) this.try({ type: 'resume' });
        this.resumed = true;
        // Retry once if the engine was left with a failure.
        if (event.snapshot.engine.problem !== null) this.retry();
        break;
      case 'round':
        this.rounds.set(event.round.id, event.round);
        this.current = event.round.id;
        break;
      case 'rounds':
        this.know(event.rounds, event.current);
        break;
      case 'queue':
        this.queue = event.queue;
        break;
      case 'role':
        this.role(event.role);
        break;
      case 'problem':
        // The engine that this client started found that the job had already ended.
        if (!this.updates && this.asked === '' && this.rounds.get(this.current)?.stage === 'update' && this.retry())
          return;
        // If a person drives, the failure is theirs to fix.
        if (this.driving) this.settle?.reject(new StageProblem(event.message));
        return;
      case 'job':
        this.updates ||= event.job.end === null;
        return;
      case 'step':
        this.updates = true;
        return;
      case 'bye':
        this.settle?.reject(new EngineGone(event.reason, event.again));
        return;
      default:
        return;
    }
    this.act();
  }

  /** Retries at most once. @returns whether it retried */
  private retry(): boolean {
    if (!this.driving || this.retried) return false;
    this.retried = true;
    this.try({ type: 'retry' });
    return true;
  }

  private know(rounds: RoundState[], current: number): void {
    this.rounds.clear();
    for (const round of rounds) this.rounds.set(round.id, round);
    this.current = current;
  }

  private role({ driving, terminals }: { driving: boolean; terminals: number }): void {
    this.driving = driving;
    this.alone = terminals <= 1;
  }

  private act(): void {
    const round = this.rounds.get(this.current);
    if (!this.driving || round === undefined) return;
    // Events repeat a state: each is answered once.
    const key = `${round.id} ${round.stage}`;
    if (key === this.asked) return;
    try {
      const next = this.pilot.next(round, this.rounds, this.queue);
      if (next === 'wait') {
        // The state that was answered may come again, once the engine has worked on something else.
        if (this.asked !== '') this.asked = 'nothing now';
        return;
      }
      if (next === 'done') return this.settle?.resolve([...this.rounds.values()].sort((a, b) => a.id - b.id));
      this.asked = key;
      this.try(...next);
    } catch (error) {
      this.settle?.reject(error);
    }
  }

  /** Sends the commands in order; a refusal makes `follow` fail, unless a person has taken over meanwhile. */
  private try(...commands: Command[]): void {
    void (async () => {
      try {
        for (const command of commands) await this.client?.send(command);
      } catch (error) {
        this.asked = '';
        if (this.driving) this.settle?.reject(error);
      }
    })();
  }
}
