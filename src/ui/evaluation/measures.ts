/** The rows of an evaluation's table: the round's own value, and what it is against each opponent. */
import type { RoundState } from '../../engine/protocol.js';
import type { Comparison, EvaluationResult } from '../../rows.js';
import * as format from '../format.js';

export interface Opponent {
  against: 'start' | 'base';
  name: string;
  /** Its round. */
  round: number;
  comparison: Comparison;
  /** Its own evaluation, where the run has one. */
  evaluation: EvaluationResult | null;
}

/** A first round's start is the base: one column says both. */
export function opponentsOf(round: RoundState, rounds: readonly RoundState[]): Opponent[] {
  return (round.evaluation?.comparisons ?? [])
    .filter(({ against }) => against === 'base' || round.parent !== 0)
    .map((comparison) => {
      const against = comparison.against === 'base' ? 'base' : 'start';
      const id = against === 'base' ? 0 : (round.parent ?? 0);
      const name = against === 'base' ? 'vs base' : `vs start (${id})`;
      const evaluation = rounds.find((other) => other.id === id)?.evaluation ?? null;
      return { against, name, round: id, comparison, evaluation };
    });
}

/** 95 %: 1.96 standard errors to either side of a share in percent; NaN where one prompt says nothing of the spread. */
export function interval({ win_rate, win_rate_standard_error }: Comparison): [number, number] {
  if (win_rate_standard_error === null) return [NaN, NaN];
  const half = 1.96 * win_rate_standard_error;
  return [Math.max(0, win_rate - half), Math.min(100, win_rate + half)];
}

/** A cell: what it says, what it says where there is less room, and whether that is good. */
export interface Cell {
  text: string;
  short: string;
  /** ▲ more than chance allows, ▼ less; with that sign in the text. */
  tone: 'plain' | 'good' | 'bad';
}

export interface Measure {
  name: string;
  /** The round's own value; empty where there are only comparisons. */
  own: string;
  /** One for each opponent. */
  against: Cell[];
}

export function measuresOf(result: EvaluationResult, opponents: readonly Opponent[]): Measure[] {
  const row = (name: string, own: string, cell: (opponent: Opponent) => Cell): Measure => ({
    ...{ name, own },
    against: opponents.map(cell),
  });
  const { percent, fixed } = format;
  const rows = [
    row('win rate, 95 %', '', ({ comparison }) => winRate(comparison)),
    row('length-controlled', '', ({ comparison }) => plain(percent(comparison.length_controlled_win_rate))),
    row('reward', fixed(result.reward, 3), ({ comparison: c }) =>
      difference(result.reward, c.reward_against, fixed, 3),
    ),
    row('length, tokens', fixed(result.mean_length, 1), ({ comparison: c }) =>
      changed(fixed(c.mean_length_against, 1), `${format.signed(c.length_change_percent, 1)} %`),
    ),
    row('KL, nats', '', ({ comparison }) => plain(fixed(comparison.kl, 3))),
    row('KL a token, nats', '', ({ comparison }) => plain(fixed(comparison.kl_per_token, 4))),
    row('distinct-2', fixed(result.distinct_2, 3), ({ evaluation }) =>
      difference(result.distinct_2, evaluation?.distinct_2, fixed, 3),
    ),
    row('truncated', percent(100 * result.truncated_share), ({ evaluation }) =>
      difference(
        100 * result.truncated_share,
        evaluation === null ? undefined : 100 * evaluation.truncated_share,
        percent,
        1,
      ),
    ),
  ];
  return rows.filter(({ own, against }) => own !== '' || against.length > 0);
}

const plain = (text: string): Cell => ({ text, short: text, tone: 'plain' });

const changed = (value: string, change: string): Cell => ({
  text: `${value} (${change})`,
  short: change,
  tone: 'plain',
});

function difference(own: number, other: number | undefined, show: typeof format.fixed, digits: number): Cell {
  return other === undefined ? plain('–') : changed(show(other, digits), format.signed(own - other, digits));
}

function winRate(comparison: Comparison): Cell {
  const rate = format.percent(comparison.win_rate);
  const [low, high] = interval(comparison);
  if (Number.isNaN(low)) return plain(rate);
  const [sign, tone] =
    low > 50 ? (['▲ ', 'good'] as const) : high < 50 ? (['▼ ', 'bad'] as const) : (['', 'plain'] as const);
  const text = `${sign}${rate} [${format.fixed(low, 1)}, ${format.fixed(high, 1)}]`;
  return { text, short: `${sign}${rate} ±${format.fixed((high - low) / 2, 1)}`, tone };
}
