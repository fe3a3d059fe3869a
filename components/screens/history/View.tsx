import type { HistoryState } from './state.js';
import { compareLayout } from './compareLayout.js';
import { shownValue } from './fork.js';
import { viewOf } from './actions.js';
import { forkLayout, historyLayout } from './layout.js';
import { nameOf, roundOf, selectedRound, treeIn } from './rounds.js';
import type { ViewProps } from '../../app/state.js';
import { Comparison } from './parts/Comparison.js';
import { ForkForm } from './parts/ForkForm.js';
import { HistoryScreen } from './parts/HistoryScreen.js';

export function HistoryView({ state, columns }: ViewProps<HistoryState>) {
  const { run, ui: history } = state;
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
