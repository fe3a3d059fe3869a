/**
 * All changes of the terminal's state, pure: the engine's events and keys in, the new state and what is asked of the
 * engine out.
 */
import { dpoSchema, updateSchema } from '../config/schema.js';
import type { EngineCommand, RoundSettings, Snapshot } from '../engine/protocol.js';
import { applyEvent } from './events.js';
import { type KeyId, keysOf, meaningOf, placeOf } from './keys.js';
import { bodyRows, historyRows, reviewLayout, topFor } from './layout.js';
import {
  type Action,
  type Effect,
  type Field,
  type Screen,
  type State,
  type Step,
  currentRound,
  screenOf,
  screens,
  settingsOf,
} from './state.js';

const fine = 0.001;
const coarse = 0.01;

export function reduce(state: State, action: Action): Step {
  switch (action.type) {
    case 'key':
      return pressed(state, action.key);
    case 'size':
      return only(inView({ ...state, size: action.size }));
    case 'link':
      return only({ ...state, link: action.link, modal: null });
    case 'refused':
      // What was moved here and refused there must not stay on the screen.
      return only({ ...state, draft: action.command === 'set' ? {} : state.draft, notice: action.message });
    case 'snapshot':
      return only(follow({ ...state, link: { status: 'up' }, run: action.snapshot, draft: {} }));
    case 'bye':
      return only({ ...state, link: { status: 'lost', reason: action.reason }, modal: null });
    case 'engine':
    case 'round':
    case 'progress':
    case 'response':
    case 'rewards':
    case 'pairs':
    case 'step':
    case 'problem':
    case 'decisions':
    case 'probe':
    case 'rounds':
    case 'role':
      return only(state.run === null ? state : told(state, applyEvent(state.run, action)));
  }
}

function only(state: State): Step {
  return { state, effects: [] };
}

/** After an event: confirmed settings are the engine's again, and the screen follows the stage. */
function told(state: State, run: Snapshot): State {
  const [before, after] = [currentRound(state), currentRound({ run })];
  if (before === after) return inView({ ...state, run });
  const moved = before?.id !== after?.id || before?.stage !== after?.stage;
  const draft = moved || after === null ? {} : unconfirmed(state.draft, after.settings);
  const next = { ...state, run, draft };
  if (!moved) return next;
  return follow({ ...next, modal: next.modal?.kind === 'help' ? next.modal : null, notice: null });
}

function unconfirmed(draft: Partial<RoundSettings>, settings: RoundSettings): Partial<RoundSettings> {
  return Object.fromEntries(Object.entries(draft).filter(([key, value]) => settings[key as Field] !== value));
}

function follow(state: State): State {
  const round = currentRound(state);
  return inView(state.follows && round !== null ? { ...state, screen: screenOf[round.stage] } : state);
}

/** Brings selection and scrolling back within what there is. */
function inView(state: State): State {
  const last = Math.max(0, (state.run?.pairs.length ?? 0) - 1);
  const selected = Math.min(state.selected, last);
  const seen = selected === state.selected ? state : { ...state, selected };
  const { table, textEnd } = reviewLayout(seen);
  const top = Math.min(topFor(selected, state.top, table), Math.max(0, last + 1 - table));
  const textTop = Math.min(state.textTop, textEnd);
  return top === state.top && textTop === state.textTop ? seen : { ...seen, top, textTop };
}

function pressed(before: State, key: string): Step {
  const state = before.notice === null ? before : { ...before, notice: null };
  if (state.modal?.kind === 'edit' && [...key].length === 1) {
    return only({ ...state, modal: { ...state.modal, text: state.modal.text + key, error: null } });
  }
  const id = meaningOf(key, state);
  if (id === null) {
    const known = keysOf(placeOf(state)).find(({ keys }) => keys.includes(key));
    return only(known === undefined ? state : { ...state, notice: `Nothing to do now for ${key}: ${known.help}.` });
  }
  return act(state, id, key);
}

function act(state: State, id: KeyId, key: string): Step {
  switch (id) {
    case 'detach':
    case 'detach-now':
      return { state, effects: [{ do: 'detach' }] };
    case 'restart':
      return { state: { ...state, link: { status: 'connecting' } }, effects: [{ do: 'restart' }] };
    case 'retry':
      // The stage reports again what it had reported before it failed; a fresh snapshot keeps that from counting twice.
      return { state, effects: [sending({ type: 'retry' }), sending({ type: 'attach', client: 'tui' })] };
    case 'pause':
      return send(state, { type: 'pause' });
    case 'resume':
      return send(state, { type: 'resume' });
    case 'stop-sampling':
    case 'stop-update':
      return send({ ...state, notice: 'Stopping after the micro-batch in flight.' }, { type: 'stop' });
    case 'next-round':
      return send({ ...state, follows: true }, { type: 'next-round' });
    case 'launch':
      return only({ ...state, modal: { kind: 'confirm', what: 'launch' } });
    case 'abort':
      return only({ ...state, modal: { kind: 'confirm', what: 'abort' } });
    case 'yes':
      return confirmed(state);
    case 'no':
    case 'back':
    case 'close':
      return only({ ...state, modal: null });
    case 'help':
      return only({ ...state, modal: { kind: 'help', top: 0 } });
    case 'scroll-up':
      return only(scrollHelp(state, -1));
    case 'scroll-down':
      return only(scrollHelp(state, 1));
    case 'go':
      return only(show(state, screens[Number(key) - 1]));
    case 'history':
      return only(show(state, 'history'));
    case 'next-screen':
      return only(show(state, screens[(screens.indexOf(state.screen) + 1) % screens.length]));
    case 'previous-screen':
      return only(show(state, screens[(screens.indexOf(state.screen) + screens.length - 1) % screens.length]));
    case 'alpha-down':
      return moveAlpha(state, -fine);
    case 'alpha-up':
      return moveAlpha(state, fine);
    case 'alpha-down-coarse':
      return moveAlpha(state, -coarse);
    case 'alpha-up-coarse':
      return moveAlpha(state, coarse);
    case 'edit-alpha':
      return only(edit(state, 'alpha'));
    case 'edit-beta':
      return only(edit(state, 'beta'));
    case 'edit-lr':
      return only(edit(state, 'lr'));
    case 'apply':
      return typed(state);
    case 'erase':
      return only(retype(state, (text) => [...text].slice(0, -1).join('')));
    case 'erase-all':
      return only(retype(state, () => ''));
    case 'pair-up':
      return only(select(state, state.selected - 1));
    case 'pair-down':
      return only(select(state, state.selected + 1));
    case 'page-up':
      return only(select(state, state.selected - reviewLayout(state).table));
    case 'page-down':
      return only(select(state, state.selected + reviewLayout(state).table));
    case 'first-pair':
      return only(select(state, 0));
    case 'last-pair':
      return only(select(state, Infinity));
    case 'text-up':
      return only({ ...state, textTop: Math.max(0, state.textTop - scrollStep(state)) });
    case 'text-down':
      return only(inView({ ...state, textTop: state.textTop + scrollStep(state) }));
    case 'zoom':
      return only(inView({ ...state, zoomed: !state.zoomed }));
    case 'history-up':
      return only({ ...state, historyTop: Math.max(0, state.historyTop - 1) });
    case 'history-down': {
      const last = Math.max(0, (state.run?.rounds.length ?? 0) - historyRows(state));
      return only({ ...state, historyTop: Math.min(last, state.historyTop + 1) });
    }
  }
}

function sending(command: EngineCommand): Effect {
  return { do: 'send', command };
}

function send(state: State, command: EngineCommand): Step {
  return { state, effects: [sending(command)] };
}

function confirmed(state: State): Step {
  if (state.modal?.kind !== 'confirm') return only(state);
  const { what } = state.modal;
  return send({ ...state, modal: null, follows: true }, { type: what });
}

function show(state: State, screen: Screen): State {
  const round = currentRound(state);
  return inView({ ...state, screen, follows: round === null || screenOf[round.stage] === screen });
}

function select(state: State, wanted: number): State {
  const last = Math.max(0, (state.run?.pairs.length ?? 0) - 1);
  const selected = Math.max(0, Math.min(last, wanted));
  return inView({ ...state, selected, textTop: selected === state.selected ? state.textTop : 0 });
}

/** Half of what is visible, so that the eye keeps its place. */
function scrollStep(state: State): number {
  return Math.max(1, Math.floor(reviewLayout(state).text / 2));
}

function scrollHelp(state: State, by: number): State {
  if (state.modal?.kind !== 'help') return state;
  const last = Math.max(0, keysOf(state.screen).length - (bodyRows(state) - 2));
  return { ...state, modal: { kind: 'help', top: Math.max(0, Math.min(last, state.modal.top + by)) } };
}

/** α moves on whole multiples of the fine step, so that 0.02 - 0.001 + 0.001 is 0.02 again. */
function moveAlpha(state: State, by: number): Step {
  const { alpha } = settingsOf(state);
  const moved = Number((alpha + by).toFixed(6));
  return set(state, 'alpha', Math.min(100, Math.max(0, moved)));
}

function set(state: State, field: Field, value: number): Step {
  if (settingsOf(state)[field] === value) return only({ ...state, modal: null });
  const draft = { ...state.draft, [field]: value };
  return send({ ...state, draft, modal: null }, { type: 'set', settings: { [field]: value } });
}

function edit(state: State, field: Field): State {
  return { ...state, modal: { kind: 'edit', field, text: '', error: null } };
}

function retype(state: State, change: (text: string) => string): State {
  if (state.modal?.kind !== 'edit') return state;
  return { ...state, modal: { ...state.modal, text: change(state.modal.text), error: null } };
}

const schemas = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };
const ranges: Record<Field, string> = {
  alpha: 'α must be a number from 0 to 100, such as 0.02',
  beta: 'β must be a number above 0 and at most 100, such as 0.1',
  lr: 'the learning rate must be a number above 0 and at most 1, such as 5e-7',
};

function typed(state: State): Step {
  if (state.modal?.kind !== 'edit') return only(state);
  const { field } = state.modal;
  const text = state.modal.text.trim().replace(',', '.');
  if (text === '') return only({ ...state, modal: null });
  const value = Number(text);
  if (!schemas[field].safeParse(value).success) {
    return only({ ...state, modal: { ...state.modal, error: ranges[field] } });
  }
  return set(state, field, value);
}
