/**
 * The interface of launchers, and their shared parts: the files of an attempt, a submission that survives the engine,
 * and running the scheduler's programs.
 *
 * A submission runs in a detached script that first makes the folder `launch/aN.lock`. Making a folder succeeds only
 * once, so any number of engines may start the script of one attempt, and the scheduler gets one job.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { JobConfig } from '../../../core/config/schema.js';
import { UserError, hasCode, messageOf } from '../../../core/errors.js';
import { makeDirectory, syncDirectory, writeFileAtomic } from '../../../io/durable.js';
import { startOf } from '../../../io/lock.js';
import type { JobEnd } from '../../../protocol/remoteViews.js';
import { jobFile } from '../contract.js';
import { readTextFile } from '../../../io/files.js';
import { plainText } from '../../../core/sanitize.js';
import { shellQuote } from '../../../core/shell.js';

/** One attempt of a job. */
export interface Attempt {
  /** The job's folder on this machine. */
  dir: string;
  /** The job's id. */
  id: string;
  /** Counted from 1. */
  number: number;
  config: JobConfig;
  /** Names of environment variables that hold keys; the job does not get them. */
  secrets: readonly string[];
}

/** The attempt's unique name at the scheduler. */
export const attemptName = ({ id, number }: Pick<Attempt, 'id' | 'number'>): string => `${id}-a${number}`;

/** The state of a submission. */
export type Submission =
  /** In progress; `reason`: why it takes so long. */
  | { state: 'pending'; reason: string | null }
  /** `job`: the scheduler's id. */
  | { state: 'submitted'; job: string }
  /** The scheduler refused it. */
  | { state: 'refused'; message: string }
  /** It was interrupted, and the scheduler does not have the job. */
  | { state: 'lost'; message: string };

/** How a job ended, according to the scheduler. */
export interface SchedulerEnd {
  /** null: only the exit code tells the cause. */
  cause: Exclude<JobEnd['cause'], 'done' | 'stopped' | 'aborted' | 'failed' | 'lost'> | null;
  /** null: unknown. */
  code: number | null;
  signal: number | null;
  /** The scheduler's own state name, such as `TIMEOUT`. */
  word: string;
}

export interface SchedulerState {
  /** `gone`: the scheduler does not know the job, or no longer does. `unknown`: it does not answer. */
  state: 'queued' | 'running' | 'ended' | 'gone' | 'unknown';
  /** Why it is queued, or why its state is unknown. */
  reason: string | null;
  host: string | null;
  end: SchedulerEnd | null;
}

export const stateOf = (state: SchedulerState['state'], reason: string | null = null): SchedulerState => ({
  state,
  reason,
  host: null,
  end: null,
});

/** Every method may be called again after a crash at any point. The log is the file `log` of the job's folder. */
export interface Launcher {
  /** Starts the submission of an attempt whose script is written. Repeated calls submit it only once. */
  submit(attempt: Attempt): Promise<void>;
  /** @param look only check: send nothing that was not sent before */
  submission(attempt: Attempt, look: boolean): Promise<Submission>;
  /** Prevents a submission that has not begun. @returns whether the attempt is certain never to be submitted */
  withhold(attempt: Attempt): boolean;
  status(attempt: Attempt, job: string): Promise<SchedulerState>;
  /** @param again whether it was cancelled seconds ago and has not ended */
  cancel(attempt: Attempt, job: string, again: boolean): Promise<void>;
}

/** Path of an attempt's file in `launch/`. */
export function attemptFile({ dir, number }: Attempt, ending: string): string {
  return path.join(jobFile(dir, 'launchFolder'), `a${number}.${ending}`);
}

/**
 * The script that the scheduler runs. No later job has a script of this name, so a job that starts after it was removed
 * finds none.
 */
export function scriptOf(attempt: Attempt): string {
  return path.join(jobFile(attempt.dir, 'launchFolder'), `${attemptName(attempt)}.sh`);
}

/** Milliseconds within which a process starts, and within which one on another machine ends. */
const BEGIN_MS = 10_000;
const ELSEWHERE_MS = 120_000;

/** @returns whether this call took the attempt's lock; if so, nobody else submits it */
export function takeLock(attempt: Attempt): boolean {
  const lock = attemptFile(attempt, 'lock');
  makeDirectory(path.dirname(lock));
  try {
    mkdirSync(lock, { mode: 0o700 });
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw new UserError(`cannot write ${lock}: ${messageOf(error)}`, { cause: error });
  }
  syncDirectory(path.dirname(lock));
  return true;
}

/** Shell lines that take the lock, or end the script if it is taken, and then record the script's process in it. */
function lockLines(attempt: Attempt): string[] {
  const lock = shellQuote(attemptFile(attempt, 'lock'));
  return [
    `mkdir ${lock} 2>/dev/null || exit 0`,
    'if [ -r /proc/$$/stat ]; then started=$(cut -d" " -f22 /proc/$$/stat); else started=; fi',
    `printf '%s\\n%s\\n%s\\n' "$$" "$started" ${shellQuote(hostname())} > ${lock}/process.new`,
    `mv ${lock}/process.new ${lock}/process`,
  ];
}

/** Starts a script that survives this process, in its own session and process group. */
export function startDetached(attempt: Attempt, ending: string, lines: string[]): Promise<void> {
  const file = attemptFile(attempt, ending);
  makeDirectory(path.dirname(file));
  writeFileAtomic(file, ['#!/bin/sh', ...lockLines(attempt), ...lines, ''].join('\n'));
  const env = { ...process.env };
  for (const name of attempt.secrets) delete env[name];
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', [file], { cwd: attempt.dir, env, detached: true, stdio: 'ignore' });
    child.once('spawn', () => (child.unref(), resolve()));
    child.once('error', (error) => reject(new UserError(`cannot start ${file}: ${error.message}`, { cause: error })));
  });
}

/** Runs a submission command detached; its output, errors and exit code go to `aN.out`, `aN.err` and `aN.rc`. */
export function startSubmission(attempt: Attempt, command: string): Promise<void> {
  const [out, err, rc] = ['out', 'err', 'rc'].map((ending) => attemptFile(attempt, ending));
  return startDetached(attempt, 'submit', [
    // A subshell, because the command may exit.
    `( ${command}`,
    `) > ${shellQuote(out)} 2> ${shellQuote(err)} < /dev/null`,
    `echo $? > ${shellQuote(`${rc}.new`)}`,
    `mv ${shellQuote(`${rc}.new`)} ${shellQuote(rc)}`,
  ]);
}

/** `interrupted`: the script was killed, so the scheduler may have the job. */
export type SubmissionResult = 'pending' | 'interrupted' | { rc: number; out: string; err: string };

export function readSubmission(attempt: Attempt): SubmissionResult {
  const rc = attemptFile(attempt, 'rc');
  if (existsSync(rc)) {
    const text = (ending: string) => readTextFile(attemptFile(attempt, ending), 2 ** 20);
    return { rc: Number(readTextFile(rc, 1024)), out: text('out'), err: plainText(text('err')).trim() };
  }
  return lockState(attempt) === 'dead' ? (existsSync(rc) ? readSubmission(attempt) : 'interrupted') : 'pending';
}

/** The process that holds an attempt's lock; null until it has recorded itself. */
export function lockProcess(attempt: Attempt): { pid: number; started: string; host: string } | null {
  try {
    const [pid, started, host] = readFileSync(path.join(attemptFile(attempt, 'lock'), 'process'), 'utf8').split('\n');
    return { pid: Number(pid), started, host };
  } catch {
    return null;
  }
}

/** `free`: nobody has begun. `dead`: the process was killed, or took the lock and started nothing. */
export function lockState(attempt: Attempt): 'free' | 'alive' | 'dead' {
  const lock = statSync(attemptFile(attempt, 'lock'), { throwIfNoEntry: false });
  if (lock === undefined) return 'free';
  const age = Date.now() - lock.mtimeMs;
  const holder = lockProcess(attempt);
  if (holder === null) return age > BEGIN_MS ? 'dead' : 'alive';
  if (holder.host !== hostname()) return age > ELSEWHERE_MS ? 'dead' : 'alive';
  return isRunning(holder) ? 'alive' : 'dead';
}

/** Whether a process of this machine is alive, and is not another process that reuses its id. */
export function isRunning({ pid, started }: { pid: number; started: string }): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
  return started === '' || startOf(pid) === started;
}

export interface ProgramResult {
  /** null: it did not start, or was killed. */
  code: number | null;
  out: string;
  err: string;
}

/** Time limit of a scheduler's program, milliseconds. */
const PROGRAM_MS = 60_000;

/** Runs one of the scheduler's programs and waits for it. Failures are returned in the result. */
export function runProgram(program: string, args: string[], cwd: string): Promise<ProgramResult> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: PROGRAM_MS, maxBuffer: 16 * 2 ** 20 };
    execFile(program, args, options, (error, out, err) => {
      const missing = hasCode(error, 'ENOENT') ? `${program} was not found on the path` : '';
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      const late = error?.killed === true ? `${program} did not end within ${PROGRAM_MS / 1000} s` : '';
      const said = plainText(err).trim() || missing || late || (error === null ? '' : plainText(error.message));
      resolve({ code, out, err: said.slice(0, 1000) });
    });
  });
}
