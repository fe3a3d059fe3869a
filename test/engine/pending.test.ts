/** Commands that the work has yet to obey: on the disk before they are obeyed, and obeyed by an engine that starts later. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { diskFull, operationsOf } from '../io/operations.js';
import { Bench, config, dropped, evaluation, metrics, pair, sampled } from './fakes.js';

const fresh = temporaryDirectories();
const bench = () => new Bench(Run.create(path.join(fresh(), 'run'), config));
const pendingOf = ({ run }: Bench) => Run.open(run.directory).pending;

/** The engine of `b` was killed; another one starts. */
async function restarted(b: Bench): Promise<Bench> {
  const next = new Bench(Run.open(b.run.directory));
  await next.start();
  return next;
}

async function inUpdate(): Promise<Bench> {
  const b = bench();
  await b.toReview();
  await b.command({ type: 'launch' });
  return b;
}

const step = (b: Bench, number: number) => b.running('update').report({ type: 'step', metrics: metrics(number) });

describe('a pause', () => {
  it('holds in the next engine until it is resumed, and no longer', async () => {
    const b = bench();
    await b.start();
    await b.command({ type: 'pause' });
    const second = await restarted(b);
    expect(second.activity).toBe('paused');
    expect(second.compute.signals).toEqual(['pause']);
    await second.command({ type: 'resume' });
    expect(second.activity).toBe('working');
    const third = await restarted(second);
    expect(third.activity).toBe('working');
    expect(third.compute.signals).toEqual([]);
  });

  it('holds the stage after the one in which it came, also in the next engine', async () => {
    const b = bench();
    await b.start();
    await b.command({ type: 'pause' });
    await b.finish('evaluate', evaluation);
    const next = await restarted(b);
    expect(next.running('sample').round.id).toBe(1);
    expect(next.activity).toBe('paused');
  });

  it('that comes as the last stage ends is forgotten: nothing is left to be held', async () => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.finish('sample', sampled(0));
    await b.command({ type: 'pause' });
    await b.finish('score', { pairs: [pair], review: [], dropped });
    expect(pendingOf(b)).toBe(null);
    await b.command({ type: 'launch' });
    expect(b.activity).toBe('working');
  });
});

describe('stopping sampling', () => {
  it('keeps what the disk has, in the next engine too', async () => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.command({ type: 'stop' });
    const next = await restarted(b);
    expect(next.running('sample').round.id).toBe(1);
    expect(next.compute.signals).toEqual(['stop']);
    await next.finish('sample', { responses: 4, sampled: { prompts: 2, planned: 9, stopped_early: true } });
    expect(next.running('score').round.sampled).toMatchObject({ stopped_early: true });
    expect(pendingOf(next)).toBe(null);
  });

  it('with nothing on the disk says so; a retry samples', async () => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.command({ type: 'stop' });
    const next = await restarted(b);
    await next.finish('sample', { responses: 0, sampled: { prompts: 0, planned: 9, stopped_early: true } });
    expect(next.engine.snapshot().engine.problem).toContain('stopped before any prompt had two responses');
    await next.command({ type: 'retry' });
    expect(next.running('sample').round.id).toBe(1);
    expect(next.compute.signals).toEqual(['stop']);
  });
});

describe('stopping an update', () => {
  it('is finished by the next engine after as many steps', async () => {
    const b = await inUpdate();
    step(b, 1);
    step(b, 2);
    await b.command({ type: 'stop' });
    expect(pendingOf(b)).toEqual({ command: 'stop', round: 1, step: 2 });
    const next = await restarted(b);
    expect(next.running('update').stopAfter).toBe(2);
    await next.finish('update', { steps: 2, outcome: 'stopped' });
    expect(next.run.round(1)).toMatchObject({ stage: 'evaluate', steps: 2, stopped_early: true });
    expect(pendingOf(next)).toBe(null);
  });

  it('survives a failure in between', async () => {
    const b = await inUpdate();
    step(b, 1);
    await b.command({ type: 'stop' });
    await b.fail('update', 'the compute thread ended');
    await b.command({ type: 'retry' });
    expect(b.running('update').stopAfter).toBe(1);
  });
});

describe('aborting an update', () => {
  const left = ['update', 'policy', 'metrics.jsonl', 'probes.jsonl', 'training-pairs.jsonl'];
  const leave = ({ run }: Bench) => {
    for (const name of left.slice(0, 2)) mkdirSync(run.files.file(1, name));
    for (const name of left.slice(2)) writeFileSync(run.files.file(1, name), '');
  };
  const leftOf = ({ run }: Bench) => left.filter((name) => existsSync(run.files.file(1, name)));

  it('is done by the next engine: nothing is trained, nothing is left', async () => {
    const b = await inUpdate();
    step(b, 1);
    leave(b);
    await b.command({ type: 'abort' });
    const next = await restarted(b);
    expect(next.compute.job).toBe(null);
    expect(next.activity).toBe('idle');
    expect(next.engine.snapshot().metrics).toEqual([]);
    expect(Run.open(b.run.directory).round(1)).toMatchObject({ stage: 'review', steps: null });
    expect(leftOf(next)).toEqual([]);
    expect(pendingOf(next)).toBe(null);
    await next.command({ type: 'launch' });
    expect(next.running('update').stopAfter).toBe(undefined);
  });

  it('counts although the last step had been taken when it came', async () => {
    const b = await inUpdate();
    await b.command({ type: 'abort' });
    leave(b);
    await b.finish('update', { steps: 9, outcome: 'done' });
    expect(b.run.round(1)).toMatchObject({ stage: 'review', steps: null });
    expect(leftOf(b)).toEqual([]);
  });

  it('counts although the update fails', async () => {
    const b = await inUpdate();
    await b.command({ type: 'abort' });
    await b.fail('update', 'the loss is not finite');
    expect(b.run.round(1).stage).toBe('review');
    expect(b.engine.snapshot().engine).toMatchObject({ activity: 'idle', problem: null });
  });

  it('deletes the checkpoint for good before run.json returns to review: the next launch must not resume from it', async () => {
    const b = await inUpdate();
    await b.fail('update', 'the loss is not finite');
    leave(b);
    const done = operationsOf(b.run.directory, () => b.engine.handle({ type: 'abort' }));
    const removed = done.indexOf('rm rounds/0001/update');
    const synced = done.indexOf('fsync rounds/0001', removed);
    expect(removed).toBeGreaterThanOrEqual(0);
    expect(synced).toBeGreaterThan(removed);
    expect(done.findIndex((line) => line.startsWith('rename'))).toBeGreaterThan(synced);
  });
});

it('what is being ended can be neither paused nor saved', async () => {
  const b = await inUpdate();
  await b.command({ type: 'stop' });
  expect(() => b.engine.handle({ type: 'pause' })).toThrow('the update is being ended (stop)');
  await b.command({ type: 'abort' });
  expect(() => b.engine.handle({ type: 'stop' })).toThrow('the update is being aborted');
  expect(pendingOf(b)).toMatchObject({ command: 'abort' });
  expect(b.compute.signals).toEqual(['stop', 'abort']);
});

it.each(['pause', 'stop', 'abort'] as const)('a %s that cannot be recorded is refused and not obeyed', async (type) => {
  const b = await inUpdate();
  const attempt = () =>
    operationsOf(
      b.run.directory,
      () => b.engine.handle({ type }),
      (line) => line.startsWith('write run.json') && diskFull(),
    );
  expect(attempt).toThrow('the disk is full');
  expect(b.compute.signals).toEqual([]);
  expect(b.activity).toBe('working');
});

it.each([
  ['set', { type: 'set', settings: { alpha: 0.5 } }],
  ['launch', { type: 'launch' }],
  ['name-round', { type: 'name-round', round: 1, name: 'short' }],
] as const)('%s is one write of run.json, on the disk before the reply', async (action, command) => {
  const b = bench();
  await b.toReview();
  const done = operationsOf(b.run.directory, () => b.engine.handle(command));
  expect(done.filter((line) => /run\.json|fsync/.test(line))).toEqual([
    'create run.json.tmp-*',
    'write run.json.tmp-*',
    'fsync run.json.tmp-*',
    'rename run.json.tmp-* -> run.json',
    'fsync .',
  ]);
  if (action !== 'name-round')
    expect(readFileSync(path.join(b.run.directory, 'run.json'), 'utf8')).toContain(`"action": "${action}"`);
});
