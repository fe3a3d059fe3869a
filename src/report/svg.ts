/** Charts as SVG without a script: lines over two axes with round ticks, several panels side by side. */
import { niceStep } from '../core/curvePlot.js';

export interface ChartPoint {
  x: number;
  y: number;
  /** Drawn inside the point's mark. */
  label?: string;
  /** Shown beside the mark. */
  note?: string;
  /** Low and high end of an error bar through the point. */
  xRange?: [number, number];
  yRange?: [number, number];
}

export interface ChartLine {
  colour: string;
  /** SVG's stroke-dasharray; absent or empty for a solid line. */
  dash?: string;
  points: readonly ChartPoint[];
}

export interface ChartPanel {
  xLabel: string;
  yLabel: string;
  lines: readonly ChartLine[];
}

/** Colours of everything but the lines; CSS variables are allowed. */
export interface ChartLook {
  ink: string;
  muted: string;
  grid: string;
  /** Background; null: transparent. */
  paper: string | null;
  /** Text on a mark. */
  label: string;
}

export interface ChartOptions {
  /** Description for screen readers. */
  title: string;
  width: number;
  height: number;
  look: ChartLook;
  /** Names of the lines with their colours. */
  legend?: readonly { name: string; colour: string; dash?: string }[];
  /** Shown at the top right of the panels. */
  remark?: string;
}

/** Distinguishable with any colour vision, on white, on black and in print (Okabe and Ito). */
export const chartColours = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;
/** For more lines than colours, and for people who see no colours. */
export const chartDashes = ['', '7 4', '2 4', '9 3 2 3', '4 2', '1 3'] as const;

export const onWhite: ChartLook = {
  ...{ ink: '#333333', muted: '#666666', grid: '#eeeeee', paper: '#ffffff', label: '#ffffff' },
};

const margin = { top: 52, bottom: 52, left: 56, gap: 70, right: 16 };
/** Widths in a legend entry: its mark, one letter, the gap after it. */
const [legendMark, legendLetter, legendGap] = [20, 7.5, 24];

export interface Scale {
  ticks: number[];
  at(value: number): number;
}

/** Maps values to pixels, after widening their range to whole ticks. */
export function scale(values: readonly number[], from: number, to: number): Scale {
  const finite = values.filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  const step = niceStep((high - low) / 5);
  const first = Number.isFinite(low) ? Math.floor(low / step) : 0;
  const last = Math.max(first + 1, Number.isFinite(high) ? Math.ceil(high / step) : 1);
  const at = (value: number) => from + ((value / step - first) / (last - first)) * (to - from);
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12))),
    at,
  };
}

export function chart(panels: readonly ChartPanel[], options: ChartOptions): string {
  const { width, height, title, look, legend = [], remark } = options;
  const top = legend.length > 0 || remark !== undefined ? margin.top : 26;
  const room = width - margin.left - margin.right - margin.gap * (panels.length - 1);
  const box = { width: room / panels.length, height: height - top - margin.bottom };
  let at = margin.left;
  const names = legend.map(({ name, colour, dash }) => {
    const x = at;
    at += legendMark + name.length * legendLetter + legendGap;
    const mark =
      dash === undefined || dash === ''
        ? `<rect x="${round(x)}" y="14" width="14" height="14" rx="3" fill="${colour}"/>`
        : line(x, 21, x + 16, 21, colour, `stroke-width="3" stroke-dasharray="${dash}"`);
    return mark + text(x + legendMark, 26, name, 'start', look.ink);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escapeXml(title)}</title>`,
    ...(look.paper === null ? [] : [`<rect width="${width}" height="${height}" fill="${look.paper}"/>`]),
    ...names,
    ...(remark === undefined ? [] : [text(width - margin.right, 26, remark, 'end', look.muted)]),
    ...panels.flatMap((panel, i) =>
      drawPanel(panel, { left: margin.left + i * (box.width + margin.gap), top, ...box }, look),
    ),
    '</svg>',
    '',
  ].join('\n');
}

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

function drawPanel({ xLabel, yLabel, lines }: ChartPanel, box: Box, look: ChartLook): string[] {
  const points = lines.flatMap((each) => each.points);
  const x = scale(
    points.flatMap((point) => [point.x, ...(point.xRange ?? [])]),
    box.left,
    box.left + box.width,
  );
  const bottom = box.top + box.height;
  const y = scale(
    points.flatMap((point) => [point.y, ...(point.yRange ?? [])]),
    bottom,
    box.top,
  );
  return [
    ...x.ticks.map(
      (tick) =>
        line(x.at(tick), box.top, x.at(tick), bottom, look.grid) +
        text(x.at(tick), bottom + 18, tickText(tick), 'middle', look.ink),
    ),
    ...y.ticks.map(
      (tick) =>
        line(box.left, y.at(tick), box.left + box.width, y.at(tick), look.grid) +
        text(box.left - 6, y.at(tick) + 4, tickText(tick), 'end', look.ink),
    ),
    text(box.left + box.width / 2, bottom + 40, xLabel, 'middle', look.ink),
    text(box.left, box.top - 8, yLabel, 'start', look.ink),
    ...lines.flatMap((each) => drawLine(each, x, y, look)),
  ];
}

/** A gap in the values becomes a gap in the line. */
function drawLine({ colour, dash, points }: ChartLine, x: Scale, y: Scale, look: ChartLook): string[] {
  const stretches: ChartPoint[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point.x) && Number.isFinite(point.y)) stretches[stretches.length - 1].push(point);
    else stretches.push([]);
  }
  const dashes = dash === undefined || dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  const paths = stretches
    .filter(({ length }) => length > 0)
    .map((stretch) => stretch.map((point) => `${round(x.at(point.x))},${round(y.at(point.y))}`).join(' '));
  return [
    ...paths.map((path) => `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`),
    ...stretches.flat().flatMap((point) => drawMark(point, colour, x, y, look)),
  ];
}

function drawMark(
  { label, note, ...point }: ChartPoint,
  colour: string,
  x: Scale,
  y: Scale,
  look: ChartLook,
): string[] {
  if (label === undefined) return [];
  const [cx, cy] = [x.at(point.x), y.at(point.y)];
  const bars = [
    ...(point.xRange === undefined ? [] : [line(x.at(point.xRange[0]), cy, x.at(point.xRange[1]), cy, colour)]),
    ...(point.yRange === undefined ? [] : [line(cx, y.at(point.yRange[0]), cx, y.at(point.yRange[1]), colour)]),
  ];
  return [
    ...bars,
    `<circle cx="${round(cx)}" cy="${round(cy)}" r="9" fill="${colour}"/>`,
    text(cx, cy + 4, label, 'middle', look.label),
    ...(note === undefined ? [] : [drawNote(note, cx, cy, x, look)]),
  ];
}

/** Draws a note beside its mark, on the left if the panel ends on the right. */
function drawNote(note: string, cx: number, cy: number, x: Scale, look: ChartLook): string {
  const right = x.at(x.ticks[x.ticks.length - 1]);
  return cx + 13 + note.length * legendLetter > right
    ? text(cx - 13, cy - 7, note, 'end', look.muted, halo)
    : text(cx + 13, cy - 7, note, 'start', look.muted, halo);
}

/** Formats small and large numbers as written by hand. */
function tickText(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && size < 0.001 ? value.toExponential().replace('e-', 'e−') : String(value);
}

const round = (value: number) => Math.round(value * 10) / 10;

function line(x1: number, y1: number, x2: number, y2: number, colour: string, more = ''): string {
  const end = more === '' ? '' : ` ${more}`;
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"${end}/>`;
}

/** Outlines letters, so that lines can pass behind them. */
const halo = ' style="paint-order: stroke; stroke: var(--paper, #ffffff); stroke-width: 4px"';

function text(x: number, y: number, content: string, anchor: string, colour: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${colour}"${more}>${escapeXml(content)}</text>`;
}

export function escapeXml(content: string): string {
  return content
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;');
}
