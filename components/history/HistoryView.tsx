import { historyRows } from '../../src/ui/history/layout.js';
import type { ViewProps } from '../view.js';
import { HistoryScreen } from './HistoryScreen.js';

export function HistoryView({ state, columns, rows }: ViewProps) {
  if (state.run === null) return null;
  return (
    <HistoryScreen
      rounds={state.run.rounds}
      current={state.run.current}
      top={state.history.top}
      tableRows={historyRows(state)}
      columns={columns}
      rows={rows}
    />
  );
}
