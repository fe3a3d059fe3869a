/** Going through the list of rounds, and opening, naming, noting and deleting the selected one. */
import { MAX_NAME, MAX_NOTE } from '../../../src/core/limits.js';
import { of } from '../../../src/core/format.js';
import { type Effect, type Screen, type Step, noEffects, screenOf, send } from '../../app/state.js';
import { type Move, movedTo, placeAt } from '../../app/lists.js';
import { cut } from '../../parts/text.js';
import { historyLayout, nameOf, roundOf, selectedPlace, selectedRound, treeIn } from './select.js';
import { type HistoryState, changed } from './state.js';

/** Selects a round and scrolls it into view. */
function selectAt(state: HistoryState, place: number): HistoryState {
  const row = treeIn(state).rows.at(place);
  if (row === undefined) return state;
  const { top } = historyLayout(state);
  const selected = changed(state, { selected: row.round.id, top });
  return changed(selected, { top: historyLayout(selected).top });
}

export function moveInRounds(state: HistoryState, move: Move): HistoryState {
  const { table } = historyLayout(state);
  return selectAt(state, movedTo(selectedPlace(state), move, treeIn(state).rows.length, table));
}

/** The wheel goes through the rounds; a click selects one. */
export function pointInRounds(state: HistoryState, kind: 'press' | 'wheel-up' | 'wheel-down', y: number): HistoryState {
  if (kind !== 'press') return moveInRounds(state, kind === 'wheel-up' ? 'up' : 'down');
  const { table, top } = historyLayout(state);
  const heading = 1;
  const place = placeAt(y - heading, top, treeIn(state).rows.length, table);
  return place === null ? state : selectAt(state, place);
}

/** Longest name and note that the engine keeps, in characters. */
const longest = { name: MAX_NAME, note: MAX_NOTE };
type Field = keyof typeof longest;

const hints = {
  name: 'shown beside its number; empty removes it',
  note: 'shown with the round; empty removes it',
};

/** The field's name holds the round: another one may be selected by the time the text is entered. */
export function typeText(state: HistoryState, field: Field): Step<HistoryState> {
  const round = selectedRound(state);
  if (round === null) return noEffects(state);
  return noEffects({
    ...state,
    modal: {
      kind: 'edit',
      owner: 'history',
      field: `${field}:${round.id}`,
      label: `${field} of round ${round.id}`,
      hint: hints[field],
      text: round[field],
      error: null,
    },
  });
}

export function isTextField(name: string): name is Field {
  return Object.hasOwn(longest, name);
}

export function typingText(field: Field, text: string): { hint: string; error: string | null } {
  const { length } = [...text];
  const most = longest[field];
  return { hint: hints[field], error: length > most ? `${length} characters; at most ${most} are allowed` : null };
}

/** @returns the step, or that the text is too long */
export function typedText(state: HistoryState, field: Field, round: number, text: string): Step<HistoryState> | string {
  const { error } = typingText(field, text);
  return error ?? send(state, { type: 'name-round', round, [field]: text.trim() });
}

/** Asks the person, and the engine for what the question says: the rounds and bytes that would be deleted. */
export function askToDelete(state: HistoryState): Step<HistoryState> {
  const round = selectedRound(state);
  if (round === null) return noEffects(state);
  const asked = changed(state, { deletion: null });
  const lines = deletionLines(asked, round.id);
  return {
    state: { ...asked, modal: { kind: 'confirm', owner: 'history', what: `delete:${round.id}`, lines } },
    effects: [{ do: 'ask', query: { type: 'read-deletion', round: round.id } }],
  };
}

/** The question first: at 80 columns it must leave room for its answer keys. */
export function deletionLines(state: HistoryState, id: number): string[] {
  const { deletion } = state.ui;
  const round = roundOf(state, id);
  const known = deletion?.round === id ? deletion : null;
  const others = (known?.rounds ?? []).filter((other) => other !== id);
  const name = round === null ? `round ${id}` : cut(nameOf(round), 24);
  const question = `Delete ${name} for good${others.length === 0 ? '' : `, and ${roundList(others)} that came from it`}?`;
  if (known === null) return [question, 'Counting what would be deleted …'];
  const size = `${of(known.rounds.length, 'round')}, ${bytesText(known.bytes)} on disk`;
  return [question, `${size}: samples, pairs, decisions, metrics, policies.`];
}

const roundList = (ids: readonly number[]): string =>
  ids.length > 4 ? `${ids.length} rounds` : `round${ids.length === 1 ? '' : 's'} ${ids.join(', ')}`;

function bytesText(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1000)));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** Shows the current round at once; asks the engine for another, which is shown when it arrives. */
export function openRound(state: HistoryState, wanted: Screen | null): Step<HistoryState> {
  const round = selectedRound(state);
  if (round === null) return noEffects(state);
  const screen = wanted ?? (round.evaluation === null ? screenOf[round.stage] : 'evaluation');
  if (round.id === state.run?.current)
    return noEffects({ ...state, past: null, screen, follows: screenOf[round.stage] === screen });
  const effects: Effect[] = [{ do: 'ask', query: { type: 'read-round', round: round.id } }];
  const opening = { round: round.id, screen };
  return { state: changed({ ...state, notice: `Reading round ${round.id} …` }, { opening }), effects };
}

/** The round that was asked for has arrived. It is shown unless the person has left the screen. */
export function opened(state: HistoryState, round: number): HistoryState {
  const { opening } = state.ui;
  if (opening?.round !== round || state.past?.round !== round) return state;
  const closed = changed({ ...state, notice: null }, { opening: null });
  return state.screen === 'history' ? { ...closed, screen: opening.screen, follows: false } : closed;
}
