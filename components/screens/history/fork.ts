/** Starting another branch: the form with what it would change, and what is sent. */
import type { RoundOverrides, RoundSettings } from '../../../src/protocol/messages.js';
import { type Step, only, send } from '../../app/state.js';
import { currentRound } from '../../app/selectors.js';
import { type ForkField, fieldProblem, fieldValue, forkField, forkFields, presentValue } from './forkFields.js';
import { roundOf, selectedRound } from './rounds.js';
import type { ForkUi, HistoryState } from './state.js';
import { largest } from '../../../src/core/limits.js';

/** The engine works on one round at a time: the current one must be done, or wait in review. */
export function canLeave(state: HistoryState): boolean {
  const current = currentRound(state);
  const between = current !== null && (current.stage === 'done' || current.stage === 'review');
  return state.link.status === 'up' && between && state.run?.engine.activity === 'idle';
}

export function canFork(state: HistoryState): boolean {
  return canLeave(state) && selectedRound(state)?.stage === 'done';
}

export function openFork(state: HistoryState): HistoryState {
  const parent = selectedRound(state);
  if (parent === null) return state;
  const fork = { parent: parent.id, values: {}, selected: 0, top: 0, toldAfter: null };
  return { ...state, ui: { ...state.ui, fork } };
}

export function changeFork(state: HistoryState, more: Partial<ForkUi>): HistoryState {
  const { fork } = state.ui;
  return fork === null ? state : { ...state, ui: { ...state.ui, fork: { ...fork, ...more } } };
}

/** What a field stands at: as it was changed, else as the parent has it. */
export function shownValue(state: HistoryState, { key }: ForkField): { present: string; changed: string | null } {
  const { fork } = state.ui;
  const parent = fork === null ? null : roundOf(state, fork.parent);
  const present = parent === null || state.run === null ? '' : presentValue(state.run.config, parent, key);
  return { present, changed: fork?.values[key] ?? null };
}

/** The line in which the selected field is typed; a choice goes on to the next instead. */
export function typeField(state: HistoryState): Step<HistoryState> {
  const { fork } = state.ui;
  if (fork === null) return only(state);
  const field = forkFields[fork.selected];
  if (field.kind === 'choice') return only(nextChoice(state, 1));
  const { present, changed } = shownValue(state, field);
  const text = changed ?? (field.kind === 'text' ? present : '');
  return only({
    ...state,
    modal: {
      ...{ kind: 'edit', owner: 'history', field: `fork:${field.key}`, label: field.label, text, error: null },
      hint: `now ${present}`,
    },
  });
}

export function nextChoice(state: HistoryState, by: 1 | -1): HistoryState {
  const { fork } = state.ui;
  const field = fork === null ? null : forkFields[fork.selected];
  if (field?.kind !== 'choice') return state;
  const { present, changed } = shownValue(state, field);
  const { choices } = field;
  const at = choices.indexOf(changed ?? present);
  return withValue(state, field, choices[(at + by + choices.length) % choices.length]);
}

export function typingField(state: HistoryState, key: string, text: string): { hint: string; error: string | null } {
  const field = forkField(key);
  if (field === null || text.trim() === '') return { hint: 'empty: as it was', error: null };
  return { hint: `now ${shownValue(state, field).present}`, error: fieldProblem(field, text) };
}

/** @returns a sentence where the value is no good */
export function typedField(state: HistoryState, key: string, text: string): Step<HistoryState> | string {
  const field = forkField(key);
  if (field === null) return only(state);
  if (text.trim() === '') return only(withValue(state, field, null));
  return fieldProblem(field, text) ?? only(withValue(state, field, String(fieldValue(field, text))));
}

/** What is as the parent has it is no change. */
function withValue(state: HistoryState, field: ForkField, value: string | null): HistoryState {
  const { fork } = state.ui;
  if (fork === null) return state;
  const { [field.key]: _before, ...others } = fork.values;
  const { present } = shownValue(state, field);
  const same = value === null || value === present;
  return changeFork(state, { values: same ? others : { ...others, [field.key]: value } });
}

/** The selected field is again as the parent has it. */
export function resetField(state: HistoryState): HistoryState {
  const { fork } = state.ui;
  return fork === null ? state : withValue(state, forkFields[fork.selected], null);
}

/** The form stays until the round is there: what the engine refuses can be mended. */
export function startFork(state: HistoryState): Step<HistoryState> {
  const { fork } = state.ui;
  if (fork === null || state.run === null) return only(state);
  const { settings, overrides } = changesOf(fork.values);
  const told = changeFork(state, { toldAfter: largest(state.run.rounds.map(({ id }) => id)) });
  return send({ ...told, follows: true, past: null }, { type: 'fork', parent: fork.parent, settings, overrides });
}

/** Closes the form once its round has begun. */
export function forkBegun(state: HistoryState): boolean {
  const { fork } = state.ui;
  if (fork === null || fork.toldAfter === null) return false;
  const { toldAfter, parent } = fork;
  return state.run?.rounds.some((round) => round.id > toldAfter && round.parent === parent) ?? false;
}

const settingNames: Record<string, keyof RoundSettings> = {
  'dpo.alpha': 'alpha',
  'dpo.beta': 'beta',
  'update.lr': 'lr',
};

function changesOf(values: ForkUi['values']): { settings: Partial<RoundSettings>; overrides: RoundOverrides } {
  const settings: Partial<RoundSettings> = {};
  const overrides: RoundOverrides = {};
  for (const field of forkFields) {
    if (!Object.hasOwn(values, field.key)) continue;
    const value = fieldValue(field, values[field.key]);
    if (Object.hasOwn(settingNames, field.key)) settings[settingNames[field.key]] = value as number;
    else if (field.key === 'reward') overrides.reward = value as string;
    else {
      const [group, key] = field.key.split('.') as ['sampling' | 'pairs' | 'dpo' | 'update', string];
      overrides[group] = { ...overrides[group], [key]: value };
    }
  }
  return { settings, overrides };
}
