/** The unattended client over a computation that the test plays: beside people, on a branch, after a rejected round. */
import { type Server } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type AutoOptions, drive } from '../../src/engine/auto.js';
import { type EngineClient, connect } from '../../src/protocol/client.js';
import { temporaryDirectories } from '../temporary.js';
import { type Bench, dropped, evaluation, pair, sampled, servedBench } from './fakes.js';

const fresh = temporaryDirectories();
let b: Bench;
let server: Server;
let people: EngineClient[];

beforeEach(async () => {
  people = [];
  ({ bench: b, server } = await servedBench(path.join(fresh(), 'run')));
  await b.start();
});
afterEach(() => {
  for (const person of people) person.close();
  server.close();
});

const auto = (options: Partial<AutoOptions> = {}) =>
  drive(b.run.directory, { rounds: 1, settings: { alpha: 0.3 }, ...options });
async function person(): Promise<EngineClient> {
  const client = await connect(b.run.directory);
  people.push(client);
  await client.send({ type: 'attach', client: 'tui' });
  return client;
}
const comes = (stage: 'sample' | 'update', round: number) =>
  vi.waitFor(() => expect(b.running(stage).round.id).toBe(round));
const terminals = (count: number) => vi.waitFor(() => expect(b.engine.snapshot().role.terminals).toBe(count));
async function toReview(): Promise<void> {
  await b.finish('sample', sampled(0));
  await b.finish('score', { pairs: [pair], review: [], dropped });
}
async function afterLaunch(): Promise<void> {
  await b.finish('update', { steps: 9, outcome: 'done' });
  await b.finish('evaluate', evaluation);
}

it('launches, goes on to as many rounds as asked, and ends the engine', async () => {
  const result = auto({ rounds: 2 });
  await terminals(1);
  await b.finish('evaluate', evaluation);
  for (const round of [1, 2]) {
    await comes('sample', round);
    await toReview();
    await comes('update', round);
    expect(b.running('update').round.settings.alpha).toBe(0.3);
    await afterLaunch();
  }
  expect((await result).map(({ id, stage }) => `${id} ${stage}`)).toEqual(['0 done', '1 done', '2 done']);
  await vi.waitFor(() => expect(b.ended).toBe(true));
});

it('waits while a person who has taken over drives, and goes on when that one has left', async () => {
  const result = auto();
  await terminals(1);
  const one = await person();
  await one.send({ type: 'take-over' });
  await b.finish('evaluate', evaluation);
  await toReview();
  await one.send({ type: 'set', settings: { beta: 0.5 } });
  expect(b.compute.job).toBeNull();
  one.close();
  await comes('update', 1);
  expect(b.running('update').round.settings).toMatchObject({ alpha: 0.3, beta: 0.5 });
  await afterLaunch();
  expect(await result).toHaveLength(2);
});

it('leaves the engine to who looks on', async () => {
  const result = auto();
  await terminals(1);
  await person();
  await b.finish('evaluate', evaluation);
  await toReview();
  await comes('update', 1);
  await afterLaunch();
  await result;
  await terminals(1);
  expect(b.ended).toBe(false);
});

it('does not begin where a person drives', async () => {
  await person();
  await expect(auto()).rejects.toThrow('a terminal drives this run; detach it (q)');
});

it('counts the rounds of the branch that it is on, those that were rejected not among them', async () => {
  await b.finish('evaluate', evaluation);
  await b.wholeRound();
  await b.command({ type: 'fork', parent: 0 });
  await b.wholeRound();
  await b.command({ type: 'judge', round: 2, verdict: 'rejected' });
  const result = auto();
  // Round 2 was rejected: round 3 starts where that one did.
  await comes('sample', 3);
  expect(b.running('sample').branch).toEqual([3]);
  await toReview();
  await comes('update', 3);
  await afterLaunch();
  expect(await result).toHaveLength(4);
});

it('tells the sentence of a stage that failed', async () => {
  const result = expect(auto()).rejects.toThrow('cannot read /m');
  await terminals(1);
  await b.fail('evaluate', 'cannot read /m');
  await result;
  await vi.waitFor(() => expect(b.ended).toBe(true));
});
