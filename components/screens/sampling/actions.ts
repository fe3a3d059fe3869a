/** What can be done on the sampling and scoring screen. */
import { clampPlace, clampTop, pageOf, windowFor } from '../../app/lists.js';
import { isBusyWith, shown } from '../../app/selectors.js';
import { type Action, type Step, ask, only, send } from '../../app/state.js';
import { samplesPerPrompt, samplingLayout, scrolledText, uiOf } from './select.js';
import type { SamplingState, SamplingUi } from './state.js';

const showsServers = (state: SamplingState): boolean => samplingLayout(state).view === 'servers';
const hasResponses = (state: SamplingState): boolean => {
  const { view, responses } = samplingLayout(state);
  return view !== 'servers' && responses.length > 0;
};
const hasServers = (state: SamplingState): boolean => (shown(state)?.servers.length ?? 0) > 0;
const canScroll = (state: SamplingState): boolean => {
  const { lines, rows } = scrolledText(samplingLayout(state));
  return lines.length > rows && rows > 0;
};

export const samplingActions: readonly Action<SamplingState>[] = [
  {
    id: 'stop-sampling',
    command: 'stop',
    aliases: ['stop sampling', 'finish'],
    keys: ['S'],
    label: 'stop',
    help: 'stop sampling and score the responses so far (asks first)',
    when: (state) => isBusyWith(state, 'sample'),
    run: (state) =>
      ask(state, 'sampling', 'stop', [
        'Stop sampling?',
        'Scoring starts with the responses so far; the rest cannot be sampled later.',
      ]),
  },
  {
    id: 'fewer-samples',
    command: 'fewer',
    aliases: ['fewer samples', 'reduce'],
    keys: ['f'],
    label: 'fewer',
    help: 'sample fewer responses per prompt (asks how many)',
    when: (state) => isBusyWith(state, 'sample') && samplesPerPrompt(state) > 2,
    run: (state) => only(typeFewer(state)),
  },
  {
    id: 'response-up',
    command: 'up',
    aliases: ['newer'],
    keys: ['up', 'k'],
    label: '',
    help: 'select a newer response',
    when: hasResponses,
    run: (state) => only(moveSelection(state, -1)),
  },
  {
    id: 'response-down',
    command: 'down',
    aliases: ['older'],
    keys: ['down', 'j'],
    label: 'response',
    sign: '↑↓',
    help: 'select an older response',
    when: hasResponses,
    run: (state) => only(moveSelection(state, 1)),
  },
  {
    id: 'responses-page-up',
    command: 'page-up',
    keys: ['pageup'],
    label: '',
    help: 'a page of newer responses',
    when: hasResponses,
    run: (state) => only(moveSelection(state, -samplingLayout(state).items)),
  },
  {
    id: 'responses-page-down',
    command: 'page-down',
    keys: ['pagedown'],
    label: '',
    help: 'a page of older responses',
    when: hasResponses,
    run: (state) => only(moveSelection(state, samplingLayout(state).items)),
  },
  {
    id: 'newest-response',
    command: 'newest',
    aliases: ['first', 'top'],
    keys: ['home', 'g'],
    label: '',
    help: 'follow the newest response',
    when: hasResponses,
    run: (state) => only(changed(state, { selected: null, top: 0, textTop: 0 })),
  },
  {
    id: 'oldest-response',
    command: 'oldest',
    aliases: ['last', 'bottom'],
    keys: ['end', 'G'],
    label: '',
    help: 'select the oldest response in the list',
    when: hasResponses,
    run: (state) => only(selectResponse(state, Infinity)),
  },
  {
    id: 'read-response',
    command: 'read',
    aliases: ['open'],
    keys: ['enter'],
    label: 'read',
    help: 'the whole response, and back',
    when: hasResponses,
    run(state) {
      const { responses, place } = samplingLayout(state);
      // It stays selected while newer responses arrive.
      const selected = responses.at(place) ?? null;
      return only(changed(state, { reading: !uiOf(state).reading, selected, textTop: 0 }));
    },
  },
  {
    id: 'show-servers',
    command: 'servers',
    aliases: ['endpoints', 'verification'],
    keys: ['v'],
    label: 'servers',
    help: 'every sampling server in full: state, weights, verification, problem',
    when: (state) => !showsServers(state) && hasServers(state),
    run: (state) => only(changed(state, { serversTop: 0 })),
  },
  {
    id: 'show-responses',
    command: 'responses',
    keys: ['v'],
    label: 'responses',
    help: 'back to the responses',
    when: showsServers,
    run: (state) => only(changed(state, { serversTop: null })),
  },
  {
    id: 'sampling-text-up',
    command: 'scroll-up',
    keys: ['K', '-'],
    label: '',
    help: 'scroll the text up',
    when: canScroll,
    run: (state) => only(scroll(state, -pageOf(scrolledText(samplingLayout(state)).rows))),
  },
  {
    id: 'sampling-text-down',
    command: 'scroll-down',
    keys: ['J', 'space'],
    label: 'text',
    sign: 'J K',
    help: 'scroll the text down',
    when: canScroll,
    run: (state) => only(scroll(state, pageOf(scrolledText(samplingLayout(state)).rows))),
  },
];

export function changed(state: SamplingState, more: Partial<SamplingUi>): SamplingState {
  return { ...state, ui: { ...uiOf(state), ...more } };
}

/** Selects the response at `place`, or the nearest one. */
export function selectResponse(state: SamplingState, place: number): SamplingState {
  const { responses, top, items } = samplingLayout(state);
  const at = clampPlace(place, responses.length);
  return changed(state, {
    selected: responses.at(at) ?? null,
    top: windowFor(at, top, responses.length, items),
    textTop: 0,
  });
}

export function moveSelection(state: SamplingState, by: number): SamplingState {
  return selectResponse(state, samplingLayout(state).place + by);
}

/** Scrolls the servers or the text of the selected response. */
export function scroll(state: SamplingState, by: number): SamplingState {
  const layout = samplingLayout(state);
  const { lines, rows, top } = scrolledText(layout);
  const next = clampTop(top + by, lines.length, rows);
  return changed(state, layout.view === 'servers' ? { serversTop: next } : { textTop: next });
}

function typeFewer(state: SamplingState): SamplingState {
  const hint = `now ${samplesPerPrompt(state)}, at least 2; the first of each prompt are kept`;
  const label = 'samples per prompt';
  return { ...state, modal: { kind: 'edit', owner: 'sampling', field: 'fewer', label, hint, text: '', error: null } };
}

/** @returns a sentence if `text` is not a usable number of responses per prompt */
export function typedFewer(state: SamplingState, text: string): Step<SamplingState> | string {
  if (text.trim() === '') return only(state);
  const count = Number(text);
  const now = samplesPerPrompt(state);
  if (!Number.isInteger(count) || count < 2 || count >= now)
    return `a whole number from 2, which a pair needs, to ${now - 1}`;
  const notice = `From here on ${count} responses to each prompt are enough.`;
  return send({ ...state, notice }, { type: 'fewer-samples', samples_per_prompt: count });
}
