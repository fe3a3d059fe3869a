import type { RoundState } from '../../../../src/protocol/messages.js';
import type { Branch, TreeRow } from '../../../../src/core/rounds.js';
import { verdictWord } from '../../../app/heldOut/verdict.js';
import type { HistoryLayout } from '../layout.js';
import { nameOf } from '../rounds.js';
import { cut } from '../../../parts/text.js';
import { Line } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';
import { BranchPlot } from './BranchPlot.js';
import { RoundsTable } from './RoundsTable.js';

export interface HistoryScreenProps {
  readonly tree: readonly TreeRow[];
  readonly branches: readonly Branch[];
  readonly current: number;
  readonly selected: RoundState | null;
  /** The marked round, which others are compared with. */
  readonly opponent: number | null;
  /** First visible round. */
  readonly top: number;
  readonly layout: HistoryLayout;
  readonly columns: number;
}

/** The tree of rounds, what there is to say of the selected one, and reward against length. */
export function HistoryScreen(props: HistoryScreenProps) {
  const { tree, branches, current, selected, opponent, top, layout, columns } = props;
  return (
    <>
      {layout.table > 0 && (
        <>
          <RoundsTable
            tree={tree}
            current={current}
            selected={selected?.id ?? null}
            marked={opponent}
            top={top}
            rows={layout.table}
            columns={columns}
          />
          {selected !== null && (
            <Rule
              title={cut(nameOf(selected), columns - 40)}
              right={placeOf(selected, layout.table < tree.length ? tree : [])}
              width={columns}
            />
          )}
          {layout.detail.map((line, i) => (
            <Line key={i}>{line}</Line>
          ))}
        </>
      )}
      {layout.plot > 0 && <BranchPlot branches={branches} columns={columns} rows={layout.plot} />}
    </>
  );
}

/** @param tree counted where not all of it is seen */
function placeOf(round: RoundState, tree: readonly TreeRow[]): string {
  const { parent, redo_of, stage } = round;
  const place = tree.findIndex((row) => row.round.id === round.id) + 1;
  const parts = [
    ...(tree.length === 0 ? [] : [`${place}/${tree.length}`]),
    ...(parent === null ? ['base policy'] : [`from ${parent === 0 ? 'the base' : `round ${parent}`}`]),
    ...(redo_of === null ? [] : [`round ${redo_of} again`]),
    ...(stage === 'done' ? [] : [stage]),
    ...(round.verdict === null ? [] : [verdictWord(round)]),
  ];
  return parts.join(' · ');
}
