import type { EvaluationState } from './state.js';
import { evaluationLayout } from './layout.js';
import { answersOf } from '../../parts/newest.js';
import { progressOf, shown, shownRound } from '../../app/selectors.js';
import type { ViewProps } from '../../app/state.js';
import { EvaluationScreen } from './parts/EvaluationScreen.js';

export function EvaluationView({ state, columns, rows }: ViewProps<EvaluationState>) {
  const [data, round] = [shown(state), shownRound(state)];
  if (data === null || round === null) return null;
  const progress = progressOf(data);
  return (
    <EvaluationScreen
      round={round}
      progress={progress?.stage === 'evaluate' ? progress : null}
      responses={answersOf(data)}
      servers={data.servers}
      layout={evaluationLayout(state)}
      ui={state.ui}
      columns={columns}
      rows={rows}
    />
  );
}
