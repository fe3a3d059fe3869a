/**
 * The job of an update as lines: the place where it waits or runs, its phase, pending orders, and the reason of its end.
 * Texts of schedulers and executors are untrusted: their control characters are made visible here.
 */
import type { JobView, Progress, RoundState } from '../../../src/protocol/messages.js';
import { clock, count } from '../../../src/core/format.js';
import { makeLine, makeVisible } from '../../../src/core/sanitize.js';
import { jobName } from '../../parts/jobName.js';
import { widthOf, wrap } from '../../parts/text.js';
import type { Tone } from '../../parts/theme.js';

export interface JobLine {
  text: string;
  tone: Tone;
}

const schedulers: Record<JobView['launcher'], string> = {
  process: 'this machine',
  slurm: 'Slurm',
  ray: 'Ray',
  command: 'your command',
};

/** The place of the job: the queue with the scheduler's reason, or the machine that it runs or ran on. */
export function jobPlace(job: JobView): JobLine {
  const { state, launcher, reason, submitted_at, host, device, executor, started_at } = job;
  const name = jobName(job);
  switch (state) {
    case 'submitting':
      return { text: `${name}: being submitted to ${schedulers[launcher]}`, tone: 'muted' };
    case 'queued': {
      const why = reason === null || reason === '' ? 'no reason given yet' : makeLine(reason, 120);
      return { text: `${name} queued since ${clock(submitted_at)}: ${why}`, tone: 'warn' };
    }
    case 'running':
    case 'ended': {
      const where = [host, device, executor].flatMap((part) => (part === null ? [] : [makeLine(part, 120)]));
      const since = started_at === null ? [] : [`since ${clock(started_at)}`];
      const parts = [...where, ...(state === 'running' ? since : [])];
      return { text: `${name} · ${parts.length === 0 ? 'starting' : parts.join(' · ')}`, tone: 'muted' };
    }
  }
}

/** The job's phase and its check of z, or an order that it has not carried out yet; null before it runs. */
export function jobWork({ state, phase, done, total, z_error, told }: JobView): JobLine | null {
  if (told !== null && state !== 'ended')
    return told === 'stop'
      ? { text: 'Told to stop: it ends after the step in flight and keeps the policy.', tone: 'warn' }
      : { text: 'Told to abort: it ends after the step in flight and discards the policy.', tone: 'warn' };
  if (state !== 'running' || phase === null) return null;
  const doing = {
    loading: 'loading the policy',
    reference: `reference log-probabilities ${count(done)} of ${count(total)}`,
    training: 'training',
    saving: 'saving the policy',
  }[phase];
  // The check comes after the reference log-probabilities.
  const checked =
    z_error !== null
      ? [`z = α·Δ|y| within ${z_error.toExponential(1)} before the first step`]
      : phase === 'training' || phase === 'saving'
        ? ['z not checked: the reference is another policy, or the objective has no z']
        : [];
  // The progress bar above shows that it trains.
  const parts = phase === 'training' ? checked : [doing, ...checked];
  return { text: parts.join(' · '), tone: 'muted' };
}

const causes: Record<NonNullable<JobView['end']>['cause'], string> = {
  done: 'is done',
  stopped: 'stopped, the policy is kept',
  aborted: 'was aborted',
  failed: 'failed',
  'out of memory': 'ran out of memory',
  'time limit': 'reached its time limit',
  preempted: 'was preempted',
  'node failure': 'lost its node',
  cancelled: 'was cancelled',
  'exit code': 'ended with an error',
  lost: 'is lost',
};

/**
 * The reason of its end, and the keys that help.
 *
 * @param told the engine's problem, which is shown above the screen already
 */
export function jobEnd({ end, launcher }: JobView, told: string | null): JobLine[] {
  if (end === null) return [];
  const { cause, message, resubmittable } = end;
  const good = cause === 'done' || cause === 'stopped' || cause === 'aborted';
  const said = good || message === '' || (told !== null && told.includes(message)) ? '' : `: ${makeVisible(message)}`;
  const text = `The ${launcher === 'process' ? 'process' : 'job'} ${causes[cause]}${said}`;
  const ended: JobLine = {
    text: good ? `${text}.` : `✘ ${text}${said === '' ? '.' : ''}`,
    tone: good ? 'muted' : 'bad',
  };
  if (good) return [ended];
  const next = resubmittable
    ? 'r resubmits it: it continues from its checkpoint · x back to review · l log'
    : 'x back to review, to change settings · l log · r tries it again';
  return [ended, { text: next, tone: 'plain' }];
}

/** Leaves out the versions of the executor's packages, then the time, until the line fits. */
function shortened(text: string, columns: number): string {
  const fewer = [/ \([^()]*\)(?= · |$)/, / · since [^·]*$/];
  return fewer.reduce((now, part) => (widthOf(now) > columns ? now.replace(part, '') : now), text);
}

/** The block above the plots, wrapped, at most `rows` lines; the reason of the end is never cut. */
export function jobLines(job: JobView | null, told: string | null, columns: number, rows: number): JobLine[] {
  if (job === null) return [];
  const work = job.phase === 'reference' && job.told === null ? null : [jobWork(job)].flatMap((line) => line ?? []);
  const wrapped = (lines: readonly JobLine[]): JobLine[] =>
    lines.flatMap(({ text, tone }) => wrap(text, columns).map((line) => ({ text: line, tone })));
  const end = wrapped(jobEnd(job, told));
  const place = jobPlace(job);
  const head = [{ ...place, text: rows < 5 ? shortened(place.text, columns) : place.text }, ...(work ?? [])];
  const all = [...wrapped(head), ...end];
  // On a small screen the place is one line, which the edge of the screen cuts.
  return all.length <= rows ? all : [...head.slice(0, Math.max(1, rows - end.length)), ...end];
}

/** The job's news as one sentence, for the log of `brevity auto`; null if there is nothing worth a line. */
export function jobNews(job: JobView): string | null {
  const name = jobName(job);
  const { state, launcher, reason, host, device, end, told } = job;
  if (end !== null) return `${name} ${causes[end.cause]}${end.message === '' ? '' : `: ${makeLine(end.message, 400)}`}`;
  if (told !== null) return `${name} is told to ${told}`;
  switch (state) {
    case 'submitting':
      return null;
    case 'queued':
      // A process has no queue: it starts at once.
      if (launcher === 'process') return null;
      return `${name} is queued${reason === null || reason === '' ? '' : `: ${makeLine(reason, 120)}`}`;
    case 'running':
      // The executor reports the device a moment after the scheduler reports the host.
      return host === null || device === null ? null : `${name} runs on ${makeLine(host, 80)}, ${makeLine(device, 80)}`;
    case 'ended':
      return `${name} has ended`;
  }
}

/** The progress bar: steps once they begin, before that the job's own count; null while the job waits. */
export function updateProgress(
  { id, stage }: RoundState,
  progress: Progress | null,
  job: JobView | null,
): Progress | null {
  const own = progress?.stage === 'update' ? progress : null;
  if (job === null || stage !== 'update') return own;
  if (job.state !== 'running') return null;
  if (job.phase !== 'reference' || job.total === 0) return own;
  const { done, total } = job;
  return {
    round: id,
    stage,
    done,
    total,
    unit: 'reference log-probabilities',
    tokens: 0,
    tokens_per_second: 0,
    seconds_left: null,
  };
}
