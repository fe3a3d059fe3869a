/** The α panel: the settings and what α does to the pairs, as lines (above or beside the table) and as curves over α. */
import * as format from '../../../../src/core/format.js';
import type { RoundSettings } from '../../../../src/protocol/messages.js';
import { type Histogram, columns as bars, curves } from '../../../parts/charts.js';
import { Line, Tint } from '../../../parts/Line.js';
import { Pane, PaneRow } from '../../../parts/Pane.js';
import { firstLines, fit, spread, widthOf, wrap } from '../../../parts/text.js';
import type { PanelCurves, PanelNumbers } from '../alpha.js';
import { besideSlider, sliderCells } from '../slider.js';

export interface AlphaLinesProps {
  readonly settings: RoundSettings;
  readonly numbers: PanelNumbers;
  /** End of α's scale. */
  readonly end: number;
  /** Why α has its value, or what was dropped and decided. */
  readonly remark: string;
  /** `tokens` or `characters`. */
  readonly unit: string;
  /** β and the learning rate matter: an update follows. */
  readonly updates: boolean;
  /** Weights depend on β. */
  readonly usesBeta: boolean;
  readonly columns: number;
}

/** α and its effect on all pairs, in three lines. */
export function AlphaLines({ settings, numbers, end, remark, unit, updates, usesBeta, columns }: AlphaLinesProps) {
  const [value, rest] = besideSlider(settings, { updates, usesBeta });
  return (
    <>
      <Line>
        <Tint tone="accent">{value}</Tint>
        {slider(settings.alpha, end, columns - value.length - rest.length)}
        {rest}
      </Line>
      <Line>
        <Flipped numbers={numbers} brief={columns < 100} share={columns >= 70} />
        {columns < 70 ? '  ' : '  weight '}
        <Weights numbers={numbers} brief={columns < 100} />
        {`  pull ${format.signed(numbers.length_pull, 1)}${columns < 100 ? '' : ` ${unit}`}`}
      </Line>
      <Line tone="muted">{fit(remark, columns)}</Line>
    </>
  );
}

/** The same in a column beside the table, in seven lines. */
export function AlphaColumn({ settings, numbers, end, remark, unit, updates, usesBeta, columns }: AlphaLinesProps) {
  const { alpha, beta, lr } = settings;
  const [value] = besideSlider(settings, { updates, usesBeta });
  return (
    <>
      <Line>
        <Tint tone="accent">{value}</Tint>
        {slider(alpha, end, columns - value.length)}
      </Line>
      <Line>
        {updates
          ? `β ${beta}   learning rate ${format.learningRate(lr)}`
          : `${usesBeta ? `β ${beta}   ` : ''}mean reward margin ${format.signed(numbers.mean_reward_margin, 2)}`}
      </Line>
      <Line>
        <Flipped numbers={numbers} brief={false} share />
      </Line>
      <Line>
        {'weight  '}
        <Weights numbers={numbers} brief={columns < 46} />
      </Line>
      <Line>
        {`length pull ${format.signed(numbers.length_pull, 1)}${columns < 46 ? '' : ` ${unit}`}  mean Δ|y| ${format.signed(numbers.mean_length_difference, 1)}`}
      </Line>
      {[0, 1].map((line) => (
        <Line key={line} tone="muted">
          {firstLines(wrap(remark, columns), 2, columns)[line] ?? ''}
        </Line>
      ))}
    </>
  );
}

interface PartProps {
  readonly numbers: PanelNumbers;
  /** In few columns. */
  readonly brief: boolean;
}

function Flipped({ numbers: { flipped, pairs }, brief, share }: PartProps & { readonly share: boolean }) {
  const of = brief ? `/${format.count(pairs)}` : ` of ${format.of(pairs, 'pair')}`;
  return (
    <>
      {'flipped '}
      <Tint tone={flipped > 0 ? 'warn' : 'plain'}>
        {`${format.count(flipped)}${of}${share ? ` (${format.share(flipped, pairs)})` : ''}`}
      </Tint>
    </>
  );
}

function Weights({ numbers, brief }: PartProps) {
  const { longer, shorter, mean_weight_longer, mean_weight_shorter } = numbers;
  const counted = (n: number): string => (brief ? '' : ` (${format.count(n)})`);
  return (
    <>
      <Tint tone="first">{`longer ${format.weight(mean_weight_longer)}`}</Tint>
      {`${counted(longer)} `}
      <Tint tone="second">{`shorter ${format.weight(mean_weight_shorter)}`}</Tint>
      {counted(shorter)}
    </>
  );
}

/** α on its scale from 0. */
function slider(alpha: number, end: number, width: number): string {
  const { cells, at } = sliderCells(alpha, end, width);
  return `0 ${'─'.repeat(at)}●${'─'.repeat(cells - 1 - at)} ${end}`;
}

export interface AlphaCurvesProps {
  readonly curves: PanelCurves;
  readonly histogram: Histogram;
  /** At the present α. */
  readonly numbers: PanelNumbers;
  readonly columns: number;
  readonly rows: number;
  /** Two beside each other and two below; otherwise one above the other. */
  readonly square: boolean;
}

const gutter = 8;
const tones = ['first', 'second'] as const;

interface Curve {
  title: string;
  series: readonly { name: string; values: readonly number[]; now: string }[];
}

/** Flipped pairs, mean weights and length pull over α, and the histogram of the length-penalized margins at this α. */
export function AlphaCurves({ curves: over, histogram, numbers, columns, rows, square }: AlphaCurvesProps) {
  const all: Curve[] = [
    {
      title: 'pairs flipped, %',
      series: [{ name: '', values: over.flipped, now: format.fixed((100 * numbers.flipped) / numbers.pairs, 1) }],
    },
    {
      title: 'mean weight',
      series: [
        { name: 'longer', values: over.weightLonger, now: format.weight(numbers.mean_weight_longer) },
        { name: 'shorter', values: over.weightShorter, now: format.weight(numbers.mean_weight_shorter) },
      ],
    },
    { title: 'length pull', series: [{ name: '', values: over.pull, now: format.signed(numbers.length_pull, 1) }] },
  ];
  // The lines above show the weights, so their curve is the first to be dropped.
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

/** Title, curve, and the scale of α with a mark at the present α. */
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

/** `───▲────0.1`: the mark is below its place in the curve; it moves the label aside rather than covering it. */
export function scale(at: number, width: number, end: string): string {
  const place = Math.max(0, Math.min(width - 1, at));
  const [before, after] = [place, width - 1 - place];
  if (after > end.length) return `${'─'.repeat(before)}▲${'─'.repeat(after - end.length)}${end}`;
  return `${'─'.repeat(Math.max(0, before - end.length))}${end}▲${'─'.repeat(after)}`;
}

/** Histogram of the length-penalized margins above its axis; below zero a pair is flipped. */
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
