/** Naming, noting, deleting and opening a round. */
import type { HistoryState } from './state.js';
import { of } from '../../../src/core/format.js';
import { type Effect, type Screen, type Step, only, screenOf, send } from '../../app/state.js';
import { MAX_NAME, MAX_NOTE } from '../../../src/core/limits.js';
import { cut } from '../../parts/text.js';
import { nameOf, roundOf, selectedRound } from './rounds.js';

/** Longest name and note that the engine keeps, in characters. */
const longest = { name: MAX_NAME, note: MAX_NOTE };
type Field = keyof typeof longest;

const hints = {
  name: 'shown beside its number; empty takes it away',
  note: 'shown with the round; empty takes it away',
};

/** The round is part of the field's name: another may be selected by the time it is typed. */
export function typeText(state: HistoryState, field: Field): Step<HistoryState> {
  const round = selectedRound(state);
  if (round === null) return only(state);
  return only({
    ...state,
    modal: {
      ...{ kind: 'edit', owner: 'history', field: `${field}:${round.id}`, hint: hints[field], error: null },
      label: `${field} of round ${round.id}`,
      text: round[field],
    },
  });
}

export function isTextField(name: string): name is Field {
  return Object.hasOwn(longest, name);
}

export function typingText(field: Field, text: string): { hint: string; error: string | null } {
  const { length } = [...text];
  const most = longest[field];
  return { hint: hints[field], error: length > most ? `${length} characters; at most ${most} are kept` : null };
}

/** @returns a sentence where it is too long */
export function typedText(state: HistoryState, field: Field, round: number, text: string): Step<HistoryState> | string {
  const { error } = typingText(field, text);
  return error ?? send(state, { type: 'name-round', round, [field]: text.trim() });
}

/** Asks how much goes, and then the person. */
export function askToDelete(state: HistoryState): Step<HistoryState> {
  const round = selectedRound(state);
  if (round === null) return only(state);
  const asked = { ...state, ui: { ...state.ui, deletion: null } };
  const lines = deletionLines(asked, round.id);
  return {
    state: { ...asked, modal: { kind: 'confirm', owner: 'history', what: `delete:${round.id}`, lines } },
    effects: [{ do: 'ask', query: { type: 'read-deletion', round: round.id } }],
  };
}

/** The question first; it must leave room for its answer at 80 columns. */
export function deletionLines(state: HistoryState, id: number): string[] {
  const { deletion } = state.ui;
  const round = roundOf(state, id);
  const known = deletion?.round === id ? deletion : null;
  const others = (known?.rounds ?? []).filter((other) => other !== id);
  const name = round === null ? `round ${id}` : cut(nameOf(round), 24);
  const question = `Delete ${name} for good${others.length === 0 ? '' : `, and ${roundList(others)} that came from it`}?`;
  if (known === null) return [question, 'Counting what goes …'];
  const size = `${of(known.rounds.length, 'round')}, ${bytesText(known.bytes)} on disk`;
  return [question, `${size}: samples, pairs, decisions, metrics, policies.`];
}

const roundList = (ids: readonly number[]): string =>
  ids.length > 4 ? `${ids.length} rounds` : `round${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;

export function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1000)));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** The current round is here; another is asked for, and shown once the engine has told it. */
export function openRound(state: HistoryState, wanted: Screen | null): Step<HistoryState> {
  const round = selectedRound(state);
  if (round === null) return only(state);
  const screen = wanted ?? (round.evaluation === null ? screenOf[round.stage] : 'evaluation');
  if (round.id === state.run?.current)
    return only({ ...state, past: null, screen, follows: screenOf[round.stage] === screen });
  const effects: Effect[] = [{ do: 'ask', query: { type: 'read-round', round: round.id } }];
  const opening = { round: round.id, screen };
  return {
    state: { ...state, notice: `Reading round ${round.id} …`, ui: { ...state.ui, opening } },
    effects,
  };
}

/** The round that was asked for is here. */
export function opened(state: HistoryState, round: number): HistoryState {
  const { opening } = state.ui;
  if (opening?.round !== round || state.past?.round !== round) return state;
  const closed = { ...state, notice: null, ui: { ...state.ui, opening: null } };
  return state.screen === 'history' ? { ...closed, screen: opening.screen, follows: false } : closed;
}
