/** The queue of attempts over a computation that the test plays: order, crashes, failures, aborts, deletions. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src/protocol/messages.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, dropped, evaluation, metrics, pair } from './fakes.js';

const fresh = temporaryDirectories();
let b: Bench;

beforeEach(async () => {
  b = new Bench(Run.create(path.join(fresh(), 'run'), config));
  await b.toReview();
  for (const name of ['samples', 'scores', 'pairs', 'review', 'decisions'])
    writeFileSync(b.run.files.file(1, `${name}.jsonl`), '');
});

const alphas = (...values: number[]) => values.map((alpha) => ({ 'dpo.alpha': alpha }));
const queue = (bench = b, ...values: number[]) =>
  bench.command({ type: 'enqueue', round: 1, settings: alphas(...values) });
const waiting = (bench = b) => bench.run.queue.waiting.map(({ settings }) => settings['dpo.alpha']);
const list = (bench = b) => bench.run.rounds.map(({ id, stage, redo_of }) => `${id} ${stage} ${redo_of ?? ''}`.trim());
async function attempt(bench: Bench, round: number, alpha: number): Promise<void> {
  expect(bench.running('update').round).toMatchObject({ id: round, redo_of: 1, data_of: 1, settings: { alpha } });
  await bench.finish('update', { steps: 9, outcome: 'done' });
  await bench.finish('evaluate', evaluation);
}
const events = <T extends EngineEvent['type']>(type: T) =>
  b.events.filter((event): event is Extract<EngineEvent, { type: T }> => event.type === type);

describe('attempts queued while a round is in review', () => {
  it('are made one after the other once it is done; then the round is the current one again', async () => {
    await queue(b, 0, 0.05);
    expect(b.activity).toBe('idle');
    expect(b.engine.snapshot().queue).toMatchObject({ running: null, held: false });
    expect(waiting()).toEqual([0, 0.05]);
    await b.toDone();
    await attempt(b, 2, 0);
    expect(waiting()).toEqual([]);
    expect(b.run.queue.running).toBe(3);
    await attempt(b, 3, 0.05);
    expect(list()).toEqual(['0 done', '1 done', '2 done 1', '3 done 1']);
    expect(b.run.current).toBe(1);
    expect(b.run.queue).toMatchObject({ waiting: [], running: null });
    expect(b.activity).toBe('idle');
    expect(events('snapshot').at(-1)?.snapshot.queue).toEqual(b.run.queue);
    // The next round starts from the round that was repeated, not from its last attempt.
    await b.command({ type: 'next-round' });
    expect(b.running('sample').round).toMatchObject({ id: 4, parent: 1 });
  });

  it('take the pairs and decisions that the round has by then', async () => {
    await queue(b, 0.05);
    writeFileSync(b.run.files.file(1, 'decisions.jsonl'), '');
    await b.command({ type: 'set', settings: { beta: 0.3 } });
    await b.toDone();
    expect(b.running('update').round.settings).toMatchObject({ alpha: 0.05, beta: 0.3 });
  });

  it('can begin before it is launched, if a person continues the queue', async () => {
    await queue(b, 0.05);
    await b.command({ type: 'hold-queue', held: false });
    await attempt(b, 2, 0.05);
    expect(list()).toEqual(['0 done', '1 review', '2 done 1']);
    expect(b.run.current).toBe(1);
  });

  it('begin at once if the round is done', async () => {
    await b.toDone();
    await queue(b, 0.05);
    await attempt(b, 2, 0.05);
    expect(b.run.current).toBe(1);
  });

  it('whose pairs are made anew are launched without a person', async () => {
    await b.command({ type: 'enqueue', round: 1, settings: [{ 'pairs.strategy': 'best-random' }] });
    await b.toDone();
    await b.finish('score', { pairs: [pair, pair], review: [], dropped });
    expect(b.running('update').round).toMatchObject({ id: 2, overrides: { pairs: { strategy: 'best-random' } } });
  });
});

describe('the queue', () => {
  it('is on the disk before it is acknowledged, and survives the engine at every point', async () => {
    await queue(b, 0, 0.05, 0.1);
    // Each engine is left where it is, as kill -9 leaves it.
    const restarted = async () => {
      const next = new Bench(Run.open(b.run.directory));
      await next.start();
      return next;
    };
    const inReview = await restarted();
    expect(inReview.compute.job).toBe(null);
    await inReview.toDone();
    const inFirst = await restarted();
    await attempt(inFirst, 2, 0);
    inFirst.running('update').report({ type: 'step', metrics: metrics(1) });
    const inSecond = await restarted();
    expect(waiting(inSecond)).toEqual([0.1]);
    await attempt(inSecond, 3, 0.05);
    const inThird = await restarted();
    await attempt(inThird, 4, 0.1);
    expect(list(inThird)).toEqual(['0 done', '1 done', '2 done 1', '3 done 1', '4 done 1']);
    const after = await restarted();
    expect(after.compute.job).toBe(null);
    expect(after.run.current).toBe(1);
  });

  it('changes order, loses attempts, and is journalled', async () => {
    await queue(b, 0, 0.05, 0.1);
    const ids = b.run.queue.waiting.map(({ id }) => id);
    await b.command({ type: 'move-queued', attempt: ids[2], to: 0 });
    expect(waiting()).toEqual([0.1, 0, 0.05]);
    await b.command({ type: 'move-queued', attempt: ids[2], to: 99 });
    expect(waiting()).toEqual([0, 0.05, 0.1]);
    await b.command({ type: 'dequeue', attempts: [ids[0], ids[2]] });
    expect(waiting()).toEqual([0.05]);
    expect(() => b.engine.handle({ type: 'dequeue', attempts: [ids[0]] })).toThrow('not queued any more');
    expect(() => b.engine.handle({ type: 'move-queued', attempt: ids[0], to: 0 })).toThrow('not queued any more');
    const { journal } = JSON.parse(readFileSync(path.join(b.run.directory, 'run.json'), 'utf8')) as {
      journal: { action: string }[];
    };
    expect(journal.map(({ action }) => action)).toEqual(['enqueue', 'dequeue']);
    // Ids are never given twice.
    await queue(b, 0.2);
    expect(b.run.queue.waiting.at(-1)?.id).toBe(ids[2] + 1);
  });

  it('refuses what cannot be used, and what is there already', async () => {
    const refuse = (settings: Record<string, unknown>[], round = 1) =>
      expect(() => b.engine.handle({ type: 'enqueue', round, settings }));
    refuse(alphas(-1)).toThrow('dpo.alpha');
    refuse([{ 'sampling.temperature': 1 }]).toThrow('sampling.temperature: cannot change');
    refuse(alphas(0), 0).toThrow('the base policy has no update');
    refuse([]).toThrow('no settings were given');
    refuse(alphas(0), 7).toThrow('has no round 7');
    await queue(b, 0.05);
    refuse(alphas(0.05)).toThrow('has attempts with these settings already');
    await b.toDone();
    // The round itself has 0.02.
    refuse(alphas(0.02)).toThrow('has attempts with these settings already');
    await queue(b, 0.02, 0.1);
    expect(waiting()).toEqual([0.1]);
  });

  it('begins nothing while it is held', async () => {
    await queue(b, 0, 0.05);
    await b.command({ type: 'hold-queue', held: true });
    await b.toDone();
    expect(b.activity).toBe('idle');
    await b.command({ type: 'hold-queue', held: false });
    await b.command({ type: 'hold-queue', held: true });
    await attempt(b, 2, 0);
    expect(b.activity).toBe('idle');
    expect(b.run.current).toBe(1);
    expect(waiting()).toEqual([0.05]);
  });

  it('waits for a person where an attempt fails, and goes on after a retry', async () => {
    await queue(b, 0, 0.05);
    await b.toDone();
    await b.fail('update', 'no memory');
    expect(b.engine.snapshot().engine.problem).toContain('no memory');
    expect(b.run.queue.running).toBe(2);
    await b.command({ type: 'retry' });
    await attempt(b, 2, 0);
    await attempt(b, 3, 0.05);
  });

  it('is held by the abort of an attempt, which is then in review', async () => {
    await queue(b, 0, 0.05);
    await b.toDone();
    await b.command({ type: 'abort' });
    await b.finish('update', { steps: 3, outcome: 'aborted' });
    expect(b.run.round(2)).toMatchObject({ stage: 'review' });
    expect(b.run.queue).toMatchObject({ running: null, held: true });
    expect(b.compute.job).toBe(null);
    await b.command({ type: 'hold-queue', held: false });
    await attempt(b, 3, 0.05);
  });

  it('drops what can no longer be made, and says so', async () => {
    await queue(b, 0.05, 0.1);
    await b.toDone();
    // By the time it begins, a person has done the same.
    await b.command({ type: 'enqueue', round: 2, settings: alphas(0.3) });
    await b.command({ type: 'pause' });
    await b.command({ type: 'resume' });
    await attempt(b, 2, 0.05);
    expect(b.run.queue.running).toBe(3);
    await b.finish('update', { steps: 9, outcome: 'done' });
    await b.finish('evaluate', evaluation);
    expect(b.running('update').round).toMatchObject({ id: 4, redo_of: 2, settings: { alpha: 0.3 } });
    await b.command({ type: 'enqueue', round: 2, settings: alphas(0.4) });
    await b.command({ type: 'abort' });
    await b.finish('update', { steps: 3, outcome: 'aborted' });
    await b.command({ type: 'delete-round', round: 2 });
    expect(waiting()).toEqual([]);
    expect(events('queue').at(-1)?.queue.waiting).toEqual([]);
  });
});

it('a damaged queue in run.json is reported, and the run opens without it', () => {
  const file = path.join(b.run.directory, 'run.json');
  const data = JSON.parse(readFileSync(file, 'utf8')) as { queue: unknown };
  writeFileSync(file, JSON.stringify({ ...data, queue: { waiting: [{ id: 'x' }] } }));
  const opened = Run.open(b.run.directory);
  expect(opened.queue.waiting).toEqual([]);
  expect(opened.problems.join()).toContain('`queue.waiting.0.id`');
});
