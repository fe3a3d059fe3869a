import * as format from '../../../../src/core/format.js';
import { type Histogram, columns as bars, curves } from '../../../parts/charts.js';
import type { PanelCurves, PanelNumbers } from '../numbers.js';
import { fit, spread, widthOf } from '../../../parts/text.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Pane, PaneRow } from '../../../parts/Pane.js';

export interface AlphaCurvesProps {
  readonly curves: PanelCurves;
  readonly histogram: Histogram;
  /** At the α that is set. */
  readonly numbers: PanelNumbers;
  readonly columns: number;
  readonly rows: number;
  /** Two beside each other, two below. */
  readonly square: boolean;
}

const gutter = 8;
const tones = ['first', 'second'] as const;

interface Curve {
  title: string;
  series: readonly { name: string; values: readonly number[]; now: string }[];
}

/** Flipped pairs, weights and length pull over α, and how the length-penalized margins are spread at this α. */
export function AlphaCurves({ curves: over, histogram, numbers, columns, rows, square }: AlphaCurvesProps) {
  const all: Curve[] = [
    {
      title: 'pairs flipped, %',
      series: [{ name: '', values: over.flipped, now: format.fixed((100 * numbers.flipped) / numbers.pairs, 1) }],
    },
    {
      title: 'mean weight',
      series: [
        { name: 'longer', values: over.weightLonger, now: format.fixed(numbers.mean_weight_longer, 3) },
        { name: 'shorter', values: over.weightShorter, now: format.fixed(numbers.mean_weight_shorter, 3) },
      ],
    },
    { title: 'length pull', series: [{ name: '', values: over.pull, now: format.signed(numbers.length_pull, 1) }] },
  ];
  // Weights stand in the lines above: their curves are the first to go.
  const drawn = square || rows >= 16 ? all : all.filter(({ title }) => title !== 'mean weight');
  const [across, down] = square ? [2, 2] : [1, drawn.length + 1];
  const width = Math.floor((columns - 2 * (across - 1)) / across);
  const height = Math.floor(rows / down);
  const plots = [
    ...drawn.map((curve) => (
      <Plot key={curve.title} curve={curve} alpha={numbers.alpha} end={over.end} width={width} height={height} />
    )),
    <Margins key="margins" histogram={histogram} width={width} height={rows - height * (down - 1)} />,
  ];
  if (!square) return plots;
  return (
    <>
      <PaneRow gap={2}>{plots.slice(0, 2)}</PaneRow>
      <PaneRow gap={2}>{plots.slice(2)}</PaneRow>
    </>
  );
}

interface PlotProps {
  readonly curve: Curve;
  readonly alpha: number;
  readonly end: number;
  readonly width: number;
  readonly height: number;
}

/** Title, curve, and the scale of α with a mark at the α that is set. */
function Plot({ curve, alpha, end, width, height }: PlotProps) {
  const { title, series } = curve;
  const inner = Math.max(1, height - 2);
  const { rows, min, max } = curves(
    series.map(({ values }) => values),
    width - gutter,
    inner,
  );
  const at = Math.round((width - gutter - 1) * Math.min(1, alpha / end));
  const now = series.map(({ name, now: value }) => ` ${name === '' ? '' : `${name} `}${value}`);
  const room = width - widthOf(title) - now.reduce((sum, text) => sum + widthOf(text), 0);
  return (
    <Pane columns={width} rows={height}>
      <Line>
        <Tint tone="title">{title}</Tint>
        {' '.repeat(Math.max(0, room))}
        {now.map((text, i) => (
          <Tint key={i} tone={tones[i]}>
            {text}
          </Tint>
        ))}
      </Line>
      {rows.map((segments, row) => (
        <Line key={row}>
          <Tint tone="muted">{label(row, inner, min, max)}</Tint>
          {segments.map(({ text, series: which }, i) => (
            <Tint key={i} tone={tones[which] ?? 'plain'}>
              {text}
            </Tint>
          ))}
        </Line>
      ))}
      <Line tone="muted">
        {fit('α', gutter - 2, 'right')} 0{scale(at, width - gutter, String(end))}
      </Line>
    </Pane>
  );
}

function label(row: number, rows: number, min: number, max: number): string {
  const value = row === 0 ? max : row === rows - 1 ? min : null;
  return fit(value === null ? '' : format.compact(value), gutter - 2, 'right') + ' │';
}

/** `───▲────0.1`, the mark under its place in the curve; it pushes the label aside rather than covering it. */
export function scale(at: number, width: number, end: string): string {
  const place = Math.max(0, Math.min(width - 1, at));
  const [before, after] = [place, width - 1 - place];
  if (after > end.length) return `${'─'.repeat(before)}▲${'─'.repeat(after - end.length)}${end}`;
  return `${'─'.repeat(Math.max(0, before - end.length))}${end}▲${'─'.repeat(after)}`;
}

/** Bars of the length-penalized margins with the axis beneath; below zero a pair is flipped. */
function Margins({ histogram, width, height }: { histogram: Histogram; width: number; height: number }) {
  const { min, max, counts } = histogram;
  const zero = min < 0 && max > 0 ? Math.round(((width - 1) * -min) / (max - min)) : null;
  const ends = spread(format.compact(min), format.compact(max), width);
  const free = zero !== null && ends.slice(Math.max(0, zero - 1), zero + 2).trim() === '';
  return (
    <Pane columns={width} rows={height}>
      <Line tone="title">length-penalized margins</Line>
      {bars(counts, width, Math.max(1, height - 2)).map((row, i) => (
        <Line key={i}>
          <Tint tone="warn">{row.slice(0, zero ?? 0)}</Tint>
          <Tint tone="first">{row.slice(zero ?? 0)}</Tint>
        </Line>
      ))}
      <Line tone="muted">{free && zero !== null ? `${ends.slice(0, zero)}0${ends.slice(zero + 1)}` : ends}</Line>
    </Pane>
  );
}
