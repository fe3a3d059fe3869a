/** Attaches to a run's engine, or starts one, which outlives the terminal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../core/config/schema.js';
import { UserError, messageOf } from '../core/errors.js';
import { openForAppending } from '../io/durable.js';
import { allConfigs } from '../core/config/rounds.js';
import { heldMessage, lockHolder } from '../io/lock.js';
import { Run, isRun } from '../run/run.js';
import { untrustedUses } from '../io/trust.js';
import { type EngineClient, EngineGone, connectIfAny, doesNotAnswer } from '../protocol/client.js';
import type { EngineEvent, StartReport } from '../protocol/messages.js';
import { engineLog } from '../core/runFiles.js';
import { Untrusted } from '../core/trust.js';

/** Longer than an ending engine takes to write its update's checkpoint. */
const WAIT_MS = 40_000;
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 320;

/**
 * Attaches to the run's engine and starts one if none runs. If an engine ends in between, it attaches to the next one
 * instead of failing.
 *
 * @param use gets the client before its first event
 * @param listener gets the events of the attached engine only
 * @throws UserError if no engine can be started, or it refuses; Untrusted if the user has to allow something first
 */
export async function attachEngine(
  runDir: string,
  kind: 'tui' | 'auto',
  use: (client: EngineClient) => void,
  listener: (event: EngineEvent) => void,
): Promise<void> {
  const patience = new Patience();
  for (;;) {
    const client = await reach(runDir, patience);
    use(client);
    if (await attach(client, kind, listener)) return;
    client.close();
    await patience.wait(() => `the engine of ${path.resolve(runDir)} ended each time it was attached to`);
  }
}

/** @returns false if the engine ended before its first event @throws UserError if it refuses */
async function attach(
  client: EngineClient,
  kind: 'tui' | 'auto',
  listener: (event: EngineEvent) => void,
): Promise<boolean> {
  let attached = false;
  const first = new Promise<boolean>((resolve) => {
    client.on((event) => {
      // The snapshot comes first, unless the engine was already ending.
      if (event.type !== 'bye') attached = true;
      resolve(attached);
      if (attached) listener(event);
    });
  });
  try {
    await client.send({ type: 'attach', client: kind });
  } catch (error) {
    if (error instanceof EngineGone) return false;
    client.close();
    throw error;
  }
  return first;
}

/** Starts an engine for the run, unless one runs. @throws UserError with the engine's own message if it cannot start */
export async function startEngine(runDir: string): Promise<void> {
  (await reach(runDir, new Patience())).close();
}

/** The engine checks too (main.ts); checked here, a terminal can ask the user. */
function checkTrust(directory: string): void {
  let configs: Config[];
  try {
    configs = allConfigs(Run.open(directory, { recount: false }));
  } catch {
    // The engine reports what is wrong with the run.
    return;
  }
  const untrusted = untrustedUses(directory, configs);
  if (untrusted.length > 0) throw new Untrusted(directory, untrusted);
}

/**
 * Connects to the run's engine and starts one if the lock is free. An engine that holds the lock without answering has
 * just started or is about to end: wait for it.
 */
async function reach(runDir: string, patience: Patience): Promise<EngineClient> {
  const directory = path.resolve(runDir);
  for (;;) {
    const client = await connectIfAny(directory);
    if (client !== null) return client;
    const holder = lockHolder(directory);
    if (holder === null) {
      const { held } = await launch(directory);
      if (!held) {
        const own = await connectIfAny(directory);
        if (own !== null) return own;
      }
      await patience.wait(() => `an engine of ${directory} starts and ends at once; see ${engineLog(directory)}`);
      continue;
    }
    // Waiting helps only with a process that may end by itself; a process on another host must be ended there, so
    // report it at once.
    if (holder.host !== hostname()) throw new UserError(heldMessage(directory, holder));
    await patience.wait(() => doesNotAnswer(directory, holder));
  }
}

/** Growing pauses within one time limit. */
class Patience {
  private readonly deadline = Date.now() + WAIT_MS;
  private pause = FIRST_POLL_MS;

  /** @throws UserError with the sentence once the time is up */
  async wait(sentence: () => string): Promise<void> {
    if (Date.now() > this.deadline) throw new UserError(sentence());
    await delay(this.pause);
    this.pause = Math.min(this.pause * 2, LAST_POLL_MS);
  }
}

/**
 * Starts an engine process and resolves when it listens.
 *
 * @returns whether another engine got the lock first
 * @throws UserError with the engine's own message if it cannot start
 */
async function launch(directory: string): Promise<{ held: boolean }> {
  if (!isRun(directory)) throw new UserError(`${directory} holds no run (no run.json)`);
  checkTrust(directory);
  const logFile = engineLog(directory);
  const log = openForAppending(logFile);
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, [main, directory], { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  } finally {
    closeSync(log);
  }
  const report = await reportOf(child);
  child.unref();
  if (child.connected) child.disconnect();
  if (report.type === 'failed') throw new UserError(`the engine did not start: ${report.message} (${logFile})`);
  return { held: report.type === 'held' };
}

/** The report of a starting engine over its channel, or how it exited without one. */
function reportOf(child: ChildProcess): Promise<StartReport> {
  return new Promise((resolve) => {
    const failed = (message: string) => {
      clearTimeout(late);
      resolve({ type: 'failed', message });
    };
    const late = setTimeout(failed, WAIT_MS, `it is still starting after ${WAIT_MS / 1000} seconds; try again later`);
    child.once('message', (report) => {
      clearTimeout(late);
      resolve(report as StartReport);
    });
    child.once('error', (error) => failed(messageOf(error)));
    child.once('exit', (code, signal) => {
      const ended = () => failed(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
      // Its last message may still be in the channel.
      if (child.connected) child.once('disconnect', ended);
      else ended();
    });
  });
}
