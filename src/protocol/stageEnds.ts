/**
 * Tells from an engine's events when something has happened that a person waits for: a stage has ended, a round waits for
 * review or is done, a stage has failed. Each is told once, and nothing that took a few seconds only.
 */
import { duration } from '../core/format.js';
import { plainText } from '../core/sanitize.js';
import { type RoundState, type Stage, stages } from '../core/rounds.js';
import type { AttemptQueue, EngineEvent } from './messages.js';

export interface StageEnd {
  round: number;
  stage: Stage;
  /** `review`: the round now waits for a person. */
  outcome: 'done' | 'review' | 'failed';
  /** Seconds that the work took. */
  seconds: number;
  /** One sentence for a person. */
  message: string;
}

/** Work that took less, in seconds, is not told of: whoever started it is still looking. */
const LEAST_SECONDS = 5;

export class StageWatch {
  private round: RoundState | null = null;
  private queue: Pick<AttemptQueue, 'running'> = { running: null };

  /** @returns what has ended with this event; null: nothing that is told */
  take(event: EngineEvent): StageEnd | null {
    switch (event.type) {
      case 'snapshot': {
        const { rounds, current, queue } = event.snapshot;
        this.round = rounds.find(({ id }) => id === current) ?? null;
        this.queue = queue;
        return null;
      }
      case 'queue':
        this.queue = event.queue;
        return null;
      case 'problem':
        return failed(event.round, event.stage, event.message);
      case 'round':
        return this.changed(event.round);
      default:
        return null;
    }
  }

  private changed(round: RoundState): StageEnd | null {
    const before = this.round;
    this.round = round;
    if (before?.id !== round.id || stages.indexOf(round.stage) <= stages.indexOf(before.stage)) return null;
    // A person has launched it.
    if (before.stage === 'review') return null;
    const waits = round.stage === 'review' && this.queue.running !== round.id;
    // A short last stage is told of with the longer one before it: the person waits for both.
    const counted: readonly Stage[] = waits
      ? ['sample', 'score']
      : round.stage === 'done'
        ? ['update', 'evaluate']
        : [before.stage];
    const seconds = counted.reduce((sum, stage) => sum + (round.seconds[stage] ?? 0), 0);
    if (seconds < LEAST_SECONDS) return null;
    const outcome = waits ? 'review' : 'done';
    return { round: round.id, stage: before.stage, outcome, seconds, message: sentence(round, before.stage, waits) };
  }
}

const nouns: Record<Stage, string> = {
  sample: 'sampling',
  score: 'scoring',
  review: 'review',
  update: 'the update',
  evaluate: 'the evaluation',
  done: 'the round',
};

function sentence({ id, stage, seconds }: RoundState, ended: Stage, waits: boolean): string {
  if (waits) return `round ${id} waits for your review`;
  if (stage === 'done') return id === 0 ? 'the base policy is evaluated' : `round ${id} is done`;
  return `round ${id}: ${nouns[ended]} is done after ${duration(seconds[ended] ?? NaN)}`;
}

function failed(round: number, stage: Stage, message: string): StageEnd {
  const text = `round ${round}: ${nouns[stage]} has failed: ${plainText(message).slice(0, 300)}`;
  return { round, stage, outcome: 'failed', seconds: 0, message: text };
}
