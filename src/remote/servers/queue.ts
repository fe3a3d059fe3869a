/**
 * A queue of tasks over endpoints, each with a concurrency limit. It knows no protocol and no real clock, so that a
 * simulation can drive it too (bench/scale).
 *
 * - Endpoints with room take the next task, so faster ones take more.
 * - When no tasks are waiting, an idle endpoint repeats a request that another has held for longer than TAKE_OVER times
 *   its own mean duration. The first answer counts and the other request is aborted, so a slow endpoint delays nothing.
 * - After a transient failure an endpoint rests (exponential backoff, or as long as the server asks), then one request
 *   tests it. It is down after `retries` failed tests in a row. Its tasks go to the others, at the end of the queue, so
 *   that one bad task does not fail every test.
 * - 429 halves an endpoint's concurrency limit, and each success raises it by a fraction.
 * - A fault that no retry repairs takes the endpoint down at once. The queue fails when all are down.
 */
import { type Control, type ControlSignal, uncontrolled } from '../../core/control.js';
import { UserError } from '../../core/errors.js';

export interface QueueEndpoint<T, R> {
  /** The endpoint's name in errors. */
  readonly name: string;
  /** Most requests at once. */
  readonly concurrency: number;
  run(task: T, signal: AbortSignal): Promise<R>;
  /** Classifies errors thrown by `run`. */
  classify(error: unknown): QueueFailure;
  /**
   * Called before an endpoint that could not be reached is used again: it may have been restarted with other weights.
   * Throws as `run` does.
   */
  recover?(signal: AbortSignal): Promise<void>;
}

export interface QueueFailure {
  /** `transient`: worth a retry. `fault`: the endpoint is unusable. */
  kind: 'transient' | 'fault';
  /** Continues a sentence whose subject is the endpoint. */
  message: string;
  /** Seconds that the server asks to wait; NaN if it does not. */
  retryAfter?: number;
  /** Whether it refused because it had too many requests. */
  busy?: boolean;
  /** Whether the connection failed: the endpoint may have been restarted. */
  lost?: boolean;
}

export interface QueueClock {
  /** Seconds. */
  now(): number;
  /** Resolves after this many seconds, or as soon as the signal is aborted. */
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
}

export interface EndpointStatus {
  inFlight: number;
  done: number;
  retried: number;
  down: boolean;
  /** Why it is down, or the last failure that was retried; null if there was none. */
  problem: string | null;
}

export interface QueueOptions<T, R> {
  /** Each task's first answer. A throw ends the queue. */
  onResult(task: number, result: R, endpoint: number): void;
  /** Called after every change. */
  onStatus?(status: readonly EndpointStatus[]): void;
  /** False drops a task, whether begun or not, without an answer. */
  wanted?(task: number): boolean;
  /** Pause: nothing is sent, but answers are still accepted. Stop and abort: requests in flight are aborted. */
  control?: Control;
  /** Failed tests in a row after which an endpoint counts as down. */
  retries: number;
  /** How the error names a task that fails on every endpoint. */
  nameTask?(task: T): string;
  clock?: QueueClock;
}

const TAKE_OVER = 2;
/** Seconds between checks of the control while requests are in flight. */
const LOOK = 0.2;
/** Longest rest of an endpoint, seconds. */
const MAX_REST = 30;

export const realClock: QueueClock = {
  now: () => performance.now() / 1000,
  sleep: (seconds, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, seconds * 1000);
      signal.addEventListener('abort', end);
    }),
};

/** A request in flight. */
interface Held {
  task: number;
  endpoint: number;
  since: number;
  controller: AbortController;
}

/**
 * Runs all tasks, started in order as endpoints have room.
 *
 * @returns `stopped` or `aborted` if the control said so
 * @throws UserError in one sentence if all endpoints are down, or a task fails on every endpoint
 */
export async function runQueue<T, R>(
  tasks: readonly T[],
  endpoints: readonly QueueEndpoint<T, R>[],
  options: QueueOptions<T, R>,
): Promise<'done' | 'stopped' | 'aborted'> {
  return new Queue(tasks, endpoints, options).run();
}

/** The queue's state of an endpoint. */
class Lane<T, R> {
  readonly status: EndpointStatus = { inFlight: 0, done: 0, retried: 0, down: false, problem: null };
  /** Current concurrency limit; halved by 429. */
  limit: number;
  /** Failed tests in a row. */
  failures = 0;
  /** Rests until this time. Requests sent before `failedAt` that fail later belong to the same failure. */
  restsUntil = -Infinity;
  failedAt = -Infinity;
  /** Whether it is being verified after it was lost. */
  recovering = false;
  lost = false;
  /** The request that tests the endpoint after a failure. */
  trial: Held | null = null;
  /** Total duration of its answers, seconds. */
  seconds = 0;

  constructor(readonly endpoint: QueueEndpoint<T, R>) {
    this.limit = endpoint.concurrency;
  }

  hasRoom(now: number): boolean {
    const { down, inFlight } = this.status;
    if (down || now < this.restsUntil || this.recovering) return false;
    return this.failures > 0 ? this.trial === null : inFlight < Math.floor(this.limit);
  }
}

class Queue<T, R> {
  private readonly lanes: Lane<T, R>[];
  private readonly clock: QueueClock;
  /** The next task that was never sent. */
  private fresh = 0;
  /** Tasks returned by endpoints that failed. */
  private readonly returned: number[] = [];
  /** Number of endpoints that hold each task. */
  private readonly holders: Uint8Array;
  private readonly failures = new Map<number, number>();
  private readonly held = new Set<Held>();
  /** Requests whose task no other endpoint holds, roughly oldest first. */
  private readonly single = new Set<Held>();
  private left: number;
  private readonly finished: Uint8Array;
  private verdict: ControlSignal = 'go';
  private paused = false;
  private failure: unknown = null;
  private over = false;
  private readonly ending = new AbortController();
  private settle: () => void = () => {};
  private readonly settled = new Promise<void>((resolve) => (this.settle = resolve));
  private wake: AbortController | null = null;

  constructor(
    private readonly tasks: readonly T[],
    endpoints: readonly QueueEndpoint<T, R>[],
    private readonly options: QueueOptions<T, R>,
  ) {
    this.lanes = endpoints.map((endpoint) => new Lane(endpoint));
    this.clock = options.clock ?? realClock;
    this.holders = new Uint8Array(tasks.length);
    this.left = tasks.length;
    this.finished = new Uint8Array(tasks.length);
  }

  async run(): Promise<'done' | 'stopped' | 'aborted'> {
    if (this.left === 0) return 'done';
    const looking = this.look();
    await this.settled;
    this.ending.abort();
    this.wake?.abort();
    for (const { controller } of this.held) controller.abort();
    await looking;
    if (this.failure !== null) throw this.failure;
    return this.verdict === 'go' ? 'done' : this.verdict === 'stop' ? 'stopped' : 'aborted';
  }

  private end(): void {
    this.over = true;
    this.settle();
  }

  private fail(error: unknown): void {
    if (this.over) return;
    this.failure = error;
    this.end();
  }

  /** Polls the control. Work is paused until it answers. */
  private async look(): Promise<void> {
    const control = this.options.control ?? uncontrolled;
    try {
      while (!this.over) {
        this.paused = true;
        const point = control.point();
        this.verdict = await point;
        this.paused = false;
        if (this.over) return;
        if (this.verdict !== 'go') return this.end();
        this.dropUnwanted();
        this.dispatch();
        if (this.over) return;
        await this.clock.sleep(LOOK, this.ending.signal);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  private dropUnwanted(): void {
    const { wanted } = this.options;
    if (wanted === undefined) return;
    for (const held of this.held)
      if (!wanted(held.task)) {
        this.finish(held.task);
        held.controller.abort();
      }
  }

  /** Gives tasks to every endpoint with room. */
  private dispatch(): void {
    if (this.over || this.paused) return;
    const now = this.clock.now();
    for (let given = true; given;) {
      given = false;
      // Hands out one task per endpoint in turn, so that a few tasks are spread over all endpoints.
      for (const [index, lane] of this.lanes.entries()) {
        if (!lane.hasRoom(now)) continue;
        const task = lane.lost ? null : this.next(index, now);
        if (lane.lost && this.left > 0) {
          this.recover(index);
          continue;
        }
        if (task === null) continue;
        this.send(index, task);
        given = true;
      }
    }
    if (this.left === 0) return this.end();
    this.wakeLater(now);
  }

  private next(endpoint: number, now: number): number | null {
    const { wanted } = this.options;
    while (this.hasWaiting()) {
      const task = this.fresh < this.tasks.length ? this.fresh++ : (this.returned.shift() as number);
      if (this.finished[task] === 1) continue;
      if (wanted?.(task) !== false) return task;
      this.finish(task);
    }
    const old = this.oldestElsewhere(endpoint);
    return old !== null && now >= this.takeOverAt(endpoint, old) ? old.task : null;
  }

  private hasWaiting(): boolean {
    return this.fresh < this.tasks.length || this.returned.length > 0;
  }

  /** The oldest request that another endpoint holds and no third one repeats. */
  private oldestElsewhere(endpoint: number): Held | null {
    for (const held of this.single) if (held.endpoint !== endpoint && this.finished[held.task] === 0) return held;
    return null;
  }

  private takeOverAt(endpoint: number, { since }: Held): number {
    return since + TAKE_OVER * this.pace(endpoint);
  }

  /** Mean seconds of an endpoint's answers, or of all endpoints' before its first; Infinity before any. */
  private pace(endpoint: number): number {
    const own = this.lanes[endpoint];
    const lanes = own.status.done > 0 ? [own] : this.lanes;
    const done = lanes.reduce((sum, { status }) => sum + status.done, 0);
    return done === 0 ? Infinity : lanes.reduce((sum, { seconds }) => sum + seconds, 0) / done;
  }

  /** Dispatches again when a rest ends or a task can be taken over. */
  private wakeLater(now: number): void {
    let at = Infinity;
    for (const [index, lane] of this.lanes.entries()) {
      if (lane.status.down) continue;
      if (lane.restsUntil > now) at = Math.min(at, lane.restsUntil);
      else if (!this.hasWaiting() && lane.hasRoom(now)) {
        const old = this.oldestElsewhere(index);
        if (old !== null) at = Math.min(at, this.takeOverAt(index, old));
      }
    }
    this.wake?.abort();
    this.wake = null;
    if (!Number.isFinite(at)) return;
    const wake = new AbortController();
    this.wake = wake;
    void this.clock.sleep(Math.max(0.001, at - now), wake.signal).then(() => {
      if (!wake.signal.aborted) this.dispatch();
    });
  }

  private send(endpoint: number, task: number): void {
    const lane = this.lanes[endpoint];
    const held: Held = { task, endpoint, since: this.clock.now(), controller: new AbortController() };
    this.held.add(held);
    if (++this.holders[task] === 1) this.single.add(held);
    else for (const other of this.single) if (other.task === task) this.single.delete(other);
    lane.status.inFlight++;
    if (lane.failures > 0) lane.trial = held;
    this.tell();
    lane.endpoint.run(this.tasks[task], held.controller.signal).then(
      (result) => this.answered(held, result),
      (error: unknown) => this.failed(held, error),
    );
  }

  private released(held: Held): Lane<T, R> {
    const lane = this.lanes[held.endpoint];
    this.held.delete(held);
    this.single.delete(held);
    if (--this.holders[held.task] === 1)
      for (const other of this.held) if (other.task === held.task) this.single.add(other);
    lane.status.inFlight--;
    if (lane.trial === held) lane.trial = null;
    return lane;
  }

  private answered(held: Held, result: R): void {
    const lane = this.released(held);
    const { endpoint } = lane;
    lane.failures = 0;
    lane.limit = Math.min(endpoint.concurrency, lane.limit + 1 / lane.limit);
    if (this.over) return;
    if (this.finished[held.task] === 0) {
      lane.seconds += this.clock.now() - held.since;
      lane.status.done++;
      this.finish(held.task);
      for (const other of this.held) if (other.task === held.task) other.controller.abort();
      try {
        this.options.onResult(held.task, result, held.endpoint);
      } catch (error) {
        return this.fail(error);
      }
    }
    this.tell();
    this.dispatch();
  }

  private finish(task: number): void {
    if (this.finished[task] === 1) return;
    this.finished[task] = 1;
    this.left--;
  }

  private failed(held: Held, error: unknown): void {
    const lane = this.released(held);
    if (this.over) return;
    const open = this.finished[held.task] === 0;
    if (open && this.holders[held.task] === 0) this.returned.push(held.task);
    // The queue aborted it: another endpoint has answered, the task is not wanted, or the endpoint is down.
    if (held.controller.signal.aborted) {
      this.tell();
      return this.dispatch();
    }
    const failure = lane.endpoint.classify(error);
    this.endpointFailed(held.endpoint, failure, held.since);
    if (open && failure.kind === 'transient' && failure.lost !== true && failure.busy !== true)
      this.taskFailed(held, failure);
    this.tell();
    this.dispatch();
  }

  /** Ends the queue if a task fails repeatedly while others succeed. */
  private taskFailed({ task, endpoint }: Held, { message }: QueueFailure): void {
    const failures = (this.failures.get(task) ?? 0) + 1;
    this.failures.set(task, failures);
    if (failures <= this.options.retries || this.over) return;
    const what = this.options.nameTask?.(this.tasks[task]) ?? `request ${task}`;
    this.fail(
      new UserError(
        `${what} failed ${failures} times; at last ${this.lanes[endpoint].endpoint.name} ${message}; everything finished before is kept`,
      ),
    );
  }

  /** @param since time at which the failed request was sent */
  private endpointFailed(index: number, failure: QueueFailure, since: number): void {
    const lane = this.lanes[index];
    const { status } = lane;
    if (status.down) return;
    status.problem = failure.message;
    if (failure.kind === 'fault') return this.down(lane);
    status.retried++;
    lane.lost ||= failure.lost === true;
    // Requests that were in flight together fail together, and count as one failure.
    if (since < lane.failedAt) return;
    const now = this.clock.now();
    lane.failedAt = now;
    if (failure.busy === true) lane.limit = Math.max(1, lane.limit / 2);
    if (++lane.failures > this.options.retries) return this.down(lane);
    const after = failure.retryAfter ?? NaN;
    const rest = after > 0 ? after : 0.25 * 2 ** (lane.failures - 1);
    lane.restsUntil = now + Math.min(MAX_REST, rest);
  }

  private down(lane: Lane<T, R>): void {
    lane.status.down = true;
    for (const held of this.held) if (this.lanes[held.endpoint] === lane) held.controller.abort();
    const alive = this.lanes.some(({ status }) => !status.down);
    if (alive) return;
    const one = this.lanes.length === 1;
    const problems = this.lanes.map(({ endpoint, status }) => `${endpoint.name} ${status.problem ?? 'failed'}`);
    const shown = [...problems.slice(0, 4), ...(problems.length > 4 ? [`and ${problems.length - 4} more`] : [])];
    this.fail(
      new UserError(
        `${one ? 'the sampling server is' : `all ${this.lanes.length} sampling servers are`} unusable: ${shown.join('; ')}; everything finished before is kept, and retry continues`,
      ),
    );
  }

  /** Verifies a lost endpoint before it is used again. */
  private recover(index: number): void {
    const lane = this.lanes[index];
    const { endpoint } = lane;
    if (endpoint.recover === undefined) {
      lane.lost = false;
      return this.dispatch();
    }
    lane.recovering = true;
    const since = this.clock.now();
    endpoint.recover(this.ending.signal).then(
      () => {
        lane.recovering = false;
        lane.lost = false;
        lane.failures = 0;
        this.tell();
        this.dispatch();
      },
      (error: unknown) => {
        lane.recovering = false;
        if (this.over) return;
        this.endpointFailed(index, endpoint.classify(error), Math.max(since, lane.failedAt));
        this.tell();
        this.dispatch();
      },
    );
  }

  private tell(): void {
    this.options.onStatus?.(this.lanes.map(({ status }) => ({ ...status })));
  }
}
