/** Real engines: where they start and why not, how they end, and how a person steers their work. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type * as Auto from '../../src/engine/auto.js';
import type * as Client from '../../src/protocol/client.js';
import type { EngineClient } from '../../src/protocol/client.js';
import type * as Launch from '../../src/engine/launch.js';
import type { EngineEvent, Snapshot } from '../../src/protocol/messages.js';
import { allUses, trust } from '../../src/io/trust.js';
import { Lock, lockHolder, type LockHolder } from '../../src/io/lock.js';
import { Run } from '../../src/run/run.js';
import { temporaryDirectories } from '../temporary.js';
import { dist, quickRun } from './runs.js';

// The built files: they start the built engine.
const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;
const { connect } = (await import(`${dist}protocol/client.js`)) as typeof Client;
const { attachEngine, startEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;

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
  // It is another run now as far as permission goes.
  trust(to, allUses([Run.open(to).config]), 'named');
  runs.push(to);
  return to;
}

const holderOf = (run: string) => lockHolder(run) as LockHolder;

afterEach(() => {
  vi.unstubAllEnvs();
  for (const run of runs.splice(0)) {
    const holder = lockHolder(run);
    if (holder !== null && holder.pid !== process.pid) process.kill(holder.pid, 'SIGKILL');
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
    await startEngine(run);
    const { client, events } = await attach(run);
    const first = (await seen(events, ({ type }) => type === 'snapshot')) as Extract<EngineEvent, { type: 'snapshot' }>;
    expect(first.snapshot.engine.problem).toContain(`${file}:1 is not JSON`);
    client.close();
    // Until the engine has seen it go, the client drives the run.
    const again = () => expect(drive(run, { rounds: 2, settings: {} })).rejects.toThrow(`${file}:1 is not JSON`);
    await vi.waitFor(again, { timeout: 30_000 });
  });

  it('ends on SIGTERM and leaves an empty lock file and no socket', async () => {
    const run = newRun();
    await startEngine(run);
    const { events } = await attach(run);
    const { socket, pid } = holderOf(run);
    process.kill(pid, 'SIGTERM');
    await seen(events, ({ type }) => type === 'bye');
    await vi.waitUntil(() => lockHolder(run) === null, { timeout: 20_000 });
    expect(events.at(-1)).toEqual({ type: 'bye', reason: 'the engine got SIGTERM' });
    expect(existsSync(socket)).toBe(false);
    expect(readFileSync(path.join(run, 'lock'), 'utf8')).toBe('');
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

describe('an engine whose run directory was deleted', () => {
  it('ends with a sentence and leaves the next engine at that path alone', async () => {
    const run = newRun();
    const copy = path.join(fresh(), 'copy');
    cpSync(run, copy, { recursive: true });
    await startEngine(run);
    const first = holderOf(run).pid;
    const { client, events } = await attach(run);
    await seen(events, atStage('review'));
    rmSync(run, { recursive: true });
    cpSync(copy, run, { recursive: true });
    await startEngine(run);
    const second = holderOf(run);
    expect(second.pid).not.toBe(first);
    // Refused unless the engine has noticed by itself.
    await client.send({ type: 'set', settings: { alpha: 0.5 } }).catch((error: Error) => error);
    const bye = await seen(events, ({ type }) => type === 'bye');
    expect(bye).toMatchObject({
      reason: expect.stringContaining('lock was deleted or replaced while this engine ran'),
    });
    await vi.waitFor(() => expect(() => process.kill(first, 0)).toThrow(), { timeout: 10_000 });
    // The next engine has kept lock and socket, and its run.
    expect(holderOf(run)).toEqual(second);
    const { engine, rounds } = await snapshotOf(run);
    expect(engine.pid).toBe(second.pid);
    expect(rounds.every(({ settings }) => settings.alpha !== 0.5)).toBe(true);
  });

  it('ends although it has nothing to do', async () => {
    const run = newRun();
    await startEngine(run);
    const { pid } = holderOf(run);
    const { events } = await attach(run);
    await seen(events, atStage('review'));
    rmSync(run, { recursive: true });
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 20_000 });
    expect(existsSync(run)).toBe(false);
  });
});

describe('an engine that cannot start', () => {
  it('is reported by its own sentence, however many lines it has, and leaves the lock free', async () => {
    const run = newRun();
    // A folder where the socket belongs.
    mkdirSync(path.join(run, 'engine.sock', 'file'), { recursive: true });
    const failure = await startEngine(run).catch((error: Error) => error.message);
    expect(failure).toMatch(/^the engine did not start: .*engine\.sock.* \(.*engine\.log\)$/);
    expect(failure).not.toContain('\n');
    expect(lockHolder(run)).toBeNull();
  });

  it.each([
    ['by a signal', 'process.kill(process.pid, "SIGKILL")', 'it was ended by SIGKILL'],
    ['without a word', 'process.exit(7)', 'it ended with exit code 7'],
  ])('because it was ended %s', async (_how, code, sentence) => {
    const run = newRun();
    const preload = path.join(fresh(), 'preload.cjs');
    writeFileSync(preload, code);
    vi.stubEnv('NODE_OPTIONS', `--require ${preload}`);
    await expect(startEngine(run)).rejects.toThrow(
      `the engine did not start: ${sentence} (${path.join(run, 'engine.log')})`,
    );
  });

  it('because the directory is gone, or holds no run', async () => {
    const run = path.join(fresh(), 'nothing');
    await expect(startEngine(run)).rejects.toThrow(`${run} holds no run (no run.json)`);
    expect(existsSync(run)).toBe(false);
  });

  it.skipIf(process.getuid?.() === 0)('because the directory is read-only', async () => {
    const run = newRun();
    chmodSync(run, 0o500);
    try {
      await expect(startEngine(run)).rejects.toThrow(/^cannot write .*engine\.log \(EACCES\); make .* writable/);
    } finally {
      chmodSync(run, 0o700);
    }
  });

  it('because the directory is held on another host: at once, with what to do', async () => {
    const run = newRun();
    const lock = Lock.take(run, path.join(run, 'engine.sock')) as Lock;
    const file = path.join(run, 'lock');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace(hostname(), 'elsewhere'));
    await expect(startEngine(run)).rejects.toThrow(
      new RegExp(
        `is held by an engine on another host \\(process ${process.pid} on elsewhere since .*: attach to it there with \`brevity .*\`, or end it there`,
      ),
    );
    lock.release();
    // A dead lock from another host, or from before this one was renamed, is nobody's.
    writeFileSync(file, text.replace(hostname(), 'elsewhere'));
    await startEngine(run);
    expect(holderOf(run).host).toBe(hostname());
  });
});

describe('attaching while an engine ends', () => {
  it('reaches its successor, over and over, right after kill -9', async () => {
    const run = newRun();
    await startEngine(run);
    for (let i = 0; i < 8; i++) {
      const { pid } = holderOf(run);
      process.kill(pid, 'SIGKILL');
      const events: EngineEvent[] = [];
      let client: EngineClient | null = null;
      await attachEngine(
        run,
        'tui',
        (used) => (client = used),
        (event) => events.push(event),
      );
      await seen(events, ({ type }) => type === 'snapshot');
      expect(events[0]).toMatchObject({ type: 'snapshot' });
      expect(holderOf(run).pid).not.toBe(pid);
      (client as EngineClient | null)?.close();
    }
  });

  it.each([
    ['closes the line at once', (socket: Socket) => socket.destroy()],
    ['closes it once it is asked', (socket: Socket) => void socket.once('data', () => socket.destroy())],
    [
      'says bye in place of an answer',
      (socket: Socket) => void socket.once('data', () => socket.end('{"type":"bye","reason":"it ends"}\n')),
    ],
    [
      'answers, and ends before it tells anything',
      (socket: Socket) => void socket.once('data', () => socket.end('{"type":"reply","id":1,"ok":true}\n')),
    ],
  ])('that %s', async (_what, end) => {
    const run = newRun();
    // An engine that is ending: it still has the lock, and its socket still takes connections.
    const socket = path.join(run, 'ending.sock');
    const lock = Lock.take(run, socket) as Lock;
    const connections: Socket[] = [];
    const ending = createServer((connection) => {
      connections.push(connection);
      end(connection);
      if (connections.length < 3) return;
      ending.close();
      lock.release();
    });
    await new Promise<void>((resolve) => ending.listen(socket, resolve));
    const events: EngineEvent[] = [];
    await attachEngine(
      run,
      'tui',
      () => {},
      (event) => events.push(event),
    );
    await seen(events, ({ type }) => type === 'snapshot');
    expect(connections).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'bye')).toEqual([]);
    expect(holderOf(run).pid).not.toBe(process.pid);
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
