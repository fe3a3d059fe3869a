import type { CompareLayout } from '../compareLayout.js';
import { makeLine } from '../../../../src/core/sanitize.js';
import { cut, fit } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';

export interface ComparedNumbersProps {
  readonly layout: CompareLayout;
  /** First visible line. */
  readonly top: number;
  readonly columns: number;
}

/** Settings, update and evaluation of both rounds; what is set differently is marked. */
export function ComparedNumbers({ layout, top, columns }: ComparedNumbersProps) {
  const { left, right, numbers, numbersRows } = layout;
  const [mark, difference] = [2, 12];
  const name = Math.min(30, Math.floor((columns - mark - difference) * 0.38));
  const cell = Math.min(34, Math.floor((columns - mark - difference - name) / 2));
  const more = numbers.length - top - numbersRows;
  return (
    <>
      <Line tone="title">
        {fit('', mark + name)}
        {fit(`round ${left.id}`, cell, 'right')}
        {fit(`round ${right.id}`, cell, 'right')}
        {fit(more > 0 ? `↓${more}` : 'difference', difference, 'right')}
      </Line>
      {numbers.slice(top, top + numbersRows).map(({ title, row }, i) =>
        row === null ? (
          <Line key={i} tone="accent">
            {title}
          </Line>
        ) : (
          <Line key={i}>
            <Tint tone={row.differs ? 'warn' : 'plain'}>
              {row.differs ? '≠ ' : '  '}
              {fit(row.name, name)}
              {fit(cut(makeLine(row.left, cell), cell - 1), cell, 'right')}
              {fit(cut(makeLine(row.right, cell), cell - 1), cell, 'right')}
            </Tint>
            <Tint tone="muted">{fit(row.difference, difference, 'right')}</Tint>
          </Line>
        ),
      )}
    </>
  );
}
