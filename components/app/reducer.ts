/**
 * All changes of the terminal's state, pure: the engine's events, keys and the mouse in, the new state and what is asked
 * of the world out. What a key does is decided by its screen (components/screens/SCREEN/screen.ts) or by globalActions.ts.
 */
import type { Query, RoundData, RoundSettings, Snapshot } from '../../src/protocol/messages.js';
import { applyEvent } from '../../src/protocol/reducer.js';
import { inserted } from '../parts/lineEditing.js';
import { plainKeys } from '../terminal/keys.js';
import { askOverwrite, askTrust } from './dialogs.js';
import { withResponses } from './heldOut/responses.js';
import type { HomeEvent } from './home.js';
import { keysOf, meaningOf, scopeOf } from './keys.js';
import { pointed } from './pointer.js';
import { settle, stepWithin, within } from './screen.js';
import { currentRound } from './selectors.js';
import {
  type AnySlice,
  type AppEvent,
  type Screen,
  type ScreenDefinition,
  type State,
  type Step,
  allScreens,
  noEffects,
  screenOf,
  screens,
} from './state.js';
import { completed, edited, openField, pasted } from './textFields.js';

export function reduce(state: State, event: AppEvent): Step {
  const { state: after, effects } = applied(state, event);
  const { asks } = after.definitions.screens[after.screen];
  if (asks === undefined || (after.link.status !== 'up' && after.workspace !== 'home'))
    return { state: after, effects };
  const asked = stepWithin(after, after.screen, asks);
  return { state: asked.state, effects: [...effects, ...asked.effects] };
}

function applied(state: State, action: AppEvent): Step {
  switch (action.type) {
    case 'key':
      return pressed(state, action.key, action.together === true);
    case 'paste':
      return noEffects(pasted(state, action.text, action.cut));
    case 'mouse':
      return pointed(state, action);
    case 'size':
      return noEffects({ ...state, size: action.size });
    case 'link':
      return noEffects({ ...state, link: action.link, modal: null });
    case 'untrusted':
      return noEffects(askTrust(state, action.uses));
    case 'file-exists':
      return noEffects(askOverwrite(state, action.what, action.file));
    case 'notice':
      return noEffects({ ...state, notice: action.text });
    case 'home':
      return noEffects(settle(homeEvent(state, action.event)));
    case 'completed':
      return noEffects(completed(state, action));
    case 'answer':
      return noEffects(settle(answered(state, action.query, action.answer)));
    case 'unanswered':
      return noEffects(unanswered({ ...state, notice: action.message }, action.query));
    case 'refused':
      // What was moved here and refused there must not stay on the screen.
      return noEffects({ ...state, draft: action.command === 'set' ? {} : state.draft, notice: action.message });
    case 'snapshot':
      return noEffects(follow({ ...reconnected(state), link: { status: 'up' }, run: action.snapshot, draft: {} }));
    case 'bye':
      if (action.again)
        return { state: { ...state, link: { status: 'connecting' }, modal: null }, effects: [{ do: 'restart' }] };
      return noEffects({ ...state, link: { status: 'lost', reason: action.reason }, modal: null });
    case 'warning':
      return noEffects({ ...state, notice: action.message });
    case 'engine':
    case 'round':
    case 'progress':
    case 'response':
    case 'rewards':
    case 'remarks':
    case 'pairs':
    case 'logps':
    case 'step':
    case 'problem':
    case 'decisions':
    case 'probe':
    case 'servers':
    case 'job':
    case 'rounds':
    case 'role':
    case 'queue':
      return noEffects(state.run === null ? state : told(state, applyEvent(state.run, action)));
  }
}

const reconnected = (state: State): State =>
  onScreens(state, ({ reconnected: change }, slice) => change?.(slice) ?? slice);

/** After an event: confirmed settings are the engine's again, and the screen follows the stage. */
function told(state: State, run: Snapshot): State {
  const [before, after] = [currentRound(state), currentRound({ run })];
  const past = run.rounds.some(({ id }) => id === state.past?.round) ? state.past : null;
  if (before === after) return settle({ ...state, run, past });
  const moved = before?.id !== after?.id || before?.stage !== after?.stage;
  const draft = moved || after === null ? {} : unconfirmed(state.draft, after.settings);
  const next = { ...state, run, past, draft };
  if (!moved) return settle(next);
  return follow({ ...next, modal: next.modal?.kind === 'help' ? next.modal : null, notice: null });
}

function unconfirmed(draft: Partial<RoundSettings>, settings: RoundSettings): Partial<RoundSettings> {
  return Object.fromEntries(
    Object.entries(draft).filter(([key, value]) => settings[key as keyof RoundSettings] !== value),
  );
}

function follow(state: State): State {
  const round = currentRound(state);
  const follows = state.follows && state.past === null && round !== null;
  return settle(follows ? { ...state, screen: screenOf[round.stage] } : state);
}

function answered(state: State, query: Query, answer: unknown): State {
  let seen: State = state;
  if (query.type === 'read-round' && state.run !== null && query.round !== state.run.current) {
    seen = { ...state, past: answer as RoundData };
  }
  if (query.type === 'read-held-out') seen = withResponses(seen, query, answer);
  return onScreens(seen, ({ answered: change }, slice) => change?.(slice, query, answer) ?? slice);
}

const unanswered = (state: State, query: Query): State =>
  onScreens(state, ({ unanswered: change }, slice) => change?.(slice, query) ?? slice);

function onScreens(
  state: State,
  change: (definition: ScreenDefinition, slice: AnySlice) => AnySlice,
  of: readonly Screen[] = screens,
): State {
  return of.reduce(
    (seen, screen) => within(seen, screen, (slice) => change(seen.definitions.screens[screen], slice)),
    state,
  );
}

function pressed(before: State, key: string, together: boolean): Step {
  const state = before.notice === null ? before : { ...before, notice: null };
  const character = key === 'space' ? ' ' : key;
  if (isTyped(state, character)) return noEffects(edited(state, (line) => inserted(line, character)));
  const meaning = meaningOf(key, state);
  if (meaning === null) {
    const known = keysOf(state, scopeOf(state)).find(({ keys }) => keys.includes(key));
    if (known === undefined) return pressedPlain(state, plainKeys(key), together);
    return noEffects({ ...state, notice: known.why?.(state) ?? `Nothing to do now for ${key}: ${known.help}.` });
  }
  // What is asked can only be answered once it has been seen.
  return meaning.id === 'yes' && together ? noEffects(state) : meaning.run(state, key);
}

/** A character goes into the text field that is open; in the help, the key that opens it closes it first. */
function isTyped(state: State, character: string): boolean {
  const field = openField(state);
  if (field === null || [...character].length !== 1) return false;
  return field.kind !== 'help' || field.text !== '' || meaningOf(character, state) === null;
}

/** The keys that one with a modifier stands for. */
function pressedPlain(before: State, keys: readonly string[], together: boolean): Step {
  let step: Step = noEffects(before);
  for (const [i, key] of keys.entries()) {
    const { state, effects } = pressed(step.state, key, together || i > 0);
    step = { state, effects: [...step.effects, ...effects] };
  }
  return step;
}

function homeEvent(state: State, event: HomeEvent): State {
  return onScreens(state, ({ happened }, slice) => happened?.(slice, event) ?? slice, allScreens);
}
