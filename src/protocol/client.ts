/** A client of an engine: sends commands and queries, receives events. */
import { type Socket, createConnection } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { UserError } from '../core/errors.js';
import { MAX_EVENT, megabytes } from '../core/limits.js';
import { type LockHolder, heldMessage, lockHolder, readHolder } from '../io/lock.js';
import { checkOwner } from '../io/trust.js';
import { readLines } from './wire.js';
import type { AnswerTo, EngineCommand, EngineEvent, EngineMessage, Query } from './messages.js';

/** The connection to the engine is lost, or the engine has ended. */
export class EngineGone extends UserError {
  /** @param again the engine ended so that another can continue */
  constructor(
    reason: string,
    readonly again = false,
  ) {
    super(reason);
  }
}

export interface EngineClient {
  /** Rejects with the engine's message if it refuses. */
  send(command: EngineCommand): Promise<void>;
  /** Rejects like `send`. */
  ask<Q extends Query>(query: Q): Promise<AnswerTo<Q>>;
  /**
   * Subscribes to every event from now on; when the engine has ended, a last `bye`. @returns a function that
   * unsubscribes
   */
  on(listener: (event: EngineEvent) => void): () => void;
  /** Detaches; the engine keeps running. */
  close(): void;
}

/** @throws UserError if no engine answers for this run */
export async function connect(runDir: string): Promise<EngineClient> {
  const directory = path.resolve(runDir);
  const client = await connectIfAny(directory);
  if (client !== null) return client;
  const holder = lockHolder(directory);
  if (holder === null) throw new UserError(`no engine is running for ${directory}`);
  throw new UserError(doesNotAnswer(directory, holder));
}

/** Connects to the run's engine; null if nothing answers at the socket that the lock file names. */
export async function connectIfAny(directory: string): Promise<EngineClient | null> {
  // The lock file names the socket: in another user's directory it could lead to a server of theirs.
  checkOwner(directory);
  const holder = readHolder(directory);
  if (holder === null) return null;
  try {
    return new SocketClient(await open(holder.socket));
  } catch {
    return null;
  }
}

/** The message for an engine that holds the lock but has no open socket. */
export function doesNotAnswer(directory: string, holder: LockHolder): string {
  if (holder.host !== hostname()) return heldMessage(directory, holder);
  return `the engine of ${directory} (process ${holder.pid} on ${holder.host}, since ${holder.since}) does not answer; if it stays like that, end it with \`kill ${holder.pid}\``;
}

function open(socketPath: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketPath);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

class SocketClient implements EngineClient {
  private readonly listeners = new Set<(event: EngineEvent) => void>();
  private readonly pending = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  private lastId = 0;
  private gone = false;

  constructor(private readonly socket: Socket) {
    readLines(
      socket,
      MAX_EVENT,
      (line) => this.receiveLine(line),
      () => this.breakOff(`it sent a message longer than ${megabytes(MAX_EVENT)}`),
    );
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.ended('the engine ended'));
  }

  async send(command: EngineCommand): Promise<void> {
    await this.request(command);
  }

  async ask<Q extends Query>(query: Q): Promise<AnswerTo<Q>> {
    return (await this.request(query)) as AnswerTo<Q>;
  }

  private request(message: EngineCommand | Query): Promise<unknown> {
    if (this.gone) return Promise.reject(new EngineGone('the engine has ended'));
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.socket.write(JSON.stringify({ id, ...message }) + '\n');
    });
  }

  on(listener: (event: EngineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.gone = true;
    this.listeners.clear();
    this.socket.end();
  }

  private receiveLine(line: string): void {
    // Lines read before the connection closed may still arrive.
    if (this.gone) return;
    let message: EngineMessage | null = null;
    try {
      message = JSON.parse(line) as EngineMessage | null;
    } catch {
      // Reported below.
    }
    if (typeof message?.type === 'string') this.receive(message);
    else this.breakOff('it sent a message that cannot be read');
  }

  /** Ends the connection to something that does not speak the protocol, such as an engine of another version. */
  private breakOff(why: string): void {
    this.ended(`the connection to the engine was closed: ${why}`);
    this.socket.destroy();
  }

  private receive(message: EngineMessage): void {
    if (message.type !== 'reply') {
      if (message.type === 'bye') this.ended(message.reason, message.again);
      else for (const listener of this.listeners) listener(message);
      return;
    }
    const waiting = this.pending.get(message.id);
    this.pending.delete(message.id);
    if (message.ok) waiting?.resolve(message.answer);
    else waiting?.reject(new UserError(message.error));
  }

  private ended(reason: string, again?: true): void {
    if (this.gone) return;
    this.gone = true;
    for (const { reject } of this.pending.values()) reject(new EngineGone(reason, again));
    this.pending.clear();
    for (const listener of this.listeners) listener({ type: 'bye', reason, ...(again === undefined ? {} : { again }) });
  }
}
