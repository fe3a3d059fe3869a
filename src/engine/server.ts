/** The engine's unix socket: JSON lines, any number of clients, each gets every event. */
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { messageOf, UserError } from '../core/errors.js';
import { MAX_REQUEST, megabytes } from '../core/limits.js';
import type { Engine } from './engine.js';
import { parseRequest, readLines } from '../protocol/wire.js';
import type { EngineMessage } from '../protocol/messages.js';
import { isQuery } from './queries.js';
import type { Terminal } from './roles.js';
import { log } from '../io/print.js';

/** A client with more unread bytes than this is disconnected, so that it cannot exhaust the engine's memory. */
const MAX_BUFFERED = 64 * 2 ** 20;

/** Listens on the socket's path, for this user only. */
export async function serve(engine: Engine, socketPath: string): Promise<Server> {
  rmSync(socketPath, { force: true });
  const server = createServer((socket) => attach(engine, socket, () => server.close()));
  // Restricts the permissions at bind, so that no other user can connect at any moment.
  const before = process.umask(0o177);
  const listening = new Promise<void>((resolve, reject) => server.once('error', reject).listen(socketPath, resolve));
  process.umask(before);
  await listening;
  return server;
}

function attach(engine: Engine, socket: Socket, shutDoor: () => void): void {
  if (engine.ending) {
    socket.destroy();
    return;
  }
  const terminal = new Client(socket);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => terminal.leave());
  readLines(
    socket,
    MAX_REQUEST,
    (line) => void serveLine(engine, terminal, line, shutDoor),
    () => {
      const error = `the request is longer than ${megabytes(MAX_REQUEST)}; the connection is closed`;
      terminal.send({ type: 'reply', id: 0, ok: false, error });
      socket.destroySoon();
    },
  );
}

/** A connection; it becomes a terminal once it has attached. */
class Client {
  private terminal: Terminal | null = null;
  private detach = () => {};
  /** Size of the last snapshot, in characters. */
  private snapshot = 0;

  constructor(private readonly socket: Socket) {}

  send(message: EngineMessage): void {
    const { socket } = this;
    if (socket.writableLength > MAX_BUFFERED + this.snapshot) socket.destroy();
    if (socket.destroyed) return;
    const line = JSON.stringify(message) + '\n';
    // The snapshot of a large run may exceed the backlog limit, so the limit is raised by its size.
    if (message.type === 'snapshot') this.snapshot = line.length;
    socket.write(line);
  }

  /** @throws UserError if it may not attach */
  attach(engine: Engine, kind: Terminal['kind']): void {
    if (this.terminal !== null) return;
    const terminal: Terminal = { kind, send: (event) => this.send(event) };
    this.detach = engine.attach(terminal);
    this.terminal = terminal;
  }

  leave(): void {
    this.detach();
    this.terminal = null;
  }

  /** null before it has attached. */
  get seat(): Terminal | null {
    return this.terminal;
  }
}

async function serveLine(engine: Engine, client: Client, line: string, shutDoor: () => void): Promise<void> {
  const request = parseRequest(line);
  const { id } = request;
  try {
    if ('problem' in request) throw request.problem;
    if (isQuery(request)) {
      client.send({ type: 'reply', id, ok: true, answer: await engine.answer(request) });
      return;
    }
    switch (request.type) {
      case 'attach':
        client.attach(engine, request.client);
        client.send({ type: 'reply', id, ok: true });
        client.send({ type: 'snapshot', snapshot: engine.snapshot(client.seat) });
        return;
      case 'take-over':
        if (client.seat === null) throw new UserError('attach first: who has not cannot drive');
        client.send({ type: 'reply', id, ok: true });
        engine.takeOver(client.seat);
        return;
      case 'shutdown':
        engine.checkDriver(client.seat);
        // Close the server before the reply: a client that starts an engine after the reply must not connect to this
        // one. The bye that follows is the last event that clients get.
        shutDoor();
        client.send({ type: 'reply', id, ok: true });
        void engine.shutdown('the engine was told to end');
        return;
      default:
        engine.handle(request, client.seat);
        client.send({ type: 'reply', id, ok: true });
    }
  } catch (error) {
    if (!(error instanceof UserError)) log(error);
    client.send({ type: 'reply', id, ok: false, error: messageOf(error) });
  }
}
