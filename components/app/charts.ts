/** Charts over steps, for every screen that has some: their look, one of them enlarged, and reading values at a step. */
import * as format from '../../src/core/format.js';
import { largest, smallest } from '../../src/core/limits.js';
import { type Curve, type Series, smoothed } from '../parts/curves.js';
import { placeAt } from './lists.js';
import { type Action, type State, noEffects } from './state.js';

export interface ChartUi {
  /** Weight of the moving average; 0: none. */
  smoothing: number;
  /** A logarithmic scale. */
  log: boolean;
  /** The enlarged chart's place; null: none. Readers clamp it and the step below. */
  enlarged: number | null;
  /** The step whose values are read in it; null: the last. */
  step: number | null;
}

export const chartUi: ChartUi = { smoothing: 0, log: false, enlarged: null, step: null };

/** Weights of the moving average that the key goes through. */
const weights = [0, 0.6, 0.8, 0.9, 0.95, 0.99] as const;

/** The enlarged chart with the step that is read. */
export interface Enlarged {
  curve: Curve;
  index: number;
  /** The step nearest to the wanted one. */
  step: number;
}

/** null: no chart is enlarged, or there is none. */
export function enlargedIn({ enlarged, step }: ChartUi, curves: readonly Curve[]): Enlarged | null {
  if (enlarged === null || curves.length === 0) return null;
  const index = Math.min(enlarged, curves.length - 1);
  const steps = stepsOf(curves[index]);
  return { curve: curves[index], index, step: steps.length === 0 ? NaN : nearest(steps, step ?? Infinity) };
}

/** All steps at which the chart has a value in front, ascending. */
function stepsOf({ series }: Curve): number[] {
  const all = series.filter(({ isBackground }) => isBackground !== true).flatMap(({ steps }) => steps);
  return [...new Set(all)].sort((a, b) => a - b);
}

const nearest = (steps: readonly number[], wanted: number): number =>
  steps.reduce(
    (best, step) => (Math.abs(step - wanted) < Math.abs(best - wanted) ? step : best),
    steps.at(-1) as number,
  );

/** What a series is called where values are read: its name, or the chart's. */
const nameIn = ({ title }: Curve, { name }: Series): string => (name === '' ? title : name);

/** Each curve's value at a step, and the average drawn for it: "loss 0.612 (average 0.634)". */
export function readings({ curve, step }: Pick<Enlarged, 'curve' | 'step'>, smoothing: number): string[] {
  return curve.series.flatMap((series) => {
    const at = series.steps.indexOf(step);
    if (at < 0) return [];
    const value = `${nameIn(curve, series)} ${precise(series.values[at])}`;
    if (smoothing === 0 || series.isSparse === true) return [value];
    return [`${value} (average ${precise(smoothed(series.values, smoothing)[at])})`];
  });
}

/** More digits than on an axis. */
function precise(value: number): string {
  if (!Number.isFinite(value)) return format.fixed(value, 0);
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(5)));
}

/** How the charts are drawn, where that is not the usual; empty if it is. */
export function lookInWords({ smoothing, log }: ChartUi, curves: readonly Curve[]): string {
  const behind = [
    ...new Set(
      curves.flatMap(({ series }) =>
        series.filter(({ isBackground }) => isBackground === true).map(({ name }) => name),
      ),
    ),
  ];
  const parts = [
    ...(smoothing === 0 ? [] : [`moving average, weight ${smoothing}; dots: values`]),
    ...(log ? ['log scale'] : []),
    ...(behind.length === 0 ? [] : [`behind, sparsely dotted: ${behind.join(', ')}`]),
  ];
  return parts.join(' · ');
}

/** The chart that a click hits in a grid of charts. @param x, y from 0 at the grid's corner */
export function chartAt(
  x: number,
  y: number,
  { columns, across, down, height, first, count }: GridPlace,
): number | null {
  const column = placeAt(Math.floor((x * across) / columns), 0, across, across);
  const row = placeAt(Math.floor(y / height), 0, down, down);
  const place = column === null || row === null ? count : first + row * across + column;
  return place < count ? place : null;
}

export interface GridPlace {
  columns: number;
  across: number;
  down: number;
  height: number;
  /** The first visible chart, and how many there are. */
  first: number;
  count: number;
}

export interface ChartActions<S extends State> {
  /** Distinguishes the ids of one screen's actions. */
  readonly prefix: string;
  /** Charts are shown, enlarged or not. */
  when(state: S): boolean;
  curves(state: S): readonly Curve[];
  ui(state: S): ChartUi;
  with(state: S, ui: ChartUi): S;
  /** The chart that is enlarged first. */
  first(state: S): number;
}

export function chartActions<S extends State>({
  prefix,
  when,
  curves,
  ui,
  with: changed,
  first,
}: ChartActions<S>): Action<S>[] {
  const change = (state: S, more: Partial<ChartUi>) => noEffects(changed(state, { ...ui(state), ...more }));
  const isEnlarged = (state: S): boolean => when(state) && enlargedIn(ui(state), curves(state)) !== null;
  const turn = (by: 1 | -1) => (state: S) => {
    const { length } = curves(state);
    const at = enlargedIn(ui(state), curves(state))?.index ?? 0;
    return change(state, { enlarged: (at + by + length) % length });
  };
  const move = (by: number) => (state: S) => {
    const shown = enlargedIn(ui(state), curves(state));
    if (shown === null) return noEffects(state);
    const steps = stepsOf(shown.curve);
    const place = Math.max(0, Math.min(steps.length - 1, steps.indexOf(shown.step) + by));
    return change(state, { step: place === steps.length - 1 ? null : steps[place] });
  };
  const moves: (Pick<Action<S>, 'keys' | 'help' | 'run'> & Partial<Action<S>> & { name: string })[] = [
    {
      ...{ name: 'chart-before', command: 'previous-chart', keys: ['up', 'k'], run: turn(-1) },
      help: 'enlarge the chart before it',
    },
    {
      ...{ name: 'chart-after', command: 'next-chart', keys: ['down', 'j'], run: turn(1) },
      ...{ label: 'chart', sign: '↑↓', help: 'enlarge the chart after it' },
    },
    { name: 'step-back', keys: ['left'], run: move(-1), help: 'values at the step before' },
    {
      ...{ name: 'step-on', keys: ['right'], run: move(1) },
      ...{ label: 'step', sign: '←→', help: 'values at the step after' },
    },
    { name: 'steps-back', keys: ['shift+left', 'pageup'], run: move(-10), help: 'values ten steps earlier' },
    { name: 'steps-on', keys: ['shift+right', 'pagedown'], run: move(10), help: 'values ten steps later' },
    { name: 'first-step', keys: ['home', 'g'], run: move(-Infinity), help: 'values at the first step' },
    {
      ...{ name: 'last-step', keys: ['end', 'G'], run: move(Infinity) },
      help: 'values at the last step, which is followed',
    },
  ];
  return [
    {
      id: `${prefix}enlarge`,
      group: 'views',
      command: 'enlarge',
      aliases: ['zoom', 'chart'],
      keys: ['z'],
      label: 'enlarge',
      help: 'one chart on the whole screen, with its values at a step',
      when: (state) => when(state) && !isEnlarged(state) && curves(state).length > 0,
      run: (state) => change(state, { enlarged: first(state), step: null }),
    },
    {
      id: `${prefix}all-charts`,
      group: 'views',
      command: 'all-charts',
      aliases: ['zoom out'],
      keys: ['z'],
      label: 'all charts',
      help: 'back to all charts',
      when: isEnlarged,
      run: (state) => change(state, { enlarged: null }),
    },
    {
      id: `${prefix}smoothing`,
      group: 'views',
      command: 'smooth',
      aliases: ['smoothing', 'average'],
      keys: ['a'],
      label: 'smooth',
      help: `moving average of the curves: weight ${weights.slice(1).join(', ')}, or none`,
      when,
      run(state) {
        const at = weights.findIndex((weight) => weight > ui(state).smoothing);
        return change(state, { smoothing: at < 0 ? 0 : weights[at] });
      },
    },
    {
      id: `${prefix}log-scale`,
      group: 'views',
      command: 'log-scale',
      aliases: ['logarithmic'],
      keys: ['L'],
      label: 'log scale',
      help: 'logarithmic scale of the charts, and back',
      when,
      run: (state) => change(state, { log: !ui(state).log }),
    },
    ...moves.map(({ name, command = name, ...more }) => ({
      id: `${prefix}${name}`,
      group: 'moving' as const,
      command,
      label: '',
      when: isEnlarged,
      ...more,
    })),
  ];
}

/** An enlarged chart as lines to be read aloud. */
export function enlargedReading(enlarged: Enlarged, { smoothing, log }: ChartUi): string[] {
  const { curve, step } = enlarged;
  const ends = curve.series
    .filter(({ isBackground }) => isBackground !== true)
    .map((series) => {
      const finite = series.values.filter(Number.isFinite);
      const [from, to] = [finite.at(0) ?? NaN, finite.at(-1) ?? NaN].map(precise);
      return `${nameIn(curve, series)} from ${from} to ${to}, between ${precise(smallest(finite))} and ${precise(largest(finite))}`;
    });
  return [
    `Chart of ${curve.title}${log ? ', log scale' : ''}: ${ends.join('; ')}.`,
    `At step ${format.count(step)}: ${readings({ curve, step }, smoothing).join(', ')}.`,
  ];
}
