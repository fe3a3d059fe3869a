/** Moving through the log: scrolling, searching, and from error to error. */
import { type Move, clampTop, scrolledTo } from '../../app/lists.js';
import { type Step, noEffects } from '../../app/state.js';
import { engineLayout, errorLines } from './select.js';
import { type EngineState, changed } from './state.js';

/** A log that is scrolled to its end is followed. */
export function scrollTo(state: EngineState, top: number): EngineState {
  const { rows, visible } = engineLayout(state);
  return changed(state, { top: top >= (rows?.length ?? 0) - visible ? null : top });
}

export function scrollLog(state: EngineState, by: number): EngineState {
  const { top, rows, visible } = engineLayout(state);
  return scrollTo(state, clampTop(top + by, rows?.length ?? 0, visible));
}

export function moveInLog(state: EngineState, move: Move): EngineState {
  const { top, rows, visible } = engineLayout(state);
  return scrollTo(state, scrolledTo(top, move, rows?.length ?? 0, visible));
}

/** Marks a line and scrolls it into the middle of the view. */
function goToLine(state: EngineState, line: number): EngineState {
  const { rows, visible } = engineLayout(state);
  const row = rows?.findIndex((each) => each.line === line) ?? -1;
  if (row < 0) return state;
  const top = clampTop(row - (visible >> 1), rows?.length ?? 0, visible);
  return changed(scrollTo(state, top), { found: line });
}

/** The line that a step starts from: the one found last, or the end of what is visible. */
function from(state: EngineState, by: 1 | -1): number {
  const { rows, top, visible } = engineLayout(state);
  if (state.ui.found !== null) return state.ui.found;
  const edge = by > 0 ? rows?.at(top) : rows?.at(Math.min(rows.length, top + visible) - 1);
  // The line that is being written comes after all others.
  return edge === undefined || edge.line < 0 ? Infinity : edge.line - by;
}

/** The next of these lines, around the end. */
function nextOf(state: EngineState, lines: readonly number[], by: 1 | -1): EngineState {
  const at = from(state, by);
  const found = by > 0 ? lines.find((line) => line > at) : lines.findLast((line) => line < at);
  const line = found ?? (by > 0 ? lines.at(0) : lines.at(-1));
  return line === undefined ? state : goToLine(state, line);
}

export const nextMatch = (state: EngineState, by: 1 | -1): EngineState =>
  nextOf(state, engineLayout(state).matches, by);
export const nextError = (state: EngineState, by: 1 | -1): EngineState => nextOf(state, errorLines(state), by);

export function askSearch(state: EngineState): Step<EngineState> {
  return noEffects({
    ...state,
    modal: {
      ...{ kind: 'edit', owner: 'engine', field: 'search', label: 'search the log' },
      ...{ hint: 'upper and lower case are the same; empty ends the search', text: state.ui.search, error: null },
    },
  });
}

/** Goes to the last line that has the text: logs are read from their end. */
export function typedSearch(state: EngineState, text: string): Step<EngineState> | string {
  if (text.trim() === '') return noEffects(changed(state, { search: '', found: null }));
  const searching = changed(state, { search: text, found: null });
  const { matches } = engineLayout(searching);
  if (matches.length === 0) return 'no line has this text';
  return noEffects(goToLine(searching, matches[matches.length - 1]));
}
