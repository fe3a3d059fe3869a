/** The tree of rounds: going on, forking, doing again, judging, naming, deleting, moving between; and what it refuses. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src/protocol/messages.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, dropped, pair, sampled } from './fakes.js';

const fresh = temporaryDirectories();
const newBench = () => new Bench(Run.create(path.join(fresh(), 'run'), config));
const stored = ({ run }: Bench) => Run.open(run.directory);
const refusal = (b: Bench, command: Parameters<Bench['engine']['handle']>[0]) => expect(() => b.engine.handle(command));
const since = (b: Bench, from: number) => b.events.slice(from).map(({ type }) => type);

/** Round 1 done. */
async function oneRound(): Promise<Bench> {
  const b = newBench();
  await b.toReview();
  await b.toDone();
  return b;
}

describe('going on', () => {
  it('starts from the round before, with its settings and overrides unless told otherwise', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round', settings: { alpha: 0.5 } });
    expect(stored(b).round(2)).toMatchObject({ parent: 1, settings: { alpha: 0.5, beta: 0.1 }, overrides: {} });
    expect(b.running('sample').branch).toEqual([1, 2]);
  });

  it('after a rejected round starts from where that one started', async () => {
    const b = await oneRound();
    await b.command({ type: 'judge', round: 1, verdict: 'rejected' });
    await b.command({ type: 'next-round', settings: { alpha: 0.3 } });
    expect(stored(b).round(2)).toMatchObject({ parent: 0, settings: { alpha: 0.3 } });
    expect(stored(b).round(1).verdict).toBe('rejected');
    expect(b.running('sample').branch).toEqual([2]);
  });
});

describe('a fork', () => {
  it('starts another branch from any finished round, whose overrides the rounds after it inherit', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    await b.wholeRound();
    const overrides = { sampling: { samples_per_prompt: 8 }, dpo: { reference: 'base' } };
    await b.command({ type: 'fork', parent: 1, settings: { alpha: 0.1 }, overrides });
    expect(stored(b).round(3)).toMatchObject({ parent: 1, settings: { alpha: 0.1, beta: 0.1 }, overrides });
    expect(b.running('sample').branch).toEqual([1, 3]);
    await b.wholeRound();
    await b.command({ type: 'next-round' });
    expect(stored(b).round(4)).toMatchObject({ parent: 3, overrides });
    // Another change is laid over what is inherited.
    await b.wholeRound();
    await b.command({ type: 'fork', parent: 4, overrides: { sampling: { temperature: 1 } } });
    expect(stored(b).round(5).overrides).toEqual({
      sampling: { samples_per_prompt: 8, temperature: 1 },
      dpo: { reference: 'base' },
    });
  });

  it('may have another objective, with its own β and α', async () => {
    const b = await oneRound();
    const fork = (dpo: object) => b.engine.handle({ type: 'fork', parent: 0, overrides: { dpo: { ...dpo } } });
    expect(() => fork({ objective: 'sppo', alpha: 0.1 })).toThrow(/dpo\.alpha: 0\.1: objective sppo does not use it/);
    await b.command({ type: 'fork', parent: 0, overrides: { dpo: { objective: 'simpo', gamma_ratio: 0.4 } } });
    expect(stored(b).round(2)).toMatchObject({
      settings: { alpha: 0, beta: 2.5 },
      overrides: { dpo: { objective: 'simpo', gamma_ratio: 0.4 } },
    });
    await b.wholeRound();
    // Rounds after it inherit it; what another one does not use goes.
    await b.command({ type: 'next-round', settings: { beta: 10 } });
    expect(stored(b).round(3)).toMatchObject({ settings: { beta: 10 }, overrides: { dpo: { objective: 'simpo' } } });
    await b.wholeRound();
    await b.command({ type: 'fork', parent: 3, overrides: { dpo: { objective: 'dpo' } } });
    expect(stored(b).round(4)).toMatchObject({
      settings: { alpha: 0, beta: 0.1 },
      overrides: { dpo: { objective: 'dpo', gamma_ratio: 0 } },
    });
  });

  it('with an objective that does not use α keeps it at 0', async () => {
    const b = await oneRound();
    await b.command({ type: 'fork', parent: 0, overrides: { dpo: { objective: 'dpo' } } });
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs: [pair], review: [], dropped });
    expect(() => b.engine.handle({ type: 'set', settings: { alpha: 0.1 } })).toThrow(
      'α stays 0: objective dpo does not use it',
    );
    await b.command({ type: 'set', settings: { alpha: 0, beta: 0.3 } });
    expect(stored(b).round(2).settings).toMatchObject({ alpha: 0, beta: 0.3 });
  });

  it('takes α, β and the learning rate among the overrides as the settings that they are', async () => {
    const b = await oneRound();
    await b.command({
      type: 'fork',
      parent: 0,
      overrides: { dpo: { alpha: 0.4, beta: 0.2 }, update: { lr: 1e-5, epochs: 2 } },
    });
    const { settings, overrides } = stored(b).round(2);
    expect(settings).toEqual({ alpha: 0.4, beta: 0.2, lr: 1e-5 });
    expect(overrides).toEqual({ update: { epochs: 2 } });
  });

  it('names everything that is wrong with it at once and leaves the run as it was', async () => {
    const b = await oneRound();
    const overrides = {
      sampling: { samples_per_prompt: 1, temprature: 1 },
      seed: 4,
      reward: 'hf:/nowhere',
    } as never;
    let message = '';
    try {
      b.engine.handle({ type: 'fork', parent: 1, settings: { alpha: -1 }, overrides });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain('seed: cannot differ between rounds');
    expect(message).toContain('sampling.samples_per_prompt: 1');
    expect(message).toContain('sampling.temprature: unknown key; did you mean temperature?');
    expect(message).toContain('dpo.alpha: -1');
    expect(message).toContain('/nowhere does not exist');
    expect(stored(b).rounds).toHaveLength(2);
    expect(b.activity).toBe('idle');
  });

  it('is refused from a round without a policy, and in the middle of another round', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    refusal(b, { type: 'fork', parent: 1 }).toThrow('round 2 is in the middle of its sample');
    refusal(b, { type: 'fork', parent: 2 }).toThrow('round 2 has no policy yet');
    refusal(b, { type: 'fork', parent: 9 }).toThrow('has no round 9');
  });
});

describe('a round done again', () => {
  it('begins in review with what the first one had, beside it', async () => {
    const b = await oneRound();
    const file = (round: number, name: string) => b.run.files.file(round, name);
    const kept = ['samples.jsonl', 'scores.jsonl', 'pairs.jsonl', 'decisions.jsonl', 'reference.jsonl'];
    writeFileSync(file(1, 'pairs.jsonl'), JSON.stringify(pair) + '\n');
    for (const name of kept) if (name !== 'pairs.jsonl') writeFileSync(file(1, name), '');
    writeFileSync(file(1, 'metrics.jsonl'), '');
    await b.command({ type: 'judge', round: 1, verdict: 'rejected' });
    const from = b.events.length;
    await b.command({ type: 'redo-round', round: 1, settings: { alpha: 0.7 } });
    expect(stored(b).round(2)).toMatchObject({
      ...{ parent: 0, redo_of: 1, stage: 'review', pairs: 1, dropped, verdict: null },
      settings: { alpha: 0.7, beta: 0.1 },
    });
    for (const name of kept) expect(existsSync(file(2, name))).toBe(true);
    expect(existsSync(file(2, 'metrics.jsonl'))).toBe(false);
    expect(b.activity).toBe('idle');
    const snapshot = b.events.slice(from).find(({ type }) => type === 'snapshot') as { snapshot: object } | undefined;
    expect(snapshot?.snapshot).toMatchObject({ current: 2, round: 2, pairs: [pair] });
    await b.command({ type: 'launch' });
    expect(b.running('update').round).toMatchObject({ id: 2, settings: { alpha: 0.7 } });
  });

  it('needs pairs', async () => {
    const b = await oneRound();
    refusal(b, { type: 'redo-round', round: 0 }).toThrow('round 0 has no pairs yet');
  });
});

describe('moving between rounds', () => {
  it('leaves one in review, works on another, and comes back, also in a later process', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    await b.finish('sample', sampled(0));
    await b.finish('score', { pairs: [pair], review: [], dropped });
    await b.command({ type: 'fork', parent: 0 });
    await b.wholeRound();
    expect(stored(b).current).toBe(3);
    await b.command({ type: 'switch', round: 2 });
    const again = new Bench(stored(b));
    await again.start();
    expect(again.engine.snapshot()).toMatchObject({ current: 2, engine: { activity: 'idle' } });
    await again.command({ type: 'launch' });
    expect(again.running('update').round.id).toBe(2);
    refusal(again, { type: 'switch', round: 3 }).toThrow('round 2 is in the middle of its update');
  });

  it('goes on from where it moved to', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    await b.wholeRound();
    const from = b.events.length;
    await b.command({ type: 'switch', round: 1 });
    expect(since(b, from)).toEqual(['snapshot']);
    await b.command({ type: 'next-round' });
    expect(stored(b).round(3).parent).toBe(1);
  });
});

describe('a word on a round', () => {
  it('can be changed and taken back, and does not move anybody to that round', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    const from = b.events.length;
    await b.command({ type: 'judge', round: 1, verdict: 'accepted' });
    await b.command({ type: 'name-round', round: 1, name: 'short', note: 'too short?' });
    await b.command({ type: 'name-round', round: 1, note: '' });
    expect(stored(b).round(1)).toMatchObject({ verdict: 'accepted', name: 'short', note: '' });
    expect(since(b, from)).toEqual(['rounds', 'rounds', 'rounds']);
    expect(b.events.at(-1)).toMatchObject({ current: 2, rounds: [{}, { name: 'short' }, {}] });
    await b.command({ type: 'judge', round: 1, verdict: null });
    expect(stored(b).round(1).verdict).toBeNull();
  });

  it('has its limits', async () => {
    const b = await oneRound();
    refusal(b, { type: 'judge', round: 0, verdict: 'accepted' }).toThrow('the base policy is what it is');
    refusal(b, { type: 'judge', round: 1, verdict: 'meh' as never }).toThrow('expected "accepted", "rejected" or null');
    refusal(b, { type: 'name-round', round: 1, name: 'x'.repeat(81) }).toThrow('has 81 characters; at most 80');
    refusal(b, { type: 'name-round', round: 1, note: 7 as never }).toThrow('the note is no text');
    await b.command({ type: 'next-round' });
    refusal(b, { type: 'judge', round: 2, verdict: 'accepted' }).toThrow('can be judged once it is done');
  });
});

describe('deleting', () => {
  it('removes a round with all that came from it, and its id for good', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    await b.wholeRound();
    await b.command({ type: 'fork', parent: 0 });
    await b.wholeRound();
    const from = b.events.length;
    await b.command({ type: 'delete-round', round: 1 });
    expect(stored(b).rounds.map(({ id }) => id)).toEqual([0, 3]);
    for (const id of [1, 2]) expect(existsSync(b.run.files.roundDir(id))).toBe(false);
    expect(since(b, from)).toEqual(['rounds']);
    await b.command({ type: 'next-round' });
    expect(stored(b).rounds.map(({ id }) => id)).toEqual([0, 3, 4]);
    const { journal } = JSON.parse(readFileSync(path.join(b.run.directory, 'run.json'), 'utf8')) as {
      journal: { action: string; detail: unknown }[];
    };
    expect(journal.find(({ action }) => action === 'delete-round')?.detail).toEqual({ ids: [1, 2] });
  });

  it('of the round at hand leads back to where it came from; nothing begins by itself', async () => {
    const b = await oneRound();
    await b.command({ type: 'delete-round', round: 1 });
    expect(b.engine.snapshot()).toMatchObject({ current: 0, round: 0, engine: { activity: 'idle' } });
    const again = new Bench(stored(b));
    await again.start();
    expect(again.compute.job).toBeNull();
    await again.command({ type: 'next-round' });
    expect(stored(b).round(2)).toMatchObject({ parent: 0 });
  });

  it('lets go of a round that cannot be finished', async () => {
    const b = await oneRound();
    await b.command({ type: 'next-round' });
    await b.fail('sample', 'no memory');
    refusal(b, { type: 'switch', round: 1 }).toThrow('or delete it');
    await b.command({ type: 'delete-round', round: 2 });
    expect(b.engine.snapshot()).toMatchObject({ current: 1, engine: { problem: null } });
  });

  it('is refused for the base, and while the round is worked on', async () => {
    const b = await oneRound();
    refusal(b, { type: 'delete-round', round: 0 }).toThrow('the base policy cannot be deleted');
    await b.command({ type: 'next-round' });
    refusal(b, { type: 'delete-round', round: 1 }).toThrow('round 2 is being worked on');
    refusal(b, { type: 'delete-round', round: 8 }).toThrow('has no round 8');
    const last = b.events.at(-1) as EngineEvent;
    expect(last.type).not.toBe('rounds');
  });
});
