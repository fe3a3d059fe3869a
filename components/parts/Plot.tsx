import { useMemo } from 'react';
import { CURSOR, type CurvePlot, type PlottedCurve, curvePlot, stepAxis } from '../../src/core/curvePlot.js';
import * as format from '../../src/core/format.js';
import { type Series, smoothed } from './curves.js';
import { Line, Tint } from './Line.js';
import { Pane } from './Pane.js';
import { cut, fit, widthOf } from './text.js';
import type { Tone } from './theme.js';

export interface PlotProps {
  readonly title: string;
  /** One or two in front, the second dotted; earlier rounds behind them. */
  readonly series: readonly Series[];
  readonly width: number;
  /** Rows with title and axis. */
  readonly height: number;
  /** Weight of the moving average; 0: none. */
  readonly smoothing?: number;
  /** A logarithmic scale. */
  readonly log?: boolean;
  /** A step that is marked by a vertical line. */
  readonly cursor?: number;
  /** More values beside the scale. */
  readonly isLarge?: boolean;
}

const gutter = 8;
const tones = ['first', 'second'] as const;

/** Curves over the steps, with their last values beside the title and the scale at the left. */
export function Plot({ title, series, width, height, smoothing = 0, log = false, cursor, isLarge }: PlotProps) {
  const inner = height - 2;
  const { plot, tonesOf } = useMemo(() => {
    const { curves, tones: own } = drawnCurves(series, smoothing);
    return { plot: curvePlot(curves, width - gutter, inner, { log, cursor }), tonesOf: own };
  }, [series, width, inner, smoothing, log, cursor]);
  const ends = series.filter(({ isBackground }) => isBackground !== true).map((one) => legend(one, smoothing));
  const room = width - ends.reduce((sum, text) => sum + widthOf(text), 0);
  const shown = cut(`${title}${log ? logRemark(plot) : ''}`, room - 1);
  return (
    <Pane columns={width} rows={height}>
      <Line>
        <Tint tone="title">{shown}</Tint>
        {' '.repeat(Math.max(1, room - widthOf(shown)))}
        {ends.map((text, i) => (
          <Tint key={i} tone={tones[i] ?? 'plain'}>
            {text}
          </Tint>
        ))}
      </Line>
      {plot.rows.map((segments, row) => (
        <Line key={row}>
          <Tint tone="muted">{scaleLabel(plot, row, inner, log, isLarge === true)}</Tint>
          {segments.map((segment, i) => (
            <Tint key={i} tone={segment.series === CURSOR ? 'accent' : (tonesOf[segment.series] ?? 'plain')}>
              {segment.text}
            </Tint>
          ))}
        </Line>
      ))}
      <Line tone="muted">{`${fit('step', gutter - 2, 'right')} └${stepAxis(plot.x, width - gutter)}`}</Line>
    </Pane>
  );
}

/** In the order in which they cover each other: averages, earlier rounds, values that the averages hide. */
function drawnCurves(series: readonly Series[], smoothing: number): { curves: PlottedCurve[]; tones: Tone[] } {
  const front = series.filter(({ isBackground }) => isBackground !== true);
  const averaged = ({ values, isSparse }: Series) => smoothed(values, isSparse === true ? 0 : smoothing);
  const drawn: { curve: PlottedCurve; tone: Tone }[] = [
    ...front.map((one, i) => ({
      curve: { x: one.steps, y: averaged(one), style: i === 0 ? ('line' as const) : ('dotted' as const) },
      tone: tones[i] ?? ('plain' as const),
    })),
    ...series
      .filter(({ isBackground }) => isBackground === true)
      .map((one) => ({
        curve: { x: one.steps, y: averaged(one), style: 'sparse' as const },
        tone: 'muted' as const,
      })),
    ...(smoothing === 0 ? [] : front)
      .filter(({ isSparse }) => isSparse !== true)
      .map(({ steps, values }) => ({
        curve: { x: steps, y: values, style: 'points' as const },
        tone: 'muted' as const,
      })),
  ];
  return { curves: drawn.map(({ curve }) => curve), tones: drawn.map(({ tone }) => tone) };
}

/** Largest and smallest value; a large plot has one beside every fourth row, too. */
function scaleLabel({ y: [min, max] }: CurvePlot, row: number, rows: number, log: boolean, isLarge: boolean): string {
  const last = rows - 1;
  const isShown = row === 0 || row === last || (isLarge && row % 4 === 0 && last - row >= 3);
  const share = last === 0 ? 0 : row / last;
  const value = log ? max * (min / max) ** share : max + (min - max) * share;
  const drawsSomething = Number.isFinite(max) && (row === 0 || max !== min);
  return `${fit(isShown && drawsSomething ? format.compact(value) : '', gutter - 2, 'right')} │`;
}

function logRemark({ y, hidden }: CurvePlot): string {
  if (!Number.isFinite(y[0])) return ' log: none above 0';
  return hidden === 0 ? ' log' : ` log, ${format.count(hidden)} not above 0`;
}

/** Its last value, or the average there. */
function legend({ name, values, isSparse }: Series, smoothing: number): string {
  const last = smoothed(values, isSparse === true ? 0 : smoothing).at(-1);
  return ` ${name === '' ? '' : `${name} `}${format.compact(last ?? NaN)}`;
}
