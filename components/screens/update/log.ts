/** The end of the job's log on the update screen: read again while it is open, followed until it is scrolled. */
import type { Query } from '../../../src/protocol/messages.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { type Step, noEffects } from '../../app/state.js';
import { shown } from '../../app/selectors.js';
import { wrap } from '../../parts/text.js';
import type { LogSeen, UpdateState } from './state.js';

/** Between two queries while the job runs. */
const refreshMilliseconds = 2000;

/** Colours, which are dropped; any other escape sequence is made visible. */
const colours = /[\x1b␛]\[[0-9;]*m/g;

let remembered: { lines: readonly string[]; columns: number; wrapped: string[] } | null = null;

/** The log wrapped to the screen. A progress bar that rewrites its line shows its last state. */
export function wrappedLog(lines: readonly string[], columns: number): string[] {
  if (remembered?.lines === lines && remembered.columns === columns) return remembered.wrapped;
  const wrapped = lines.flatMap((line) => {
    const parts = line.replace(colours, '').split('\r');
    return wrap(makeVisible(parts.findLast((part) => part !== '') ?? ''), columns);
  });
  remembered = { lines, columns, wrapped };
  return wrapped;
}

/** The log of the round that is shown, as last read; null if it was not requested. */
export function logOf(state: UpdateState): LogSeen | null {
  const { log } = state.ui;
  return log !== null && log.round === shown(state)?.round ? log : null;
}

/** Requests the log when it is opened, and again while the job runs. */
export function logAsks(state: UpdateState): Step<UpdateState> {
  const data = shown(state);
  if (state.ui.view !== 'log' || data === null) return noEffects(state);
  const log = logOf(state);
  if (log?.asked === true || log?.final === true) return noEffects(state);
  const next: LogSeen = { round: data.round, lines: log?.lines ?? null, asked: true, final: false };
  const after = next.lines === null ? {} : { after: refreshMilliseconds };
  return {
    state: { ...state, ui: { ...state.ui, log: next } },
    effects: [{ do: 'ask', query: { type: 'read-job-log', round: data.round }, ...after }],
  };
}

export function logAnswered(state: UpdateState, query: Query, answer: unknown): UpdateState {
  const log = logOf(state);
  if (query.type !== 'read-job-log' || log?.round !== query.round) return state;
  const { lines } = answer as { lines: string[] };
  const final = shown(state)?.job?.state === 'ended';
  // Keeps the array if no line was added, so that it is not wrapped again.
  const same =
    log.lines !== null && log.lines.length === lines.length && lines.every((line, i) => line === log.lines?.[i]);
  const seen: LogSeen = { ...log, lines: same ? log.lines : lines, asked: false, final };
  return { ...state, ui: { ...state.ui, log: seen } };
}

/** Reading failed: the notice says why, and the log is requested again. */
export function logUnanswered(state: UpdateState, query: Query): UpdateState {
  const log = logOf(state);
  if (query.type !== 'read-job-log' || log === null) return state;
  const seen: LogSeen = { ...log, lines: log.lines ?? [], asked: false };
  return { ...state, ui: { ...state.ui, log: seen } };
}
