/** The socket between engine and clients: several at once, refusals, a client that never reads, an engine that dies. */
import { statSync } from 'node:fs';
import { type Server, type Socket, createConnection, createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type EngineClient, connect } from '../../src/engine/client.js';
import type { EngineEvent } from '../../src/engine/protocol.js';
import { serve } from '../../src/engine/server.js';
import { Lock } from '../../src/store/lock.js';
import { Run } from '../../src/store/run.js';
import { temporaryDirectories } from '../temporary.js';
import { Bench, config, evaluation, response } from './fakes.js';

const fresh = temporaryDirectories();
let bench: Bench;
let server: Server;
let socketPath: string;
const clients: EngineClient[] = [];

beforeEach(async () => {
  bench = new Bench(Run.create(path.join(fresh(), 'run'), config));
  socketPath = path.join(bench.run.directory, 'engine.sock');
  Lock.take(bench.run.directory, socketPath);
  server = await serve(bench.engine, socketPath);
  await bench.start();
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  server.close();
});

async function attached(): Promise<{ client: EngineClient; events: EngineEvent[] }> {
  const client = await connect(bench.run.directory);
  clients.push(client);
  const events: EngineEvent[] = [];
  client.on((event) => events.push(event));
  await client.send({ type: 'attach', client: 'tui' });
  await vi.waitFor(() => expect(events[0]?.type).toBe('snapshot'));
  return { client, events };
}

it('is open to its user alone', () => {
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
});

it('gives each client a snapshot and then every event', async () => {
  const [one, two] = [await attached(), await attached()];
  await bench.finish('evaluate', evaluation);
  for (const { events } of [one, two]) {
    await vi.waitFor(() => expect(events.filter(({ type }) => type === 'round')).toHaveLength(2));
    expect(events[0]).toMatchObject({ type: 'snapshot', snapshot: { current: 0, rounds: [{ id: 0 }] } });
  }
  expect(one.events).toEqual(two.events);
});

it('goes on when a client has left', async () => {
  const [one, two] = [await attached(), await attached()];
  one.client.close();
  await two.client.send({ type: 'pause' });
  expect(bench.activity).toBe('paused');
});

it('answers a refusal with its sentence, to the one that asked', async () => {
  const [one, two] = [await attached(), await attached()];
  const answers = await Promise.allSettled([
    one.client.send({ type: 'launch' }),
    two.client.send({ type: 'pause' }),
    one.client.send({ type: 'dance' } as never),
  ]);
  expect(answers).toMatchObject([
    { status: 'rejected', reason: { name: 'UserError', message: 'an update can be launched from review only' } },
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: 'the engine knows no command "dance"' } },
  ]);
});

it('answers what is no command at all and lives on', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {});
  const socket = createConnection(socketPath);
  const answer = new Promise((resolve) => socket.once('data', (text) => resolve(JSON.parse(String(text)))));
  socket.write('{"id": 1, "ty\n');
  expect(await answer).toMatchObject({ type: 'reply', ok: false });
  socket.destroy();
  await attached();
  log.mockRestore();
});

it('passes lines that come in pieces, and text of any language', async () => {
  const { events } = await attached();
  const text = 'ß→😀'.repeat(100_000);
  bench.running('evaluate').report({
    type: 'response',
    prompt_index: 0,
    sample: 0,
    prompt: 'p',
    response: { ...response, text },
  });
  await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'response', response: { text } }));
});

it('lets a client go that does not read', async () => {
  const stuck: Socket = createConnection(socketPath);
  stuck.pause();
  await new Promise((resolve) => stuck.once('connect', resolve));
  const closed = new Promise((resolve) => stuck.once('close', resolve));
  stuck.write('{"id":1,"type":"attach","client":"tui"}\n');
  const { events } = await attached();
  await vi.waitFor(async () => expect(await connections()).toBe(2));
  const big = { ...response, text: 'x'.repeat(2 ** 20) };
  // One that reads gets all of it meanwhile.
  for (let i = 0; i < 80; i++) {
    bench.running('evaluate').report({ type: 'response', prompt_index: i, sample: 0, prompt: 'p', response: big });
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ type: 'response', response: { prompt_index: i } }));
  }
  expect(await connections()).toBe(1);
  stuck.resume();
  await closed;
});

function connections(): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

it('tells a client why the engine ends', async () => {
  const { client, events } = await attached();
  await client.send({ type: 'shutdown' });
  await vi.waitFor(() => expect(events.at(-1)).toEqual({ type: 'bye', reason: 'the engine was told to end' }));
  await expect(client.send({ type: 'pause' })).rejects.toThrow('the engine has ended');
});

it('tells a client of an engine that ends without a word; what waits for an answer fails', async () => {
  const directory = fresh();
  const silent = path.join(directory, 'silent.sock');
  const dying = createServer((socket) => socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => dying.listen(silent, resolve));
  Lock.take(directory, silent);
  const client = await connect(directory);
  const events: EngineEvent[] = [];
  client.on((event) => events.push(event));
  await expect(client.send({ type: 'pause' })).rejects.toThrow('the engine ended');
  expect(events).toEqual([{ type: 'bye', reason: 'the engine ended' }]);
  dying.close();
});

it('says that there is no engine, or that it does not answer', async () => {
  const directory = fresh();
  await expect(connect(directory)).rejects.toThrow(`no engine is running for ${directory}`);
  Lock.take(directory, path.join(directory, 'none.sock'));
  await expect(connect(directory)).rejects.toThrow(`process ${process.pid} on`);
});
