/** Results as Markdown: what was selected and how, figures with intervals, differences, and what they do not show. */
import type { Interval } from '../../src/core/statistics.js';
import { describeSettings } from './grid.js';
import { type Candidate, type Complete, sameSettings, type Settings } from './results.js';
import { selectionRule } from './select.js';
import { type Difference, difference, exceedsNoise, type Figure, type FigureName, type Figures } from './summary.js';

/** A policy's figures; `settings` is null for the base. */
export interface Point {
  settings: Settings | null;
  round: number;
  figures: Figures;
  /** Share of responses that were cut off at the longest length, in percent. */
  cut_off: number;
}

const minus = (text: string): string => text.replace(/-/g, '−');
/** Without the sign of a zero that was rounded from below. */
const fixed = (value: number, digits: number): string => minus(value.toFixed(digits).replace(/^-(0(?:\.0*)?)$/, '$1'));
const signed = (value: number, digits: number): string => {
  const text = fixed(value, digits);
  return text.startsWith('−') ? text : `+${text}`;
};
const range = ({ low, high }: Interval, digits: number): string => `${fixed(low, digits)} to ${fixed(high, digits)}`;

const digitsOf: Record<FigureName, number> = {
  reward: 2,
  correct: 1,
  length: 1,
  win_rate: 1,
  lc_win_rate: 1,
  lc_correct: 1,
};
const columns: [FigureName, string][] = [
  ['reward', 'reward'],
  ['correct', 'correct, %'],
  ['length', 'tokens'],
  ['win_rate', 'win rate, %'],
  ['lc_win_rate', 'LC win rate, %'],
  ['lc_correct', 'LC by correctness, %'],
];
/** The base ties with itself. */
const ofBase: FigureName[] = ['reward', 'correct', 'length'];

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function cell(point: Point, name: FigureName, show: (figure: Figure, digits: number) => string): string {
  return point.settings === null && !ofBase.includes(name) ? '' : show(point.figures[name], digitsOf[name]);
}

const withInterval = ({ value, interval }: Figure, digits: number): string =>
  fixed(value, digits) + (interval === null ? '' : ` (${range(interval, digits)})`);

function pointsTable(points: readonly Point[], first: string, name: (point: Point) => string): string {
  const rows = points.map((point) => [
    name(point),
    ...columns.map(([key]) => cell(point, key, withInterval)),
    fixed(point.cut_off, 1),
  ]);
  return table([first, ...columns.map(([, title]) => title), 'cut off, %'], rows);
}

/** The smallest and the largest value over the seeds. */
function seedsTable(points: readonly Point[], first: string, name: (point: Point) => string): string {
  const rows = points.map((point) => [
    name(point),
    ...columns.map(([key]) => cell(point, key, ({ seeds }, digits) => range(seeds, digits))),
  ]);
  return table([first, ...columns.map(([, title]) => title)], rows);
}

function differenceText({ value, interval }: Difference, digits: number): string {
  const difference = { value, interval };
  return `${signed(value, digits)} (${range(interval, digits)})${exceedsNoise(difference) ? '' : ', within the noise'}`;
}

/** How the figures come about: the same for both reproductions. */
function method({ machine, plan }: Complete, prompts: number): string {
  const { validation_prompts: validation, validation_seeds, report_seeds, responses } = plan;
  return [
    `Held-out figures: ${prompts} prompts, ${responses} responses to each, seeds ${report_seeds.join(', ')}; ${machine}.`,
    'Brackets are 95 % intervals: a paired bootstrap over the prompts. A drawn prompt brings its responses of all seeds,',
    'of the policy and of the base, so an interval says how figures change with other prompts, given these trainings;',
    'the ranges over seeds say how they change with other trainings.',
    'Win rate: how often the reward of a response is above that of the base’s response to the same prompt under the same',
    'seed, ties half. LC: length-controlled (minimal form: length and a constant). LC by correctness: the same, where a',
    'right answer beats a wrong one; without control of length this is 50 % plus half the difference in correctness.',
    `Selection: ${validation} training prompts, fixed, are left out of training and validate (seeds`,
    `${validation_seeds.join(', ')}); the selected settings then train on all training prompts. Held-out prompts take no`,
    'part in the selection.',
    `Rule: ${selectionRule}.`,
  ].join('\n');
}

/** Of a sweep over α. @param points base, then each reported α's rounds, α = 0 first */
export function alphaReport(complete: Complete, chosen: Candidate | null, points: Point[], prompts: number): string {
  const name = ({ settings, round }: Point) => (settings === null ? 'base' : `α = ${settings.alpha}, round ${round}`);
  const selection = complete.validated.map((candidate) => [
    `α = ${candidate.settings.alpha}${candidate === chosen ? ' (selected)' : ''}`,
    candidate.win_rate === null ? 'failed' : fixed(candidate.win_rate, 1),
    candidate.length === null ? '' : fixed(candidate.length, 1),
    candidate.correct === null ? '' : fixed(candidate.correct, 1),
  ]);
  const last = points.filter(({ round }) => round === complete.plan.rounds);
  const plain = last.find(({ settings }) => settings?.alpha === 0);
  const selected = last.find(({ settings }) => chosen !== null && sameSettings(settings, chosen.settings));
  const differences =
    plain === undefined || selected === undefined || plain === selected
      ? []
      : [
          `After round ${complete.plan.rounds}, α = ${chosen?.settings.alpha} minus α = 0:\n`,
          ...columns.map(
            ([key, title]) =>
              `- ${title}: ${differenceText(difference(selected.figures[key], plain.figures[key]), digitsOf[key])}`,
          ),
        ];
  return [
    pointsTable(points, 'held-out prompts', name),
    differences.join('\n'),
    `Lowest to highest seed:\n\n${seedsTable(points, 'held-out prompts', name)}`,
    `Selection of α:\n\n${table(['validation prompts', 'LC win rate, %', 'tokens', 'correct, %'], selection)}`,
    method(complete, prompts),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Which of the selected values are the smallest or largest that were tried. */
export function gridEdges(chosen: Settings, grid: readonly Settings[]): string[] {
  const names = { beta: 'β', alpha: 'α', gamma_ratio: 'γ/β', ld_scale: 'a', lr: 'lr' } as const;
  return (Object.keys(names) as (keyof typeof names)[]).flatMap((key) => {
    const values = grid.map((settings) => settings[key]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (low === high) return [];
    return chosen[key] === low ? [`${names[key]} lowest`] : chosen[key] === high ? [`${names[key]} highest`] : [];
  });
}

export const notShown =
  'A model of 1.4 million parameters on fourteen kinds of synthetic questions, a synthetic reward and one round say ' +
  'little about the order of objectives on real models, prompts and rewards, at other budgets or over more rounds. ' +
  'The grid is small, it was selected on few prompts, and α stays 0 except in lr-dpo: another grid may well reverse ' +
  'neighbours whose intervals overlap.';

/** Of the objectives. @param points base, then each objective's selected settings */
export function objectivesReport(
  complete: Complete,
  chosen: readonly Candidate[],
  points: Point[],
  prompts: number,
): string {
  const { plan } = complete;
  const name = ({ settings }: Point) =>
    settings === null ? 'base' : `${settings.objective}: ${describeSettings(settings)}`;
  const own = (objective: string) => plan.grid.filter((settings) => settings.objective === objective);
  const selected = chosen.map(({ settings }) => settings);
  const reference = points.find(({ settings }) => settings?.objective === 'lr-dpo');
  const differences = points.flatMap((point) => {
    if (reference === undefined || point.settings === null || point === reference) return [];
    const { lc_win_rate, correct, length } = point.figures;
    const theirs = reference.figures;
    return [
      [
        point.settings.objective,
        differenceText(difference(lc_win_rate, theirs.lc_win_rate), 1),
        differenceText(difference(correct, theirs.correct), 1),
        differenceText(difference(length, theirs.length), 1),
      ],
    ];
  });
  const edges = selected.map((settings) => [
    settings.objective,
    gridEdges(settings, own(settings.objective)).join(', ') || 'none',
  ]);
  const missing = [...new Set(plan.grid.map(({ objective }) => objective))].filter(
    (objective) => !selected.some((settings) => settings.objective === objective),
  );
  const validation = complete.validated.map((candidate) => [
    `${candidate.settings.objective}: ${describeSettings(candidate.settings)}`,
    candidate.win_rate === null ? 'failed' : fixed(candidate.win_rate, 1),
    candidate.length === null ? '' : fixed(candidate.length, 1),
    candidate.correct === null ? '' : fixed(candidate.correct, 1),
    chosen.includes(candidate) ? 'selected' : '',
  ]);
  return [
    pointsTable(points, 'objective', name),
    ...(missing.length === 0 ? [] : [`Failed with every setting: ${missing.join(', ')}.`]),
    notShown,
    `Minus lr-dpo:\n\n${table(['objective', 'LC win rate, points', 'correct, points', 'tokens'], differences)}`,
    `Lowest to highest seed:\n\n${seedsTable(points, 'objective', name)}`,
    `Selected values at an edge of the grid, beyond which better ones may lie:\n\n${table(['objective', 'edges'], edges)}`,
    method(complete, prompts),
    `The grid on the validation prompts:\n\n${table(['setting', 'LC win rate, %', 'tokens', 'correct, %', ''], validation)}`,
  ].join('\n\n');
}
