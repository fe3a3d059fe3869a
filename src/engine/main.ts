/** The engine process: `node main.js RUN`. Takes the lock, listens and works; its output goes to engine.log. */
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { UserError, messageOf } from '../core/errors.js';
import { allConfigs } from '../core/config/rounds.js';
import { makeDirectory } from '../io/durable.js';
import { Lock, checkLock, heldMessage } from '../io/lock.js';
import { Run } from '../run/run.js';
import { Engine } from './engine.js';
import type { StartReport } from '../protocol/messages.js';
import { serve } from './server.js';
import { WorkerCompute } from './compute.js';
import { log } from '../io/print.js';
import { untrustedUses } from '../io/trust.js';
import { Untrusted } from '../core/trust.js';

/** Longest path of a unix socket: 107 bytes on Linux, 103 on macOS. */
const MAX_SOCKET_PATH = 100;

/** RUN/engine.sock; if that is too long, a folder of this user in the temporary directory. */
function socketPathFor(directory: string): string {
  const inside = path.join(directory, 'engine.sock');
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside;
  const folder = path.join(tmpdir(), `brevity-${process.getuid?.() ?? 0}`);
  makeDirectory(folder);
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0)
    throw new UserError(`${folder} is open to others, so no socket can be put there; remove it, or set TMPDIR`);
  return path.join(folder, `${createHash('sha256').update(directory).digest('hex').slice(0, 16)}.sock`);
}

/** Tells the process that started this one, once; without a parent, writes to standard error. */
function report(message: StartReport): Promise<void> {
  if (process.send === undefined || !process.connected) return Promise.resolve();
  return new Promise((resolve) => {
    process.send?.(message, undefined, {}, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

async function main(): Promise<void> {
  const directory = path.resolve(process.argv[2] ?? '.');
  // Lets a terminal on the same machine draw first while the engine computes. Later threads inherit the priority.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  // Reports problems of the directory before anything is written to it.
  const untrusted = untrustedUses(directory, allConfigs(Run.open(directory, { recount: false })));
  if (untrusted.length > 0) throw new Untrusted(directory, untrusted);
  const socketPath = socketPathFor(directory);
  const lock = Lock.take(directory, socketPath);
  if (!(lock instanceof Lock)) {
    await report({ type: 'held' });
    throw new UserError(heldMessage(directory, lock));
  }
  try {
    await serveRun(directory, lock, socketPath);
  } catch (error) {
    lock.release();
    throw error;
  }
  await report({ type: 'listening' });
}

async function serveRun(directory: string, lock: Lock, socketPath: string): Promise<void> {
  const guard = (): void => {
    try {
      checkLock(lock.witness);
    } catch (error) {
      log(messageOf(error));
      lost = true;
      // Terminated at once: the thread may be about to write too.
      compute.kill();
      engine.abandon(messageOf(error));
      throw error;
    }
  };
  let lost = false;
  // Opened again: the engine that held the lock until now may have written.
  const run = Run.open(directory, { beforeWrite: guard });
  const compute = new WorkerCompute({
    config: run.config,
    directory,
    lock: lock.witness,
    onBackend: (name) => engine.backendLoaded(name),
  });
  const engine = new Engine(run, compute, () => {
    lock.release();
    // The delay flushes sockets of clients that have not read everything. A driver whose GPU hangs could block an
    // ordinary exit.
    setTimeout(() => (compute.lost ? process.kill(process.pid, 'SIGKILL') : process.exit(0)), 100);
  });
  const server = await serve(engine, socketPath);
  // A client that connects while the engine ends waits for the next one. Closing also deletes whatever is at the
  // socket's path: once the lock is lost, that is the next engine's socket.
  engine.listen(({ type }) => type === 'bye' && !lost && server.close());
  // An engine that waits for a person writes nothing, and would hold memory and a GPU for a deleted run.
  setInterval(() => {
    try {
      guard();
    } catch {
      // guard() ends the engine.
    }
  }, LOOK_MS).unref();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.on(name, () => void engine.shutdown(`the engine got ${name}`));
  // The terminal that started the engine may close.
  process.on('SIGHUP', () => {});
  for (const problem of run.problems) log(problem);
  engine.start();
}

const LOOK_MS = 2000;

main().catch(async (error: unknown) => {
  log(error);
  await report({ type: 'failed', message: messageOf(error) });
  process.exit(1);
});
