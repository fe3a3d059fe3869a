/** A job as clients see it, built from the files of its folder and its scheduler's answer. */
import type { MachineView } from '../../core/machine.js';
import { plainText } from '../../core/sanitize.js';
import type { JobEnd, JobView } from '../../protocol/remoteViews.js';
import {
  readDone,
  readLaunch,
  readLogTail,
  readStatus,
  type JobDone,
  type JobLaunch,
  type JobStatus,
} from './contract.js';
import type { SchedulerEnd, SchedulerState } from './launchers/launcher.js';
import { roundFiles, type RoundFolders } from '../../core/runFiles.js';

/** The folder of a round's job. */
export const jobDir = (files: RoundFolders, round: number): string => files.file(round, roundFiles.job);

/** Whether this round's job was submitted, or may have been. */
export const hasJob = (files: RoundFolders, round: number): boolean => readLaunch(jobDir(files, round)) !== null;

/** Whether this round's job was submitted, or may have been, and is not known to have ended. */
export function jobMayRun(files: RoundFolders, round: number): boolean {
  const launch = readLaunch(jobDir(files, round));
  return launch !== null && launch.end === null;
}

/** The job of a round according to its files; null if the round has none. @throws UserError if they are damaged */
export function readJobView(files: RoundFolders, round: number): JobView | null {
  const dir = jobDir(files, round);
  const launch = readLaunch(dir);
  return launch === null ? null : viewOfJob(launch, readStatus(dir), readDone(dir), null);
}

/** @param scheduler null: it was not asked */
export function viewOfJob(
  launch: JobLaunch,
  status: JobStatus | null,
  done: JobDone | null,
  scheduler: Pick<SchedulerState, 'state' | 'reason' | 'host'> | null,
): JobView {
  // The status of an earlier attempt does not apply to this one.
  const current = status?.attempt === launch.attempt ? status : null;
  const end = launch.end ?? (done === null ? null : endOf(done));
  const running = current !== null || scheduler?.state === 'running';
  return {
    launcher: launch.launcher,
    id: launch.job,
    attempt: launch.attempt,
    state: end !== null ? 'ended' : launch.state === 'submitting' ? 'submitting' : running ? 'running' : 'queued',
    reason: end === null ? (scheduler?.reason ?? null) : null,
    submitted_at: launch.submitted_at,
    started_at: current?.started ?? launch.started_at,
    host: plain(current?.host ?? scheduler?.host ?? null),
    device: plain(current?.device ?? null),
    executor: plain(current?.executor ?? done?.executor ?? null),
    phase: end === null ? (current?.state ?? null) : null,
    done: current?.done ?? 0,
    total: current?.total ?? 0,
    z_error: done?.z_error ?? current?.z_error ?? null,
    told: launch.told,
    end,
  };
}

function endOf({ outcome, steps, message }: JobDone): JobEnd {
  const sentence =
    message === null ? `the job ${words[outcome]} after ${steps} steps` : `the job failed: ${plainText(message)}`;
  return { cause: outcome, message: sentence, resubmittable: outcome === 'failed' };
}

const words = { done: 'finished', stopped: 'was stopped', aborted: 'was aborted', failed: 'failed' } as const;

const plain = (text: string | null): string | null =>
  text === null || text === '' ? null : plainText(text).slice(0, 300);

/** The job's machine as its executor last sampled it; null if it tells nothing. @throws UserError if the file is damaged */
export function readJobMachine(files: RoundFolders, round: number): MachineView | null {
  const status = readStatus(jobDir(files, round));
  if (status?.machine === undefined) return null;
  const { machine, pid, host } = status;
  return { ...machine, host: plain(host) ?? '', process: { ...machine.process, pid } };
}

/** Why an update that runs as a job cannot be paused. */
export function noPause(launcher: JobView['launcher']): string {
  const what = {
    process: 'as a process of its own',
    slurm: 'as a Slurm job',
    ray: 'as a Ray job',
    command: 'as a job of its own',
  };
  return `the update runs ${what[launcher]}, which cannot be paused; stop or abort it`;
}

/** How sentences name a job: "Slurm job 12". */
export function nameOfJob({
  launcher,
  job,
  id,
  attempt,
}: Pick<JobLaunch, 'launcher' | 'job' | 'id' | 'attempt'>): string {
  switch (launcher) {
    case 'process':
      return job === null ? "the job's process" : `the job's process ${job}`;
    case 'slurm':
      return `Slurm job ${job ?? `${id}-a${attempt}`}`;
    case 'ray':
      return `Ray job ${job ?? `${id}-a${attempt}`}`;
    case 'command':
      return `job ${plainText(job ?? `${id}-a${attempt}`)}`;
  }
}

// Why a job ended without a result, in one sentence.

/** Lines and characters of the log in a sentence. */
const LINES = 5;
const CHARACTERS = 500;

export interface EndedJob {
  dir: string;
  /** "the process", "Slurm job 12". */
  name: string;
  /** How it ended according to the scheduler; null if the scheduler no longer knows the job. */
  end: SchedulerEnd | null;
  /** Whether an executor wrote status.json in this attempt. */
  seen: boolean;
  /** Whether there is a checkpoint. */
  checkpoint: boolean;
}

export function explainEnd(job: EndedJob): JobEnd {
  const { cause, sentence } = causeOf(job);
  const next = job.checkpoint
    ? 'retry submits it again, and it continues from its checkpoint'
    : 'retry submits it again from the start';
  return { cause, message: `${sentence}; ${next}`, resubmittable: true };
}

function causeOf({ dir, name, end, seen }: EndedJob): { cause: JobEnd['cause']; sentence: string } {
  const log = logWords(dir);
  if (end === null)
    return {
      cause: 'lost',
      sentence: `${name} is not known to its scheduler any more, and done.json is missing${log}`,
    };
  const { cause, code, signal, word } = end;
  switch (cause) {
    case 'out of memory':
      return {
        cause,
        sentence: `${name} ran out of memory (${word}): ask for more, lower update.micro_batch, or turn on update.activation_checkpointing`,
      };
    case 'time limit':
      return { cause, sentence: `${name} reached its time limit (${word})` };
    case 'preempted':
      return { cause, sentence: `${name} was preempted by another job (${word})` };
    case 'node failure':
      return { cause, sentence: `${name} ended because its node failed (${word})` };
    case 'cancelled':
      return { cause, sentence: `${name} was cancelled (${word}), and not by Brevity` };
    case 'exit code':
    case null:
      break;
  }
  const unseen = seen
    ? ''
    : ` before its executor wrote anything to ${dir}; if the machine that it ran on sees this folder under another name, set update.job.paths`;
  if (code === 3 && seen)
    return { cause: 'exit code', sentence: `${name} ended with exit code 3: another executor has this attempt${log}` };
  if (signal === 15) return { cause: 'cancelled', sentence: `${name} was ended by SIGTERM${unseen}${log}` };
  if (signal === 9)
    return {
      cause: 'out of memory',
      sentence: `${name} was killed by SIGKILL${unseen}, most likely because memory ran out${log}`,
    };
  if (code === 0)
    return { cause: 'exit code', sentence: `${name} ended with exit code 0 and done.json is missing${unseen}${log}` };
  const how = code === null ? `failed (${word})` : `ended with exit code ${code}`;
  return { cause: 'exit code', sentence: `${name} ${how}, and done.json is missing${unseen}${log}` };
}

/** The log's last lines, formatted for a sentence; they are untrusted text. */
function logWords(dir: string): string {
  const lines = readLogTail(dir, 8192)
    .map((line) => plainText(line).trim())
    .filter((line) => line !== '')
    .slice(-LINES);
  if (lines.length === 0) return '; its log is empty';
  return `; the log ends with "${lines.join(' / ').slice(-CHARACTERS)}"`;
}
