/**
 * The help overlay: what the keys of the screen below it do, by purpose, then how a line is typed and what can be typed.
 * What is typed into its search leaves the lines that match.
 */
import { commandOf, groupOf } from './commands.js';
import { type TableKey, activeKeys, keyTable, keysOf, signOf } from './keys.js';
import { bodyRows } from './layout.js';
import { type HelpGroup, type State, helpGroups } from './state.js';

export interface HelpLine {
  /** Keys, or what can be typed; empty for a heading. */
  left: string;
  text: string;
  kind: 'key' | 'idle key' | 'note' | 'heading';
  /** The action's name, for the palette and for keys.json; empty for notes and headings. */
  name: string;
}

interface Section {
  title: string;
  lines: (HelpLine & { words: string })[];
}

export function helpLines(state: State): HelpLine[] {
  const words = state.modal?.kind === 'help' ? wordsOf(state.modal.text) : [];
  return sectionsOf(state)
    .map(({ title, lines }): Section => {
      // A heading that matches stands for all of its lines.
      const wanted = words.filter((word) => !title.toLowerCase().includes(word));
      return { title, lines: lines.filter((line) => wanted.every((word) => line.words.includes(word))) };
    })
    .filter(({ lines }) => lines.length > 0)
    .flatMap(({ title, lines }) => [{ left: '', text: title, kind: 'heading' as const, name: '' }, ...lines]);
}

function sectionsOf(state: State): Section[] {
  const now = activeKeys({ ...state, modal: null });
  const active = new Set(now.map(({ id }) => id));
  const here = keysOf(state, state.screen).filter(({ only }) => only === undefined || only === state.workspace);
  const keys = [...now, ...here.filter(({ id }) => !active.has(id))];
  const typing = keyTable(state.definitions).filter(
    ({ places }) => places.includes('edit') && !places.includes('confirm'),
  );
  return [
    ...(Object.keys(helpGroups) as HelpGroup[]).map((group) => ({
      title: helpGroups[group],
      lines: keys.filter((key) => groupOf(key) === group).map((key) => lineOf(key, active.has(key.id))),
    })),
    { title: 'While typing a line', lines: typing.map((key) => lineOf(key, true)) },
    ...(state.definitions.screens[state.screen].notes ?? []).map(({ title, rows }) => ({
      title,
      lines: rows.map(([left, text]) => ({
        ...{ left, text, kind: 'note' as const, name: '' },
        words: `${left} ${text}`.toLowerCase(),
      })),
    })),
  ];
}

function lineOf(key: TableKey, active: boolean): Section['lines'][number] {
  const { keys, help, aliases = [], label } = key;
  const left = keys.length === 0 ? ': only' : keys.map(signOf).join(' ');
  return {
    ...{ left, name: commandOf(key), kind: active ? 'key' : 'idle key' },
    text: active ? help : `not now: ${help}`,
    words: [left, ...keys, help, commandOf(key), ...aliases, label].join(' ').toLowerCase(),
  };
}

const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');

/** Rows of the overlay below its rule and the search. */
export const helpRows = (state: State): number => bodyRows(state) - 2;

/** Columns of lines side by side. */
export const helpColumns = (state: State): number => Math.max(1, Math.floor(state.size.columns / 78));

/** Rows that all lines need, and the first visible one. */
export function helpScroll(state: State): { rows: number; top: number; last: number } {
  const rows = Math.ceil(helpLines(state).length / helpColumns(state));
  const last = Math.max(0, rows - helpRows(state));
  // After the window was made larger, or a search, fewer lines are left to scroll.
  return { rows, top: Math.max(0, Math.min(last, state.modal?.kind === 'help' ? state.modal.top : 0)), last };
}

export function scrollHelp(state: State, by: number): State {
  if (state.modal?.kind !== 'help') return state;
  const { top, last } = helpScroll(state);
  return { ...state, modal: { ...state.modal, top: Math.max(0, Math.min(last, top + by)) } };
}
