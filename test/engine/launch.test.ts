/** Real engines: where they start and why not, how they end, and how a person steers their work. */
import { chmodSync, existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as Auto from '../../src/engine/auto.js';
import type * as Client from '../../src/engine/client.js';
import type * as Launch from '../../src/engine/launch.js';
import type { EngineEvent, Snapshot } from '../../src/engine/protocol.js';
import { type LockHolder, lockHolder } from '../../src/store/lock.js';
import { Run } from '../../src/store/run.js';
import { temporaryDirectories } from '../temporary.js';
import { dist, quickRun } from './runs.js';

// The built files: they start the built engine.
const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;
const { connect } = (await import(`${dist}engine/client.js`)) as typeof Client;
const { startEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;

const fresh = temporaryDirectories();
const runs: string[] = [];

function newRun(): string {
  const run = quickRun(fresh());
  runs.push(run);
  return run;
}

/** The same run elsewhere. */
function moved(run: string, to: string): string {
  mkdirSync(path.dirname(to), { recursive: true });
  renameSync(run, to);
  runs.push(to);
  return to;
}

const holderOf = (run: string) => lockHolder(run) as LockHolder;

afterEach(() => {
  vi.unstubAllEnvs();
  for (const run of runs.splice(0)) {
    const holder = lockHolder(run);
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
});

async function attach(run: string) {
  const client = await connect(run);
  const events: EngineEvent[] = [];
  client.on((event) => events.push(event));
  await client.send({ type: 'attach', client: 'tui' });
  return { client, events };
}

/** Waits for an event from position `from` on. */
function seen(events: EngineEvent[], matches: (event: EngineEvent) => boolean, from = 0): Promise<EngineEvent> {
  return vi.waitUntil(() => events.slice(from).find(matches), { timeout: 50_000, interval: 5 });
}

const atStage = (stage: string) => (event: EngineEvent) =>
  (event.type === 'round' && event.round.id === 1 && event.round.stage === stage) ||
  (event.type === 'snapshot' && event.snapshot.rounds[1]?.stage === stage);

const isStep = (event: EngineEvent) => event.type === 'step';

describe('an engine', () => {
  it('is one where two are started at once', async () => {
    const run = newRun();
    await Promise.all([startEngine(run), startEngine(run)]);
    const { pid } = holderOf(run);
    await startEngine(run);
    expect(holderOf(run).pid).toBe(pid);
  });

  it('starts in a folder whose name has spaces and signs', async () => {
    const run = moved(newRun(), path.join(fresh(), 'my run 100% α'));
    await startEngine(run);
    expect(holderOf(run).socket).toBe(path.join(run, 'engine.sock'));
  });

  it('puts its socket elsewhere where the path is too long for one', async () => {
    const temporary = fresh();
    vi.stubEnv('TMPDIR', temporary);
    const run = moved(newRun(), path.join(fresh(), 'x'.repeat(120)));
    await startEngine(run);
    const { socket } = holderOf(run);
    expect(socket.startsWith(temporary)).toBe(true);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(socket)).mode & 0o777).toBe(0o700);
    const { events } = await attach(run);
    await seen(events, ({ type }) => type === 'snapshot');
  });

  it('puts no socket into a folder that others can open', async () => {
    const temporary = fresh();
    vi.stubEnv('TMPDIR', temporary);
    const folder = path.join(temporary, `brevity-${process.getuid?.()}`);
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const run = moved(newRun(), path.join(fresh(), 'x'.repeat(120)));
    await expect(startEngine(run)).rejects.toThrow(`the engine did not start: ${folder} is open to others`);
  });

  it('says why it cannot start', async () => {
    const run = newRun();
    const file = path.join(run, 'run.json');
    writeFileSync(file, '{"version": 1, "conf');
    await expect(startEngine(run)).rejects.toThrow(`the engine did not start: ${file} is damaged`);
    expect(lockHolder(run)).toBeNull();
  });

  it('names the line of a round’s file that somebody broke', async () => {
    const run = newRun();
    await drive(run, { rounds: 1, settings: {} });
    const file = path.join(run, 'rounds/0001/samples.jsonl');
    writeFileSync(file, '{"prompt_index":\n{}\n');
    await expect(startEngine(run)).rejects.toThrow(`${file}:1 is not JSON`);
  });

  it('ends on SIGTERM and leaves neither lock nor socket', async () => {
    const run = newRun();
    await startEngine(run);
    const { events } = await attach(run);
    const { socket, pid } = holderOf(run);
    process.kill(pid, 'SIGTERM');
    await seen(events, ({ type }) => type === 'bye');
    await vi.waitUntil(() => lockHolder(run) === null, { timeout: 20_000 });
    expect(events.at(-1)).toEqual({ type: 'bye', reason: 'the engine got SIGTERM' });
    expect(existsSync(socket)).toBe(false);
    expect(existsSync(path.join(run, 'lock'))).toBe(false);
  });

  it('that has just been told to end gives way to the next', async () => {
    const run = newRun();
    await startEngine(run);
    const first = holderOf(run).pid;
    const { client } = await attach(run);
    await client.send({ type: 'shutdown' });
    await startEngine(run);
    expect(holderOf(run).pid).not.toBe(first);
  });
});

it('a person pauses, aborts, launches again, and stops', async () => {
  const run = newRun();
  await startEngine(run);
  const { client, events } = await attach(run);
  await seen(events, atStage('review'));
  await client.send({ type: 'launch' });
  await seen(events, isStep);
  await client.send({ type: 'pause' });
  // The step in flight ends; then nothing moves.
  for (let steps = -1; steps !== events.filter(isStep).length; await delay(300)) steps = events.filter(isStep).length;
  const paused = await snapshotOf(run);
  expect(paused.engine.activity).toBe('paused');
  expect(paused.rounds[1].stage).toBe('update');
  let from = events.length;
  await client.send({ type: 'abort' });
  await seen(events, atStage('review'), from);
  expect(existsSync(path.join(run, 'rounds/0001/metrics.jsonl'))).toBe(false);
  await client.send({ type: 'set', settings: { alpha: 0.5 } });
  from = events.length;
  await client.send({ type: 'launch' });
  await seen(events, isStep, from);
  await client.send({ type: 'pause' });
  await client.send({ type: 'resume' });
  await client.send({ type: 'stop' });
  await seen(events, atStage('done'), from);
  const [, round] = Run.open(run).rounds;
  expect(round).toMatchObject({ stage: 'done', stopped_early: true, settings: { alpha: 0.5 } });
  expect(round.steps).toBe(events.slice(from).filter(isStep).length);
  expect(round.evaluation?.comparisons.map(({ against }) => against)).toEqual(['round-start', 'base']);
});

async function snapshotOf(run: string): Promise<Snapshot> {
  const { client, events } = await attach(run);
  const event = await seen(events, ({ type }) => type === 'snapshot');
  client.close();
  return (event as Extract<EngineEvent, { type: 'snapshot' }>).snapshot;
}
