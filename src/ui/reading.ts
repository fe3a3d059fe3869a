/** The whole terminal as lines to be read aloud: where one is, what the engine does, the screen, and what can be done. */
import path from 'node:path';
import { activeKeys } from './keys.js';
import { problemLines } from './layout.js';
import { modules } from './modules.js';
import { paletteEntries } from './palette.js';
import { makeVisible } from './sanitize.js';
import { type State, currentRound, progressOf, screenTitles, shownRound } from './state.js';
import { engineText, progressText, statusOf } from './status.js';

export function readingOf(state: State): string[] {
  const { run, modal, notice } = state;
  const known = run !== null && currentRound(state) !== null;
  const lines = [
    placeLine(state),
    statusLine(state),
    problemLines(state).join(' '),
    ...(modal === null ? (known ? modules[state.screen].reading(state) : []) : modalLines(state)),
    notice === null ? '' : makeVisible(notice),
    `Keys: ${hints(state)}.`,
  ];
  return lines.filter((line) => line !== '');
}

function placeLine(state: State): string {
  const round = shownRound(state);
  const name = state.run === null ? 'Brevity' : path.basename(state.run.directory);
  const crumbs = modules[state.screen].crumbs?.(state) ?? [];
  const past = state.past === null ? '' : ', not the current one';
  const parts = [
    name,
    round === null || state.file !== null ? '' : `round ${round.id}${round.name === '' ? '' : ` ${round.name}`}${past}`,
    screenTitles[state.screen],
    ...crumbs,
  ];
  return `${makeVisible(parts.filter((part) => part !== '').join(', '))}.`;
}

function statusLine(state: State): string {
  const { text } = statusOf(state);
  const { role, engine } = engineText(state);
  const progress = state.run === null ? '' : progressText(progressOf(state.run));
  return `Engine: ${[text, progress, role, engine].filter((part) => part !== '').join(', ')}.`;
}

function modalLines(state: State): string[] {
  const { modal } = state;
  switch (modal?.kind) {
    case 'help':
      return [
        `Keys on ${screenTitles[state.screen]}:`,
        ...activeKeys({ ...state, modal: null }).map(({ keys, help }) => `${keys.join(' or ')}: ${help}.`),
        ...(modules[state.screen].notes ?? []).flatMap(({ title, rows }) => [
          `${title}:`,
          ...rows.map(([typed, meaning]) => `${typed}: ${meaning}.`),
        ]),
      ];
    case 'palette': {
      const entries = paletteEntries(state, modal.text);
      const chosen = entries.at(modal.selected);
      const place =
        chosen === undefined
          ? 'no command matches'
          : `${modal.selected + 1} of ${entries.length}: ${chosen.command}, ${chosen.text}${chosen.available ? '' : ', not now'}`;
      return [`Command: ${makeVisible(modal.text)}`, `${place}.`];
    }
    case 'edit':
      return [`${modal.label}: ${makeVisible(modal.text)}`, makeVisible(modal.error ?? modal.hint)];
    case 'confirm':
      return [...modal.lines.slice(1), `${modal.lines[0]} y or n.`].map(makeVisible);
    case undefined:
      return [];
  }
}

function hints(state: State): string {
  return activeKeys(state)
    .filter(({ label }) => label !== '')
    .map(({ keys, label }) => `${keys.join(' ')} ${label}`)
    .join(', ');
}
