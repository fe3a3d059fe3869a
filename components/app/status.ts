/** What the engine does, in words: for the header and to be read aloud. */
import type { JobView, Progress, Stage } from '../../src/protocol/messages.js';
import * as format from '../../src/core/format.js';
import { type State, screenOf } from './state.js';
import { currentRound, progressOf } from './selectors.js';

const doing: Record<Stage, string> = {
  sample: 'sampling',
  score: 'scoring',
  review: 'in review',
  update: 'updating',
  evaluate: 'evaluating',
  done: 'done',
};

export interface Status {
  /** `busy`: something turns; `still`: nothing is under way. */
  kind: 'busy' | 'paused' | 'still' | 'bad';
  text: string;
  /** How far, where this screen does not show it in full. */
  progress: string;
}

export function statusOf(state: State): Status {
  const { run, link } = state;
  const round = currentRound(state);
  if (link.status === 'lost') return { kind: 'bad', text: 'no engine', progress: '' };
  if (link.status === 'connecting' || run === null) {
    return { kind: 'busy', text: 'connecting to the engine …', progress: '' };
  }
  const stage = round === null ? '' : doing[round.stage];
  const progress = round !== null && screenOf[round.stage] !== state.screen ? progressText(progressOf(run)) : '';
  switch (run.engine.activity) {
    case 'starting':
      return { kind: 'busy', text: 'the engine is starting …', progress: '' };
    case 'working': {
      const job = round?.stage === 'update' && run.job !== null ? jobStatus(run.job) : '';
      return { kind: 'busy', text: job === '' ? stage : job, progress };
    }
    case 'paused':
      return { kind: 'paused', text: `paused: ${stage}`, progress };
    case 'idle':
      if (round?.damaged !== undefined) return { kind: 'bad', text: `round ${round.id} is damaged`, progress: '' };
      if (run.engine.problem !== null) return { kind: 'bad', text: `${stage} failed`, progress: '' };
      return { kind: 'still', text: round?.stage === 'review' ? 'waiting for your review' : stage, progress: '' };
  }
}

export function progressText(progress: Progress | null): string {
  if (progress === null) return '';
  const parts = [`${format.count(progress.done)}/${format.count(progress.total)} ${progress.unit}`];
  if (progress.tokens_per_second > 0) parts.push(`${format.count(progress.tokens_per_second)} tokens/s`);
  if (progress.seconds_left !== null) parts.push(`${format.duration(progress.seconds_left)} left`);
  return parts.join(' · ');
}

/** Who drives, who looks on, and what the engine computes with. */
export function engineText(state: State): { role: string; engine: string } {
  const { run } = state;
  if (run === null) return { role: '', engine: '' };
  if (state.workspace === 'file') return { role: '', engine: `lengths in ${state.file.unit}` };
  const { backend, memory_mb } = run.engine;
  const terminals = run.role.terminals > 1 ? `${run.role.terminals} terminals` : '';
  const { length } = run.queue.waiting;
  const queued = length === 0 ? '' : `${length} queued${run.queue.held ? ' (held)' : ''}`;
  return {
    role: run.role.driving ? '' : 'read-only',
    engine: [terminals, queued, backend, memory_mb > 0 ? format.megabytes(memory_mb) : '']
      .filter((part) => part !== '')
      .join(' · '),
  };
}

/** In two or three words, for the header: `job queued`. */
export function jobStatus({ state, phase }: JobView): string {
  if (state === 'submitting' || state === 'queued') return `job ${state === 'queued' ? 'queued' : 'being submitted'}`;
  return state === 'running' && phase === null ? 'job starting' : '';
}
