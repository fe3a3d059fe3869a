/**
 * Launcher `process`: the job runs on this machine, in its own process group, which outlives the engine. The group's
 * first process is a shell that waits for the job and records its exit code.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { hasCode } from '../../../core/errors.js';
import { jobFile } from '../contract.js';
import {
  type Launcher,
  type SchedulerState,
  type Submission,
  attemptFile,
  isRunning,
  lockProcess,
  lockState,
  scriptOf,
  startDetached,
  stateOf,
  takeLock,
} from './launcher.js';
import { readTextFile } from '../../../io/files.js';
import { shellQuote } from '../../../core/shell.js';

export const processLauncher: Launcher = {
  submit(attempt) {
    const exit = shellQuote(attemptFile(attempt, 'exit'));
    return startDetached(attempt, 'submit', [
      // Signals go to the whole group; the shell ignores them so that it can record how the job ends.
      'trap : TERM HUP INT USR1',
      `bash ${shellQuote(scriptOf(attempt))} >> ${shellQuote(jobFile(attempt.dir, 'log'))} 2>&1 < /dev/null`,
      `echo $? > ${exit}.new`,
      `mv ${exit}.new ${exit}`,
    ]);
  },

  async submission(attempt): Promise<Submission> {
    const shell = lockProcess(attempt);
    if (shell !== null) return { state: 'submitted', job: String(shell.pid) };
    if (lockState(attempt) !== 'dead') return { state: 'pending', reason: null };
    return { state: 'lost', message: 'the process of the job was killed before it began' };
  },

  withhold: takeLock,

  async status(attempt): Promise<SchedulerState> {
    const shell = lockProcess(attempt);
    if (shell === null) return stateOf('gone');
    const { host } = shell;
    if (host !== hostname())
      return { ...stateOf('unknown', `the job runs on ${host}, and this engine on ${hostname()}`), host };
    if (isGroupAlive(shell)) return { ...stateOf('running'), host };
    const exit = attemptFile(attempt, 'exit');
    if (!existsSync(exit))
      return { ...stateOf('ended'), host, end: { cause: null, code: null, signal: 9, word: 'killed' } };
    const code = Number(readTextFile(exit, 1024));
    const signal = code > 128 ? code - 128 : null;
    return { ...stateOf('ended'), host, end: { cause: null, code, signal, word: `exit code ${code}` } };
  },

  async cancel(attempt, _job, again) {
    const shell = lockProcess(attempt);
    if (shell === null || shell.host !== hostname() || !isGroupAlive(shell)) return;
    try {
      process.kill(-shell.pid, again ? 'SIGKILL' : 'SIGTERM');
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  },
};

type Shell = Exclude<ReturnType<typeof lockProcess>, null>;

/** Whether a process of the job's group is alive: its shell, or processes that a killed shell left running. */
function isGroupAlive(shell: Shell): boolean {
  if (isRunning(shell)) return true;
  if (!existsSync('/proc/self/stat')) return groupAnswers(shell.pid);
  // Another process may reuse the shell's id by now; it then leads a different group.
  if (existsSync(`/proc/${shell.pid}`) && !isZombie(shell.pid)) return false;
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && isIn(shell.pid, name));
}

/** Zombies count as ended: in a container possibly nobody reaps them. */
function isIn(group: number, pid: string): boolean {
  const fields = statOf(pid);
  return fields !== null && fields[0] !== 'Z' && Number(fields[2]) === group;
}

const isZombie = (pid: number): boolean => statOf(String(pid))?.[0] === 'Z';

/** Fields of /proc/PID/stat from the third (the state) on; null if there is no such process. */
function statOf(pid: string): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function groupAnswers(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
