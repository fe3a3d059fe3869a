/** The engine's unix socket: JSON lines, any number of clients, each gets every event. */
import { rmSync } from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { UserError, messageOf } from '../errors.js';
import type { Engine } from './engine.js';
import { readLines } from './lines.js';
import type { EngineMessage, Request } from './protocol.js';

/** A client that has not read this much is let go: it must not hold the engine's memory. */
const MAX_BUFFERED = 64 * 2 ** 20;

/** Listens on the socket's path, for this user only. */
export async function serve(engine: Engine, socketPath: string): Promise<Server> {
  rmSync(socketPath, { force: true });
  const server = createServer((socket) => attach(engine, socket, () => server.close()));
  // Bound at once: for nobody else at any moment.
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
  let stopListening = () => {};
  const send = (message: EngineMessage) => {
    if (socket.writableLength > MAX_BUFFERED) socket.destroy();
    else if (!socket.destroyed) socket.write(JSON.stringify(message) + '\n');
  };
  socket.on('error', () => socket.destroy());
  socket.on('close', () => stopListening());
  readLines(socket, (line) => {
    let id = 0;
    try {
      const request = JSON.parse(line) as Request;
      id = request.id;
      if (request.type === 'attach') {
        stopListening();
        send({ type: 'reply', id, ok: true });
        send({ type: 'snapshot', snapshot: engine.snapshot() });
        stopListening = engine.listen(send);
      } else if (request.type === 'shutdown') {
        // The door first: who starts an engine once it has the reply must not meet this one. The bye that follows is the
        // last that clients hear.
        shutDoor();
        send({ type: 'reply', id, ok: true });
        void engine.shutdown('the engine was told to end');
      } else {
        engine.handle(request as Parameters<Engine['handle']>[0]);
        send({ type: 'reply', id, ok: true });
      }
    } catch (error) {
      if (!(error instanceof UserError)) console.error(error);
      send({ type: 'reply', id, ok: false, error: messageOf(error) });
    }
  });
}
