import type { Curve } from './curves.js';
import { Line, Tint } from './Line.js';
import { PaneRow } from './Pane.js';
import { Plot } from './Plot.js';
import { cut } from './text.js';

interface Look {
  readonly smoothing: number;
  readonly log: boolean;
}

export interface ChartsProps extends Look {
  /** The visible ones, row by row. */
  readonly curves: readonly Curve[];
  readonly across: number;
  readonly down: number;
  /** Rows of one chart. */
  readonly height: number;
  readonly columns: number;
}

/** Charts beside and beneath each other. */
export function Charts({ curves, across, down, height, columns, smoothing, log }: ChartsProps) {
  const width = Math.floor((columns - 2 * (across - 1)) / across);
  return Array.from({ length: down }, (_, row) => (
    <PaneRow key={row} gap={2}>
      {curves.slice(row * across, (row + 1) * across).map((curve) => (
        <Plot key={curve.title} {...curve} width={width} height={height} smoothing={smoothing} log={log} />
      ))}
    </PaneRow>
  ));
}

export interface LargeChartProps extends Look {
  readonly curve: Curve;
  readonly step: number;
  /** The values there. */
  readonly readings: readonly string[];
  readonly columns: number;
  /** Rows of the chart with the line of values. */
  readonly rows: number;
}

/** One chart with its values at a step. */
export function LargeChart({ curve, step, readings, columns, rows, smoothing, log }: LargeChartProps) {
  const head = `step ${step}`;
  return (
    <>
      <Plot {...curve} width={columns} height={rows - 1} smoothing={smoothing} log={log} cursor={step} isLarge />
      <Line>
        <Tint tone="accent">{head}</Tint>
        {cut(`  ${readings.join(' · ')}`, columns - head.length)}
      </Line>
    </>
  );
}
