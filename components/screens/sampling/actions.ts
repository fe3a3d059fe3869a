/** Keys of the sampling and scoring screen. */
import type { SamplingState } from './state.js';
import { only, send, type Action, type Step } from '../../app/state.js';
import { currentRound, isBusyWith, shown } from '../../app/selectors.js';
import { samplingLayout } from './select.js';

const hasResponses = (state: SamplingState): boolean =>
  state.ui.serversTop === null && samplingLayout(state).responses.length > 0;
const hasServers = (state: SamplingState): boolean => (shown(state)?.servers.length ?? 0) > 0;
const canScroll = (state: SamplingState): boolean => {
  const { text, servers } = samplingLayout(state);
  const { lines, rows } = state.ui.serversTop === null ? text : servers;
  return lines.length > rows && rows > 0;
};

export const samplingKeys = [
  {
    id: 'stop-sampling',
    command: 'stop',
    aliases: ['stop sampling', 'finish'],
    keys: ['S'],
    label: 'stop',
    help: 'stop sampling and score the responses so far (asks first)',
    when: (state) => isBusyWith(state, 'sample'),
  },
  {
    id: 'fewer-samples',
    command: 'fewer',
    aliases: ['fewer samples', 'reduce'],
    keys: ['f'],
    label: 'fewer',
    help: 'sample fewer responses to each prompt (asks how many)',
    when: (state) => isBusyWith(state, 'sample') && samplesPerPrompt(state) > 2,
  },
  {
    id: 'response-up',
    command: 'up',
    aliases: ['newer'],
    keys: ['up', 'k'],
    label: '',
    help: 'a newer response',
    when: hasResponses,
  },
  {
    id: 'response-down',
    command: 'down',
    aliases: ['older'],
    keys: ['down', 'j'],
    label: 'response',
    sign: '↑↓',
    help: 'an older response',
    when: hasResponses,
  },
  {
    id: 'responses-page-up',
    command: 'page-up',
    keys: ['pageup'],
    label: '',
    help: 'a page of newer responses',
    when: hasResponses,
  },
  {
    id: 'responses-page-down',
    command: 'page-down',
    keys: ['pagedown'],
    label: '',
    help: 'a page of older responses',
    when: hasResponses,
  },
  {
    id: 'newest-response',
    command: 'newest',
    aliases: ['first', 'top'],
    keys: ['home', 'g'],
    label: '',
    help: 'the newest, whichever comes',
    when: hasResponses,
  },
  {
    id: 'oldest-response',
    command: 'oldest',
    aliases: ['last', 'bottom'],
    keys: ['end', 'G'],
    label: '',
    help: 'the oldest of the newest',
    when: hasResponses,
  },
  {
    id: 'read-response',
    command: 'read',
    aliases: ['open'],
    keys: ['enter'],
    label: 'read',
    help: 'the whole response, and back',
    when: hasResponses,
  },
  {
    id: 'show-servers',
    command: 'servers',
    aliases: ['endpoints', 'verification'],
    keys: ['v'],
    label: 'servers',
    help: 'every sampling server in full: state, weights, verification, problem',
    when: (state) => state.ui.serversTop === null && hasServers(state),
  },
  {
    id: 'show-responses',
    command: 'responses',
    keys: ['v'],
    label: 'responses',
    help: 'back to the responses',
    when: (state) => state.ui.serversTop !== null,
  },
  {
    id: 'sampling-text-up',
    command: 'scroll-up',
    keys: ['K', '-'],
    label: '',
    help: 'scroll the text up',
    when: canScroll,
  },
  {
    id: 'sampling-text-down',
    command: 'scroll-down',
    keys: ['J', 'space'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the text down',
    when: canScroll,
  },
] as const satisfies readonly Omit<Action<SamplingState>, 'run'>[];

export type SamplingKey = (typeof samplingKeys)[number]['id'];

// Sampling fewer responses to each prompt: how many is typed.

/** As many as are sampled for each prompt of the current round, K. */
export function samplesPerPrompt(state: SamplingState): number {
  const own = currentRound(state)?.overrides.sampling?.['samples_per_prompt'];
  return typeof own === 'number' ? own : (state.run?.config.sampling.samples_per_prompt ?? 0);
}

export function typeFewer(state: SamplingState): Step<SamplingState> {
  const hint = `now ${samplesPerPrompt(state)}, at least 2; the first of each prompt are kept`;
  const label = 'samples per prompt';
  return only({
    ...state,
    modal: { kind: 'edit', owner: 'sampling', field: 'fewer', label, hint, text: '', error: null },
  });
}

/** @returns a sentence where it is no such number */
export function typedFewer(state: SamplingState, text: string): Step<SamplingState> | string {
  if (text.trim() === '') return only(state);
  const [count, now] = [Number(text), samplesPerPrompt(state)];
  if (!Number.isInteger(count) || count < 2 || count >= now)
    return `a whole number from 2, which a pair needs, to ${now - 1}`;
  const notice = `From here on ${count} responses to each prompt are enough.`;
  return send({ ...state, notice }, { type: 'fewer-samples', samples_per_prompt: count });
}
