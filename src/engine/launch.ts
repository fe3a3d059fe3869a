/** Starts an engine process that outlives the terminal. */
import { spawn } from 'node:child_process';
import { closeSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.js';
import { openForAppending } from '../store/durable.js';
import { lockHolder } from '../store/lock.js';
import { connect } from './client.js';

/** Longer than an engine that ends takes for the checkpoint of its update. */
const WAIT_MS = 40_000;
const POLL_MS = 50;

/**
 * Starts an engine for the run, unless one is there.
 *
 * @throws UserError with the engine's own sentence where it ended at once
 */
export async function startEngine(runDir: string): Promise<void> {
  const directory = path.resolve(runDir);
  if (await isThere(directory)) return;
  const logFile = path.join(directory, 'engine.log');
  const log = openForAppending(logFile);
  const before = statSync(logFile).size;
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const child = spawn(process.execPath, [main, directory], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref();
  let ended = false;
  let code: number | null = null;
  child.once('exit', (exitCode) => {
    ended = true;
    code = exitCode;
  });
  const deadline = Date.now() + WAIT_MS;
  while (!ended && Date.now() < deadline) {
    if (await reachable(directory)) return;
    await delay(POLL_MS);
  }
  // Another client's engine was faster.
  if (await isThere(directory)) return;
  const said = readFileSync(logFile, 'utf8').slice(before).trim().split('\n').at(-1);
  throw new UserError(
    `the engine did not start: ${said === undefined || said === '' ? `exit code ${String(code)}` : said} (${logFile})`,
  );
}

/**
 * Whether an engine is there and answers. One that holds the lock and does not answer has just started or is ending: it
 * is waited for.
 *
 * @throws UserError where it goes on like that
 */
async function isThere(directory: string): Promise<boolean> {
  const deadline = Date.now() + WAIT_MS;
  while (lockHolder(directory) !== null) {
    if (await reachable(directory)) return true;
    if (Date.now() > deadline) await connect(directory);
    await delay(POLL_MS);
  }
  return false;
}

async function reachable(directory: string): Promise<boolean> {
  try {
    (await connect(directory)).close();
    return true;
  } catch {
    return false;
  }
}
