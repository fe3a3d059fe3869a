/** Actions of the sampling and scoring screen. */
import { type Move, clampTop, listActions, movedTo, textActions, windowFor } from '../../app/lists.js';
import { isBusyWith, shown } from '../../app/selectors.js';
import { type Action, type Step, ask, noEffects, send } from '../../app/state.js';
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
    group: 'work',
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
    group: 'work',
    command: 'fewer',
    aliases: ['fewer samples', 'reduce'],
    keys: ['f'],
    label: 'fewer',
    help: 'sample fewer responses per prompt (asks how many)',
    when: (state) => isBusyWith(state, 'sample') && samplesPerPrompt(state) > 2,
    run: (state) => noEffects(typeFewer(state)),
  },
  ...listActions<SamplingState>({
    moves: {
      up: ['response-up', 'select a newer response', { aliases: ['newer'] }],
      down: ['response-down', 'select an older response', { aliases: ['older'] }],
      'page-up': ['responses-page-up', 'a page of newer responses'],
      'page-down': ['responses-page-down', 'a page of older responses'],
      first: ['newest-response', 'follow the newest response', { command: 'newest', aliases: ['first', 'top'] }],
      last: [
        'oldest-response',
        'select the oldest response in the list',
        { command: 'oldest', aliases: ['last', 'bottom'] },
      ],
    },
    label: 'response',
    when: hasResponses,
    moved: moveSelection,
  }),
  {
    id: 'read-response',
    group: 'views',
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
      return noEffects(changed(state, { reading: !uiOf(state).reading, selected, textTop: 0 }));
    },
  },
  {
    id: 'show-servers',
    group: 'views',
    command: 'servers',
    aliases: ['endpoints', 'verification'],
    keys: ['v'],
    label: 'servers',
    help: 'every sampling server in full: state, weights, verification, problem',
    when: (state) => !showsServers(state) && hasServers(state),
    run: (state) => noEffects(changed(state, { serversTop: 0 })),
  },
  {
    id: 'show-responses',
    group: 'views',
    command: 'responses',
    keys: ['v'],
    label: 'responses',
    help: 'back to the responses',
    when: showsServers,
    run: (state) => noEffects(changed(state, { serversTop: null })),
  },
  ...textActions<SamplingState>({
    ids: ['sampling-text-up', 'sampling-text-down'],
    what: 'the text',
    when: canScroll,
    scrolled: (state, by) => scroll(state, by * Math.max(1, scrolledText(samplingLayout(state)).rows - 1)),
  }),
];

export function changed(state: SamplingState, more: Partial<SamplingUi>): SamplingState {
  return { ...state, ui: { ...uiOf(state), ...more } };
}

/** Selects the response at `place` of the list. */
export function selectResponse(state: SamplingState, place: number): SamplingState {
  const { responses, top, items } = samplingLayout(state);
  return changed(state, {
    selected: responses.at(place) ?? null,
    top: windowFor(place, top, responses.length, items),
    textTop: 0,
  });
}

export function moveSelection(state: SamplingState, move: Move): SamplingState {
  if (move === 'first') return changed(state, { selected: null, top: 0, textTop: 0 });
  const { responses, place, items } = samplingLayout(state);
  return selectResponse(state, movedTo(place, move, responses.length, items));
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
  if (text.trim() === '') return noEffects(state);
  const count = Number(text);
  const now = samplesPerPrompt(state);
  if (!Number.isInteger(count) || count < 2 || count >= now)
    return `a whole number from 2, which a pair needs, to ${now - 1}`;
  const notice = `Sampling ${count} responses per prompt from now on.`;
  return send({ ...state, notice }, { type: 'fewer-samples', samples_per_prompt: count });
}
