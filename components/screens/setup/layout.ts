/** How the form shares out its rows. */
import { type Section, fieldOf, sections, visibleFields } from '../../../src/core/form/fields.js';
import { bodyRows, topFor } from '../../app/layout.js';

import type { Focus, SetupState } from './state.js';

export interface SetupLayout {
  /** The line that starts the run, then the fields that count. */
  items: readonly Focus[];
  /** The same in lines, with a heading above each section where there is room for all of them. */
  lines: readonly FormLine[];
  /** Place of the selected item among items; first visible line. */
  at: number;
  top: number;
  /** Rows of the fields; of what is said of the selected one; of memory and time; of the headless command. */
  list: number;
  text: number;
  cost: number;
  command: number;
}

export const noLayout: SetupLayout = { items: [], lines: [], at: 0, top: 0, list: 0, text: 0, cost: 0, command: 0 };

export function setupLayout(state: SetupState): SetupLayout {
  const { ui: setup } = state;
  const items: Focus[] = ['start', ...visibleFields(setup.draft.values).map(({ id }) => id)];
  const at = Math.max(0, items.indexOf(setup.focus));
  const rows = bodyRows(state);
  const roomy = rows >= 28;
  const [cost, command] = roomy ? [2, 3] : [rows >= 22 ? 2 : 1, 1];
  // A rule stands above the text, another above the estimate where there is room.
  const below = cost + command + (roomy ? 2 : 1);
  const text = Math.max(3, Math.min(8, rows - below - items.length));
  const room = Math.max(3, rows - below - text);
  const lines = linesOf(items, items.length + sections.length - 1 <= room);
  const list = Math.min(lines.length, room);
  const line = lines.findIndex((each) => each.kind === 'item' && each.id === items[at]);
  const top = Math.max(0, Math.min(lines.length - list, topFor(line, setup.top, list)));
  return { items, lines, at, top, list, text, cost, command };
}

export type FormLine = { kind: 'item'; id: Focus } | { kind: 'heading'; text: string };

/** The first section has none: the line that starts the run heads it. */
function linesOf(items: readonly Focus[], headed: boolean): FormLine[] {
  const sectionOf = (id: Focus): Section => (id === 'start' ? 'run' : fieldOf(id).section);
  return items.flatMap((id, i): FormLine[] => {
    const section = sectionOf(id);
    const begins = headed && i > 0 && section !== sectionOf(items[i - 1]);
    return [...(begins ? [{ kind: 'heading' as const, text: section }] : []), { kind: 'item', id }];
  });
}
