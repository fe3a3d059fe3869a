/** The engine's feed to trackers: what it writes, and that a failure stops nothing. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { TrackedRun } from '../../src/core/trackers.js';
import { UserError } from '../../src/core/errors.js';
import type { Core } from '../../src/engine/core.js';
import { TrackerFeed } from '../../src/engine/trackers.js';
import type { EngineEvent } from '../../src/protocol/messages.js';
import type { Tracker } from '../../src/run/trackers/tracker.js';
import { finished, metrics, round } from '../components/fixtures.js';
import { quickConfig, temporaryFolder } from './runs.js';

let tell: (event: EngineEvent) => void = () => {};
let emitted: EngineEvent[];
let core: Core;

beforeEach(() => {
  vi.useFakeTimers();
  emitted = [];
  const config = quickConfig(temporaryFolder());
  const rounds = [finished(0, 1, 40), { ...round(1, 'update'), parent: 0 }];
  core = {
    run: { directory: '/runs/mine', config, rounds, files: { file: () => '/nowhere' } },
    view: { metrics: metrics.slice(0, 2) },
    round: rounds[1],
    listen: (listener: (event: EngineEvent) => void) => (tell = listener),
    emit: (event: EngineEvent) => emitted.push(event),
  } as unknown as Core;
});
afterEach(() => vi.useRealTimers());

class Recorder implements Tracker {
  readonly name = 'recorder';
  readonly written: TrackedRun[] = [];
  closed = false;

  constructor(private readonly problem: string | null = null) {}

  write(tracked: TrackedRun): Promise<void> {
    if (this.problem !== null) return Promise.reject(new UserError(this.problem));
    this.written.push(tracked);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

it('writes everything at first, then what changes, and ends its trackers', async () => {
  const recorder = new Recorder();
  const feed = new TrackerFeed(core, [recorder]);
  await vi.advanceTimersByTimeAsync(2000);
  // Round 1 has no file of metrics here, so nothing of it was missed.
  expect(recorder.written.map(({ name, points }) => [name, points.length])).toEqual([['rounds', 1]]);
  for (const row of metrics.slice(0, 2)) tell({ type: 'step', round: 1, metrics: row });
  await vi.advanceTimersByTimeAsync(2000);
  expect(recorder.written.slice(1).map(({ name, points }) => [name, points.length])).toEqual([['round-0001', 2]]);
  tell({ type: 'round', round: finished(1, 2, 41) });
  await feed.close();
  expect(recorder.written.at(-1)?.name).toBe('rounds');
  expect(recorder.closed).toBe(true);
});

it('reports a tracker that fails once, and the others go on', async () => {
  const [broken, recorder] = [new Recorder('no route to host'), new Recorder()];
  const feed = new TrackerFeed(core, [broken, recorder]);
  await vi.advanceTimersByTimeAsync(2000);
  tell({ type: 'step', round: 1, metrics: metrics[0] });
  await vi.advanceTimersByTimeAsync(2000);
  expect(emitted).toEqual([
    {
      type: 'warning',
      message: expect.stringMatching(
        /^recorder gets no more metrics, the run continues: no route to host; `.*track \/runs\/mine` writes them later$/,
      ) as string,
    },
  ]);
  expect(recorder.written.map(({ name }) => name)).toEqual(['rounds', 'round-0001']);
  await feed.close();
});
