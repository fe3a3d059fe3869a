import { useMemo } from 'react';
import * as format from '../../src/core/format.js';
import { curves } from './charts.js';
import { fit, widthOf } from './text.js';
import { Line, Tint } from './Line.js';
import { Pane } from './Pane.js';

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
  /** The value beside its name: the last one unless given. */
  readonly last?: number;
}

export interface PlotProps {
  readonly title: string;
  /** One or two; the second is dotted. */
  readonly series: readonly Series[];
  readonly width: number;
  /** Rows with the title. */
  readonly height: number;
}

const gutter = 8;
const tones = ['first', 'second'] as const;

/** Curves over the steps, with the last values beside the title and the range at the left. */
export function Plot({ title, series, width, height }: PlotProps) {
  const { rows, min, max } = useMemo(
    () =>
      curves(
        series.map(({ values }) => values),
        width - gutter,
        height - 1,
      ),
    [series, width, height],
  );
  const label = (row: number): string => {
    const value = row === 0 ? max : row === height - 2 ? min : null;
    return fit(value === null ? '' : format.compact(value), gutter - 2, 'right') + ' │';
  };
  const room = width - widthOf(title) - series.reduce((sum, s) => sum + legend(s).length, 0);
  return (
    <Pane columns={width} rows={height}>
      <Line>
        <Tint tone="title">{title}</Tint>
        {' '.repeat(Math.max(1, room))}
        {series.map((one, i) => (
          <Tint key={one.name} tone={tones[i]}>
            {legend(one)}
          </Tint>
        ))}
      </Line>
      {rows.map((segments, row) => (
        <Line key={row}>
          <Tint tone="muted">{label(row)}</Tint>
          {segments.map((segment, i) => (
            <Tint key={i} tone={tones[segment.series] ?? 'plain'}>
              {segment.text}
            </Tint>
          ))}
        </Line>
      ))}
    </Pane>
  );
}

function legend({ name, values, last = values.at(-1) }: Series): string {
  return ` ${name === '' ? '' : `${name} `}${format.compact(last ?? NaN)}`;
}
