/** Pictures of both reproductions: lines by α and round; intervals by objective. */
import type { Interval } from '../../src/core/statistics.js';
import { type ChartPanel, chart, chartColours, escapeXml, onWhite, scale } from '../../src/report/svg.js';
import type { FigureName } from './summary.js';
import type { Point } from './tables.js';

/** Reward, correctness and length-controlled win rate against length: a line for each α from the base. */
export function plotAlphas(points: Point[]): string {
  const base = points.filter(({ settings }) => settings === null);
  const alphas = [...new Set(points.flatMap(({ settings }) => (settings === null ? [] : [settings.alpha])))];
  const panel = (yLabel: string, name: FigureName): ChartPanel => ({
    yLabel,
    xLabel: 'mean length, tokens',
    lines: alphas.map((alpha, i) => ({
      colour: chartColours[i % chartColours.length],
      points: [...base, ...points.filter(({ settings }) => settings?.alpha === alpha)].map(({ round, figures }) => ({
        x: figures.length.value,
        y: figures[name].value,
        label: String(round),
        xRange: ends(figures.length.interval),
        yRange: ends(figures[name].interval),
      })),
    })),
  });
  return chart(
    [
      panel('reward', 'reward'),
      panel('correct answers, %', 'correct'),
      panel('length-controlled win rate against the base, %', 'lc_win_rate'),
    ],
    {
      title: 'Held-out reward, correctness and length-controlled win rate against mean length, by round and α',
      width: 1160,
      height: 400,
      look: onWhite,
      legend: alphas.map((alpha, i) => ({ name: `α = ${alpha}`, colour: chartColours[i % chartColours.length] })),
      remark: 'numbers are rounds, 0 the base; bars are 95 % intervals over prompts',
    },
  );
}

const ends = (interval: Interval | null): [number, number] | undefined =>
  interval === null ? undefined : [interval.low, interval.high];

const panels: [FigureName, string][] = [
  ['lc_win_rate', 'LC win rate, %'],
  ['correct', 'correct answers, %'],
  ['reward', 'reward'],
  ['length', 'mean length, tokens'],
];

const look = onWhite;
const box = { left: 90, width: 200, gap: 36, top: 48, row: 26 };

/** A row per objective, a panel per figure: its value and its interval. The base is the dashed line. */
export function plotObjectives(points: Point[]): string {
  const base = points.find(({ settings }) => settings === null);
  const rows = points.filter(({ settings }) => settings !== null);
  const bottom = box.top + rows.length * box.row;
  const width = box.left + panels.length * (box.width + box.gap);
  const height = bottom + 52;
  const rowAt = (i: number) => box.top + (i + 0.5) * box.row;
  const drawn = panels.map(([name, title], p) => {
    const left = box.left + p * (box.width + box.gap);
    // The base wins half the comparisons with itself.
    const baseValue = name === 'lc_win_rate' ? 50 : base?.figures[name].value;
    const values = rows.flatMap(({ figures }) => [figures[name].value, ...(ends(figures[name].interval) ?? [])]);
    const x = scale([...values, ...(baseValue === undefined ? [] : [baseValue])], left, left + box.width);
    return [
      text(left, box.top - 14, title, 'start'),
      ...x.ticks.map((tick) => line(x.at(tick), box.top, x.at(tick), bottom, look.grid)),
      ...everySecond(x.ticks).map((tick) => text(x.at(tick), bottom + 18, String(tick), 'middle')),
      ...(baseValue === undefined
        ? []
        : [line(x.at(baseValue), box.top, x.at(baseValue), bottom, look.muted, ' stroke-dasharray="4 4"')]),
      ...rows.map(({ figures }, i) => {
        const range = ends(figures[name].interval);
        const bar =
          range === undefined
            ? ''
            : line(x.at(range[0]), rowAt(i), x.at(range[1]), rowAt(i), chartColours[1], ' stroke-width="2"');
        return `${bar}<circle cx="${pixel(x.at(figures[name].value))}" cy="${rowAt(i)}" r="4.5" fill="${chartColours[1]}"/>`;
      }),
    ].join('\n');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    '<title>Objectives after one round on the bundled example: figures on held-out prompts with intervals</title>',
    `<rect width="${width}" height="${height}" fill="${look.paper}"/>`,
    ...rows.map(({ settings }, i) => text(box.left - 10, rowAt(i) + 4, settings?.objective ?? '', 'end')),
    ...drawn,
    text(box.left, height - 8, 'dashed: the base; bars are 95 % intervals over prompts', 'start', look.muted),
    '</svg>',
    '',
  ].join('\n');
}

/** Fewer labels where ticks are close. */
const everySecond = (ticks: number[]): number[] => (ticks.length > 5 ? ticks.filter((_, i) => i % 2 === 0) : ticks);

const pixel = (value: number): number => Math.round(value * 10) / 10;

function text(x: number, y: number, content: string, anchor: string, colour: string = look.ink): string {
  return `<text x="${pixel(x)}" y="${pixel(y)}" text-anchor="${anchor}" fill="${colour}">${escapeXml(content)}</text>`;
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string, more = ''): string {
  return `<line x1="${pixel(x1)}" y1="${pixel(y1)}" x2="${pixel(x2)}" y2="${pixel(y2)}" stroke="${colour}"${more}/>`;
}
