/**
 * The form that starts another branch: the settings that a branch may change, the form's rows, typing into it, and what
 * is sent to the engine. Leaves out how held-out prompts are sampled: rounds are compared by them.
 */
import { z } from 'zod';
import { unwrap } from '../../../src/core/config/partial.js';
import { referenceProblem } from '../../../src/core/config/reference.js';
import { parseRewardSpec } from '../../../src/core/config/rewardSpec.js';
import { configOf, resetSettings } from '../../../src/core/config/rounds.js';
import { messageOf } from '../../../src/core/errors.js';
import { explanation, rangeOf, schemaOf } from '../../../src/core/form/fields.js';
import type { ObjectiveName } from '../../../src/core/objectives/index.js';
import { largest } from '../../../src/core/limits.js';
import { settingOf } from '../../../src/core/rounds.js';
import type { RoundOverrides, RoundSettings, RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { type Move, clamp, movedTo, placeAt, windowFor } from '../../app/lists.js';
import { currentRound } from '../../app/selectors.js';
import { type Step, noEffects, send } from '../../app/state.js';
import { wrapped } from '../../parts/markedText.js';
import { firstLines } from '../../parts/text.js';
import { roundOf, selectedRound } from './select.js';
import { type ForkUi, type HistoryState, changed } from './state.js';

export interface ForkField {
  /** The configuration's dotted key. */
  key: string;
  label: string;
  kind: 'number' | 'choice' | 'text';
  choices: readonly string[];
}

const field = (key: string, label: string): ForkField => {
  const schema = unwrap(schemaOf(key.split('.')));
  if (schema instanceof z.ZodEnum) return { key, label, kind: 'choice', choices: schema.options.map(String) };
  return { key, label, kind: schema instanceof z.ZodNumber ? 'number' : 'text', choices: [] };
};

/** In the order of the form. */
export const forkFields: readonly ForkField[] = [
  field('dpo.alpha', 'α length penalty'),
  field('dpo.beta', 'β'),
  field('update.lr', 'learning rate'),
  field('sampling.samples_per_prompt', 'samples per prompt'),
  field('sampling.max_new_tokens', 'max new tokens'),
  field('sampling.temperature', 'temperature'),
  field('sampling.top_p', 'top-p'),
  field('sampling.top_k', 'top-k'),
  field('sampling.min_p', 'min-p'),
  field('sampling.repetition_penalty', 'repetition penalty'),
  field('sampling.prompts_per_round', 'prompts per round'),
  field('reward', 'reward'),
  field('pairs.strategy', 'pairs: strategy'),
  field('pairs.length_penalty', 'pairs: length penalty λ'),
  field('pairs.per_prompt', 'pairs: per prompt'),
  field('pairs.min_gap', 'pairs: minimum gap'),
  field('pairs.weight', 'pairs: weight'),
  field('dpo.reference', 'reference policy'),
  field('dpo.objective', 'objective'),
  field('dpo.label_smoothing', 'label smoothing'),
  field('dpo.gamma_ratio', 'simpo: target margin γ/β'),
  field('dpo.ld_scale', 'ld-dpo: share a'),
  field('dpo.nll_weight', 'NLL weight'),
  field('update.batch_size', 'update: batch size'),
  field('update.epochs', 'update: epochs'),
  field('update.steps', 'update: steps'),
  field('update.schedule', 'update: schedule'),
  field('update.warmup', 'update: warm-up'),
  field('update.weight_decay', 'update: weight decay'),
  field('update.clip', 'update: clip'),
];

export const forkField = (key: string): ForkField | null => forkFields.find((each) => each.key === key) ?? null;

/** A sentence or two on what a setting does, with its range. */
export function explained({ key, kind, choices }: ForkField): string {
  const text = explanation({ key: key.split('.'), more: '', kind: kind === 'number' ? 'number' : 'path' }).trim();
  return kind === 'choice' ? `${text} One of ${choices.join(', ')}.` : text;
}

/** The parent's value. */
function presentValue(config: Snapshot['config'], parent: RoundState, key: string): string {
  const value = settingOf(config, parent, key);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What the branch has unless it is changed: the parent's value, or what another objective sets. */
function inheritedValue(config: Snapshot['config'], parent: RoundState, key: string, { values }: ForkUi): string {
  const objective = values['dpo.objective'] as ObjectiveName | undefined;
  const present = presentValue(config, parent, key);
  const strategy = values['pairs.strategy'];
  if (key === 'pairs.length_penalty') return strategy === undefined || strategy === 'length-penalized' ? present : '0';
  if (objective === undefined || !key.startsWith('dpo.')) return present;
  const reset: Record<string, unknown> = resetSettings(configOf(config, parent).dpo, objective);
  const value = reset[key.slice('dpo.'.length)];
  return value === undefined ? present : String(value);
}

/** What is wrong with a text; null if nothing is. What depends on the engine's files is checked by the engine. */
function fieldProblem(field: ForkField, text: string): string | null {
  const { key, kind, choices } = field;
  if (kind === 'number') {
    const schema = schemaOf(key.split('.'));
    const value = decimal(text) === '' ? NaN : Number(decimal(text));
    return schema.safeParse(value).success
      ? null
      : `expected ${isWhole(schema) ? 'a whole number' : 'a number'}, ${rangeOf(schema)}`;
  }
  if (kind === 'choice') return choices.includes(text) ? null : `${text}: expected ${choices.join(' or ')}`;
  if (text.trim() === '') return 'expected a value; esc keeps the present one';
  if (key === 'dpo.reference') return referenceProblem(text.trim());
  if (key !== 'reward') return null;
  try {
    parseRewardSpec(text);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** The value as it is sent to the engine. @param text one that `fieldProblem` accepts */
function fieldValue({ kind }: ForkField, text: string): number | string {
  return kind === 'number' ? Number(decimal(text)) : text.trim();
}

const decimal = (text: string): string => text.trim().replace(',', '.');

const isWhole = (schema: z.ZodType): boolean => z.toJSONSchema(schema, { io: 'input' }).type === 'integer';

export interface ForkLayout {
  /** Rows of the list of settings, without rule and heading. */
  list: number;
  /** First visible setting. */
  top: number;
  /** The explanation of the selected setting. */
  help: readonly string[];
}

/** Rows above the list: its rule and heading. */
const listHead = 2;
/** Rows of the explanation, always reserved so that the list does not move. */
const helpRows = 2;

export function forkLayout(state: HistoryState, { selected, top }: ForkUi): ForkLayout {
  const help = wrapped(explained(forkFields[selected]), state.size.columns);
  const list = Math.max(3, Math.min(forkFields.length, bodyRows(state) - listHead - 1 - helpRows));
  return {
    list,
    top: windowFor(selected, top, forkFields.length, list),
    help: firstLines(help, helpRows, state.size.columns),
  };
}

/** The engine works on one round at a time: the current one must be done, or wait in review. */
export function canLeave(state: HistoryState): boolean {
  const current = currentRound(state);
  const waits = current !== null && (current.stage === 'done' || current.stage === 'review');
  return state.link.status === 'up' && waits && state.run?.engine.activity === 'idle';
}

export function canFork(state: HistoryState): boolean {
  return canLeave(state) && selectedRound(state)?.stage === 'done';
}

export function openFork(state: HistoryState): HistoryState {
  const parent = selectedRound(state);
  if (parent === null) return state;
  return changed(state, { fork: { parent: parent.id, values: {}, selected: 0, top: 0, sentAfter: null } });
}

function changeFork(state: HistoryState, more: Partial<ForkUi>): HistoryState {
  const { fork } = state.ui;
  return fork === null ? state : changed(state, { fork: { ...fork, ...more } });
}

function selectField(state: HistoryState, fork: ForkUi, place: number): HistoryState {
  const selected = clamp(place, forkFields.length);
  const { list, top } = forkLayout(state, fork);
  return changeFork(state, { selected, top: windowFor(selected, top, forkFields.length, list) });
}

export function moveInFork(state: HistoryState, move: Move): HistoryState {
  const { fork } = state.ui;
  if (fork === null) return state;
  return selectField(state, fork, movedTo(fork.selected, move, forkFields.length, forkLayout(state, fork).list));
}

/** A click selects a setting; a click on the selected one changes it. */
export function pointInFork(
  state: HistoryState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  y: number,
): Step<HistoryState> {
  const { fork } = state.ui;
  if (fork === null) return noEffects(state);
  if (kind !== 'press') return noEffects(moveInFork(state, kind === 'wheel-up' ? 'up' : 'down'));
  const { list, top } = forkLayout(state, fork);
  const place = placeAt(y - listHead, top, forkFields.length, list);
  if (place === null) return noEffects(state);
  return place === fork.selected ? typeField(state) : noEffects(selectField(state, fork, place));
}

/**
 * The parent's value of a setting, and the changed one; null: not changed. `inherited`: the value unless a person changes it,
 * which another objective may make another than the parent's.
 */
export function shownValue(
  state: HistoryState,
  { key }: ForkField,
): { present: string; next: string | null; inherited: string } {
  const { fork } = state.ui;
  const parent = fork === null ? null : roundOf(state, fork.parent);
  if (fork === null || parent === null || state.run === null) return { present: '', next: null, inherited: '' };
  const { config } = state.run;
  const [present, inherited] = [presentValue(config, parent, key), inheritedValue(config, parent, key, fork)];
  return { present, next: fork.values[key] ?? (inherited === present ? null : inherited), inherited };
}

/** Opens the line in which the selected setting is typed; of a choice, takes the next instead. */
export function typeField(state: HistoryState): Step<HistoryState> {
  const { fork } = state.ui;
  if (fork === null) return noEffects(state);
  const field = forkFields[fork.selected];
  if (field.kind === 'choice') return noEffects(nextChoice(state, 1));
  const { present, inherited } = shownValue(state, field);
  const text = fork.values[field.key] ?? (field.kind === 'text' ? inherited : '');
  return noEffects({
    ...state,
    modal: {
      kind: 'edit',
      owner: 'history',
      field: `fork:${field.key}`,
      label: field.label,
      hint: `now ${present}`,
      text,
      error: null,
    },
  });
}

export function nextChoice(state: HistoryState, by: 1 | -1): HistoryState {
  const { fork } = state.ui;
  const field = fork === null ? null : forkFields[fork.selected];
  if (field?.kind !== 'choice') return state;
  const { present, next } = shownValue(state, field);
  const { choices } = field;
  const at = choices.indexOf(next ?? present);
  return withValue(state, field, choices[(at + by + choices.length) % choices.length]);
}

export function typingField(state: HistoryState, key: string, text: string): { hint: string; error: string | null } {
  const field = forkField(key);
  if (field === null || text.trim() === '') return { hint: 'empty: unchanged', error: null };
  return { hint: `now ${shownValue(state, field).present}`, error: fieldProblem(field, text) };
}

/** @returns the step, or what is wrong with the text */
export function typedField(state: HistoryState, key: string, text: string): Step<HistoryState> | string {
  const field = forkField(key);
  if (field === null) return noEffects(state);
  if (text.trim() === '') return noEffects(withValue(state, field, null));
  return fieldProblem(field, text) ?? noEffects(withValue(state, field, String(fieldValue(field, text))));
}

/** Changes a setting; null, or the inherited value, drops the change. */
function withValue(state: HistoryState, field: ForkField, value: string | null): HistoryState {
  const { fork } = state.ui;
  if (fork === null) return state;
  const { [field.key]: _before, ...others } = fork.values;
  const same = value === null || value === shownValue(state, field).inherited;
  return changeFork(state, { values: same ? others : { ...others, [field.key]: value } });
}

/** The selected setting is inherited from the parent again. */
export function resetField(state: HistoryState): HistoryState {
  const { fork } = state.ui;
  return fork === null ? state : withValue(state, forkFields[fork.selected], null);
}

/** Sends the branch. The form stays open until its round begins: what the engine refuses can be corrected. */
export function startFork(state: HistoryState): Step<HistoryState> {
  const { fork } = state.ui;
  if (fork === null || state.run === null) return noEffects(state);
  const { settings, overrides } = changesOf(fork.values);
  const sent = changeFork(state, { sentAfter: largest(state.run.rounds.map(({ id }) => id)) });
  return send({ ...sent, follows: true, past: null }, { type: 'fork', parent: fork.parent, settings, overrides });
}

/** Whether the branch that was sent has begun its first round. */
function forkBegun(state: HistoryState): boolean {
  const { fork } = state.ui;
  if (fork === null || fork.sentAfter === null) return false;
  const { sentAfter, parent } = fork;
  return state.run?.rounds.some((round) => round.id > sentAfter && round.parent === parent) ?? false;
}

/** Closes the form once its round has begun; the selection then follows the current round. */
export function closedWhenBegun(state: HistoryState): HistoryState {
  return forkBegun(state) ? changed(state, { fork: null, selected: null }) : state;
}

/** Settings that a round keeps by themselves; the others are overrides of the configuration. */
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
