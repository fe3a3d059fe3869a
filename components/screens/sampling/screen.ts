/** The sampling and scoring screen. */
import { SamplingView } from './View.js';
import { actionsOf } from '../../app/screen.js';
import { count, fixed, share } from '../../../src/core/format.js';
import { topFor, wheelLines } from '../../app/layout.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { ask, only, stopNow, type ScreenDefinition, type Step } from '../../app/state.js';
import { shown } from '../../app/selectors.js';
import { samplingKeys, type SamplingKey, typedFewer, typeFewer } from './actions.js';
import { endpointsInWords } from '../../parts/endpointLines.js';
import { samplingLayout } from './select.js';
import { samplingUi, type SamplingState, type SamplingUi } from './state.js';

export const sampling: ScreenDefinition<SamplingState> = {
  initial: samplingUi,
  View: SamplingView,
  actions: actionsOf(samplingKeys, act),
  inView(state) {
    const { responses, place, items, text, servers } = samplingLayout(state);
    const { selected, top, textTop, reading, serversTop } = state.ui;
    const last = Math.max(0, responses.length - items);
    const next: SamplingUi = {
      // Another round's response is none of this one's.
      selected: selected !== null && selected.round !== shown(state)?.round ? null : selected,
      top: Math.max(0, Math.min(last, topFor(Math.min(place, responses.length - 1), top, items))),
      reading: reading && responses.length > 0,
      textTop: Math.max(0, Math.min(textTop, text.lines.length - text.rows)),
      // The next round's servers have not reported yet, or it samples on this machine.
      serversTop:
        serversTop === null || servers.lines.length === 0
          ? null
          : Math.max(0, Math.min(serversTop, servers.lines.length - servers.rows)),
    };
    const same = Object.entries(next).every(([key, value]) => state.ui[key as keyof SamplingUi] === value);
    return same ? state : { ...state, ui: next };
  },
  confirmed: stopNow,
  typed: (state, _field, text) => typedFewer(state, text),
  pointed,
  back(state) {
    if (state.ui.serversTop !== null) return changed(state, { serversTop: null });
    return state.ui.reading ? changed(state, { reading: false, textTop: 0 }) : null;
  },
  copies: (state) => samplingLayout(state).selected?.text ?? null,
  crumbs(state) {
    if (state.ui.serversTop !== null) return ['servers'];
    const { selected } = samplingLayout(state);
    return state.ui.reading && selected !== null ? [`prompt ${selected.prompt_index}`] : [];
  },
  reading(state) {
    const data = shown(state);
    if (data === null) return [];
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const { selected } = samplingLayout(state);
    return [
      `${count(data.lengths.length)} responses, mean length ${fixed(mean(data.lengths), 1)} tokens, ${share(data.truncated, data.lengths.length)} truncated.`,
      `${count(data.rewards.length)} rewards, mean ${fixed(mean(data.rewards), 2)}.`,
      ...endpointsInWords(data.servers),
      ...(selected === null
        ? []
        : [
            `Prompt ${selected.prompt_index}: ${makeVisible(selected.prompt)}`,
            `Response of ${count(selected.length)} tokens${selected.truncated ? ', truncated' : ''}${selected.reward === null ? '' : `, reward ${fixed(selected.reward, 2)}`}: ${makeVisible(selected.text)}`,
          ]),
    ];
  },
};

function act(state: SamplingState, id: SamplingKey): Step<SamplingState> {
  const { responses, place, items, text, servers } = samplingLayout(state);
  const { reading, textTop, serversTop } = state.ui;
  switch (id) {
    case 'stop-sampling':
      return ask(state, 'sampling', 'stop', [
        'Stop sampling?',
        'Scoring starts with the responses so far; the rest cannot be sampled later.',
      ]);
    case 'fewer-samples':
      return typeFewer(state);
    case 'response-up':
      return only(select(state, place - 1));
    case 'response-down':
      return only(select(state, place + 1));
    case 'responses-page-up':
      return only(select(state, place - items));
    case 'responses-page-down':
      return only(select(state, place + items));
    case 'newest-response':
      return only(changed(state, { selected: null, top: 0, textTop: 0 }));
    case 'oldest-response':
      return only(select(state, responses.length - 1));
    case 'read-response':
      // What is being read stays, whatever comes after it.
      return only(changed(state, { reading: !reading, selected: responses.at(place) ?? null, textTop: 0 }));
    case 'show-servers':
      return only(changed(state, { serversTop: 0 }));
    case 'show-responses':
      return only(changed(state, { serversTop: null }));
    case 'sampling-text-up':
    case 'sampling-text-down': {
      if (serversTop !== null) {
        const by = Math.max(1, servers.rows - 1);
        return only(changed(state, { serversTop: serversTop + (id === 'sampling-text-up' ? -by : by) }));
      }
      const page = Math.max(1, text.rows - 1);
      return only(changed(state, { textTop: textTop + (id === 'sampling-text-up' ? -page : page) }));
    }
  }
}

/** The wheel goes through the list, or scrolls the text that it is over; a click selects. */
function pointed(
  state: SamplingState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  x: number,
  y: number,
): Step<SamplingState> {
  const { listTop: first, listColumns, place, items } = samplingLayout(state);
  const { reading, top, textTop, serversTop } = state.ui;
  const by = kind === 'wheel-up' ? -1 : 1;
  if (serversTop !== null)
    return only(kind === 'press' ? state : changed(state, { serversTop: serversTop + wheelLines * by }));
  const item = top + Math.floor((y - first) / 2);
  const onList = !reading && x < listColumns;
  if (kind !== 'press') {
    return only(onList ? select(state, place + by) : changed(state, { textTop: textTop + wheelLines * by }));
  }
  return only(onList && y >= first && item < top + items ? select(state, item) : state);
}

function select(state: SamplingState, place: number): SamplingState {
  const { responses } = samplingLayout(state);
  const selected = responses[Math.max(0, Math.min(responses.length - 1, place))];
  return changed(state, { selected, textTop: 0 });
}

function changed(state: SamplingState, more: Partial<SamplingUi>): SamplingState {
  const next = { ...state, ui: { ...state.ui, ...more } };
  return sampling.inView?.(next) ?? next;
}
