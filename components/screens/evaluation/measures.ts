/** The rows of the evaluation's table: the opponents' values, the round's own, and its difference from each opponent. */
import type { RoundState } from '../../../src/protocol/messages.js';
import type { Comparison, EvaluationResult } from '../../../src/core/rows.js';
import { halfWidth } from '../../../src/core/winRate.js';
import { makeLine } from '../../../src/core/sanitize.js';
import * as format from '../../../src/core/format.js';
import { klIsLarge } from '../../parts/kl.js';

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

/** The 95 % interval of a win rate, in percent; NaN for a single prompt, which has no standard error. */
export function interval({ win_rate, win_rate_standard_error }: Comparison): [number, number] {
  if (win_rate_standard_error === null) return [NaN, NaN];
  const half = halfWidth(win_rate_standard_error);
  return [Math.max(0, win_rate - half), Math.min(100, win_rate + half)];
}

export interface Cell {
  text: string;
  /** For narrow columns. */
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
    compared('win rate, 95 %', winRate),
    compared('length-controlled', (c) => plain(percent(c.length_controlled_win_rate))),
    value(
      'reward',
      result.reward,
      ({ comparison }) => comparison.reward_against,
      (reward) => fixed(reward, 3),
      (difference) => plain(signed(difference, 3)),
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
    value(
      'length, tokens',
      result.mean_length,
      ({ comparison }) => comparison.mean_length_against,
      (length) => fixed(length, 1),
      (difference, { comparison }) => {
        const share = `${signed(comparison.length_change_percent, 1)} %`;
        return { text: `${signed(difference, 1)} (${share})`, short: share, tone: 'plain' };
      },
    ),
    compared('KL, nats', (comparison) => divergence(comparison, fixed(comparison.kl ?? NaN, 3))),
    compared('KL per token, nats', (comparison) => divergence(comparison, fixed(comparison.kl_per_token ?? NaN, 4))),
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

const plain = (text: string): Cell => ({ text, short: text, tone: 'plain' });

function divergence({ kl, kl_per_token, kl_note }: Comparison, text: string): Cell {
  if (kl === null || kl_per_token === null)
    return { text: kl_note === undefined ? text : `${text} (${kl_note})`, short: text, tone: 'plain' };
  return klIsLarge(kl, kl_per_token) ? { text: `${text} (large)`, short: `${text}!`, tone: 'bad' } : plain(text);
}

function winRate(comparison: Comparison): Cell {
  const rate = format.percent(comparison.win_rate);
  const [low, high] = interval(comparison);
  if (Number.isNaN(low)) return plain(rate);
  const tone = low > 50 ? 'good' : high < 50 ? 'bad' : 'plain';
  const sign = { good: '▲ ', bad: '▼ ', plain: '' }[tone];
  const text = `${sign}${rate} [${format.fixed(low, 1)}, ${format.fixed(high, 1)}]`;
  return { text, short: `${sign}${rate} ±${format.fixed((high - low) / 2, 1)}`, tone };
}
