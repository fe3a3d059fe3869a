/** The sampling and scoring screen. */
import { count, fixed, share } from '../../../src/core/format.js';
import { settingOf } from '../../../src/core/rounds.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { wheelLines } from '../../app/layout.js';
import { placeAt } from '../../app/lists.js';
import { shown, shownRound } from '../../app/selectors.js';
import { type ScreenDefinition, type Step, noEffects, stopNow } from '../../app/state.js';
import { endpointsInWords } from '../../parts/endpointLines.js';
import { changed, moveSelection, samplingActions, scroll, selectResponse, typedFewer } from './actions.js';
import { partMeansText, samplingLayout } from './select.js';
import { type SamplingState, samplingUi } from './state.js';
import { SamplingView } from './View.js';

export const sampling: ScreenDefinition<SamplingState> = {
  initial: samplingUi,
  View: SamplingView,
  actions: samplingActions,
  confirmed: stopNow,
  typed: (state, _field, text) => typedFewer(state, text),
  pointed,
  back(state) {
    switch (samplingLayout(state).view) {
      case 'servers':
        return changed(state, { serversTop: null });
      case 'text':
        return changed(state, { reading: false, textTop: 0 });
      case 'list':
        return null;
    }
  },
  copies: (state) => samplingLayout(state).selected?.text ?? null,
  crumbs(state) {
    const { view, selected } = samplingLayout(state);
    if (view === 'servers') return ['servers'];
    return view === 'text' && selected !== null ? [`prompt ${selected.prompt_index}`] : [];
  },
  reading(state) {
    const data = shown(state);
    if (data === null) return [];
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const { selected } = samplingLayout(state);
    const round = shownRound(state);
    const spec = round === null ? '' : settingOf(state.run?.config ?? {}, round, 'reward');
    const parts = typeof spec === 'string' ? partMeansText(data, spec) : '';
    return [
      `${count(data.lengths.length)} responses, mean length ${fixed(mean(data.lengths), 1)} tokens, ${share(data.truncated, data.lengths.length)} truncated.`,
      `${count(data.rewards.length)} rewards, mean ${fixed(mean(data.rewards), 2)}.`,
      ...(parts === '' ? [] : [`Means of the ${parts}.`]),
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

/** The wheel moves through the list, or scrolls the text under it; a click selects. */
function pointed(
  state: SamplingState,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  x: number,
  y: number,
): Step<SamplingState> {
  const { view, responses, listTop, listColumns, top, items } = samplingLayout(state);
  const onList = view === 'list' && x < listColumns;
  if (kind === 'press') {
    const place = placeAt(Math.floor((y - listTop) / 2), top, responses.length, items);
    return noEffects(onList && place !== null ? selectResponse(state, place) : state);
  }
  const up = kind === 'wheel-up';
  return noEffects(onList ? moveSelection(state, up ? 'up' : 'down') : scroll(state, up ? -wheelLines : wheelLines));
}
