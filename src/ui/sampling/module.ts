/** The sampling and scoring screen. */
import { count, fixed } from '../format.js';
import { makeVisible } from '../sanitize.js';
import type { Key, ScreenModule } from '../screen.js';
import { isBusyWith, send, shown } from '../state.js';

const keys = [
  {
    id: 'stop-sampling',
    keys: ['s'],
    label: 'stop, go on with these',
    help: 'stop sampling and go on with the responses there are',
    when: (state) => isBusyWith(state, 'sample'),
  },
] as const satisfies readonly Key[];

export const sampling: ScreenModule<(typeof keys)[number]['id']> = {
  keys,
  act: (state) => send({ ...state, notice: 'Stopping after the micro-batch in flight.' }, { type: 'stop' }),
  reading(state) {
    const data = shown(state);
    if (data === null) return [];
    const mean = data.lengths.reduce((sum, length) => sum + length, 0) / data.lengths.length;
    const newest = data.responses.at(-1);
    return [
      `${count(data.lengths.length)} responses, mean length ${fixed(mean, 1)} tokens, ${count(data.truncated)} truncated.`,
      `${count(data.rewards.length)} rewards.`,
      ...(newest === undefined ? [] : [`Newest: ${makeVisible(newest.text)}`]),
    ];
  },
};
