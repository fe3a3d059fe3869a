/** The picture of a reproduction: reward and correctness against length, a line for each α, bars for the spread. */
import type { Point, Spread } from './summary.js';

const width = 860;
const height = 400;
const margin = { top: 52, bottom: 52, left: 56, gap: 70, right: 16 };
const panel = {
  width: (width - margin.left - margin.gap - margin.right) / 2,
  height: height - margin.top - margin.bottom,
};
/** Told apart by people with any colour vision, on white and in print. */
const colours = ['#d55e00', '#0072b2', '#009e73', '#cc79a7'];

interface Scale {
  ticks: number[];
  at(value: number): number;
}

/** Maps the values' range, widened to whole ticks, onto pixels. */
export function scale(spreads: Spread[], from: number, to: number): Scale {
  const [low, high] = [Math.min(...spreads.map((s) => s.low)), Math.max(...spreads.map((s) => s.high))];
  const step = niceStep((high - low) / 5);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  const at = (value: number) => from + ((value / step - first) / (last - first)) * (to - from);
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12))),
    at,
  };
}

/** The smallest of 1, 2, 5 times a power of ten that is not below `step`. */
function niceStep(step: number): number {
  if (!(step > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((factor) => factor * power >= step) ?? 10);
}

export function plot(points: Point[]): string {
  const alphas = [...new Set(points.map(({ alpha }) => alpha))];
  const legend = alphas.map(
    (alpha, i) =>
      `<rect x="${margin.left + i * 120}" y="14" width="14" height="14" rx="3" fill="${colours[i]}"/>` +
      text(margin.left + 20 + i * 120, 26, `α = ${alpha}`, 'start'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>Held-out reward and correctness against mean length, by round and α</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...legend,
    text(
      width - margin.right,
      26,
      'numbers are rounds, 0 the base; bars from the lowest to the highest seed',
      'end',
      '#666666',
    ),
    ...drawPanel(points, alphas, margin.left, 'reward', ({ reward }) => reward),
    ...drawPanel(
      points,
      alphas,
      margin.left + panel.width + margin.gap,
      'correct answers, %',
      ({ correct }) => correct,
    ),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel(
  points: Point[],
  alphas: number[],
  left: number,
  label: string,
  value: (point: Point) => Spread,
): string[] {
  const x = scale(
    points.map(({ mean_length }) => mean_length),
    left,
    left + panel.width,
  );
  const y = scale(points.map(value), margin.top + panel.height, margin.top);
  const bottom = margin.top + panel.height;
  return [
    ...x.ticks.map(
      (tick) =>
        line(x.at(tick), margin.top, x.at(tick), bottom, '#eeeeee') + text(x.at(tick), bottom + 18, String(tick)),
    ),
    ...y.ticks.map(
      (tick) =>
        line(left, y.at(tick), left + panel.width, y.at(tick), '#eeeeee') +
        text(left - 6, y.at(tick) + 4, String(tick), 'end'),
    ),
    text(left + panel.width / 2, bottom + 40, 'mean length, tokens'),
    text(left, margin.top - 8, label, 'start'),
    ...alphas.flatMap((alpha, i) =>
      drawLine(
        points.filter((point) => point.alpha === alpha),
        colours[i],
        x,
        y,
        value,
      ),
    ),
  ];
}

function drawLine(points: Point[], colour: string, x: Scale, y: Scale, value: (point: Point) => Spread): string[] {
  const place = (point: Point) => [x.at(point.mean_length.mean), y.at(value(point).mean)] as const;
  const path = points.map((point) => place(point).map(round).join(',')).join(' ');
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.flatMap((point) => {
      const [cx, cy] = place(point);
      return [
        line(x.at(point.mean_length.low), cy, x.at(point.mean_length.high), cy, colour),
        line(cx, y.at(value(point).low), cx, y.at(value(point).high), colour),
        `<circle cx="${round(cx)}" cy="${round(cy)}" r="9" fill="${colour}"/>`,
        text(cx, cy + 4, String(point.round), 'middle', '#ffffff'),
      ];
    }),
  ];
}

const round = (value: number) => Math.round(value * 10) / 10;

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"/>`;
}

function text(x: number, y: number, content: string, anchor = 'middle', colour = '#333333'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" fill="${colour}">${content}</text>`;
}
