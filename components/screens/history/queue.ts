/** The queue of attempts: typing further ones, and the list in which they are ordered and removed. */
import { messageOf } from '../../../src/core/errors.js';
import { of } from '../../../src/core/format.js';
import { attemptText, readAttempts } from '../../../src/core/queue.js';
import { sweepPoints } from '../../../src/core/sweep.js';
import type { AttemptQueue, QueuedAttempt, RoundState } from '../../../src/protocol/messages.js';
import { askForAttempts, attemptsHint } from '../../app/attempts.js';
import { bodyRows } from '../../app/layout.js';
import { type Move, clamp, movedTo, placeAt, windowFor } from '../../app/lists.js';
import { type Step, doing, noEffects, send } from '../../app/state.js';
import { nameOf, roundOf, selectedRound } from './select.js';
import { type HistoryState, changed } from './state.js';

export interface QueueLayout {
  queue: AttemptQueue;
  selected: number;
  /** First visible attempt, and how many are visible. */
  top: number;
  rows: number;
  /** The attempt that is being made, in one line; null: none. */
  running: string | null;
  /** When the next one begins. */
  next: string;
}

/** Rows above the list: its rule, and what is being made. */
export const queueHead = 2;

/** null unless the view is open. */
export function queueLayout(state: HistoryState): QueueLayout | null {
  const { queue: view } = state.ui;
  const { run } = state;
  if (view === null || run === null) return null;
  const { queue } = run;
  const { length } = queue.waiting;
  const rows = Math.max(1, bodyRows(state) - queueHead);
  const selected = clamp(view.selected, length);
  const running = queue.running === null ? null : roundOf(state, queue.running);
  return {
    queue,
    selected,
    rows,
    top: windowFor(selected, view.top, length, rows),
    running:
      running === null
        ? null
        : `${nameOf(running)}: α ${running.settings.alpha}, β ${running.settings.beta} · ${doing[running.stage]}`,
    next: nextText(state, queue, roundOf(state, run.current)),
  };
}

function nextText({ run }: HistoryState, queue: AttemptQueue, current: RoundState | null): string {
  if (queue.waiting.length === 0) return '';
  if (queue.held) return 'held: space continues it';
  if (run?.engine.problem != null) return 'waits: the engine has failed';
  if (queue.running !== null) return 'the next begins when this is done';
  return current === null || current.stage === 'done' ? 'begins at once' : `begins when round ${current.id} is done`;
}

/** "round 3: α 0.0500". */
export const attemptLine = ({ round, settings }: Pick<QueuedAttempt, 'round' | 'settings'>): string =>
  `round ${round} again, with ${attemptText({ settings })}`;

export const openQueue = (state: HistoryState): HistoryState => changed(state, { queue: { selected: 0, top: 0 } });

export function moveInQueue(state: HistoryState, move: Move): HistoryState {
  const layout = queueLayout(state);
  if (layout === null) return state;
  const { queue, selected, rows, top } = layout;
  const to = movedTo(selected, move, queue.waiting.length, rows);
  return changed(state, { queue: { selected: to, top: windowFor(to, top, queue.waiting.length, rows) } });
}

export function selectedAttempt(state: HistoryState): QueuedAttempt | null {
  const layout = queueLayout(state);
  return layout?.queue.waiting.at(layout.selected) ?? null;
}

/** Whether the selected attempt can be made earlier (-1) or later (1). */
export function canReorder(state: HistoryState, by: -1 | 1): boolean {
  const layout = queueLayout(state);
  const to = (layout?.selected ?? 0) + by;
  return layout !== null && selectedAttempt(state) !== null && to >= 0 && to < layout.queue.waiting.length;
}

/** The selection moves along. */
export function reorder(state: HistoryState, by: -1 | 1): Step<HistoryState> {
  const layout = queueLayout(state);
  const attempt = selectedAttempt(state);
  if (layout === null || attempt === null) return noEffects(state);
  const to = layout.selected + by;
  return send(changed(state, { queue: { selected: to, top: layout.top } }), {
    type: 'move-queued',
    attempt: attempt.id,
    to,
  });
}

export function pointInQueue(state: HistoryState, kind: 'press' | 'wheel-up' | 'wheel-down', y: number): HistoryState {
  if (kind !== 'press') return moveInQueue(state, kind === 'wheel-up' ? 'up' : 'down');
  const layout = queueLayout(state);
  if (layout === null) return state;
  const place = placeAt(y - queueHead, layout.top, layout.queue.waiting.length, layout.rows);
  return place === null ? state : changed(state, { queue: { selected: place, top: layout.top } });
}

/** A round that can be repeated: not the base, with a readable past. */
export const canRepeat = (round: RoundState | null): round is RoundState =>
  round !== null && round.id > 0 && round.damaged === undefined;

export function typeAttempts(state: HistoryState): Step<HistoryState> {
  const round = selectedRound(state);
  return canRepeat(round) ? noEffects(askForAttempts(state, round)) : noEffects(state);
}

/** The settings that were typed, checked as far as the terminal can: the engine knows the files. */
function checkedAttempts(state: HistoryState, id: number, text: string): Readonly<Record<string, unknown>>[] {
  const settings = readAttempts(text);
  const round = roundOf(state, id);
  if (round !== null && state.run !== null) sweepPoints(state.run.config, round, settings, '/', () => []);
  return settings;
}

export function typingAttempts(state: HistoryState, id: number, text: string): { hint: string; error: string | null } {
  const hint = attemptsHint(state);
  if (text.trim() === '') return { hint, error: null };
  try {
    const settings = checkedAttempts(state, id, text);
    return { hint: `${of(settings.length, 'attempt')} · ${hint}`, error: null };
  } catch (error) {
    return { hint, error: messageOf(error) };
  }
}

/** @returns the step, or what is wrong with the text */
export function typedAttempts(state: HistoryState, id: number, text: string): Step<HistoryState> | string {
  try {
    const settings = checkedAttempts(state, id, text);
    const notice = `Queueing ${of(settings.length, 'attempt')} at round ${id}; the history screen (h) shows the queue with Q.`;
    return send({ ...state, notice }, { type: 'enqueue', round: id, settings });
  } catch (error) {
    return messageOf(error);
  }
}

/** The queue as lines to be read aloud. */
export function queueReading(state: HistoryState): string[] {
  const layout = queueLayout(state);
  if (layout === null) return [];
  const { queue, running, next, selected } = layout;
  return [
    `Queue: ${of(queue.waiting.length, 'attempt')} waiting${next === '' ? '' : `, ${next}`}.`,
    ...(running === null ? [] : [`Now ${running}.`]),
    ...queue.waiting.map((attempt, i) => `${i + 1}: ${attemptLine(attempt)}${i === selected ? ' (selected)' : ''}.`),
  ];
}
