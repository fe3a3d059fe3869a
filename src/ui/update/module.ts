/** The update screen. */
import { count, fixed } from '../format.js';
import type { Key, ScreenModule } from '../screen.js';
import { type State, hasFailed, isBusyWith, only, send, shown, stageOn } from '../state.js';

const keys = [
  {
    id: 'stop-update',
    keys: ['s'],
    label: 'stop and keep',
    help: 'stop the update, keep the policy as it is now and evaluate it',
    when: (state) => isBusyWith(state, 'update'),
  },
  {
    id: 'abort',
    keys: ['x'],
    label: 'abort and discard',
    help: 'discard what the update did and return to review (asks first)',
    when: (state: State) => isBusyWith(state, 'update') || (hasFailed(state) && stageOn(state) === 'update'),
  },
] as const satisfies readonly Key[];

export const update: ScreenModule<(typeof keys)[number]['id']> = {
  keys,
  act(state, id) {
    if (id === 'stop-update')
      return send({ ...state, notice: 'Stopping after the micro-batch in flight.' }, { type: 'stop' });
    const lines = ['Abort the update and discard what it did?'];
    return only({ ...state, modal: { kind: 'confirm', owner: 'update', what: 'abort', lines } });
  },
  confirmed: (state) => send({ ...state, follows: true }, { type: 'abort' }),
  reading(state) {
    const last = shown(state)?.metrics.at(-1);
    if (last === undefined) return ['No steps yet.'];
    return [
      `Step ${count(last.step)} of ${count(last.total_steps)}, loss ${fixed(last.loss, 4)}, reward margin ${fixed(last['rewards/margins'], 3)}, accuracy ${fixed(last['rewards/accuracies'], 2)}.`,
    ];
  },
};
