/** Runs the user's command that restarts a sampling server on other weights. */
import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../../core/errors.js';
import { openForAppending } from '../../io/durable.js';
import { plainText } from '../../core/sanitize.js';
import { shellQuote } from '../../core/shell.js';

/** The state of a restart command. */
export interface Restart {
  /** @throws UserError with its last line if it ended with an error */
  check(): void;
  /** Whether it ended without an error. */
  readonly finished: boolean;
}

/**
 * Starts the command in a shell. The command may end once the server is starting, or run as long as the server; both
 * outlive this process.
 *
 * @param command with `{weights}` and `{endpoint}`, which are replaced by quoted words
 * @param log file that its output is appended to
 */
export function startRestart(command: string, weights: string, endpoint: string, log: string): Restart {
  const filled = command.replaceAll('{weights}', quote(weights)).replaceAll('{endpoint}', quote(endpoint));
  const output = openForAppending(log);
  const begin = fstatSync(output).size;
  let ended: { code: number | null; signal: string | null } | null = null;
  let problem: string | null = null;
  try {
    const child = spawn('/bin/sh', ['-c', filled], { detached: true, stdio: ['ignore', output, output] });
    child.on('error', (error) => (problem = error.message));
    child.on('exit', (code, signal) => (ended = { code, signal }));
    child.unref();
  } finally {
    closeSync(output);
  }
  const how = () => (ended?.signal != null ? `was ended by ${ended.signal}` : `ended with exit code ${ended?.code}`);
  return {
    check() {
      if (problem === null && (ended === null || ended.code === 0)) return;
      const said = lastLine(log, begin);
      throw new UserError(
        `the command of sampling.server.restart ${problem ?? how()}${said === '' ? '' : `: ${said}`} (${log}); run it by hand to see why`,
      );
    },
    get finished() {
      return ended?.code === 0;
    },
  };
}

/** `~` is not expanded: the value is a path or a URL, not text that a user typed. */
function quote(word: string): string {
  return shellQuote(word.startsWith('~') ? `./${word}` : word);
}

const LAST_BYTES = 4096;

function lastLine(file: string, from: number): string {
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const start = Math.max(from, size - LAST_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    readSync(handle, bytes, 0, bytes.length, start);
    return plainText(bytes.toString().trim().split('\n').at(-1) ?? '').slice(0, 300);
  } finally {
    closeSync(handle);
  }
}
