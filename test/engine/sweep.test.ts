/** The client of `brevity sweep` over a computation that the test plays: its rounds, kills, failures, and people. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SweepOptions, sweep } from '../../src/engine/sweep.js';
import { type EngineClient, connect } from '../../src/protocol/client.js';
import { serve } from '../../src/engine/server.js';
import { readSettings, sweepPoints } from '../../src/core/sweep.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, dropped, evaluation, pair, servedBench } from './fakes.js';

const fresh = temporaryDirectories();
let b: Bench;
let server: Server;
let people: EngineClient[];

beforeEach(async () => {
  people = [];
  ({ bench: b, server } = await servedBench(path.join(fresh(), 'run')));
  await b.toReview();
});
afterEach(() => {
  for (const person of people) person.close();
  server.close();
});

const started = (flags: string[], options: Partial<SweepOptions> = {}) => {
  const source = b.run.round(1);
  const points = sweepPoints(b.run.config, source, readSettings(flags), '/', () => []);
  return sweep(b.run.directory, { config: b.run.config, source: 1, points, ...options });
};
const comes = (stage: 'score' | 'update', round: number) =>
  vi.waitFor(() => expect(b.running(stage).round.id).toBe(round));
async function update(round: number): Promise<void> {
  await comes('update', round);
  await b.finish('update', { steps: 9, outcome: 'done' });
  await b.finish('evaluate', evaluation);
}
const list = () => b.run.rounds.map(({ id, stage, redo_of }) => `${id} ${stage} ${redo_of ?? ''}`.trim());

describe('sweep', () => {
  it('runs a round per value from the same samples, and returns to the first one', async () => {
    for (const name of ['samples', 'scores', 'pairs', 'review', 'decisions'])
      writeFileSync(b.run.files.file(1, `${name}.jsonl`), '');
    const result = started(['dpo.alpha=0,0.02,0.05']);
    for (const [round, alpha] of [
      [2, 0],
      [3, 0.02],
      [4, 0.05],
    ]) {
      await comes('update', round);
      expect(b.running('update').round).toMatchObject({ parent: 0, redo_of: 1, data_of: 1, settings: { alpha } });
      expect(existsSync(b.run.files.file(round, 'decisions.jsonl'))).toBe(true);
      await update(round);
    }
    await result;
    expect(list()).toEqual(['0 done', '1 review', '2 done 1', '3 done 1', '4 done 1']);
    expect(Run.open(b.run.directory).current).toBe(1);
    await vi.waitFor(() => expect(b.ended).toBe(true));
  });

  it('takes the round itself for its own value once it is done', async () => {
    await b.toDone();
    const result = started(['dpo.alpha=0.02,0.1']);
    await update(2);
    await result;
    expect(list()).toEqual(['0 done', '1 done', '2 done 1']);
  });

  it('continues where it was interrupted, and makes no round twice', async () => {
    const interrupt = new AbortController();
    const first = started(['dpo.alpha=0,0.1', 'dpo.beta=0.1,0.5'], { signal: interrupt.signal });
    await update(2);
    await comes('update', 3);
    interrupt.abort();
    await expect(first).rejects.toThrow('interrupted; the engine keeps running');
    // Started again while the engine still updates round 3, and once more after all is done.
    const second = started(['dpo.alpha=0,0.1', 'dpo.beta=0.1,0.5']);
    await update(3);
    await update(4);
    await update(5);
    await second;
    expect(list()).toEqual(['0 done', '1 review', '2 done 1', '3 done 1', '4 done 1', '5 done 1']);
    expect(b.run.rounds.slice(2).map(({ settings: { alpha, beta } }) => [alpha, beta])).toEqual([
      [0, 0.1],
      [0, 0.5],
      [0.1, 0.1],
      [0.1, 0.5],
    ]);
  });

  it('launches a round that a killed client left in review', async () => {
    await b.command({ type: 'redo-round', round: 1, overrides: { dpo: { alpha: 0.1 } } });
    await b.command({ type: 'switch', round: 1 });
    const result = started(['dpo.alpha=0.1']);
    await update(2);
    await result;
    expect(list()).toEqual(['0 done', '1 review', '2 done 1']);
  });

  it('makes pairs anew where pairs.* is swept', async () => {
    const result = started(['pairs.strategy=best-random']);
    await comes('score', 2);
    expect(b.running('score').round).toMatchObject({ pairs: null, overrides: { pairs: { strategy: 'best-random' } } });
    await b.finish('score', { pairs: [pair, pair], review: [], dropped });
    await update(2);
    await result;
    expect(b.run.round(2)).toMatchObject({ pairs: 2, stage: 'done' });
  });

  it('tells the sentence of an update that failed, and tries that round again when it is started again', async () => {
    const first = expect(started(['dpo.alpha=0.1,0.2'])).rejects.toThrow('no memory');
    await comes('update', 2);
    await b.fail('update', 'no memory');
    await first;
    expect(list()).toEqual(['0 done', '1 review', '2 update 1']);
    server.close();
    // The engine of a later start.
    const again = new Bench(Run.open(b.run.directory));
    const socket = path.join(fresh(), 's');
    server = await serve(again.engine, socket);
    await again.start();
    expect(again.running('update').round.id).toBe(2);
  });

  it('does not begin where a person drives', async () => {
    const client = await connect(b.run.directory);
    people.push(client);
    await client.send({ type: 'attach', client: 'tui' });
    await expect(started(['dpo.alpha=0.1'])).rejects.toThrow('a terminal drives this run');
    expect(list()).toEqual(['0 done', '1 review']);
  });
});

describe('redo-round with overrides', () => {
  const refused = (overrides: object) =>
    expect(() => b.engine.handle({ type: 'redo-round', round: 1, overrides: overrides as never }));

  it('refuses what samples or scores depend on, and names the key', () => {
    refused({ sampling: { temperature: 1 } }).toThrow(
      "sampling.temperature: cannot change where a round's samples and scores are used again",
    );
    refused({ reward: 'hf:/x' }).toThrow('reward: cannot change');
    refused({ evaluation: { temperature: 1 } }).toThrow('evaluation.temperature: cannot change');
    refused({ dpo: { reference: '/nowhere' } }).toThrow('dpo.reference: /nowhere does not exist');
    refused({ dpo: { reference: '0.5*round+0.5*/nowhere' } }).toThrow('dpo.reference: /nowhere does not exist');
    refused({ dpo: { objective: 'dpo', alpha: 0.1 } }).toThrow('dpo.alpha: 0.1: objective dpo does not use it');
    expect(list()).toEqual(['0 done', '1 review']);
  });

  it('keeps the seeds of the first round along a chain', async () => {
    await b.command({ type: 'redo-round', round: 1, overrides: { dpo: { reference: 'base' } } });
    await b.command({ type: 'redo-round', round: 2, overrides: { update: { epochs: 2 } } });
    expect(Run.open(b.run.directory).round(3)).toMatchObject({
      ...{ redo_of: 2, data_of: 1, stage: 'review' },
      overrides: { dpo: { reference: 'base' }, update: { epochs: 2 } },
    });
    const { journal } = JSON.parse(readFileSync(path.join(b.run.directory, 'run.json'), 'utf8')) as {
      journal: { action: string; detail: unknown }[];
    };
    expect(journal.at(-1)).toMatchObject({
      action: 'redo-round',
      detail: { redo_of: 2, overrides: { update: { epochs: 2 } } },
    });
  });
});
