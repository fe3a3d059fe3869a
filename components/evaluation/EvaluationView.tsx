import { evaluationLayout } from '../../src/ui/evaluation/layout.js';
import { answersOf } from '../../src/ui/newest.js';
import { progressOf, shown, shownRound } from '../../src/ui/state.js';
import type { ViewProps } from '../view.js';
import { EvaluationScreen } from './EvaluationScreen.js';

export function EvaluationView({ state, columns, rows }: ViewProps) {
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
      ui={state.evaluation}
      columns={columns}
      rows={rows}
    />
  );
}
