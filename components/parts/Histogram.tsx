import { useMemo } from 'react';
import * as format from '../../src/core/format.js';
import { columns, histogram } from './charts.js';
import { spread } from './text.js';
import { Line } from './Line.js';
import { Pane } from './Pane.js';

export interface HistogramProps {
  readonly title: string;
  readonly values: readonly number[];
  readonly width: number;
  /** Rows with title and axis. */
  readonly height: number;
  readonly digits: number;
}

/** How values are spread: upright bars between the least and the greatest value. */
export function Histogram({ title, values, width, height, digits }: HistogramProps) {
  const { rows, axis, mean } = useMemo(() => {
    const { min, max, counts } = histogram(values, width);
    return {
      rows: columns(counts, width, height - 2),
      axis: spread(format.fixed(min, digits), format.fixed(max, digits), width),
      mean: values.reduce((a, b) => a + b, 0) / values.length,
    };
  }, [values, width, height, digits]);
  return (
    <Pane columns={width} rows={height}>
      <Line tone="title">{spread(title, `mean ${format.fixed(mean, digits === 0 ? 1 : digits)}`, width)}</Line>
      {rows.map((row, i) => (
        <Line key={i} tone="first">
          {row}
        </Line>
      ))}
      <Line tone="muted">{axis}</Line>
    </Pane>
  );
}
