import { jobStatus } from '../../../../components/app/status.js';
import { describe, expect, it } from 'vitest';
import type { JobEnd } from '../../../../src/protocol/messages.js';
import { clock } from '../../../../src/core/format.js';
import {
  jobEnd,
  jobLines,
  jobNews,
  jobPlace,
  jobWork,
  updateProgress,
} from '../../../../components/screens/update/job.js';
import { widthOf } from '../../../../components/parts/text.js';
import { job, progress, round } from '../../fixtures.js';

const queued = job({ state: 'queued', reason: 'Resources', host: null, device: null, executor: null, phase: null });
const ended = (cause: JobEnd['cause'], more: Partial<JobEnd> = {}) =>
  job({ state: 'ended', phase: null, end: { cause, message: 'slurm says so', resubmittable: false, ...more } });
const textOf = (lines: readonly { text: string }[]): string => lines.map(({ text }) => text).join('\n');

describe('where it is', () => {
  it('queued: since when, and the scheduler’s reason', () => {
    expect(jobPlace(queued).text).toBe(`Slurm job 4711 queued since ${clock(queued.submitted_at)}: Resources`);
    expect(jobPlace({ ...queued, reason: null }).text).toMatch(/: no reason given yet$/);
    expect(jobStatus(queued)).toBe('job queued');
  });

  it('running: host, device, executor and attempt', () => {
    expect(jobPlace(job({ attempt: 2 })).text).toMatch(
      /^Slurm job 4711, attempt 2 · gpu17 · cuda:NVIDIA H100 ×8 · brevity_trainer 0\.1\.0 .* · since 24 Nov \d\d:\d\d$/,
    );
    expect(
      jobPlace(job({ launcher: 'process', host: null, device: null, executor: null, started_at: null })).text,
    ).toBe('Process 4711 · starting');
  });

  it('says what schedulers say harmlessly', () => {
    expect(jobPlace({ ...queued, reason: '\x1b]52;c;x\x07' }).text).not.toMatch(/[\x00-\x1f]/);
  });
});

describe('what it does', () => {
  it('checks z before the first step, if the reference is the policy', () => {
    expect(jobWork(job())?.text).toBe('z = α·Δ|y| within 1.2e-7 before the first step');
    expect(jobWork(job({ z_error: null }))?.text).toBe(
      'z not checked: the reference is another policy, or the objective has no z',
    );
    expect(jobWork(job({ phase: 'loading', z_error: null }))?.text).toBe('loading the policy');
  });

  it('counts reference log-probabilities in the bar, then steps', () => {
    const reference = job({ phase: 'reference', done: 64, total: 206 });
    expect(updateProgress(round(2, 'update'), null, reference)).toMatchObject({ done: 64, total: 206, tokens: 0 });
    expect(updateProgress(round(2, 'update'), progress('update'), job())).toMatchObject({ unit: 'steps' });
    expect(updateProgress(round(2, 'update'), progress('update'), queued)).toBeNull();
    expect(updateProgress(round(2, 'update'), progress('sample'), null)).toBeNull();
  });

  it('says what it was told', () => {
    expect(jobWork(job({ told: 'stop' }))?.text).toMatch(/keeps the policy/);
    expect(jobWork(job({ told: 'abort' }))?.text).toMatch(/discards the policy/);
  });
});

describe('why it ended', () => {
  it.each<[JobEnd['cause'], string]>([
    ['out of memory', '✘ The job ran out of memory: slurm says so'],
    ['time limit', '✘ The job reached its time limit: slurm says so'],
    ['preempted', '✘ The job was preempted: slurm says so'],
    ['node failure', '✘ The job lost its node: slurm says so'],
    ['cancelled', '✘ The job was cancelled: slurm says so'],
    ['exit code', '✘ The job ended with an error: slurm says so'],
    ['lost', '✘ The job is lost: slurm says so'],
    ['failed', '✘ The job failed: slurm says so'],
    ['done', 'The job is done.'],
    ['stopped', 'The job stopped, the policy is kept.'],
  ])('%s', (cause, text) => {
    expect(jobEnd(ended(cause), null)[0].text).toBe(text);
  });

  it('is not repeated if the problem above the screen says it', () => {
    expect(jobEnd(ended('preempted'), 'slurm says so')[0].text).toBe('✘ The job was preempted.');
  });

  it('and what can be done', () => {
    expect(textOf(jobEnd(ended('time limit', { resubmittable: true }), null))).toMatch(/r resubmits it: it continues/);
    expect(textOf(jobEnd(ended('failed'), null))).toMatch(/x back to review/);
    expect(jobEnd(ended('done'), null)).toHaveLength(1);
  });
});

describe('news for a log', () => {
  it('are the queue, the machine, what it was told and why it ended', () => {
    expect(jobNews(queued)).toBe('Slurm job 4711 is queued: Resources');
    expect(jobNews(job())).toBe('Slurm job 4711 runs on gpu17, cuda:NVIDIA H100 ×8');
    expect(jobNews(job({ told: 'stop' }))).toBe('Slurm job 4711 is told to stop');
    expect(jobNews(ended('time limit'))).toBe('Slurm job 4711 reached its time limit: slurm says so');
    expect(jobNews(job({ state: 'submitting' }))).toBeNull();
  });
});

it('takes at most as many lines as there are, except for why it ended', () => {
  expect(jobLines(null, null, 80, 3)).toEqual([]);
  expect(jobLines(job(), null, 80, 3)).toHaveLength(2);
  const long = ended('failed', { message: 'word '.repeat(60) });
  const lines = jobLines(long, null, 80, 3);
  expect(textOf(lines)).toContain('x back to review');
  for (const { text } of lines) expect(widthOf(text)).toBeLessThanOrEqual(80);
});
