/**
 * The text field that is open: a line above the footer or in a form, the palette's or the help's. One model for all of
 * them: what is typed and pasted into it, tab and suggestions, and the lines that were typed before.
 */
import { count } from '../../src/core/format.js';
import { makeLine, pastedLine } from '../../src/core/sanitize.js';
import { type Line, cursorOf, inserted } from '../parts/lineEditing.js';
import { mostPasted } from '../terminal/keyboard.js';
import { kindOfField, withLine } from './lineMemory.js';
import { enter } from './screen.js';
import { type EditModal, type Modal, type State, type Step, type Suggestions, type Typed, noEffects } from './state.js';

type Field = Exclude<Modal, { kind: 'confirm' }>;

/** The text field that is open; null where none is. */
export function openField({ modal }: State): Field | null {
  return modal === null || modal.kind === 'confirm' ? null : modal;
}

/**
 * Changes the open text field. What a screen says of the text, and what is selected by it, follows; `browsing` and
 * `completing` end unless the change continues them.
 */
export function edited(state: State, change: (line: Line) => Typed): State {
  const field = openField(state);
  if (field === null) return state;
  const changed = change(field);
  if (changed.text === field.text) return { ...state, modal: { ...field, completing: undefined, ...changed } };
  const next = { ...field, completing: undefined, browsing: undefined, ...changed };
  switch (next.kind) {
    case 'help':
      return { ...state, modal: { ...next, top: 0 } };
    case 'palette':
      return { ...state, modal: { ...next, selected: 0 } };
    case 'edit':
      return { ...state, modal: { ...next, ...said(state, next) } };
  }
}

/** What the screen says of the text so far. */
function said(state: State, { owner, field, text, hint }: EditModal): Pick<EditModal, 'hint' | 'error' | 'errorAt'> {
  const typing = owner === 'run' ? undefined : state.definitions.screens[owner].typing;
  if (owner === 'run' || typing === undefined) return { hint, error: null };
  return { errorAt: undefined, ...typing(enter(state, owner), field, text) };
}

/** Pasted text goes into the line that is typed; elsewhere it must never act as keys. */
export function pasted(state: State, text: string, cut: boolean): State {
  if (openField(state) === null) return { ...state, notice: 'Pasted text ignored: no text field is open.' };
  const typing = edited(state, (line) => inserted(line, pastedLine(text)));
  const { modal } = typing;
  if (!cut || modal?.kind !== 'edit') return typing;
  return { ...typing, modal: { ...modal, error: `only the first ${count(mostPasted)} pasted characters are kept` } };
}

const suggested = new WeakMap<State, Suggestions | null>();

/** What can be typed at the cursor of the open line; null where nothing is suggested. */
export function suggestionsOf(state: State): Suggestions | null {
  let found = suggested.get(state);
  if (found === undefined) suggested.set(state, (found = suggest(state)));
  return found;
}

function suggest(state: State): Suggestions | null {
  const { modal } = state;
  if (modal?.kind !== 'edit' || modal.owner === 'run') return null;
  const line = modal.completing?.typed ?? modal;
  const { suggests } = state.definitions.screens[modal.owner];
  return suggests?.(enter(state, modal.owner), modal.field, line.text, cursorOf(line)) ?? null;
}

/** Inserts a suggestion; again: the next one in its place. */
function completedBy(state: State, { from, to, items }: Suggestions, by: 1 | -1): State {
  const field = openField(state);
  if (field === null || items.length === 0) return state;
  const { text, cursor, completing } = field;
  const typed = completing?.typed ?? { text, cursor };
  const place = completing === undefined ? (by > 0 ? 0 : items.length - 1) : completing.place + by;
  const at = (place + items.length) % items.length;
  const start = typed.text.slice(0, from) + items[at].text;
  const line = { text: start + typed.text.slice(to), cursor: start.length };
  // A single one is final: tab then completes what follows it.
  return edited(state, () => (items.length === 1 ? line : { ...line, completing: { place: at, typed } }));
}

/** An earlier line of the field's kind, or back towards what was typed. */
export function browsed(state: State, by: 1 | -1): State {
  const field = openField(state);
  if (field === null) return state;
  const { text, cursor, browsing } = field;
  const lines = state.lines.typed[kindOf(field)] ?? [];
  const typed = browsing?.typed ?? { text, cursor };
  const place = (browsing?.place ?? -1) + by;
  if (place < -1 || place >= lines.length) return state;
  if (place === -1) return edited(state, () => typed);
  return edited(state, () => ({ text: lines[place], cursor: lines[place].length, browsing: { place, typed } }));
}

/** The kind whose earlier lines a field offers. */
export const kindOf = (field: Field): string =>
  field.kind === 'edit' ? kindOfField(field.owner, field.field) : field.kind;

/** Keeps a line that was typed to its end, for this session and for later ones. */
export function remembered(state: State, kind: string, text: string): Step {
  if (text.trim() === '') return noEffects(state);
  const { typed } = state.lines;
  const lines = { ...state.lines, typed: { ...typed, [kind]: withLine(typed[kind] ?? [], text) } };
  return { state: { ...state, lines }, effects: [{ do: 'remember', kind, text }] };
}

/** What tab has found, unless something else is typed by now. */
export function completed(
  state: State,
  { before, text, candidates }: { before: string; text: string; candidates: readonly string[] },
): State {
  const { modal } = state;
  if (modal?.kind !== 'edit' || modal.text !== before) return state;
  const names = candidates.map((name) => makeLine(name, 60));
  const hint = names.length === 0 ? 'nothing there begins so' : names.length === 1 ? '' : names.join('  ');
  return { ...state, modal: { ...modal, text, cursor: text.length, hint, error: null } };
}

export function complete(state: State, by: 1 | -1): Step {
  const { modal } = state;
  if (modal?.kind !== 'edit') return noEffects(state);
  if (modal.completes !== undefined)
    return { state, effects: [{ do: 'complete', text: modal.text, inReward: modal.completes === 'reward' }] };
  const suggestions = suggestionsOf(state);
  return noEffects(suggestions === null ? state : completedBy(state, suggestions, by));
}
