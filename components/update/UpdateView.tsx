import { progressOf, settingsOf, shown, shownRound } from '../../src/ui/state.js';
import type { ViewProps } from '../view.js';
import { UpdateScreen } from './UpdateScreen.js';

export function UpdateView({ state, columns, rows }: ViewProps) {
  const [data, round] = [shown(state), shownRound(state)];
  if (data === null || round === null) return null;
  return (
    <UpdateScreen
      metrics={data.metrics}
      progress={progressOf(data)}
      settings={state.past === null ? settingsOf(state) : round.settings}
      stoppedEarly={round.stopped_early}
      columns={columns}
      rows={rows}
    />
  );
}
