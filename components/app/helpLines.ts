/** The help overlay: the keys of the screen below it, those without effect at the moment last, and its notes. */
import { activeKeys, keysOf, signOf } from './keys.js';
import { bodyRows } from './layout.js';
import type { State } from './state.js';

export interface HelpLine {
  /** Keys, or what can be typed; empty for a heading. */
  left: string;
  text: string;
  kind: 'key' | 'idle key' | 'note' | 'heading';
}

export function helpLines(state: State): HelpLine[] {
  const now = activeKeys({ ...state, modal: null });
  const active = new Set(now.map(({ id }) => id));
  const keys = [...now, ...keysOf(state, state.screen).filter(({ id }) => !active.has(id))];
  const notes = state.definitions.screens[state.screen].notes ?? [];
  return [
    ...keys.map(({ id, keys: names, help }): HelpLine => {
      const left = names.map(signOf).join(' ');
      return active.has(id) ? { left, text: help, kind: 'key' } : { left, text: `${help} (not now)`, kind: 'idle key' };
    }),
    ...notes.flatMap(({ title, rows }): HelpLine[] => [
      { left: '', text: '', kind: 'heading' },
      { left: '', text: title, kind: 'heading' },
      ...rows.map(([left, text]): HelpLine => ({ left, text, kind: 'note' })),
    ]),
  ];
}

/** Rows of the overlay below its rule. */
export const helpRows = (state: State): number => bodyRows(state) - 2;

export function scrollHelp(state: State, by: number): State {
  if (state.modal?.kind !== 'help') return state;
  const last = Math.max(0, helpLines(state).length - helpRows(state));
  return { ...state, modal: { kind: 'help', top: Math.max(0, Math.min(last, state.modal.top + by)) } };
}
