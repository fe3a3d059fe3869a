/** Runs the user's own command when a stage has ended, whether or not a terminal is attached. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { messageOf } from '../core/errors.js';
import { log } from '../io/print.js';
import { settingsFile } from '../io/trust.js';
import { type StageEnd, StageWatch } from '../protocol/stageEnds.js';
import type { Core } from './core.js';

/** A command that takes longer is ended, in ms. */
const TIMEOUT_MS = 60_000;

type Environment = Record<string, string | undefined>;

export function notifyByCommand(core: Core, env: Environment = process.env): void {
  const watch = new StageWatch();
  watch.take({ type: 'snapshot', snapshot: core.snapshot() });
  core.listen((event) => {
    const end = watch.take(event);
    const command = end === null ? null : notifyCommand(env);
    if (end !== null && command !== null) run(command, { ...env, ...variablesOf(core.run.directory, end) });
  });
}

/**
 * BREVITY_NOTIFY_COMMAND, else `notify_command` of the settings file; null: none. Read each time, since the engine outlives
 * terminals. A broken settings file has none; cli/preferences.ts reports it.
 */
export function notifyCommand(env: Environment): string | null {
  const named = env['BREVITY_NOTIFY_COMMAND'] ?? '';
  if (named !== '') return named;
  try {
    const settings = JSON.parse(readFileSync(settingsFile(env), 'utf8')) as { notify_command?: unknown } | null;
    const command = settings?.notify_command;
    return typeof command === 'string' && command.trim() !== '' ? command : null;
  } catch {
    return null;
  }
}

/** What happened, as variables: a name or message in the command's text could be code. */
export function variablesOf(directory: string, { round, stage, outcome, seconds, message }: StageEnd): Environment {
  return {
    BREVITY_RUN: directory,
    BREVITY_ROUND: String(round),
    BREVITY_STAGE: stage,
    BREVITY_OUTCOME: outcome,
    BREVITY_SECONDS: String(Math.round(seconds)),
    BREVITY_MESSAGE: message,
  };
}

/** Detached: an engine that ends after its last round must not take the command with it. */
function run(command: string, env: Environment): void {
  const child = spawn(command, { shell: true, env, stdio: 'ignore', detached: true });
  const timer = setTimeout(() => {
    log(`the notify command took longer than ${TIMEOUT_MS / 1000} s and was ended`);
    try {
      // Its whole group: the shell and what it started.
      process.kill(-(child.pid as number), 'SIGTERM');
    } catch {
      child.kill();
    }
  }, TIMEOUT_MS);
  timer.unref();
  child.on('error', (error) => {
    clearTimeout(timer);
    log(`the notify command could not be run: ${messageOf(error)}`);
  });
  child.on('exit', (code, signal) => {
    clearTimeout(timer);
    if (code !== 0) log(`the notify command ended with ${signal ?? `exit code ${code}`}`);
  });
  child.unref();
}
