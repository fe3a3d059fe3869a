/** What differs between two rounds: settings, update and evaluation as rows, and the curves of both updates. */
import { trainedPairs } from '../../../src/core/heldOutPairs.js';
import { heldOutKey, type Comparison, type MetricsRow } from '../../../src/core/rows.js';
import { bootstrapInterval, type Interval } from '../../../src/core/statistics.js';
import { mean, winRates } from '../../../src/core/winRate.js';
import type { HeldOutResponse, RoundState, Snapshot } from '../../../src/protocol/messages.js';
import { winRateInterval } from '../../../src/core/findings.js';
import { decisionsInWords, promptsWithoutPair } from '../../../src/core/review/decisions.js';
import { overriddenKeys, settingOf } from '../../../src/core/rounds.js';
import { makeLine } from '../../../src/core/sanitize.js';
import * as format from '../../../src/core/format.js';
import { type Curve, curveCount, curvesOf } from '../../parts/curves.js';
import { forkField } from './fork.js';
import { valueText, verdictWord } from './select.js';

export interface ComparedRow {
  name: string;
  left: string;
  right: string;
  /** Right minus left; empty where there is no number to subtract. */
  difference: string;
  /** Whether a setting differs, which is marked. Results always differ, and are not. */
  differs: boolean;
}

export interface ComparedGroup {
  title: string;
  rows: ComparedRow[];
}

/** @param responses of both rounds to the held-out prompts; null before the engine has sent them */
export function comparedGroups(
  config: Snapshot['config'],
  left: RoundState,
  right: RoundState,
  responses: Responses | null,
): ComparedGroup[] {
  const both = { left, right };
  const sameReward = settingOf(config, left, 'reward') === settingOf(config, right, 'reward');
  const groups = [
    { title: 'Settings', rows: settingRows(config, both) },
    { title: 'Update', rows: updateRows(both) },
    {
      title: 'Held-out prompts',
      rows: [...(sameReward ? headToHead(responses) : [otherReward]), ...evaluationRows(both)],
    },
  ];
  return groups.filter(({ rows }) => rows.length > 0);
}

interface Both {
  left: RoundState;
  right: RoundState;
}

interface Responses {
  left: readonly HeldOutResponse[];
  right: readonly HeldOutResponse[];
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

const setting = (name: string, left: string, right: string): ComparedRow => ({
  name,
  left,
  right,
  difference: '',
  differs: left !== right,
});

function updateRows(both: Both): ComparedRow[] {
  const without = ({ dropped, decisions }: RoundState): number =>
    dropped === null ? NaN : promptsWithoutPair(dropped, decisions);
  const holdsOut = [both.left, both.right].some(({ held_out_pairs: held }) => (held ?? 0) > 0);
  return [
    stated('prompts sampled', both, ({ sampled }) => {
      if (sampled === null) return '–';
      const { prompts, planned, stopped_early } = sampled;
      return `${format.count(prompts)} of ${format.count(planned)}${stopped_early ? ' (stopped)' : ''}`;
    }),
    numbers('pairs trained on', both, trainedPairs, format.count, 0),
    ...(holdsOut ? [numbers('pairs held out', both, ({ held_out_pairs: held }) => held, format.count, 0)] : []),
    numbers('prompts without pair', both, without, format.count, 0),
    stated('decisions', both, ({ decisions }) => decisionsInWords(decisions) ?? '–'),
    numbers('steps', both, ({ steps }) => steps, format.count, 0),
    stated('update stopped early', both, ({ stopped_early }) => (stopped_early ? 'yes' : 'no')),
    stated('time', both, ({ seconds }) => format.duration(Object.values(seconds).reduce((a, b) => a + b, 0))),
    stated('verdict', both, verdictWord),
  ];
}

/** The last result: the length-controlled win rate is fitted, which is too slow to repeat on every key. */
let last: (Responses & { rows: ComparedRow[] }) | null = null;

function headToHead(responses: Responses | null): ComparedRow[] {
  if (responses === null) return [];
  const { left, right } = responses;
  if (last?.left !== left || last.right !== right) last = { left, right, rows: winRows(left, right) };
  return last.rows;
}

/** Rewards of different reward models must not be compared. */
const otherReward: ComparedRow = {
  name: 'win rate',
  left: '–',
  right: '–',
  difference: 'other reward',
  differs: false,
};

/** Right against left by reward, on the prompts that both have a response to, as an evaluation compares policies. */
function winRows(left: readonly HeldOutResponse[], right: readonly HeldOutResponse[]): ComparedRow[] {
  const before = new Map(left.map((response) => [heldOutKey(response), response]));
  const byPrompt = new Map<number, number[]>();
  const rows = right.flatMap((response) => {
    const { prompt_index, reward, length } = response;
    const other = before.get(heldOutKey(response));
    if (other === undefined) return [];
    const preference = reward > other.reward ? 1 : reward < other.reward ? 0 : 0.5;
    byPrompt.set(prompt_index, [...(byPrompt.get(prompt_index) ?? []), preference]);
    return [{ preference, length_model: length, length_baseline: other.length }];
  });
  if (rows.length === 0) return [];
  const { length_controlled_win_rate } = winRates(rows);
  const preferences = [...byPrompt.values()].map(mean);
  const win_rate = 100 * mean(preferences);
  const interval = bootstrapInterval(preferences.length, (drawn) => {
    let sum = 0;
    for (const p of drawn) sum += preferences[p];
    return (100 * sum) / drawn.length;
  });
  const spread = interval === null ? '' : ` ${format.plusMinus(interval, 1)}`;
  const row = (name: string, theirs: string, own: string): ComparedRow => ({
    name,
    left: theirs,
    right: own,
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

/** The mean of each part of the reward that one of the two was evaluated with. */
function partRows(both: Both): ComparedRow[] {
  const partsOf = ({ evaluation }: RoundState) => evaluation?.reward_parts ?? [];
  const all = [...partsOf(both.left), ...partsOf(both.right)].map(({ name, weight }) => ({ name, weight }));
  const keys = [...new Map(all.map((part) => [`${part.weight}·${part.name}`, part]))];
  return keys.map(([key, { name, weight }]) =>
    numbers(
      `  ${makeLine(key, 24)}`,
      both,
      (round) => partsOf(round).find((part) => part.name === name && part.weight === weight)?.reward,
      format.fixed,
      3,
    ),
  );
}

function evaluationRows(both: Both): ComparedRow[] {
  if (both.left.evaluation === null && both.right.evaluation === null) return [];
  const percent = (value: number, digits: number) => format.percent(value, digits);
  const base = (value: (comparison: Comparison) => number | null) => (round: RoundState) => {
    const found = againstBase(round);
    return found === undefined ? null : value(found);
  };
  return [
    numbers('reward', both, ({ evaluation: e }) => e?.reward, format.fixed, 3),
    ...partRows(both),
    numbers('length, tokens', both, ({ evaluation: e }) => e?.mean_length, format.fixed, 1),
    numbers('truncated', both, ({ evaluation: e }) => e && 100 * e.truncated_share, percent, 1),
    numbers('distinct-2', both, ({ evaluation: e }) => e?.distinct_2, format.fixed, 3),
    ...metricRows(both),
    numbers(
      'win rate vs base',
      both,
      base(({ win_rate }) => win_rate),
      percent,
      1,
      interval(winRateInterval),
    ),
    numbers(
      '  length-controlled',
      both,
      base(({ length_controlled_win_rate: rate }) => rate),
      percent,
      1,
      interval(({ intervals }) => intervals?.length_controlled_win_rate),
    ),
    ...(hasJudge(both)
      ? [
          numbers(
            '  by second judge',
            both,
            base(({ judge }) => judge?.win_rate ?? null),
            percent,
            1,
            interval(({ judge }) => judge?.intervals.win_rate),
          ),
        ]
      : []),
    numbers(
      'KL from base, nats',
      both,
      base(({ kl }) => kl),
      format.fixed,
      3,
      interval(({ intervals }) => intervals?.kl),
    ),
    numbers(
      '  per token',
      both,
      base(({ kl_per_token }) => kl_per_token),
      format.fixed,
      4,
      interval(({ intervals }) => intervals?.kl_per_token),
    ),
  ];
}

const againstBase = (round: RoundState): Comparison | undefined =>
  round.evaluation?.comparisons.find(({ against }) => against === 'base');

const interval =
  (of: (comparison: Comparison) => Interval | null | undefined) =>
  (round: RoundState): Interval | null => {
    const found = againstBase(round);
    return (found === undefined ? null : of(found)) ?? null;
  };

const hasJudge = ({ left, right }: Both): boolean =>
  [left, right].some((round) => againstBase(round)?.judge !== undefined);

/** The users' metrics that either round has. */
function metricRows(both: Both): ComparedRow[] {
  const all = [both.left, both.right].flatMap(({ evaluation }) => evaluation?.metrics ?? []);
  const names = new Map(all.map(({ name, percent }) => [name, percent]));
  return [...names].map(([name, inPercent]) =>
    numbers(
      name,
      both,
      ({ evaluation }) => {
        const found = evaluation?.metrics?.find((metric) => metric.name === name);
        return found === undefined ? null : (inPercent ? 100 : 1) * found.value;
      },
      inPercent ? (value, digits) => format.percent(value, digits) : format.fixed,
      inPercent ? 1 : 3,
    ),
  );
}

function numbers(
  name: string,
  { left, right }: Both,
  value: (round: RoundState) => number | null | undefined,
  show: (value: number, digits: number) => string,
  digits: number,
  intervalOf: (round: RoundState) => Interval | null = () => null,
): ComparedRow {
  const [a, b] = [value(left) ?? NaN, value(right) ?? NaN];
  const half = (round: RoundState): string => {
    const found = intervalOf(round);
    return found === null ? '' : ` ${format.plusMinus(found, digits)}`;
  };
  return {
    name,
    left: show(a, digits) + half(left),
    right: show(b, digits) + half(right),
    difference: Number.isFinite(a) && Number.isFinite(b) ? format.signed(b - a, digits) : '',
    differs: false,
  };
}

function stated(name: string, { left, right }: Both, text: (round: RoundState) => string): ComparedRow {
  return { name, left: text(left), right: text(right), difference: '', differs: false };
}

/** Two more than an update has: a curve of chosen and rejected is drawn as two plots here. */
export const comparedCurveCount = curveCount + 2;

/** The curves of both updates, the left round's first; empty if neither was updated. */
export function comparedCurves(
  left: { round: RoundState; metrics: readonly MetricsRow[] },
  right: { round: RoundState; metrics: readonly MetricsRow[] },
): Curve[] {
  if (left.metrics.length === 0 && right.metrics.length === 0) return [];
  const [a, b] = [left, right].map(({ round, metrics }) => ({
    name: String(round.id),
    curves: curvesOf(metrics, round.settings.beta, false),
  }));
  return a.curves.flatMap(({ title, series }, i) =>
    series.map((own, j) => ({
      title: own.name === '' ? title : `${title} ${own.name}`,
      series: [
        { ...own, name: a.name },
        { ...b.curves[i].series[j], name: b.name },
      ],
    })),
  );
}
