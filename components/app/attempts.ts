/** The line in which attempts at a round are queued, from the screens of that round; the history screen reads it. */
import { of } from '../../src/core/format.js';
import type { RoundState } from '../../src/protocol/messages.js';
import type { State } from './state.js';

/** The field of that line, which has the round. */
export const attemptsField = 'attempts';

export function askForAttempts<S extends State>(state: S, { id }: Pick<RoundState, 'id'>): S {
  const label = `repeat round ${id} with α`;
  const modal = { kind: 'edit' as const, owner: 'history' as const, field: `${attemptsField}:${id}`, label };
  return { ...state, modal: { ...modal, hint: attemptsHint(state), text: '', error: null } };
}

export function attemptsHint({ run }: Pick<State, 'run'>): string {
  const waiting = run?.queue.waiting.length ?? 0;
  return `such as 0 0.02 0.05, or dpo.beta=0.1,0.5${waiting === 0 ? '' : ` · ${of(waiting, 'attempt')} waiting`}`;
}
