/** Two rounds held against each other: settings, update and evaluation as rows, and curves over their steps. */
import { halfWidth, winRates } from '../../../src/core/winRate.js';
import type { HeldOutSeen, RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { decisionsInWords, promptsWithoutPair } from '../../../src/core/review/decisions.js';
import { overriddenKeys, settingOf } from '../../../src/core/rounds.js';
import type { Comparison, MetricsRow } from '../../../src/core/rows.js';
import { verdictWord } from '../../app/heldOut/verdict.js';
import * as format from '../../../src/core/format.js';
import { curveCount, curvesOf } from '../../parts/curves.js';
import { forkField } from './forkFields.js';

export interface ComparedRow {
  name: string;
  left: string;
  right: string;
  /** Right less left, where that means something. */
  difference: string;
  /** What is set differs; of what came out only the difference is told. */
  differs: boolean;
}

export interface ComparedGroup {
  title: string;
  rows: ComparedRow[];
}

/** @param answers of both rounds to the held-out prompts; null before the engine has told them */
export function comparedGroups(
  config: Snapshot['config'],
  left: RoundState,
  right: RoundState,
  answers: { left: readonly HeldOutSeen[]; right: readonly HeldOutSeen[] } | null,
): ComparedGroup[] {
  const both = { left, right };
  const groups = [
    { title: 'Settings', rows: settingRows(config, both) },
    { title: 'Update', rows: updateRows(both) },
    { title: 'Held-out prompts', rows: [...headToHead(answers), ...evaluationRows(both)] },
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

interface Both {
  left: RoundState;
  right: RoundState;
}

function settingRows(config: Snapshot['config'], both: Both): ComparedRow[] {
  const { left, right } = both;
  const changed = [...new Set([...overriddenKeys(left), ...overriddenKeys(right)])].sort();
  const texts = (show: (round: RoundState) => string) => [show(left), show(right)] as const;
  const own = (show: (round: RoundState) => string) => texts((round) => (round.id === 0 ? '–' : show(round)));
  return [
    setting('start', ...own(({ parent }) => (parent === 0 ? 'base' : `round ${parent}`))),
    setting('α', ...own(({ settings }) => format.alpha(settings.alpha))),
    setting('β', ...own(({ settings }) => String(settings.beta))),
    setting('learning rate', ...own(({ settings }) => format.learningRate(settings.lr))),
    ...changed.map((key) =>
      setting(forkField(key)?.label ?? key, ...own((round) => valueText(settingOf(config, round, key)))),
    ),
  ];
}

export function valueText(value: unknown): string {
  if (value === undefined || value === null) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const setting = (name: string, left: string, right: string): ComparedRow => ({
  ...{ name, left, right },
  difference: '',
  differs: left !== right,
});

function updateRows(both: Both): ComparedRow[] {
  const without = ({ dropped, decisions }: RoundState): number =>
    dropped === null ? NaN : promptsWithoutPair(dropped, decisions);
  return [
    told('prompts sampled', both, ({ sampled }) => {
      if (sampled === null) return '–';
      const { prompts, planned, stopped_early } = sampled;
      return `${format.count(prompts)} of ${format.count(planned)}${stopped_early ? ' (stopped)' : ''}`;
    }),
    numbers('pairs', both, ({ pairs }) => pairs, format.count, 0),
    numbers('prompts without pair', both, without, format.count, 0),
    told('decisions', both, ({ decisions }) => decisionsInWords(decisions) ?? '–'),
    numbers('steps', both, ({ steps }) => steps, format.count, 0),
    told('update stopped early', both, ({ stopped_early }) => (stopped_early ? 'yes' : 'no')),
    told('time', both, ({ seconds }) => format.duration(Object.values(seconds).reduce((a, b) => a + b, 0))),
    told('verdict', both, verdictWord),
  ];
}

/** Of the last answers: a fit that not every key needs again. */
let kept: { left: readonly HeldOutSeen[]; right: readonly HeldOutSeen[]; rows: ComparedRow[] } | null = null;

function headToHead(answers: { left: readonly HeldOutSeen[]; right: readonly HeldOutSeen[] } | null): ComparedRow[] {
  if (answers === null) return [];
  if (kept?.left !== answers.left || kept.right !== answers.right)
    kept = { ...answers, rows: winRows(answers.left, answers.right) };
  return kept.rows;
}

/** Right against left on the prompts that both answered, by reward; as an evaluation compares a round with its start. */
function winRows(left: readonly HeldOutSeen[], right: readonly HeldOutSeen[]): ComparedRow[] {
  const before = new Map(left.map((answer) => [answer.prompt_index, answer]));
  const rows = right.flatMap(({ prompt_index, reward, length }) => {
    const other = before.get(prompt_index);
    if (other === undefined) return [];
    const preference = reward > other.reward ? 1 : reward < other.reward ? 0 : 0.5;
    return [{ preference, length_model: length, length_baseline: other.length }];
  });
  if (rows.length === 0) return [];
  const { win_rate, length_controlled_win_rate, standard_error } = winRates(rows);
  const spread = standard_error === null ? '' : ` ±${format.fixed(halfWidth(standard_error), 1)}`;
  const row = (name: string, theirs: string, own: string): ComparedRow => ({
    ...{ name, left: theirs, right: own },
    difference: '',
    differs: false,
  });
  return [
    row('win rate, 95 %', format.percent(100 - win_rate), `${format.percent(win_rate)}${spread}`),
    row(
      '  length-controlled',
      format.percent(100 - length_controlled_win_rate),
      format.percent(length_controlled_win_rate),
    ),
  ];
}

function evaluationRows(both: Both): ComparedRow[] {
  if (both.left.evaluation === null && both.right.evaluation === null) return [];
  const percent = (value: number, digits: number) => format.percent(value, digits);
  const base = (value: (comparison: Comparison) => number | null) => (round: RoundState) => {
    const found = round.evaluation?.comparisons.find(({ against }) => against === 'base');
    return found === undefined ? null : value(found);
  };
  return [
    numbers('reward', both, ({ evaluation: e }) => e?.reward, format.fixed, 3),
    numbers('length, tokens', both, ({ evaluation: e }) => e?.mean_length, format.fixed, 1),
    numbers('truncated', both, ({ evaluation: e }) => e && 100 * e.truncated_share, percent, 1),
    numbers('distinct-2', both, ({ evaluation: e }) => e?.distinct_2, format.fixed, 3),
    numbers(
      'win rate vs base',
      both,
      base(({ win_rate }) => win_rate),
      percent,
      1,
    ),
    numbers(
      '  length-controlled',
      both,
      base(({ length_controlled_win_rate: rate }) => rate),
      percent,
      1,
    ),
    numbers(
      'KL from base, nats',
      both,
      base(({ kl }) => kl),
      format.fixed,
      3,
    ),
    numbers(
      '  per token',
      both,
      base(({ kl_per_token }) => kl_per_token),
      format.fixed,
      4,
    ),
  ];
}

function numbers(
  name: string,
  { left, right }: Both,
  value: (round: RoundState) => number | null | undefined,
  show: (value: number, digits: number) => string,
  digits: number,
): ComparedRow {
  const [a, b] = [value(left) ?? NaN, value(right) ?? NaN];
  return {
    ...{ name, left: show(a, digits), right: show(b, digits) },
    difference: Number.isFinite(a) && Number.isFinite(b) ? format.signed(b - a, digits) : '',
    differs: false,
  };
}

function told(name: string, { left, right }: Both, text: (round: RoundState) => string): ComparedRow {
  return { name, left: text(left), right: text(right), difference: '', differs: false };
}

export interface ComparedCurve {
  title: string;
  /** Left and right. `last`: the value that it ended at, wherever that was. */
  series: { name: string; values: number[]; last: number }[];
}

/** Curves that have two sides are two here. */
export const comparedCurveCount = curveCount + 2;

/** Each curve of an update with both rounds in it, over the steps of the longer one. */
export function comparedCurves(
  left: { round: RoundState; metrics: readonly MetricsRow[] },
  right: { round: RoundState; metrics: readonly MetricsRow[] },
): ComparedCurve[] {
  const steps = Math.max(left.metrics.length, right.metrics.length);
  if (steps === 0) return [];
  const of = ({ round, metrics }: typeof left) => ({
    name: String(round.id),
    curves: curvesOf(metrics, round.settings.beta, false),
  });
  const [a, b] = [of(left), of(right)];
  // A curve that ends early ends where its update did.
  const drawn = (name: string, values: readonly number[]) => ({
    ...{ name, last: values.at(-1) ?? NaN },
    values: [...values, ...new Array<number>(steps - values.length).fill(NaN)],
  });
  return a.curves.flatMap(({ title, series }, i) =>
    series.map(({ name }, j) => ({
      title: name === '' ? title : `${title} ${name}`,
      series: [drawn(a.name, series[j].values), drawn(b.name, b.curves[i].series[j].values)],
    })),
  );
}
