import { useMemo } from 'react';
import * as format from '../../../../src/core/format.js';
import { columns as bars, histogram } from '../../../parts/charts.js';
import { fit, spread } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { largest } from '../../../../src/core/limits.js';
import { Pane } from '../../../parts/Pane.js';

export interface SpreadSeries {
  readonly name: string;
  readonly values: readonly number[];
}

export interface SpreadProps {
  readonly title: string;
  /** One above the other, over the same bins and to the same scale; one or two. */
  readonly series: readonly SpreadSeries[];
  readonly width: number;
  /** Rows with title and axis. */
  readonly height: number;
  readonly digits: number;
}

const nameWidth = 7;
const tones = ['first', 'second'] as const;

/** How values are spread, before and after. */
export function Spread({ title, series, width, height, digits }: SpreadProps) {
  const each = Math.floor((height - 2) / series.length);
  const { charts, axis, means } = useMemo(() => {
    const room = width - nameWidth;
    const all = series.flatMap(({ values }) => values);
    const bins = Math.min(room, Math.max(8, Math.ceil(2 * Math.sqrt(all.length / series.length))));
    const counted = series.map(({ values }) => histogram(values, bins, all));
    const highest = largest([0, ...counted.flatMap(({ counts }) => counts)]);
    const { min, max } = histogram(all, bins);
    return {
      charts: counted.map(({ counts }) => bars(counts, room, each, highest)),
      axis: spread(format.fixed(min, digits), format.fixed(max, digits), room),
      means: series.map(({ values }) => values.reduce((a, b) => a + b, 0) / values.length),
    };
  }, [series, width, each, digits]);
  const meanText = means.map((mean) => format.fixed(mean, digits === 0 ? 1 : digits)).join(' ← ');
  return (
    <Pane columns={width} rows={height}>
      <Line tone="title">{spread(title, `mean ${meanText}`, width)}</Line>
      {charts.map((rows, i) =>
        rows.map((row, r) => (
          <Line key={`${i} ${r}`}>
            <Tint tone="muted">{fit(r === rows.length - 1 ? series[i].name : '', nameWidth)}</Tint>
            <Tint tone={tones[i]}>{row}</Tint>
          </Line>
        )),
      )}
      <Line tone="muted">{' '.repeat(nameWidth) + axis}</Line>
    </Pane>
  );
}
