/**
 * Launcher `slurm`: sbatch, squeue, sacct or scontrol, and scancel. Checked against Slurm 22.05.8 and the manual pages
 * of 24.11.
 */
import { UserError } from '../../../core/errors.js';
import { jobFile } from '../contract.js';
import { remotePath } from '../../names.js';
import {
  type Attempt,
  type Launcher,
  type ProgramResult,
  type SchedulerEnd,
  type SchedulerState,
  type Submission,
  attemptName,
  readSubmission,
  runProgram,
  scriptOf,
  startSubmission,
  stateOf,
  takeLock,
} from './launcher.js';
import { plainText } from '../../../core/sanitize.js';
import { shellQuote } from '../../../core/shell.js';

/** States of jobs that have ended, with the cause. */
const ended: Record<string, SchedulerEnd['cause']> = {
  COMPLETED: null,
  FAILED: null,
  OUT_OF_MEMORY: 'out of memory',
  TIMEOUT: 'time limit',
  DEADLINE: 'time limit',
  PREEMPTED: 'preempted',
  NODE_FAIL: 'node failure',
  BOOT_FAIL: 'node failure',
  CANCELLED: 'cancelled',
  REVOKED: 'cancelled',
};

const waiting = ['PENDING', 'CONFIGURING', 'REQUEUED', 'REQUEUE_HOLD', 'REQUEUE_FED', 'SPECIAL_EXIT', 'RESV_DEL_HOLD'];

export const slurmLauncher: Launcher = {
  submit(attempt) {
    const { dir, config } = attempt;
    // Users cannot override these: jobs are found by name, and the log is read.
    const args = [
      '--parsable',
      `--job-name=${attemptName(attempt)}`,
      `--output=${remotePath(jobFile(dir, 'log'), config.paths)}`,
      '--open-mode=append',
    ];
    return startSubmission(attempt, ['sbatch', ...args, scriptOf(attempt)].map(shellQuote).join(' '));
  },

  async submission(attempt): Promise<Submission> {
    const result = readSubmission(attempt);
    if (result === 'pending') return { state: 'pending', reason: 'sbatch has not answered yet' };
    if (result !== 'interrupted' && result.rc === 0) {
      const job = result.out.trim().split('\n').at(-1)?.trim() ?? '';
      if (/^[\w.+-]+(;[\w.-]+)?$/.test(job)) return { state: 'submitted', job };
      return {
        state: 'refused',
        message: `sbatch printed "${plainText(result.out).trim()}" where a job id is expected`,
      };
    }
    if (result !== 'interrupted' && result.rc === 127)
      return {
        state: 'refused',
        message:
          "sbatch was not found on the path; install Slurm's commands on this machine, or choose another launcher",
      };
    // If its connection times out, sbatch fails although the controller has the job.
    const found = await find(attempt);
    if (found.state === 'pending' || found.state === 'submitted') return found;
    if (result === 'interrupted') return found;
    const said = result.err || plainText(result.out).trim() || `exit code ${result.rc}`;
    return { state: 'refused', message: `sbatch refused the job: ${said}` };
  },

  withhold: takeLock,

  async status(attempt, job): Promise<SchedulerState> {
    const { id, cluster } = parts(job);
    const queue = await runProgram('squeue', [...cluster, '-h', '-j', id, '-o', '%T|%r|%N'], attempt.dir);
    if (queue.code !== 0 && !isUnknownJob(queue)) return stateOf('unknown', notAnswering('squeue', queue));
    const line = queue.code === 0 ? (queue.out.trim().split('\n')[0] ?? '') : '';
    if (line !== '') {
      const [word, reason, nodes] = line.split('|');
      const state = fromQueue(word.trim(), plainText(reason ?? ''), plainText(nodes ?? ''));
      if (state !== null) return state;
    }
    return finished(attempt, id, cluster);
  },

  async cancel(attempt, job) {
    const { id, cluster } = parts(job);
    const result = await runProgram('scancel', [...cluster, id], attempt.dir);
    if (result.code !== 0 && !isUnknownJob(result))
      throw new UserError(`scancel did not cancel job ${id}: ${result.err || `exit code ${result.code}`}`);
  },
};

/** Splits `12;cluster`, the form of federated clusters. */
function parts(job: string): { id: string; cluster: string[] } {
  const [id, cluster] = job.split(';');
  return { id, cluster: cluster === undefined ? [] : ['-M', cluster] };
}

const isUnknownJob = ({ err }: ProgramResult): boolean => /invalid job id/i.test(err);

const notAnswering = (program: string, { err, code }: ProgramResult): string =>
  `${program} does not answer: ${err || `exit code ${code}`}`;

/** null if the job has ended; other commands then tell more. */
function fromQueue(word: string, reason: string, nodes: string): SchedulerState | null {
  if (word in ended) return null;
  if (waiting.includes(word)) return stateOf('queued', reason === '' || reason === 'None' ? null : reason);
  // RUNNING, COMPLETING, SUSPENDED, STOPPED, SIGNALING, STAGE_OUT, RESIZING: its processes may be alive.
  return { ...stateOf('running', word === 'RUNNING' ? null : word), host: nodes === '' ? null : nodes };
}

/** How a job ended that squeue no longer lists: from the accounting, else from the controller's memory. */
async function finished(attempt: Attempt, id: string, cluster: string[]): Promise<SchedulerState> {
  const account = await runProgram(
    'sacct',
    [...cluster, '-nPX', '-j', id, '-o', 'State,ExitCode,NodeList'],
    attempt.dir,
  );
  const row = account.code === 0 ? account.out.trim().split('\n').at(-1) : '';
  if (row !== undefined && row !== '') {
    const [word, exit, nodes] = row.split('|');
    const state = stateFrom(word, exit ?? '', '', nodes ?? '');
    // The accounting lags behind; if it does not show an end, the controller is asked.
    if (state.state === 'ended') return state;
  }
  const shown = await runProgram('scontrol', [...cluster, '-o', 'show', 'job', id], attempt.dir);
  if (shown.code === 0) {
    const field = (name: string) => new RegExp(`(?:^|\\s)${name}=(\\S*)`).exec(shown.out)?.[1] ?? '';
    return stateFrom(field('JobState'), field('ExitCode'), field('Reason'), field('NodeList'));
  }
  if (isUnknownJob(shown)) return stateOf('gone');
  return stateOf('unknown', notAnswering('scontrol', shown));
}

/** @param word the state; the accounting may add to it, as in `CANCELLED by 1000` */
function stateFrom(word: string, exit: string, reason: string, nodes: string): SchedulerState {
  const name = plainText(word).trim().split(/\s+/)[0];
  if (!(name in ended)) return fromQueue(name, plainText(reason), plainText(nodes)) ?? stateOf('gone');
  const [code, signal] = exit.split(':').map(Number);
  const end: SchedulerEnd = {
    cause: ended[name],
    code: Number.isInteger(code) ? code : null,
    // The script's shell exits with 128 + the signal that killed the executor.
    signal: signal > 0 ? signal : code > 128 ? code - 128 : null,
    word: name,
  };
  return { ...stateOf('ended'), host: nodes === '' ? null : plainText(nodes), end };
}

/** Finds an attempt by its name. */
async function find(attempt: Attempt): Promise<Submission> {
  const name = attemptName(attempt);
  const queue = await runProgram('squeue', ['-h', '-t', 'all', '-n', name, '-o', '%i'], attempt.dir);
  if (queue.code !== 0) return { state: 'pending', reason: notAnswering('squeue', queue) };
  const queued = queue.out.trim().split('\n')[0];
  if (queued !== '') return { state: 'submitted', job: queued };
  // Jobs that ended long ago are only in the accounting; clusters without accounting forget them.
  const account = await runProgram('sacct', ['-nPX', `--name=${name}`, '-S', 'now-30days', '-o', 'JobID'], attempt.dir);
  const accounted = account.code === 0 ? account.out.trim().split('\n')[0] : '';
  if (accounted !== '') return { state: 'submitted', job: accounted };
  return { state: 'lost', message: `sbatch was interrupted, and Slurm has no job named ${name}` };
}
