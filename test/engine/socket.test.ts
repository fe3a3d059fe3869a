/** The socket between engine and clients: several at once, refusals, a client that never reads, an engine that dies. */
import { statSync } from 'node:fs';
import { type Server, type Socket, createConnection, createServer } from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type EngineClient, connect } from '../../src/protocol/client.js';
import { readLines } from '../../src/protocol/wire.js';
import type { EngineEvent } from '../../src/protocol/messages.js';
import { serve } from '../../src/engine/server.js';
import { Lock } from '../../src/io/lock.js';
import { Run } from '../../src/run/run.js';
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

interface Attached {
  client: EngineClient;
  /** All but those about roles. */
  events: EngineEvent[];
  /** [drives, terminals attached], as it changes. */
  roles: [boolean, number][];
}

async function attached(kind: 'tui' | 'auto' = 'tui'): Promise<Attached> {
  const client = await connect(bench.run.directory);
  clients.push(client);
  const events: EngineEvent[] = [];
  const roles: [boolean, number][] = [];
  client.on((event) => {
    if (event.type === 'role') roles.push([event.role.driving, event.role.terminals]);
    else events.push(event);
    if (event.type === 'snapshot') roles.push([event.snapshot.role.driving, event.snapshot.role.terminals]);
  });
  await client.send({ type: 'attach', client: kind });
  await vi.waitFor(() => expect(events[0]?.type).toBe('snapshot'));
  return { client, events, roles };
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
  expect(one.events.slice(1)).toEqual(two.events.slice(1));
});

it('goes on when a client has left', async () => {
  const [one, two] = [await attached(), await attached()];
  one.client.close();
  await vi.waitFor(() => expect(two.roles.at(-1)).toEqual([true, 1]));
  await two.client.send({ type: 'pause' });
  expect(bench.activity).toBe('paused');
});

describe('several terminals', () => {
  it('one drives: the first, and when it leaves the one that came next', async () => {
    const [one, two, three] = [await attached(), await attached(), await attached()];
    await expect(two.client.send({ type: 'pause' })).rejects.toThrow(
      'this terminal only looks on; take over (T) to drive',
    );
    await expect(three.client.send({ type: 'shutdown' })).rejects.toThrow('only looks on');
    expect(bench.activity).toBe('working');
    one.client.close();
    await vi.waitFor(() => expect(three.roles.at(-1)).toEqual([false, 2]));
    await two.client.send({ type: 'pause' });
    expect(one.roles).toEqual([
      [true, 1],
      [true, 2],
      [true, 3],
    ]);
    expect(two.roles).toEqual([
      [false, 2],
      [false, 3],
      [true, 2],
    ]);
  });

  it('another takes over, and everybody hears of it', async () => {
    const [one, two] = [await attached(), await attached()];
    await two.client.send({ type: 'take-over' });
    await two.client.send({ type: 'pause' });
    await expect(one.client.send({ type: 'resume' })).rejects.toThrow('only looks on');
    await vi.waitFor(() => expect(one.roles.at(-1)).toEqual([false, 2]));
    expect(two.roles.at(-1)).toEqual([true, 2]);
    // A viewer that leaves changes nothing for the driver but the number.
    one.client.close();
    await vi.waitFor(() => expect(two.roles.at(-1)).toEqual([true, 1]));
  });

  it('all may ask', async () => {
    const [, two] = [await attached(), await attached()];
    expect(await two.client.ask({ type: 'read-round', round: 0 })).toMatchObject({ round: 0, lengths: [] });
    await expect(two.client.ask({ type: 'read-round', round: 7 })).rejects.toThrow('has no round 7');
  });

  it('`brevity auto` does not drive beside a person, and waits where one takes over', async () => {
    const person = await attached();
    const refused = await connect(bench.run.directory);
    clients.push(refused);
    await expect(refused.send({ type: 'attach', client: 'auto' })).rejects.toThrow(
      'a terminal drives this run; detach it (q) before `brevity auto` can continue it',
    );
    person.client.close();
    await vi.waitFor(() => refused.send({ type: 'attach', client: 'auto' }));
    const again = await connect(bench.run.directory);
    clients.push(again);
    await expect(again.send({ type: 'attach', client: 'auto' })).rejects.toThrow('another `brevity auto` drives');
  });

  it('who has not attached drives nothing that somebody else does', async () => {
    await attached();
    const stranger = await connect(bench.run.directory);
    clients.push(stranger);
    await expect(stranger.send({ type: 'pause' })).rejects.toThrow('only looks on');
    await expect(stranger.send({ type: 'take-over' })).rejects.toThrow('attach first');
  });
});

it('answers a refusal with its sentence, to the one that asked', async () => {
  const [one, two] = [await attached(), await attached()];
  const answers = await Promise.allSettled([
    one.client.send({ type: 'launch' }),
    two.client.ask({ type: 'read-round', round: 0 }),
    one.client.send({ type: 'dance' } as never),
  ]);
  expect(answers).toMatchObject([
    { status: 'rejected', reason: { name: 'UserError', message: 'an update can be launched from review only' } },
    { status: 'fulfilled' },
    { status: 'rejected', reason: { message: 'the engine knows no command "dance"' } },
  ]);
});

it('answers what is no command at all and lives on', async () => {
  const log = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const socket = createConnection(socketPath);
  const answer = new Promise((resolve) => socket.once('data', (text) => resolve(JSON.parse(String(text)))));
  socket.write('{"id": 1, "ty\n');
  expect(await answer).toMatchObject({ type: 'reply', ok: false });
  socket.destroy();
  await attached();
  log.mockRestore();
});

it.each<[string, string]>([
  ['null', 'expected {"id": number, "type": text'],
  ['{"id":1,"type":"__proto__"}', 'the engine knows no command "__proto__"'],
  ['{"id":1,"type":"read-round","round":1e999}', 'read-round: `round`: '],
  ['{"id":1,"type":"read-plan"}', 'read-plan: `round`: '],
  ['{"id":1,"type":"set","settings":null}', 'set: `settings`: '],
  ['{"id":1,"type":"fork","parent":0,"overrides":[]}', 'fork: `overrides`: '],
  ['{"id":1,"type":"attach","client":"everything"}', 'attach: `client`: '],
  [`{"id":1,"type":"undo","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'it is nested more than 64 levels deep'],
])('refuses %.60s with one sentence', async (line, sentence) => {
  const log = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const socket = createConnection(socketPath);
  const answer = new Promise<string>((resolve) => socket.once('data', (text) => resolve(String(text))));
  socket.write(`${line}\n`);
  expect(JSON.parse(await answer)).toMatchObject({ ok: false, error: expect.stringContaining(sentence) as string });
  socket.destroy();
  expect(log).not.toHaveBeenCalled();
  log.mockRestore();
});

it('closes a connection whose request passes 1 MB without keeping it, and serves the others', async () => {
  const { client } = await attached();
  const socket = createConnection(socketPath);
  socket.on('error', () => {});
  let answer = '';
  socket.on('data', (text) => (answer += String(text)));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const piece = 'x'.repeat(2 ** 18);
  for (let i = 0; i < 5; i++) socket.write(piece);
  await closed;
  expect(JSON.parse(answer)).toEqual({
    type: 'reply',
    id: 0,
    ok: false,
    error: 'the request is longer than 1 MB; the connection is closed',
  });
  expect(await client.ask({ type: 'read-engine' })).toMatchObject({ activity: 'working' });
});

describe('a client of something that is no engine', () => {
  const peer = async (say: (socket: Socket) => void) => {
    const directory = fresh();
    const name = path.join(directory, 'peer.sock');
    const listening = createServer((socket) => (socket.on('error', () => {}), say(socket)));
    await new Promise<void>((resolve) => listening.listen(name, resolve));
    Lock.take(directory, name);
    const client = await connect(directory);
    clients.push(client);
    const events: EngineEvent[] = [];
    client.on((event) => events.push(event));
    await vi.waitFor(() => expect(events).toHaveLength(1));
    listening.close();
    return events[0];
  };

  it.each(['HTTP/1.1 400 Bad Request', 'null', '{"reply":1}'])(
    'that says %s lets it go with a sentence',
    async (line) => {
      expect(await peer((socket) => socket.write(`${line}\n{"type":"engine"}\n`))).toEqual({
        type: 'bye',
        reason: 'the connection to the engine was closed: it sent a message that cannot be read',
      });
    },
  );

  it('keeps no more of an endless line than it may', async () => {
    const taken: string[] = [];
    const outcome = await new Promise((resolve) => {
      const source = new PassThrough();
      readLines(
        source as unknown as Socket,
        1000,
        (line) => taken.push(line),
        () => resolve('too long'),
      );
      source.write(`first\n${'x'.repeat(900)}`);
      source.write('y'.repeat(101));
      source.write('\nafter\n');
    });
    expect(outcome).toBe('too long');
    expect(taken).toEqual(['first']);
  });
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

it('takes commands without the fields that may be left out', async () => {
  const { client } = await attached();
  // Refused for the stage, not for a missing field.
  await expect(client.send({ type: 'decide', prompt_index: 0 })).rejects.toThrow('pairs can be decided in review only');
  await expect(client.send({ type: 'next-round' })).rejects.toThrow(/once the round before it is done/);
  await client.send({ type: 'name-round', round: 0, name: 'base' });
  expect(bench.run.round(0)).toMatchObject({ name: 'base', note: '' });
});
