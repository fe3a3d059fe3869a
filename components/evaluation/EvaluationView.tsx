import { progressOf, shown, shownRound } from '../../src/ui/state.js';
import type { ViewProps } from '../view.js';
import { EvaluationScreen } from './EvaluationScreen.js';

export function EvaluationView({ state, columns, rows }: ViewProps) {
  const [data, round] = [shown(state), shownRound(state)];
  if (data === null || round === null || state.run === null) return null;
  return (
    <EvaluationScreen
      round={round}
      rounds={state.run.rounds}
      progress={progressOf(data)}
      responses={data.responses}
      columns={columns}
      rows={rows}
    />
  );
}
