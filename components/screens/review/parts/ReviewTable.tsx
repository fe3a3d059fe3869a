import * as format from '../../../../src/core/format.js';
import { columnsFor, isDescending, marksOf, marksText, marksWidth, type ReviewTable as Table } from '../table.js';
import type { Order, Sort } from '../order.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { cut, fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';

export interface ReviewTableProps {
  readonly table: Table;
  readonly order: Order;
  readonly alpha: number;
  readonly sort: Sort;
  /** Positions of the selected row and of the first visible one. */
  readonly at: number;
  readonly top: number;
  /** Rows without the heading. */
  readonly rows: number;
  readonly columns: number;
  /** Whether a row is kept although it no longer matches the filter. */
  readonly isMisfit: (row: number) => boolean;
}

/** One row per prompt, with what α does to its pair. Only the visible rows are computed and drawn. */
export function ReviewTable(props: ReviewTableProps) {
  const { table, order, alpha, sort, at, top, rows, columns, isMisfit } = props;
  const { shown, text } = columnsFor(columns, table, sort.column);
  const arrow = isDescending(sort.column) === sort.reversed ? '↑' : '↓';
  const named = (id: string, heading: string): string => (sort.column === id ? heading + arrow : heading);
  const heading = shown.map(({ id, heading: name, width }) => fit(named(id, name), width, 'right')).join('');
  return (
    <>
      <Line tone="title">
        {heading} {fit(named('marks', 'marks'), marksWidth)} {text > 0 ? fit(named('text', 'prompt'), text) : ''}
      </Line>
      {Array.from({ length: rows }, (_, i) => {
        if (top + i >= order.rows.length) {
          return (
            <Line key={i} tone="muted">{`${i === 0 ? '  No prompt matches the filter; esc clears it.' : ''}`}</Line>
          );
        }
        const row = order.rows[top + i];
        const marks = marksOf(table, row, alpha);
        const cells = shown.map((column) => fit(column.cell(table, row, alpha), column.width, 'right')).join('');
        const prompt = text > 0 ? fit(cut(makeLine(table.rows[row].prompt, text), text), text) : '';
        const selected = top + i === at;
        return (
          <Line key={i} inverse={selected} tone={marks.status === 'pair' ? 'plain' : 'muted'}>
            {selected ? '›' : isMisfit(row) ? '·' : ' '}
            {cells.slice(1)} <Tint tone={marks.decided ? 'accent' : 'warn'}>{marksText(marks)}</Tint> {prompt}
          </Line>
        );
      })}
    </>
  );
}

/** `5/103 of 320, filter flipped`, for the rule below the table; `o re-sorts` once decisions have changed the order. */
export function placeText(order: Order, at: number, all: number, filter: string, outdated: boolean): string {
  const filtered = filter === '' ? '' : ` of ${format.count(all)}, filter ${makeLine(filter, 24)}`;
  return `${format.count(Math.min(at + 1, order.rows.length))}/${format.count(order.rows.length)}${filtered}${outdated ? ' · o re-sorts' : ''}`;
}
