/**
 * Controlled comparisons: rounds with the same samples, pairs, decisions and seeds whose settings differ. `brevity sweep`
 * makes them, its table and the history screen show them.
 */
import { isDeepStrictEqual } from 'node:util';
import { configOf } from './config/rounds.js';
import type { Config } from './config/schema.js';
import { isObject } from './config/partial.js';
import * as format from './format.js';
import type { DecisionCounts } from './review/rows.js';
import { seedRound, type RoundState } from './rounds.js';
import type { Comparison } from './rows.js';
import { winRateInterval } from './findings.js';
import type { Interval } from './statistics.js';

export interface ControlledComparison {
  /** Dotted keys of the settings that were varied, the most telling first; α, β and the learning rate among them. */
  varied: readonly string[];
  /** The varied ones, then those that follow from them: β and α of each objective. */
  keys: readonly string[];
  /** One row per round, in the order of their settings. */
  rows: readonly ControlledRow[];
}

export interface ControlledRow {
  round: RoundState;
  /** In the order of the keys. */
  values: readonly unknown[];
}

/**
 * The comparisons that one round is part of: a table for each setting in which others differ from it, and one for several
 * settings where rounds differ in all of them at once, as in a grid. The round itself is a row of every table; if it was
 * done again from another, settings are compared with that one's.
 *
 * @param config the run's
 */
export function controlledComparisons(
  config: Config,
  rounds: readonly RoundState[],
  of: RoundState,
): ControlledComparison[] {
  if (of.id === 0 || of.damaged !== undefined) return [];
  // A round that was done again is seen beside the others of its source.
  const source = rounds.find(({ id }) => id === of.redo_of);
  const centre = source !== undefined && isComparable(config, source, of) ? source : of;
  const own = flat(configOf(config, centre));
  const others = rounds
    .filter((round) => round.id !== centre.id && isComparable(config, centre, round))
    .map((round) => ({ round, varied: variedKeys(own, flat(configOf(config, round))) }));
  const sets = [...new Map(others.map(({ varied }) => [varied.join(' '), varied])).values()];
  // A grid's table has the rows in which only one of its settings differs, too.
  const widest = sets.filter(
    (set) => set.length > 0 && !sets.some((other) => other.length > set.length && isWithin(set, other)),
  );
  return widest
    .sort((a, b) => place(a[0]) - place(b[0]) || (a[0] < b[0] ? -1 : 1))
    .map((set) => {
      const members = others.filter(({ varied }) => isWithin(varied, set)).map(({ round }) => round);
      return compareSettings(config, [centre, ...members], set);
    })
    .filter(({ rows }) => rows.some(({ round }) => round.id === of.id));
}

const isWithin = (keys: readonly string[], set: readonly string[]): boolean => keys.every((key) => set.includes(key));

/** Settings that another objective changes by itself (core/config/rounds.ts: resetSettings). */
const ofObjective = ['alpha', 'beta', 'gamma_ratio', 'ld_scale', 'label_smoothing', 'reference'].map(
  (key) => `dpo.${key}`,
);

/** The keys in which two configurations differ; those that another objective brings along are left out. */
function variedKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  const keys = differing([a, b]);
  return keys.includes('dpo.objective') ? keys.filter((key) => !ofObjective.includes(key)) : keys;
}

function differing(settings: readonly ReadonlyMap<string, unknown>[]): string[] {
  const all = [...new Set(settings.flatMap((each) => [...each.keys()]))];
  return all
    .filter((key) => settings.some((each) => !isDeepStrictEqual(each.get(key), settings[0].get(key))))
    .sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

/**
 * Rounds by the settings in which they differ.
 *
 * @param varied keys that come first, whether the rounds differ in them or not
 */
export function compareSettings(
  config: Config,
  rounds: readonly RoundState[],
  varied: readonly string[],
): ControlledComparison {
  const settings = rounds.map((round) => flat(configOf(config, round)));
  const keys = [...varied, ...differing(settings).filter((key) => !varied.includes(key))];
  const rows = rounds.map((round, i) => ({ round, values: keys.map((key) => settings[i].get(key)) }));
  return { varied, keys, rows: rows.sort(inOrder) };
}

/**
 * Whether two rounds differ in settings alone. Where pairs.* differ, so do the pairs; then neither may have decisions,
 * which are about pairs.
 */
export function isComparable(config: Config, a: RoundState, b: RoundState): boolean {
  if (a.damaged !== undefined || b.damaged !== undefined) return false;
  if (a.id === 0 || b.id === 0 || seedRound(a) !== seedRound(b) || a.parent !== b.parent) return false;
  if (a.pairs === null || b.pairs === null) return false;
  if (!isDeepStrictEqual(configOf(config, a).pairs, configOf(config, b).pairs)) return isUntouched(a) && isUntouched(b);
  if (a.pairs_digest !== null && b.pairs_digest !== null) return a.pairs_digest === b.pairs_digest;
  // Earlier versions kept no digest; the pairs of the same rewards are the same until a person decides.
  return isUntouched(a) && isUntouched(b) && a.pairs === b.pairs && isDeepStrictEqual(a.dropped, b.dropped);
}

/** Whether no decision has changed the pairs that follow from the rewards; a note changes none. */
export function isUntouched({ decisions }: Pick<RoundState, 'decisions'>): boolean {
  const { noted: _noted, ...changes }: Partial<DecisionCounts> = decisions ?? {};
  return Object.values(changes).every((count) => count === 0);
}

/** Settings that are compared most often, in the order of their columns; others follow by name. */
const labels: readonly (readonly [key: string, label: string])[] = [
  ['dpo.objective', 'objective'],
  ['dpo.reference', 'reference'],
  ['pairs.strategy', 'strategy'],
  ['dpo.alpha', 'α'],
  ['dpo.beta', 'β'],
  ['update.lr', 'learning rate'],
];

function place(key: string): number {
  const at = labels.findIndex(([known]) => known === key);
  return at < 0 ? labels.length : at;
}

/** A setting's name above its column: `α`, `learning rate`, `epochs`. */
export function settingLabel(key: string): string {
  const known = labels.find(([name]) => name === key);
  return known?.[1] ?? (key.split('.').at(-1) as string).replaceAll('_', ' ');
}

/** A setting's value in its column. */
export function settingText(key: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (key === 'dpo.alpha') return format.alpha(value as number);
  if (key === 'update.lr') return format.learningRate(value as number);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Numbers by size and before texts. */
function inOrder(a: ControlledRow, b: ControlledRow): number {
  for (let i = 0; i < a.values.length; i++) {
    const [x, y] = [a.values[i], b.values[i]];
    if (isDeepStrictEqual(x, y)) continue;
    if (typeof x === 'number' && typeof y === 'number') return x - y;
    if (typeof x === 'number' || typeof y === 'number') return typeof x === 'number' ? -1 : 1;
    return JSON.stringify(x) < JSON.stringify(y) ? -1 : 1;
  }
  return a.round.id - b.round.id;
}

/** Leaves by dotted key. */
function flat(config: unknown, path = ''): Map<string, unknown> {
  if (!isObject(config)) return new Map([[path, config]]);
  return new Map(
    Object.entries(config).flatMap(([key, value]) => [...flat(value, path === '' ? key : `${path}.${key}`)]),
  );
}

// What is measured: the columns after the settings.

export interface ResultColumn {
  heading: string;
  cell(round: RoundState): string;
  /** Left out on a narrow terminal, the highest first; 0: never. */
  spare: number;
}

const against = (round: RoundState, who: string): Comparison | undefined =>
  round.evaluation?.comparisons.find((comparison) => comparison.against === who);

const number = (value: number | null | undefined, digits: number): string => format.fixed(value ?? NaN, digits);

function winText(comparison: Comparison | undefined): string {
  if (comparison === undefined) return '–';
  return number(comparison.win_rate, 1) + range(winRateInterval(comparison));
}

const range = (interval: Interval | null | undefined): string =>
  interval == null ? '' : ` ${format.plusMinus(interval, 1)}`;

const opponentColumns = (who: string, name: string, spare: number): ResultColumn[] => [
  { heading: `win vs ${name}`, cell: (round) => winText(against(round, who)), spare },
  {
    heading: 'LC',
    cell(round) {
      const comparison = against(round, who);
      return (
        number(comparison?.length_controlled_win_rate, 1) + range(comparison?.intervals?.length_controlled_win_rate)
      );
    },
    spare: spare === 0 ? 0 : spare + 1,
  },
  { heading: 'KL', cell: (round) => number(against(round, who)?.kl, 2), spare: spare + 2 },
];

/**
 * The columns that these rounds have results for. Rates are in percent, ± half the width of the 95 % interval; LC is the length-controlled
 * win rate; KL is in nats; lengths are in tokens.
 */
export function resultColumns(rounds: readonly RoundState[]): ResultColumn[] {
  return [
    { heading: 'reward', cell: ({ evaluation }) => number(evaluation?.reward, 3), spare: 0 },
    { heading: 'length', cell: ({ evaluation }) => number(evaluation?.mean_length, 1), spare: 0 },
    // A round from the base starts at the base.
    ...(rounds.some((round) => round.parent !== 0 && against(round, 'round-start') !== undefined)
      ? opponentColumns('round-start', 'start', 3)
      : []),
    ...opponentColumns('base', 'base', 0),
  ];
}

/** What a reader must know of a round beside its numbers: it is not done, or its update was stopped; empty if nothing. */
export function rowRemark({ stage, stopped_early }: RoundState): string {
  if (stage !== 'done') return `at ${stage}`;
  return stopped_early ? 'update stopped early' : '';
}

/** Above every such table: "controlled comparison: same samples, pairs, decisions and seeds; only α differs". */
export function controlledTitle({ varied, keys }: Pick<ControlledComparison, 'varied' | 'keys'>): string {
  const names = varied.map(settingLabel);
  const only =
    names.length === 1
      ? `only ${names[0]} differs`
      : `only ${names.slice(0, -1).join(', ')} and ${names.at(-1)} differ`;
  const more = keys.length > varied.length ? ', with the settings that go with it' : '';
  return keys.some((key) => key.startsWith('pairs.'))
    ? `controlled comparison: same samples, scores and seeds, no decisions; ${only}, and the pairs with it${more}`
    : `controlled comparison: same samples, pairs, decisions and seeds; ${only}${more}`;
}
