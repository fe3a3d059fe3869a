/** The work queue on a clock of its own: balance, stragglers, failures, the control. Times are seconds. */
import { describe, expect, it } from 'vitest';
import type { ControlSignal } from '../../../src/core/control.js';
import {
  type EndpointStatus,
  type QueueClock,
  type QueueEndpoint,
  type QueueFailure,
  type QueueOptions,
  runQueue,
} from '../../../src/remote/servers/queue.js';

/** Time passes only once everybody waits for it. */
class VirtualClock implements QueueClock {
  private time = 0;
  private readonly sleepers: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.time;
  }

  sleep(seconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', cancel);
        resolve();
      };
      const sleeper = { at: this.time + seconds, wake };
      const cancel = () => {
        const at = this.sleepers.indexOf(sleeper);
        if (at >= 0) this.sleepers.splice(at, 1);
        wake();
      };
      this.sleepers.push(sleeper);
      signal.addEventListener('abort', cancel);
    });
  }

  /** Lets time pass until the work has ended. */
  async until<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const end = () => (ended = true);
    work.then(end, end);
    while (!ended) {
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
      this.sleepers.sort((a, b) => a.at - b.at);
      const next = this.sleepers.shift();
      if (next === undefined) continue;
      this.time = next.at;
      next.wake();
    }
    return work;
  }
}

class Failed extends Error {
  constructor(readonly failure: QueueFailure) {
    super(failure.message);
  }
}
const transient = (message = 'answered 500', more: Partial<QueueFailure> = {}) =>
  new Failed({ kind: 'transient', message, ...more });

interface Bench {
  clock: VirtualClock;
  /** Which endpoint answered each task. */
  by: number[];
  /** Requests of each endpoint: when, and which task. */
  sent: { at: number; task: number }[][];
  status: readonly EndpointStatus[];
  seconds: number;
}

type Serve = (task: number, request: number, now: number) => number | Failed;

/** Runs so many tasks; an endpoint says how long a request takes, or how it fails at once. */
async function run(
  tasks: number,
  endpoints: { concurrency?: number; serve: Serve; recover?: () => Promise<void> }[],
  options: Partial<QueueOptions<number, number>> = {},
): Promise<Bench & { outcome: string; error: string }> {
  const clock = new VirtualClock();
  const bench: Bench = { clock, by: [], sent: endpoints.map(() => []), status: [], seconds: 0 };
  const lanes = endpoints.map(({ concurrency = 2, serve, recover }, index): QueueEndpoint<number, number> => {
    return {
      ...{ name: `server ${index}`, concurrency, recover },
      async run(task, signal) {
        const sent = bench.sent[index];
        sent.push({ at: clock.now(), task });
        const takes = serve(task, sent.length - 1, clock.now());
        if (takes instanceof Failed) {
          await clock.sleep(0.01, signal);
          throw takes;
        }
        await clock.sleep(takes, signal);
        if (signal.aborted) throw new Error('aborted');
        return task;
      },
      classify: (error) => (error as Failed).failure,
    };
  });
  let error = '';
  const outcome = await clock
    .until(
      runQueue(
        Array.from({ length: tasks }, (_, task) => task),
        lanes,
        {
          retries: 3,
          clock,
          onResult(task, result, endpoint) {
            expect(result).toBe(task);
            expect(bench.by[task]).toBeUndefined();
            bench.by[task] = endpoint;
          },
          onStatus: (status) => (bench.status = status),
          ...options,
        },
      ),
    )
    .catch((thrown: Error) => {
      error = thrown.message;
      return 'failed';
    });
  return { ...bench, seconds: clock.now(), outcome, error };
}

const answered = (by: readonly number[], endpoint: number) => by.filter((it) => it === endpoint).length;
const steady = (seconds: number) => ({ serve: () => seconds });

describe('balance', () => {
  it('gives each endpoint work as it has room, so that a faster one does more', async () => {
    const { by, seconds, outcome } = await run(60, [steady(1), steady(3)]);
    expect(outcome).toBe('done');
    expect(answered(by, 0)).toBeGreaterThanOrEqual(44);
    // 60 tasks at 2/1 + 2/3 per second take 22.5 s at best.
    expect(seconds).toBeLessThan(24.5);
  });

  it('keeps to the limit of each endpoint and sends in order', async () => {
    const { sent } = await run(12, [{ concurrency: 3, serve: () => 1 }]);
    expect(sent[0].map(({ task }) => task)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(sent[0].filter(({ at }) => at < 0.5)).toHaveLength(3);
  });

  it('lets idle endpoints repeat what a slow one holds, once, and takes the first answer', async () => {
    const { by, seconds, sent } = await run(20, [steady(1), steady(1000)]);
    expect(answered(by, 1)).toBe(0);
    expect(sent[1]).toHaveLength(2);
    expect(sent[0]).toHaveLength(20);
    expect(seconds).toBeLessThan(15);
  });

  it('does not repeat requests that are no slower than usual', async () => {
    const { sent } = await run(20, [steady(1), steady(1.2)]);
    expect(sent[0].length + sent[1].length).toBe(20);
  });
});

describe('failures', () => {
  it('rests after one, tests the endpoint with one request, and then sends as before', async () => {
    const broken: Serve = (_, request) => (request < 4 ? transient() : 1);
    const { sent, outcome, status } = await run(10, [{ concurrency: 3, serve: broken }]);
    expect(outcome).toBe('done');
    const times = sent[0].map(({ at }) => at);
    // Three at once, then one test after 0.25 s that fails, then one that succeeds, then three at a time.
    expect(times.filter((at) => at < 0.1)).toHaveLength(3);
    expect(times[3]).toBeCloseTo(0.26, 2);
    expect(times[4]).toBeCloseTo(0.77, 2);
    expect(times.filter((at) => at > 0.8 && at < 2)).toHaveLength(3);
    expect(status[0]).toMatchObject({ down: false, done: 10, problem: 'answered 500' });
  });

  it('waits as long as the server asks and sends less after 429', async () => {
    const busy: Serve = (_, request) => (request < 4 ? transient('answered 429', { busy: true, retryAfter: 7 }) : 1);
    const { sent } = await run(9, [{ concurrency: 4, serve: busy }]);
    expect(sent[0][4].at).toBeCloseTo(7.01, 2);
    expect(sent[0].filter(({ at }) => at > 8 && at < 8.5)).toHaveLength(2);
  });

  it('takes an endpoint that keeps failing down and gives its tasks to the others', async () => {
    const dead: Serve = () => transient('cannot be reached', { lost: true });
    const { by, status, outcome } = await run(30, [steady(1), { serve: dead }]);
    expect(outcome).toBe('done');
    expect(answered(by, 0)).toBe(30);
    expect(status[1]).toMatchObject({ down: true, problem: 'cannot be reached' });
  });

  it('takes one with a fault down at once', async () => {
    const fault: Serve = () => new Failed({ kind: 'fault', message: 'counts ids differently' });
    const { sent, status, outcome } = await run(10, [steady(1), { serve: fault }]);
    expect(outcome).toBe('done');
    expect(sent[1]).toHaveLength(2);
    expect(status[1].down).toBe(true);
  });

  it('fails in one sentence when all are down, and names each', async () => {
    const dead = (message: string) => ({ serve: (() => transient(message, { lost: true })) as Serve });
    const { error } = await run(10, [dead('cannot be reached'), dead('answered 503')]);
    expect(error).toBe(
      'all 2 sampling servers are unusable: server 0 cannot be reached; server 1 answered 503; everything finished before is kept, and retry continues',
    );
  });

  it('fails on a task that fails wherever it is sent, while others succeed', async () => {
    const poison: Serve = (task) => (task === 4 ? transient('answered 500 bad input') : 1);
    const { error, by } = await run(40, [{ serve: poison }, { serve: poison }], {
      nameTask: (task) => `prompt ${task}`,
    });
    expect(error).toMatch(/^prompt 4 failed 4 times; at last server [01] answered 500 bad input/);
    expect(by.filter((it) => it !== undefined).length).toBeGreaterThan(10);
  });

  it('proves an endpoint that was lost before it gets work again', async () => {
    const proofs: number[] = [];
    const lost: Serve = (_, request) => (request === 0 ? transient('cannot be reached', { lost: true }) : 1);
    const { sent, outcome } = await run(4, [{ concurrency: 1, serve: lost, recover: async () => void proofs.push(1) }]);
    expect(outcome).toBe('done');
    expect(proofs).toHaveLength(1);
    const refused = await run(4, [
      {
        ...{ concurrency: 1, serve: lost },
        recover: () => Promise.reject(new Failed({ kind: 'fault', message: 'holds other weights' })),
      },
    ]);
    expect(refused.error).toMatch(/^the sampling server is unusable: server 0 holds other weights/);
    expect(sent[0].length).toBe(5);
  });
});

describe('the control', () => {
  it('stops and aborts without waiting for requests in flight', async () => {
    for (const [verdict, outcome] of [
      ['stop', 'stopped'],
      ['abort', 'aborted'],
    ] as const) {
      let asked = 0;
      const control = { point: async (): Promise<ControlSignal> => (++asked > 20 ? verdict : 'go') };
      const result = await run(1000, [steady(1)], { control });
      expect(result.outcome).toBe(outcome);
      expect(result.by.length).toBeGreaterThan(0);
      expect(result.seconds).toBeLessThan(10);
    }
  });

  it('sends nothing while it is paused, and takes the answers that come', async () => {
    let resume: () => void = () => {};
    let asked = 0;
    const clock = new VirtualClock();
    const sent: number[] = [];
    const got: number[] = [];
    const control = {
      point: (): Promise<ControlSignal> =>
        ++asked === 4 ? new Promise((resolve) => (resume = () => resolve('go'))) : Promise.resolve('go'),
    };
    const endpoint: QueueEndpoint<number, number> = {
      ...{ name: 'server', concurrency: 2 },
      async run(task, signal) {
        sent.push(task);
        await clock.sleep(1, signal);
        return task;
      },
      classify: (error) => (error as Failed).failure,
    };
    const work = runQueue([0, 1, 2, 3, 4, 5, 6, 7], [endpoint], {
      ...{ retries: 0, clock, control },
      onResult: (task) => got.push(task),
    });
    const later = (async () => {
      while (asked < 4 || got.length < 2) await new Promise((resolve) => setImmediate(resolve));
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      const paused = [sent.length, got.length];
      resume();
      return paused;
    })();
    expect(await clock.until(work)).toBe('done');
    expect(await later).toEqual([2, 2]);
    expect(got).toHaveLength(8);
  });

  it('drops tasks that nobody wants any more, begun or not', async () => {
    let most = Infinity;
    const { by, sent, outcome } = await run(40, [steady(1)], {
      wanted: (task) => task < most,
      onResult: (task) => task === 9 && (most = 12),
    });
    expect(outcome).toBe('done');
    expect(sent[0].length).toBeLessThanOrEqual(12);
    expect(by).toEqual([]);
  });
});
