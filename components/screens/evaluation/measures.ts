/** The rows of the evaluation's table: the opponents' values, the round's own, and its difference from each opponent. */
import type { RoundState } from '../../../src/protocol/messages.js';
import type { Comparison, EvaluationResult } from '../../../src/core/rows.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { beyond, scaled, winRateInterval } from '../../../src/core/findings.js';
import type { Interval } from '../../../src/core/statistics.js';
import * as format from '../../../src/core/format.js';
import { klIsLarge } from '../../parts/kl.js';
import { widthOf } from '../../parts/text.js';

export interface Opponent {
  against: 'start' | 'base';
  /** `vs start (1)`. */
  name: string;
  /** `start (1)`. */
  heading: string;
  /** The round whose policy it is. */
  round: number;
  comparison: Comparison;
  /** Its own evaluation; null if the run has none. */
  evaluation: EvaluationResult | null;
}

/** The round's start and the base policy. Round 1 starts from the base: one column is enough. */
export function opponentsOf(round: RoundState, rounds: readonly RoundState[]): Opponent[] {
  return (round.evaluation?.comparisons ?? [])
    .filter(({ against }) => against === 'base' || round.parent !== 0)
    .map((comparison) => {
      const against = comparison.against === 'base' ? 'base' : 'start';
      const id = against === 'base' ? 0 : (round.parent ?? 0);
      const heading = against === 'base' ? 'base' : `start (${id})`;
      const evaluation = rounds.find((other) => other.id === id)?.evaluation ?? null;
      return { against, name: `vs ${heading}`, heading, round: id, comparison, evaluation };
    });
}

export interface Cell {
  text: string;
  /** For narrow columns: `±` is half the width of the interval. */
  short: string;
  /** Good and bad are also said in the text (▲, ▼, "large"), for terminals without colour. */
  tone: 'plain' | 'good' | 'bad';
}

export interface Measure {
  name: string;
  /** Each opponent's value; empty texts if the measure is of the comparison (win rate, KL). */
  before: string[];
  /** The round's value; empty if the measure is of the comparison. */
  own: string;
  /** One per opponent: the difference, or the measure of the comparison. */
  delta: Cell[];
}

export function measuresOf(result: EvaluationResult, opponents: readonly Opponent[]): Measure[] {
  const { percent, fixed, signed } = format;
  /** A measure that both sides have; `other` gives undefined if the opponent has no evaluation of its own. */
  const value = (
    name: string,
    own: number,
    other: (opponent: Opponent) => number | undefined,
    show: (value: number) => string,
    delta: (difference: number, opponent: Opponent) => Cell,
  ): Measure => ({
    name,
    own: show(own),
    before: opponents.map((opponent) => {
      const theirs = other(opponent);
      return theirs === undefined ? '–' : show(theirs);
    }),
    delta: opponents.map((opponent) => {
      const theirs = other(opponent);
      return theirs === undefined ? plain('–') : delta(own - theirs, opponent);
    }),
  });
  const compared = (name: string, cell: (comparison: Comparison) => Cell): Measure => ({
    name,
    own: '',
    before: opponents.map(() => ''),
    delta: opponents.map(({ comparison }) => cell(comparison)),
  });
  const rows = [
    compared('win rate, 95 %', (c) => rateCell(c.win_rate, winRateInterval(c), c.prompts)),
    compared('length-controlled', (c) =>
      rateCell(c.length_controlled_win_rate, c.intervals?.length_controlled_win_rate, c.prompts),
    ),
    ...(opponents.some(({ comparison }) => controlsMarkdown(comparison))
      ? [
          compared('style-controlled', (c) =>
            rateCell(c.style_controlled_win_rate ?? NaN, c.intervals?.style_controlled_win_rate, c.prompts),
          ),
        ]
      : []),
    ...(opponents.some(({ comparison }) => comparison.judge !== undefined)
      ? [compared('second judge', (c) => rateCell(c.judge?.win_rate ?? NaN, c.judge?.intervals.win_rate, c.prompts))]
      : []),
    value(
      'reward',
      result.reward,
      ({ comparison }) => comparison.reward_against,
      (reward) => fixed(reward, 3),
      (difference, { comparison: { intervals, prompts } }) =>
        changeCell(difference, intervals?.reward_change, prompts, 3),
    ),
    ...(result.reward_parts ?? []).map(({ name, weight, reward }) =>
      value(
        `${weight}·${makeLine(name, 24)}`,
        reward,
        ({ evaluation }) =>
          evaluation?.reward_parts?.find((part) => part.name === name && part.weight === weight)?.reward,
        (mean) => fixed(mean, 3),
        (difference) => plain(signed(difference, 3)),
      ),
    ),
    ...(result.metrics ?? []).map(({ name, percent: inPercent, value: own }) => {
      const scale = inPercent ? 100 : 1;
      const digits = inPercent ? 1 : 3;
      const metricOf = ({ comparison }: Opponent) => comparison.metrics?.find((metric) => metric.name === name);
      return value(
        inPercent ? `${name}, %` : name,
        scale * own,
        (opponent) => {
          const against = metricOf(opponent)?.value_against;
          return against === undefined ? undefined : scale * against;
        },
        (shown) => fixed(shown, digits),
        (difference, opponent) =>
          changeCell(difference, scaled(metricOf(opponent)?.interval, scale), opponent.comparison.prompts, digits),
      );
    }),
    value(
      'length, tokens',
      result.mean_length,
      ({ comparison }) => comparison.mean_length_against,
      (length) => fixed(length, 1),
      (difference, { comparison }) => {
        const share = `${signed(comparison.length_change_percent, 1)} %`;
        const cell = neutralCell(share, comparison.intervals?.length_change_percent, comparison.prompts, 1);
        return { ...cell, text: `${signed(difference, 1)} (${cell.text})` };
      },
    ),
    compared('KL, nats', (c) => divergence(c, c.kl, c.intervals?.kl, 3)),
    compared('KL per token, nats', (c) => divergence(c, c.kl_per_token, c.intervals?.kl_per_token, 4)),
    value(
      'distinct-2',
      result.distinct_2,
      ({ evaluation }) => evaluation?.distinct_2,
      (share) => fixed(share, 3),
      (difference) => plain(signed(difference, 3)),
    ),
    value(
      'truncated',
      100 * result.truncated_share,
      ({ evaluation }) => (evaluation === null ? undefined : 100 * evaluation.truncated_share),
      percent,
      (difference) => plain(`${signed(difference, 1)} pp`),
    ),
  ];
  return rows.filter(({ own, delta }) => own !== '' || delta.length > 0);
}

/** A measure in words: "reward: start (1) 1.523, now 1.821, Δ +0.298; base …". */
export function measureInWords({ name, before, own, delta }: Measure, opponents: readonly Opponent[]): string {
  if (own === '') return `${name}: ${delta.map(({ text }, i) => `${opponents[i].name} ${text}`).join('; ')}.`;
  const changes = delta.map(({ text }, i) => `; ${opponents[i].heading} ${before[i]}, Δ ${text}`);
  return `${name}: ${own}${changes.join('')}.`;
}

/** The longer text if it fits with a blank in front. */
export function textOf({ text, short }: Cell, width: number): string {
  return widthOf(text) < width ? text : short;
}

const plain = (text: string): Cell => ({ text, short: text, tone: 'plain' });

function divergence(
  { kl, kl_per_token, kl_note, prompts }: Comparison,
  value: number | null,
  interval: Interval | undefined,
  digits: number,
): Cell {
  const text = format.fixed(value ?? NaN, digits);
  if (kl === null || kl_per_token === null)
    return { text: kl_note === undefined ? text : `${text} (${kl_note})`, short: text, tone: 'plain' };
  const cell = neutralCell(text, interval, prompts, digits);
  return klIsLarge(kl, kl_per_token) ? { text: `${cell.text} (large)`, short: `${text}!`, tone: 'bad' } : cell;
}

/** Whether a Markdown element varies: without any, the style-controlled rate controls length alone. */
function controlsMarkdown({ style_controlled_win_rate, style_constant_features = [] }: Comparison): boolean {
  return (
    style_controlled_win_rate !== undefined &&
    ['headers', 'lists', 'bold'].some((element) => !style_constant_features.includes(element))
  );
}

const signs = {
  above: { sign: '▲ ', tone: 'good' },
  below: { sign: '▼ ', tone: 'bad' },
  noise: { sign: '', tone: 'plain' },
  unknown: { sign: '', tone: 'plain' },
} as const;

const bracketed = ({ low, high }: Interval, digits: number): string =>
  `[${format.fixed(low, digits)}, ${format.fixed(high, digits)}]`;

/**
 * A value with its interval; for very few prompts the value alone.
 *
 * @param zero the value that means no difference; null: the value is no difference
 */
function withInterval(
  text: string,
  interval: Interval | null | undefined,
  prompts: number,
  digits: number,
  zero: number | null,
): Cell {
  const where = beyond(interval, zero ?? 0, prompts);
  if (interval == null || where === 'unknown') return plain(text);
  const { sign, tone } = signs[zero === null ? 'noise' : where];
  return {
    text: `${sign}${text} ${bracketed(interval, digits)}`,
    short: `${sign}${text} ${format.plusMinus(interval, digits)}`,
    tone,
  };
}

/** A win rate in percent. */
export function rateCell(rate: number, interval: Interval | null | undefined, prompts: number): Cell {
  return withInterval(format.percent(rate), interval, prompts, 1, 50);
}

/** A difference of which more is better. */
export function changeCell(difference: number, interval: Interval | undefined, prompts: number, digits: number): Cell {
  return withInterval(format.signed(difference, digits), interval, prompts, digits, 0);
}

/** A value or a difference that is neither good nor bad. */
export function neutralCell(text: string, interval: Interval | undefined, prompts: number, digits: number): Cell {
  return withInterval(text, interval, prompts, digits, null);
}
