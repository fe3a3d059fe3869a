import type { TreeRow } from '../../../src/core/rounds.js';
import type { RoundState, Snapshot } from '../../../src/protocol/messages.js';
import type { ViewProps } from '../../app/state.js';
import { Line } from '../../parts/Line.js';
import { Rule } from '../../parts/Rule.js';
import { cut } from '../../parts/text.js';
import { compareLayout } from './compare.js';
import { controlledLayout } from './controlled.js';
import { forkLayout, shownValue } from './fork.js';
import { queueLayout } from './queue.js';
import { BranchPlot } from './parts/BranchPlot.js';
import { Comparison } from './parts/Comparison.js';
import { ControlledTables } from './parts/ControlledTables.js';
import { ForkForm } from './parts/ForkForm.js';
import { QueueTable } from './parts/QueueTable.js';
import { RoundsTable } from './parts/RoundsTable.js';
import { historyLayout, nameOf, roundOf, selectedRound, treeIn, verdictWord, viewOf } from './select.js';
import type { HistoryState } from './state.js';

export function HistoryView({ state, columns }: ViewProps<HistoryState>) {
  const { run } = state;
  const { fork, comparison } = state.ui;
  if (run === null) return null;
  if (fork !== null) {
    const parent = roundOf(state, fork.parent);
    return (
      <ForkForm
        parent={parent === null ? `round ${fork.parent}` : nameOf(parent)}
        valueOf={(field) => shownValue(state, field)}
        layout={forkLayout(state, fork)}
        selected={fork.selected}
        columns={columns}
      />
    );
  }
  const queue = queueLayout(state);
  if (queue !== null) return <QueueTable layout={queue} columns={columns} />;
  const controlled = controlledLayout(state);
  if (controlled !== null && viewOf(state) === 'controlled')
    return <ControlledTables layout={controlled} columns={columns} />;
  const compared = compareLayout(state);
  if (comparison !== null && compared !== null)
    return <Comparison layout={compared} ui={comparison} charts={state.ui.charts} columns={columns} />;
  return <Rounds state={state} run={run} columns={columns} />;
}

interface RoundsProps {
  readonly state: HistoryState;
  readonly run: Pick<Snapshot, 'config' | 'current'>;
  readonly columns: number;
}

/** The tree of rounds, the details of the selected one, and reward against length. */
function Rounds({ state, run: { config, current }, columns }: RoundsProps) {
  const { rows: tree, branches } = treeIn(state);
  const { table, top, detail, plot } = historyLayout(state);
  const selected = selectedRound(state);
  return (
    <>
      {table > 0 && (
        <>
          <RoundsTable
            config={config}
            tree={tree}
            current={current}
            selected={selected?.id ?? null}
            marked={state.ui.marked}
            top={top}
            rows={table}
            columns={columns}
          />
          {selected !== null && (
            <Rule
              title={cut(nameOf(selected), columns - 40)}
              right={standingOf(selected, table < tree.length ? tree : [])}
              width={columns}
            />
          )}
          {detail.map((line, i) => (
            <Line key={i}>{line}</Line>
          ))}
        </>
      )}
      {plot > 0 && <BranchPlot branches={branches} columns={columns} rows={plot} />}
    </>
  );
}

/** Where a round is and how far. @param tree empty if all of it is visible and need not be counted */
function standingOf(round: RoundState, tree: readonly TreeRow[]): string {
  const { parent, redo_of, stage } = round;
  const place = tree.findIndex((row) => row.round.id === round.id) + 1;
  const parts = [
    ...(tree.length === 0 ? [] : [`${place}/${tree.length}`]),
    ...(parent === null ? ['base policy'] : [`from ${parent === 0 ? 'the base' : `round ${parent}`}`]),
    ...(redo_of === null ? [] : [`redo of round ${redo_of}`]),
    ...(stage === 'done' ? [] : [stage]),
    ...(round.verdict === null ? [] : [verdictWord(round)]),
  ];
  return parts.join(' · ');
}
