/** Starts an engine process that outlives the terminal. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';
import { lockHolder } from '../store/lock.js';
import { connect } from './client.js';

const WAIT_MS = 20_000;

/**
 * Starts an engine for the run, unless one is there.
 *
 * @throws UserError with the engine's own sentence where it ended at once
 */
export async function startEngine(runDir: string): Promise<void> {
  const directory = path.resolve(runDir);
  if (lockHolder(directory) !== null) return answers(directory);
  const logFile = path.join(directory, 'engine.log');
  const log = openSync(logFile, 'a', 0o600);
  const before = statSync(logFile).size;
  const main = new URL('./main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, directory], { detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.unref();
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const started = answers(directory).then(() => 'started' as const);
  const result = await Promise.race([started, ended]);
  if (result === 'started') return;
  started.catch(() => {});
  const said = readFileSync(logFile, 'utf8').slice(before).trim().split('\n').at(-1);
  throw new UserError(
    `the engine did not start: ${said === undefined || said === '' ? `exit code ${String(result)}` : said}`,
  );
}

/** Resolves once the engine's socket takes a connection. */
async function answers(directory: string): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    try {
      (await connect(directory)).close();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
