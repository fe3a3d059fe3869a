/** The whole terminal as lines to be read aloud: where one is, what the engine does, the screen, and what can be done. */
import path from 'node:path';
import { guideReading } from './guide.js';
import { activeKeys } from './keys.js';
import { helpLines } from './helpLines.js';
import { problemLines } from './layout.js';
import { suggestionsOf } from './textFields.js';
import { type Line, cursorOf, moved } from '../parts/lineEditing.js';
import { enter } from './screen.js';
import { paletteEntries } from './commands.js';
import { makeVisible } from '../../src/core/sanitize.js';
import { type State, screenTitles } from './state.js';
import { currentRound, progressOf, shownRound } from './selectors.js';
import { engineText, progressText, statusOf } from './status.js';

/** Suggestions that are read aloud. */
const mostSuggested = 5;

/**
 * The lines of the screen stay while a modal is open, so that closing it does not read all of them again: only lines that
 * are new are said.
 */
export function readingOf(state: State): string[] {
  const { modal, notice } = state;
  // Live changes of a line being typed are the line's own to tell; in the form it belongs to the field.
  const below = modal?.kind === 'edit' && modal.inPlace === true ? state : { ...state, modal: null };
  const lines = [
    placeLine(state),
    statusLine(state),
    problemLines(state).join(' '),
    ...(state.workspace === 'home' || currentRound(state) !== null
      ? state.definitions.screens[state.screen].reading(enter(below, state.screen))
      : []),
    ...guideReading(state),
    ...modalLines(state),
    notice === null ? '' : makeVisible(notice),
    `Keys: ${hints(state)}.`,
  ];
  return lines.filter((line) => line !== '');
}

function placeLine(state: State): string {
  const round = shownRound(state);
  const name = state.run === null ? 'Brevity' : path.basename(state.run.directory);
  const crumbs = state.definitions.screens[state.screen].crumbs?.(enter(state, state.screen)) ?? [];
  const past = state.past === null ? '' : ', not the current one';
  const parts = [
    name,
    round === null || state.workspace === 'file'
      ? ''
      : `round ${round.id}${round.name === '' ? '' : ` ${round.name}`}${past}`,
    screenTitles[state.screen],
    ...crumbs,
  ];
  return `${makeVisible(parts.filter((part) => part !== '').join(', '))}.`;
}

/** Before a run is opened there is no engine to tell of. */
function statusLine(state: State): string {
  if (state.workspace === 'home') return '';
  const { text } = statusOf(state);
  const { role, engine } = engineText(state);
  const progress = state.run === null ? '' : progressText(progressOf(state.run));
  if (state.workspace === 'file' && state.run === null) return 'File: being read.';
  const label = state.workspace !== 'file' ? 'Engine' : 'File';
  return `${label}: ${[text, progress, role, engine].filter((part) => part !== '').join(', ')}.`;
}

function modalLines(state: State): string[] {
  const { modal } = state;
  switch (modal?.kind) {
    case 'help':
      return [
        `Keys on ${screenTitles[state.screen]}${modal.text === '' ? '' : `, with ${makeVisible(modal.text)}`}:`,
        ...helpLines(state)
          .filter(({ kind }) => kind !== 'idle key')
          .map(({ left, text, kind }) => (kind === 'heading' ? `${text}:` : `${left}: ${text}.`)),
        'Type to search.',
      ];
    case 'palette': {
      const entries = paletteEntries(state, modal.text);
      const chosen = entries.at(modal.selected);
      const place =
        chosen === undefined
          ? 'no command matches'
          : `${modal.selected + 1} of ${entries.length}: ${chosen.command}, ${chosen.text}${chosen.available ? '' : ', not now'}`;
      return [`Command: ${spokenField(modal)}`, `${place}.`];
    }
    case 'edit':
      return [
        `${modal.label}: ${spokenField(modal)}`,
        makeVisible(modal.error === null ? modal.hint : `Error: ${modal.error}`),
        ...suggestedLines(state),
      ];
    case 'confirm':
      return [...modal.lines.slice(1), `${modal.lines[0]} y or n.`].map(makeVisible);
    case undefined:
      return [];
  }
}

/** The cursor is said where it is not at the end. */
function spokenField(line: Line): string {
  const at = cursorOf(line);
  if (at >= line.text.length) return makeVisible(line.text);
  return `${makeVisible(line.text)}, cursor before ${makeVisible(line.text.slice(at, moved(line, 'right').cursor))}`;
}

function suggestedLines(state: State): string[] {
  const suggestions = suggestionsOf(state);
  if (suggestions === null) return [];
  const { items, expected } = suggestions;
  const listed = items.slice(0, mostSuggested).map(({ text, help }) => `${text.trim()}, ${help}`);
  return [`Expected: ${expected}.`, ...(listed.length === 0 ? [] : [`Tab completes: ${listed.join('; ')}.`])];
}

function hints(state: State): string {
  return activeKeys(state)
    .filter(({ label, keys }) => label !== '' && keys.length > 0)
    .map(({ keys, label }) => `${keys.join(' ')} ${label}`)
    .join(', ');
}
