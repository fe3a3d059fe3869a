/**
 * The queue of a run: attempts that the engine makes one after the other once the current round is done. Each repeats a
 * round's update with other settings, from the same samples and scores, as `redo-round` does. `brevity sweep` and the
 * history screen fill it; controlled comparisons (core/controlled.ts) show what came of it.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { settingLabel, settingText } from './controlled.js';
import { UserError } from './errors.js';
import { readSettings } from './sweep.js';

/** An attempt that waits. */
export interface QueuedAttempt {
  id: number;
  /** The round whose samples and scores are used again. */
  round: number;
  /** Dotted keys and their values: `{"dpo.alpha": 0.05}`. */
  settings: Readonly<Record<string, unknown>>;
}

export interface AttemptQueue {
  /** In the order in which they will be made. */
  waiting: readonly QueuedAttempt[];
  /** The round of the attempt that is being made; null: none. */
  running: number | null;
  /** Nothing further begins until a person continues it. */
  held: boolean;
  /** The last id given, so that none is used twice. */
  last: number;
}

export const emptyQueue: AttemptQueue = { waiting: [], running: null, held: false, last: 0 };

/** Attempts that may wait. */
export const MOST_QUEUED = 200;

const whole = z.int().min(0);

export const queueSchema: z.ZodType<AttemptQueue> = z.object({
  waiting: z.array(z.object({ id: whole, round: whole, settings: z.record(z.string(), z.unknown()) })).max(MOST_QUEUED),
  running: whole.nullable(),
  held: z.boolean(),
  last: whole,
});

/** Whether the engine goes on by itself once the current round is done. */
export const isActive = ({ waiting, running, held }: AttemptQueue): boolean =>
  running !== null || (waiting.length > 0 && !held);

export const isQueued = (
  { waiting }: AttemptQueue,
  round: number,
  settings: Readonly<Record<string, unknown>>,
): boolean => waiting.some((attempt) => attempt.round === round && isDeepStrictEqual(attempt.settings, settings));

/** "α 0.0500, β 0.1". */
export function attemptText({ settings }: Pick<QueuedAttempt, 'settings'>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${settingLabel(key)} ${settingText(key, value)}`)
    .join(', ');
}

/**
 * Reads what a person types: values of α (`0 0.02, 0.05`), or settings as `brevity sweep --set` takes them
 * (`dpo.alpha=0,0.05 update.lr=5e-7,1e-6`), every combination of which is an attempt.
 *
 * @throws UserError that says what is wrong
 */
export function readAttempts(text: string): Readonly<Record<string, unknown>>[] {
  const words = text
    .trim()
    .split(/[\s;]+/)
    .filter((word) => word !== '');
  if (words.some((word) => word.includes('='))) return readSettings(words, '');
  const values = words.flatMap((word) => word.split(',')).filter((value) => value !== '');
  const wrong = values.find((value) => !Number.isFinite(Number(value)));
  if (values.length === 0 || wrong !== undefined)
    throw new UserError(
      `${wrong === undefined ? 'nothing was typed' : `${wrong} is not a number`}: expected values of α such as 0 0.02 0.05, or dpo.alpha=0,0.05`,
    );
  return readSettings([`dpo.alpha=${values.join(',')}`], '');
}
