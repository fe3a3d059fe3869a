import { useMemo } from 'react';
import { type Branch, branchTitle } from '../../../../src/core/rounds.js';
import * as format from '../../../../src/core/format.js';
import { branchTone } from '../select.js';
import { branchPlot, markOf } from '../../../../src/core/branchPlot.js';
import { cut, fit, spread, widthOf } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Rule } from '../../../parts/Rule.js';

export interface BranchPlotProps {
  readonly branches: readonly Branch[];
  readonly columns: number;
  /** Rule and axis included. */
  readonly rows: number;
}

const gutter = 10;

/** Up is more reward, right is longer: a good round goes up and not to the right. */
export function BranchPlot({ branches, columns, rows }: BranchPlotProps) {
  const legend = branches.length > 1;
  const height = Math.max(2, rows - 3 - (legend ? 1 : 0));
  const width = columns - gutter - 2;
  const plot = useMemo(() => branchPlot(branches, width, height), [branches, width, height]);
  const label = (row: number): string =>
    row === 0 ? format.fixed(plot.y[1], 3) : row === height - 1 ? format.fixed(plot.y[0], 3) : '';
  return (
    <>
      <Rule title="Reward against length" right="round and its α" width={columns} />
      {plot.rows.map((segments, row) => (
        <Line key={row}>
          <Tint tone="muted">
            {fit(label(row), gutter - 2, 'right')}
            {' │ '}
          </Tint>
          {segments.map(({ text, series }, i) => (
            <Tint key={i} tone={branchTone(series)}>
              {text}
            </Tint>
          ))}
        </Line>
      ))}
      <Line tone="muted">{`${' '.repeat(gutter - 1)}└${'─'.repeat(Math.max(0, columns - gutter - 1))}`}</Line>
      <Line tone="muted">
        {' '.repeat(gutter + 1)}
        {spread(format.fixed(plot.x[0], 1), `${format.fixed(plot.x[1], 1)} tokens`, width)}
      </Line>
      {legend && <Legend branches={branches} columns={columns} />}
    </>
  );
}

/** As many branches as fit. */
function Legend({ branches, columns }: { readonly branches: readonly Branch[]; readonly columns: number }) {
  let room = columns;
  const entries = branches.map((branch, i) => `${markOf(i)} ${cut(branchTitle(branch), 32)}   `);
  const shown = entries.filter((entry) => (room -= widthOf(entry)) >= 0);
  const more = entries.length - shown.length;
  return (
    <Line>
      {shown.map((entry, i) => (
        <Tint key={i} tone={branchTone(i)}>
          {entry}
        </Tint>
      ))}
      {more > 0 && room + widthOf(entries[shown.length]) >= 8 && <Tint tone="muted">{`and ${more} more`}</Tint>}
    </Line>
  );
}
