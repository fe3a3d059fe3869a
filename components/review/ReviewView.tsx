import { reviewLayout } from '../../src/ui/review/layout.js';
import { settingsOf, shown, shownRound } from '../../src/ui/state.js';
import type { ViewProps } from '../view.js';
import { ReviewScreen } from './ReviewScreen.js';

export function ReviewView({ state, columns }: ViewProps) {
  const [data, round] = [shown(state), shownRound(state)];
  if (data === null || round === null || state.run === null) return null;
  const { selected, top, textTop } = state.review;
  return (
    <ReviewScreen
      pairs={data.pairs}
      settings={state.past === null ? settingsOf(state) : round.settings}
      dropped={round.dropped}
      reference={state.run.config.dpo.reference}
      layout={reviewLayout(state)}
      columns={columns}
      selected={selected}
      top={top}
      textTop={textTop}
    />
  );
}
