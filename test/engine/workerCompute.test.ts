/** The thread that computes, played by the test: answers, and a death from which a new one is started. */
import type { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { signal, type WorkMessage, words, WorkerCompute } from '../../src/engine/compute.js';
import { newRound } from '../../src/core/rounds.js';
import { config, sampled } from './fakes.js';

const threads = vi.hoisted(() => [] as FakeWorker[]);

interface FakeWorker extends EventEmitter {
  word: Int32Array;
  posted: { id: number; stage: string }[];
  terminated: boolean;
}

vi.mock('node:worker_threads', async () => {
  const { EventEmitter: Emitter } = await import('node:events');
  return {
    Worker: class extends Emitter {
      word: Int32Array;
      posted: unknown[] = [];
      constructor(_file: URL, options: { workerData: { word: Int32Array } }) {
        super();
        this.word = options.workerData.word;
        threads.push(this as unknown as FakeWorker);
      }
      postMessage(message: unknown) {
        this.posted.push(message);
      }
      terminated = false;
      terminate() {
        this.terminated = true;
        return Promise.resolve(1);
      }
    },
  };
});

const round = newRound(1, 0, { alpha: 0, beta: 0.1, lr: 1e-6 });
const task = { round, branch: [round] };
const ignored = () => {};
let compute: WorkerCompute;

beforeEach(() => {
  threads.length = 0;
  compute = new WorkerCompute({ config, directory: '/run', onBackend: ignored });
});

const say = (message: WorkMessage) => threads.at(-1)?.emit('message', message);

it('gives what the thread reports and ends with its result', async () => {
  const reports: unknown[] = [];
  const result = compute.run('sample', task, (report) => reports.push(report));
  const { id } = threads[0].posted[0];
  say({ type: 'report', report: { type: 'rewards', rewards: [{ prompt_index: 0, sample: 0, reward: 1 }] } });
  say({ type: 'done', id, result: sampled(4) });
  expect(await result).toEqual(sampled(4));
  expect(reports).toEqual([{ type: 'rewards', rewards: [{ prompt_index: 0, sample: 0, reward: 1 }] }]);
});

it('lets a stop in flight end when it is closed, instead of suspending', async () => {
  const result = compute.run('sample', task, ignored);
  compute.stop();
  const closed = compute.close();
  expect(Atomics.load(threads[0].word, words.steering)).toBe(signal.stop);
  expect(threads[0].terminated).toBe(false);
  say({ type: 'done', id: threads[0].posted[0].id, result: sampled(4) });
  expect(await result).toEqual(sampled(4));
  await closed;
  expect(threads[0].terminated).toBe(true);
});

it('keeps the thread after a failure', async () => {
  const failing = compute.run('sample', task, ignored);
  say({ type: 'failed', id: threads[0].posted[0].id, message: 'the disk is full', lost: false });
  await expect(failing).rejects.toThrow('the disk is full');
  expect(compute.lost).toBe(false);
  void compute.run('sample', task, ignored);
  expect(threads).toHaveLength(1);
});

it('knows when the device is lost', async () => {
  const failing = compute.run('update', task, ignored);
  say({ type: 'failed', id: threads[0].posted[0].id, message: 'the GPU could not finish', lost: true });
  await expect(failing).rejects.toThrow('the GPU could not finish');
  expect(compute.lost).toBe(true);
});

it('starts a new thread after one that died, whose late end does not touch the new one’s work', async () => {
  const dying = compute.run('update', task, ignored);
  threads[0].emit('error', new Error('Worker terminated due to reaching memory limit'));
  await expect(dying).rejects.toThrow(/compute thread ended unexpectedly \(Worker terminated .*\); everything/);
  const again = compute.run('update', task, ignored);
  expect(threads).toHaveLength(2);
  threads[0].emit('exit', 1);
  say({ type: 'done', id: threads[1].posted[0].id, result: { steps: 2, outcome: 'done' } });
  expect(await again).toEqual({ steps: 2, outcome: 'done' });
});

it('steers by one shared word that each stage begins anew', () => {
  void compute.run('sample', task, ignored).catch(ignored);
  const { word } = threads[0];
  for (const name of ['pause', 'stop', 'abort'] as const) {
    compute[name]();
    expect(word[0]).toBe(signal[name]);
  }
  compute.resume();
  expect(word[0]).toBe(signal.go);
  compute.stop();
  say({ type: 'done', id: threads[0].posted[0].id, result: sampled(1) });
  void compute.run('score', task, ignored).catch(ignored);
  expect(word[0]).toBe(signal.go);
});

describe('ending', () => {
  it('waits for the checkpoint of an update, whose end is told', async () => {
    const update = compute.run('update', task, ignored);
    const closed = compute.close();
    expect(threads[0].word[words.steering]).toBe(signal.suspend);
    expect(threads[0].terminated).toBe(false);
    say({ type: 'failed', id: threads[0].posted[0].id, message: 'suspended', lost: false });
    await expect(update).rejects.toThrow('suspended');
    await closed;
    expect(threads[0].terminated).toBe(true);
  });

  it('takes an update that was just done', async () => {
    const update = compute.run('update', task, ignored);
    const closed = compute.close();
    say({ type: 'done', id: threads[0].posted[0].id, result: { steps: 3, outcome: 'done' } });
    expect(await update).toEqual({ steps: 3, outcome: 'done' });
    await closed;
  });

  it('waits for an update no longer than half a minute, and for nothing else', async () => {
    vi.useFakeTimers();
    const refused = expect(compute.run('update', task, ignored)).rejects.toThrow('the engine ends');
    const late = compute.close();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(threads[0].terminated).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    await late;
    await refused;
    vi.useRealTimers();
    const sampling = expect(compute.run('sample', task, ignored)).rejects.toThrow('the engine ends');
    await compute.close();
    await sampling;
    expect(threads[1].terminated).toBe(true);
  });
});

it('tells the thread how many samples are enough, until the stage ends', () => {
  void compute.run('sample', task, ignored).catch(ignored);
  compute.fewerSamples(2);
  expect(threads[0].word[words.enough]).toBe(2);
  say({ type: 'done', id: threads[0].posted[0].id, result: sampled(1) });
  void compute.run('sample', task, ignored).catch(ignored);
  expect(threads[0].word[words.enough]).toBe(0);
});
