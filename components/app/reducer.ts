/**
 * All changes of the terminal's state, pure: the engine's events, keys and the mouse in, the new state and what is asked
 * of the world out. What a key does is decided by its screen (components/screens/SCREEN/screen.ts) or by runActions.ts.
 */
import type { Query, RoundData, RoundSettings, Snapshot } from '../../src/protocol/messages.js';
import { applyEvent } from '../../src/protocol/reducer.js';
import { keysOf, meaningOf, placeOf } from './keys.js';
import { applyHomeEvent } from './home.js';
import { bodyTop } from './layout.js';
import { modules } from './screens.js';
import { resized } from './resize.js';
import { actOnRun, askOverwrite, askTrust, completed, inView, pasted, retyped } from './runActions.js';
import type { RunKey } from './runKeys.js';
import { type Action, type State, type Step, currentRound, only, screenOf, screens } from './state.js';

export function reduce(state: State, action: Action): Step {
  const { state: after, effects } = applied(state, action);
  const asked = after.link.status === 'up' || after.home !== null ? modules[after.screen].asks?.(after) : undefined;
  return asked === undefined
    ? { state: after, effects }
    : { state: asked.state, effects: [...effects, ...asked.effects] };
}

function applied(state: State, action: Action): Step {
  switch (action.type) {
    case 'key':
      return pressed(state, action.key, action.together === true);
    case 'paste':
      return only(pasted(state, action.text, action.cut));
    case 'mouse':
      return pointed(state, action.kind, action.x, action.y);
    case 'size':
      return only(resized(state, action.size));
    case 'link':
      return only({ ...state, link: action.link, modal: null });
    case 'untrusted':
      return only(askTrust(state, action.uses));
    case 'file-exists':
      return only(askOverwrite(state, action.what, action.file));
    case 'notice':
      return only({ ...state, notice: action.text });
    case 'home':
      return only(inView(applyHomeEvent(state, action.event)));
    case 'completed':
      return only(completed(state, action));
    case 'answer':
      return only(inView(answered(state, action.query, action.answer)));
    case 'unanswered':
      return only(unanswered({ ...state, notice: action.message }, action.query));
    case 'refused':
      // What was moved here and refused there must not stay on the screen.
      return only({ ...state, draft: action.command === 'set' ? {} : state.draft, notice: action.message });
    case 'snapshot':
      return only(follow({ ...withoutLog(state), link: { status: 'up' }, run: action.snapshot, draft: {} }));
    case 'bye':
      if (action.again)
        return { state: { ...state, link: { status: 'connecting' }, modal: null }, effects: [{ do: 'restart' }] };
      return only({ ...state, link: { status: 'lost', reason: action.reason }, modal: null });
    case 'engine':
    case 'round':
    case 'progress':
    case 'response':
    case 'rewards':
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
      return only(state.run === null ? state : told(state, applyEvent(state.run, action)));
  }
}

/** A question that was asked over a lost line is never answered. */
const withoutLog = (state: State): State => ({ ...state, update: { ...state.update, log: null } });

/** After an event: confirmed settings are the engine's again, and the screen follows the stage. */
function told(state: State, run: Snapshot): State {
  const [before, after] = [currentRound(state), currentRound({ run })];
  const past = run.rounds.some(({ id }) => id === state.past?.round) ? state.past : null;
  if (before === after) return inView({ ...state, run, past });
  const moved = before?.id !== after?.id || before?.stage !== after?.stage;
  const draft = moved || after === null ? {} : unconfirmed(state.draft, after.settings);
  const next = { ...state, run, past, draft };
  if (!moved) return inView(next);
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
  return inView(follows ? { ...state, screen: screenOf[round.stage] } : state);
}

function answered(state: State, query: Query, answer: unknown): State {
  if (query.type === 'read-round' && state.run !== null && query.round !== state.run.current) {
    state = { ...state, past: answer as RoundData };
  }
  return screens.reduce((seen, screen) => modules[screen].answered?.(seen, query, answer) ?? seen, state);
}

function unanswered(state: State, query: Query): State {
  return screens.reduce((seen, screen) => modules[screen].unanswered?.(seen, query) ?? seen, state);
}

function pressed(before: State, key: string, together: boolean): Step {
  const state =
    before.notice === null && before.displaced.length === 0 ? before : { ...before, notice: null, displaced: [] };
  const character = key === 'space' ? ' ' : key;
  if ([...character].length === 1) {
    const typing = retyped(state, (text) => text + character);
    if (typing !== null) return only(typing);
  }
  const meaning = meaningOf(key, state);
  if (meaning === null) {
    const known = keysOf(placeOf(state)).find(({ keys }) => keys.includes(key));
    if (known === undefined) return only(state);
    return only({ ...state, notice: known.why?.(state) ?? `Nothing to do now for ${key}: ${known.help}.` });
  }
  const { owner, id } = meaning;
  // What is asked can only be answered once it has been seen.
  if (id === 'yes' && together) return only(state);
  return owner === 'run' ? actOnRun(state, id as RunKey, key) : modules[owner].act(state, id, key);
}

function pointed(state: State, kind: 'press' | 'wheel-up' | 'wheel-down', x: number, y: number): Step {
  if (state.modal !== null) return only(state);
  state = { ...state, displaced: [] };
  return modules[state.screen].pointed?.(state, kind, x, y - bodyTop(state)) ?? only(state);
}
