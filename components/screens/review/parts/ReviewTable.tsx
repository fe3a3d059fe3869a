import * as format from '../../../../src/core/format.js';
import { columnsFor, isDescending, promptWidth } from '../columns.js';
import { marksOf, marksText, marksWidth } from '../marks.js';
import type { Order, Sort } from '../order.js';
import type { ReviewTable as Table } from '../table.js';
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
  /** The first of the columns that scroll, as wished (columns.ts). */
  readonly column: number;
  /** Positions of the first and the last row of the selected range; null without one. */
  readonly range: readonly [first: number, last: number] | null;
  /** Whether a row is kept although it no longer matches the filter. */
  readonly isMisfit: (row: number) => boolean;
}

/** One row per prompt, with what α does to its pair. Only the visible rows are computed and drawn. */
export function ReviewTable(props: ReviewTableProps) {
  const { table, order, alpha, sort, at, top, rows, columns, range, isMisfit } = props;
  const { shown, text, first, more } = columnsFor(columns, table, sort.column, props.column);
  const arrow = isDescending(sort.column) === sort.reversed ? '↑' : '↓';
  const named = (id: string, heading: string): string => (sort.column === id ? heading + arrow : heading);
  const heading = [
    fit(named('prompt', 'prompt'), promptWidth, 'right'),
    fit(named('text', 'text'), text),
    first > 0 && sort.column !== 'marks'
      ? fit('marks', marksWidth - 1) + '‹'
      : fit(named('marks', 'marks'), marksWidth),
  ].join(' ');
  const numbers = shown.map(({ id, heading: name, width }) => fit(named(id, name), width, 'right')).join('');
  return (
    <>
      <Line tone="title">
        {heading}
        {numbers}
        {more ? '›' : ' '}
      </Line>
      {Array.from({ length: rows }, (_, i) => {
        if (top + i >= order.rows.length) {
          return (
            <Line key={i} tone="muted">{`${i === 0 ? '  No prompt matches the filter; esc clears it.' : ''}`}</Line>
          );
        }
        const row = order.rows[top + i];
        const marks = marksOf(table, row, alpha);
        const { prompt, prompt_index } = table.rows[row];
        const cells = shown.map((column) => fit(column.cell(table, row, alpha), column.width, 'right')).join('');
        const selected = top + i === at;
        const inRange = range !== null && top + i >= range[0] && top + i <= range[1];
        return (
          <Line key={i} inverse={selected || inRange} tone={marks.status === 'pair' ? 'plain' : 'muted'}>
            {selected ? '›' : inRange ? '*' : isMisfit(row) ? '·' : ' '}
            {fit(format.count(prompt_index + 1), promptWidth - 1, 'right')}{' '}
            {fit(cut(makeLine(prompt, text), text), text)}{' '}
            <Tint tone={marks.decided ? 'accent' : 'warn'}>{marksText(marks)}</Tint>
            {cells}
          </Line>
        );
      })}
    </>
  );
}

/**
 * `5/103 of 320, filter flipped`, for the rule below the table; `o re-sorts` once decisions have changed the order.
 *
 * @param selected positions of the first and the last row of the selected range
 */
export function placeText(
  order: Order,
  at: number,
  all: number,
  filter: string,
  outdated: boolean,
  selected: ReviewTableProps['range'],
): string {
  const filtered = filter === '' ? '' : ` of ${format.count(all)}, filter ${makeLine(filter, 24)}`;
  const range = selected === null ? '' : `${format.count(selected[1] - selected[0] + 1)} selected · `;
  return `${range}${format.count(Math.min(at + 1, order.rows.length))}/${format.count(order.rows.length)}${filtered}${outdated ? ' · o re-sorts' : ''}`;
}
