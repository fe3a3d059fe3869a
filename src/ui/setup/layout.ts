/** How the form shares out its rows. */
import { visibleFields } from '../../setup/fields.js';
import { bodyRows, topFor } from '../layout.js';
import type { State } from '../state.js';
import type { Focus } from './state.js';

export interface SetupLayout {
  /** The line that starts the run, then the fields that count. */
  items: readonly Focus[];
  /** Place of the selected one, and the first visible one. */
  at: number;
  top: number;
  /** Rows of the fields; of what is said of the selected one; of memory and time; of the headless command. */
  list: number;
  text: number;
  cost: number;
  command: number;
}

export const noLayout: SetupLayout = { items: [], at: 0, top: 0, list: 0, text: 0, cost: 0, command: 0 };

export function setupLayout(state: State): SetupLayout {
  if (state.home === null) return noLayout;
  const { setup } = state.home;
  const items: Focus[] = ['start', ...visibleFields(setup.draft.values).map(({ id }) => id)];
  const at = Math.max(0, items.indexOf(setup.focus));
  const rows = bodyRows(state);
  const roomy = rows >= 28;
  const [cost, command] = roomy ? [2, 3] : [rows >= 22 ? 2 : 1, 1];
  // A rule stands above the text, another above the estimate where there is room.
  const below = cost + command + (roomy ? 2 : 1);
  const text = Math.max(3, Math.min(8, rows - below - items.length));
  const list = Math.max(3, Math.min(items.length, rows - below - text));
  const top = Math.max(0, Math.min(items.length - list, topFor(at, setup.top, list)));
  return { items, at, top, list, text, cost, command };
}
