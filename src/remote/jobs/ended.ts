/** Why a job ended without a result, in one sentence for the person who waits for it. */
import { plainText } from '../../rewards/types.js';
import type { JobEnd } from '../views.js';
import { readLogTail } from './contract.js';
import type { SchedulerEnd } from './launchers/launcher.js';

/** Lines and characters of the log in a sentence. */
const LINES = 5;
const CHARACTERS = 500;

export interface EndedJob {
  dir: string;
  /** "the process", "Slurm job 12". */
  name: string;
  /** How the scheduler saw it end; null if it does not know the job any more. */
  end: SchedulerEnd | null;
  /** An executor has written status.json in this attempt. */
  seen: boolean;
  /** A checkpoint is there. */
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

/** The log's last lines for a sentence; they are foreign text. */
function logWords(dir: string): string {
  const lines = readLogTail(dir, 8192)
    .map((line) => plainText(line).trim())
    .filter((line) => line !== '')
    .slice(-LINES);
  if (lines.length === 0) return '; its log is empty';
  return `; the log ends with "${lines.join(' / ').slice(-CHARACTERS)}"`;
}
