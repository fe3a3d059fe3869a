import { compareLayout } from '../../src/ui/history/compareLayout.js';
import { shownValue } from '../../src/ui/history/fork.js';
import { viewOf } from '../../src/ui/history/keys.js';
import { forkLayout, historyLayout } from '../../src/ui/history/layout.js';
import { nameOf, roundOf, selectedRound, treeIn } from '../../src/ui/history/rounds.js';
import type { ViewProps } from '../view.js';
import { Comparison } from './Comparison.js';
import { ForkForm } from './ForkForm.js';
import { HistoryScreen } from './HistoryScreen.js';

export function HistoryView({ state, columns }: ViewProps) {
  const { run, history } = state;
  const { fork, comparison } = history;
  if (run === null) return null;
  if (viewOf(state) === 'fork' && fork !== null) {
    const parent = roundOf(state, fork.parent);
    return (
      <ForkForm
        parent={parent === null ? `round ${fork.parent}` : nameOf(parent)}
        valueOf={(field) => shownValue(state, field)}
        layout={forkLayout(state)}
        selected={fork.selected}
        top={fork.top}
        columns={columns}
      />
    );
  }
  const layout = compareLayout(state);
  if (comparison !== null && layout !== null) return <Comparison layout={layout} ui={comparison} columns={columns} />;
  const { rows, branches } = treeIn(state);
  return (
    <HistoryScreen
      tree={rows}
      branches={branches}
      current={run.current}
      selected={selectedRound(state)}
      opponent={history.marked}
      top={history.top}
      layout={historyLayout(state)}
      columns={columns}
    />
  );
}
