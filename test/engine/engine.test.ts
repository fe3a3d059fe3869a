/** The state machine over a computation that the test plays: stages, settings, pausing, failing, taking up again. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, dropped, evaluation, metrics, pair, response, sampled } from './fakes.js';

const fresh = temporaryDirectories();
const newRun = () => Run.create(path.join(fresh(), 'run'), config);
const bench = () => new Bench(newRun());
/** What a new process would find on disk. */
const stored = ({ run }: Bench) => Run.open(run.directory).rounds;
const journal = ({ run }: Bench) => {
  const { journal } = JSON.parse(readFileSync(path.join(run.directory, 'run.json'), 'utf8')) as {
    journal: { action: string }[];
  };
  return journal.map(({ action }) => action);
};

describe('a run', () => {
  it('evaluates the base, then takes rounds through their stages and waits at review and at the end', async () => {
    const b = bench();
    await b.start();
    expect(stored(b)).toMatchObject([{ id: 0, parent: null, stage: 'evaluate' }]);
    await b.finish('evaluate', evaluation);
    expect(stored(b)).toMatchObject([
      { id: 0, stage: 'done', evaluation },
      { id: 1, parent: 0, stage: 'sample', settings: { alpha: 0.02, beta: 0.1, lr: 1e-6 } },
    ]);
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs: [pair], review: [], dropped });
    expect(b.compute.job).toBeNull();
    expect(b.activity).toBe('idle');
    expect(stored(b)[1]).toMatchObject({ stage: 'review', pairs: 1, dropped });
    await b.command({ type: 'launch' });
    await b.finish('update', { steps: 9, outcome: 'done' });
    expect(stored(b)[1]).toMatchObject({ stage: 'evaluate', steps: 9, stopped_early: false });
    await b.finish('evaluate', { ...evaluation, round: 1 });
    expect(b.activity).toBe('idle');
    expect(stored(b)[1]).toMatchObject({ stage: 'done', evaluation: { round: 1 } });
    expect(Object.keys(stored(b)[1].seconds)).toEqual(['sample', 'score', 'update', 'evaluate']);
    await b.command({ type: 'next-round', settings: { alpha: 0.5 } });
    expect(stored(b)[2]).toMatchObject({ id: 2, parent: 1, settings: { alpha: 0.5, beta: 0.1, lr: 1e-6 } });
    expect(b.running('sample').round.id).toBe(2);
  });

  it('is on disk before clients hear of it', async () => {
    const run = newRun();
    const b = new Bench(run);
    const seen: boolean[] = [];
    b.engine.listen((event) => {
      if (event.type === 'round') seen.push(Run.open(run.directory).round(event.round.id).stage === event.round.stage);
    });
    await b.toReview();
    expect(seen).toEqual([true, true, true, true, true]);
  });

  it.each(['evaluate', 'sample', 'score', 'review'] as const)('is taken up again in %s', async (stage) => {
    const b = bench();
    await b.start();
    if (stage !== 'evaluate') await b.finish('evaluate', evaluation);
    if (stage === 'score' || stage === 'review') await b.finish('sample', sampled(0));
    if (stage === 'review') await b.finish('score', { pairs: [pair], review: [], dropped });
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    expect(again.compute.job?.stage).toBe(stage === 'review' ? undefined : stage);
    expect(again.engine.snapshot().current).toBe(stage === 'evaluate' ? 0 : 1);
    expect(again.activity).toBe(stage === 'review' ? 'idle' : 'working');
  });
});

describe('review', () => {
  it('keeps what is set, for the update that is launched and for a later process', async () => {
    const b = bench();
    await b.toReview();
    await b.command({ type: 'set', settings: { alpha: 0.1 } });
    await b.command({ type: 'set', settings: { beta: 0.3, lr: 1e-5 } });
    expect(stored(b)[1].settings).toEqual({ alpha: 0.1, beta: 0.3, lr: 1e-5 });
    await b.command({ type: 'launch' });
    expect(b.running('update').round.settings).toEqual({ alpha: 0.1, beta: 0.3, lr: 1e-5 });
    expect(journal(b)).toEqual(['set', 'set', 'launch']);
  });

  it('refuses values out of range and names them all', async () => {
    const b = bench();
    await b.toReview();
    expect(() => b.engine.handle({ type: 'set', settings: { alpha: -1, beta: 0, lr: 1e-5 } })).toThrow(
      /alpha -1: .*; beta 0: /,
    );
    expect(stored(b)[1].settings).toEqual({ alpha: 0.02, beta: 0.1, lr: 1e-6 });
  });
});

it('refuses what has no place now, and what it does not know', async () => {
  const b = bench();
  await b.start();
  const refused = (type: 'launch' | 'next-round' | 'resume' | 'stop' | 'abort' | 'retry') =>
    expect(() => b.engine.handle({ type }));
  refused('launch').toThrow('from review only');
  refused('next-round').toThrow('once the round before it is done');
  refused('resume').toThrow('nothing is paused');
  refused('stop').toThrow('only sampling and an update can be stopped');
  refused('abort').toThrow('only an update can be aborted');
  refused('retry').toThrow('nothing has failed');
  expect(() => b.engine.handle({ type: 'dance' } as never)).toThrow('knows no command "dance"');
  expect(b.compute.signals).toEqual([]);
});

describe('pausing', () => {
  it('holds and lets go', async () => {
    const b = bench();
    await b.start();
    await b.command({ type: 'pause' });
    expect(b.activity).toBe('paused');
    await b.command({ type: 'resume' });
    expect(b.activity).toBe('working');
    expect(b.compute.signals).toEqual(['pause', 'resume']);
  });

  it('holds the next stage where the one before it ended meanwhile', async () => {
    const b = bench();
    await b.start();
    await b.command({ type: 'pause' });
    await b.finish('evaluate', evaluation);
    expect(b.running('sample').round.id).toBe(1);
    expect(b.activity).toBe('paused');
    expect(b.compute.signals).toEqual(['pause', 'pause']);
  });

  it('ends with a stop, and leaves nothing behind for what comes after review', async () => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.command({ type: 'pause' });
    await b.command({ type: 'stop' });
    expect(b.activity).toBe('working');
    await b.finish('sample', sampled(0));
    await b.command({ type: 'pause' });
    await b.finish('score', { pairs: [pair], review: [], dropped });
    expect(b.activity).toBe('idle');
    await b.command({ type: 'launch' });
    expect(b.activity).toBe('working');
    expect(b.compute.signals).toEqual(['pause', 'stop', 'pause']);
  });
});

describe('an update', () => {
  it('that is stopped is evaluated and marked', async () => {
    const b = bench();
    await b.toReview();
    await b.command({ type: 'launch' });
    await b.command({ type: 'stop' });
    await b.finish('update', { steps: 4, outcome: 'stopped' });
    expect(stored(b)[1]).toMatchObject({ stage: 'evaluate', steps: 4, stopped_early: true });
    expect(b.running('evaluate').round.id).toBe(1);
  });

  it('that is aborted leads back to review, its steps forgotten', async () => {
    const b = bench();
    await b.toReview();
    await b.command({ type: 'launch' });
    b.running('update').report({ type: 'step', metrics: metrics(1) });
    await b.command({ type: 'abort' });
    expect(b.compute.signals).toEqual(['abort']);
    await b.finish('update', { steps: 1, outcome: 'aborted' });
    expect(stored(b)[1]).toMatchObject({ stage: 'review', steps: null, pairs: 1 });
    expect(b.engine.snapshot().metrics).toEqual([]);
    expect(b.activity).toBe('idle');
    expect(journal(b)).toEqual(['launch', 'abort']);
  });

  it('that failed leads back to review too, where its settings can be changed', async () => {
    const b = bench();
    await b.toReview();
    await b.command({ type: 'launch' });
    await b.fail('update', 'the loss of step 2 is not finite');
    expect(() => b.engine.handle({ type: 'set', settings: { lr: 1e-7 } })).toThrow('in review only');
    await b.command({ type: 'abort' });
    expect(b.engine.snapshot().engine).toMatchObject({ problem: null, activity: 'idle' });
    await b.command({ type: 'set', settings: { lr: 1e-7 } });
    await b.command({ type: 'launch' });
    expect(b.running('update').round.settings.lr).toBe(1e-7);
  });
});

describe('a failure', () => {
  it('is told, shown to who attaches later, and gone once a retry works', async () => {
    const b = bench();
    await b.start();
    await b.fail('evaluate', 'cannot read /m');
    expect(b.events.at(-1)).toEqual({ type: 'problem', round: 0, stage: 'evaluate', message: 'cannot read /m' });
    expect(b.engine.snapshot().engine).toMatchObject({ activity: 'idle', problem: 'cannot read /m' });
    await b.command({ type: 'retry' });
    expect(b.engine.snapshot().engine).toMatchObject({ activity: 'working', problem: null });
    await b.finish('evaluate', evaluation);
    expect(b.running('sample').round.id).toBe(1);
  });

  it('tells every client what is counted anew', async () => {
    const b = bench();
    await b.start();
    const said = () =>
      b.running('evaluate').report({ type: 'response', prompt_index: 0, sample: 0, prompt: 'p', response });
    said();
    await b.fail('evaluate', 'out of memory');
    expect(b.engine.snapshot().lengths).toEqual([3]);
    const before = b.events.length;
    await b.command({ type: 'retry' });
    said();
    const events = b.events.slice(before).filter(({ type }) => type === 'snapshot' || type === 'response');
    expect(events).toMatchObject([{ type: 'snapshot', snapshot: { lengths: [] } }, { type: 'response' }]);
  });

  it('to give pairs says what was dropped', async () => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs: [], review: [], dropped: { ...dropped, below_gap: 4 } });
    expect(b.engine.snapshot().engine.problem).toMatch(/^round 1 gave no pairs \(1 ties, 0 identical, 4 below gap,/);
    expect(stored(b)[1].stage).toBe('score');
  });
});

describe('the seconds of a stage', () => {
  let clock = 0;
  beforeEach(() => {
    clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => clock * 1000);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('add up over attempts, those that fail or are aborted too, without pauses', async () => {
    const b = bench();
    await b.start();
    clock += 5;
    await b.fail('evaluate', 'no memory');
    clock += 100;
    await b.command({ type: 'retry' });
    clock += 1;
    await b.command({ type: 'pause' });
    clock += 100;
    await b.command({ type: 'resume' });
    clock += 2;
    await b.finish('evaluate', evaluation);
    expect(stored(b)[0].seconds).toEqual({ evaluate: 8 });
    clock += 3;
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs: [pair], review: [], dropped });
    await b.command({ type: 'launch' });
    clock += 4;
    await b.finish('update', { steps: 1, outcome: 'aborted' });
    clock += 100;
    await b.command({ type: 'launch' });
    clock += 6;
    await b.finish('update', { steps: 9, outcome: 'done' });
    expect(stored(b)[1].seconds).toEqual({ sample: 3, score: 0, update: 10 });
  });

  it('are kept where the engine ends in the middle, and go on in the next', async () => {
    const b = bench();
    await b.start();
    clock += 5;
    await b.engine.shutdown('the engine was told to end');
    expect(stored(b)[0]).toMatchObject({ stage: 'evaluate', seconds: { evaluate: 5 } });
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    clock += 2;
    await again.finish('evaluate', evaluation);
    expect(stored(again)[0].seconds).toEqual({ evaluate: 7 });
  });

  it('of a stage that begins paused do not count until it goes on', async () => {
    const b = bench();
    await b.start();
    await b.command({ type: 'pause' });
    await b.finish('evaluate', evaluation);
    clock += 100;
    await b.command({ type: 'resume' });
    clock += 2;
    await b.finish('sample', sampled(0));
    expect(stored(b)[1].seconds).toEqual({ sample: 2 });
  });
});

describe('fewer samples', () => {
  it('are told to the work, and to what takes it up later', async () => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    await b.command({ type: 'fewer-samples', samples_per_prompt: 2 });
    expect(b.compute.signals).toEqual(['at most 2']);
    expect(stored(b)[1].overrides).toEqual({ sampling: { samples_per_prompt: 2 } });
    const again = new Bench(Run.open(b.run.directory));
    await again.start();
    expect(again.running('sample').round.overrides).toEqual({ sampling: { samples_per_prompt: 2 } });
    expect(journal(b)).toEqual(['fewer-samples']);
  });

  it.each([1, 4, 2.5, Number.NaN])('are not %d', async (count) => {
    const b = bench();
    await b.start();
    await b.finish('evaluate', evaluation);
    expect(() => b.engine.handle({ type: 'fewer-samples', samples_per_prompt: count })).toThrow(
      'expected a whole number from 2, which a pair needs, to below 4',
    );
  });

  it('have no place in other stages', async () => {
    const b = bench();
    await b.toReview();
    expect(() => b.engine.handle({ type: 'fewer-samples', samples_per_prompt: 2 })).toThrow('while sampling only');
  });
});

it('shows a client that attaches late what the round has so far', async () => {
  const b = bench();
  await b.start();
  await b.finish('evaluate', evaluation);
  const { report } = b.running('sample');
  report({ type: 'response', prompt_index: 3, sample: 1, prompt: 'why', response });
  report({
    type: 'progress',
    done: 1,
    total: 4,
    unit: 'responses',
    tokens: 3,
    tokens_per_second: 30,
    seconds_left: 1,
  });
  expect(b.engine.snapshot()).toMatchObject({
    directory: b.run.directory,
    current: 1,
    progress: { round: 1, stage: 'sample', done: 1, total: 4 },
    responses: [{ round: 1, prompt_index: 3, sample: 1, prompt: 'why', text: 'yes', length: 3, truncated: false }],
    lengths: [3],
  });
});

it('lets another engine go on where its device is lost, after the failure was told', async () => {
  const b = bench();
  await b.start();
  b.compute.lost = true;
  await b.fail('evaluate', 'the GPU could not finish in op MatMul');
  expect(b.engine.core.state).toMatchObject({ activity: 'idle', problem: 'the GPU could not finish in op MatMul' });
  expect(b.ended).toBe(false);
  await b.command({ type: 'retry' });
  expect(b.ended).toBe(true);
  expect(b.compute.job).toBeNull();
  expect(b.events.at(-1)).toMatchObject({ type: 'bye', again: true });
});

it('ends once, after the computation', async () => {
  const b = bench();
  await b.start();
  await b.engine.shutdown('the engine was told to end');
  await b.engine.shutdown('again');
  expect(b.compute.signals).toEqual(['close']);
  expect(b.ended).toBe(true);
  expect(b.events.filter(({ type }) => type === 'bye')).toEqual([
    { type: 'bye', reason: 'the engine was told to end' },
  ]);
});
