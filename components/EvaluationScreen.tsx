import type { Progress as ProgressNumbers, ResponseSeen, RoundState } from '../src/engine/protocol.js';
import type { Comparison, EvaluationResult } from '../src/rows.js';
import * as format from '../src/ui/format.js';
import { fit } from '../src/ui/text.js';
import { Line, Tint } from './Line.js';
import { Progress } from './Progress.js';
import { Responses } from './Responses.js';
import { Rule } from './Rule.js';

export interface EvaluationScreenProps {
  readonly round: RoundState;
  readonly rounds: readonly RoundState[];
  readonly progress: ProgressNumbers | null;
  readonly responses: readonly ResponseSeen[];
  readonly columns: number;
  readonly rows: number;
}

/** What the round changed on the held-out prompts, against its start and against the base. */
export function EvaluationScreen({ round, rounds, progress, responses, columns, rows }: EvaluationScreenProps) {
  const { evaluation, settings } = round;
  if (evaluation === null) {
    if (round.stage !== 'evaluate') return <Line tone="muted">Round {round.id} is evaluated after its update.</Line>;
    return (
      <>
        <Progress title="Evaluation" progress={progress?.stage === 'evaluate' ? progress : null} width={columns} />
        <Responses responses={responses} columns={columns} rows={rows - 2} />
      </>
    );
  }
  const opponents = opponentsOf(round, rounds, evaluation);
  const width = Math.min(30, Math.floor((columns - 38) / Math.max(1, opponents.length)));
  return (
    <>
      <Rule
        title={`Round ${round.id} on ${format.of(evaluation.prompts, 'held-out prompt')}`}
        right={
          round.id === 0
            ? 'base policy'
            : `α ${format.alpha(settings.alpha)} · β ${settings.beta} · lr ${format.learningRate(settings.lr)}`
        }
        width={columns}
      />
      {round.steps !== null && (
        <Line tone="muted">
          {`${format.of(round.steps, 'step')} on ${format.of(round.pairs ?? 0, 'pair')}${round.stopped_early ? ', stopped early' : ''} · ${timesText(round)}`}
        </Line>
      )}
      <Line />
      <Line tone="title">
        {fit('', 26)}
        {fit(`round ${round.id}`, 10, 'right')}
        {opponents.map(({ name }) => fit(name, width, 'right')).join('')}
      </Line>
      {measures.map(({ name, own, against }) => (
        <Line key={name}>
          {fit(name, 26)}
          <Tint tone="title">{fit(own === null ? '' : own(evaluation), 10, 'right')}</Tint>
          {opponents.map((opponent) => (
            <Tint key={opponent.name} tone="plain">
              {fit(against(evaluation, opponent), width, 'right')}
            </Tint>
          ))}
        </Line>
      ))}
      {opponents.length === 0 && <Line tone="muted">Later rounds are compared with this one.</Line>}
    </>
  );
}

interface Opponent {
  name: string;
  comparison: Comparison;
  /** Its own evaluation, where the run has one. */
  evaluation: EvaluationResult | null;
}

function opponentsOf(round: RoundState, rounds: readonly RoundState[], { comparisons }: EvaluationResult): Opponent[] {
  return comparisons.map((comparison) => {
    const id = comparison.against === 'base' ? 0 : round.parent;
    const name = comparison.against === 'base' ? 'against base' : `against start (${id})`;
    return { name, comparison, evaluation: rounds.find((other) => other.id === id)?.evaluation ?? null };
  });
}

interface Measure {
  name: string;
  /** The round's own value; null where there are only comparisons. */
  own: ((evaluation: EvaluationResult) => string) | null;
  against(evaluation: EvaluationResult, opponent: Opponent): string;
}

/** The opponent's value and the change from it. */
const was = (value: string, change: string): string => `${value} (${change})`;

const measures: readonly Measure[] = [
  {
    name: 'win rate',
    own: null,
    against: (_, { comparison: c }) => `${format.percent(c.win_rate)} ± ${format.fixed(c.win_rate_standard_error, 1)}`,
  },
  {
    name: 'length-controlled win rate',
    own: null,
    against: (_, { comparison: c }) => format.percent(c.length_controlled_win_rate),
  },
  {
    name: 'reward',
    own: (e) => format.fixed(e.reward, 3),
    against: (e, { comparison: c }) =>
      was(format.fixed(c.reward_against, 3), format.signed(e.reward - c.reward_against, 3)),
  },
  {
    name: 'length, tokens',
    own: (e) => format.fixed(e.mean_length, 1),
    against: (_, { comparison: c }) =>
      was(format.fixed(c.mean_length_against, 1), `${format.signed(c.length_change_percent, 1)} %`),
  },
  { name: 'KL, nats', own: null, against: (_, { comparison: c }) => format.fixed(c.kl, 3) },
  { name: 'KL per token, nats', own: null, against: (_, { comparison: c }) => format.fixed(c.kl_per_token, 4) },
  {
    name: 'distinct-2',
    own: (e) => format.fixed(e.distinct_2, 3),
    against: (e, { evaluation }) =>
      evaluation === null
        ? '–'
        : was(format.fixed(evaluation.distinct_2, 3), format.signed(e.distinct_2 - evaluation.distinct_2, 3)),
  },
  {
    name: 'truncated',
    own: (e) => format.percent(100 * e.truncated_share),
    against: (e, { evaluation }) =>
      evaluation === null
        ? '–'
        : was(
            format.percent(100 * evaluation.truncated_share),
            `${format.signed(100 * (e.truncated_share - evaluation.truncated_share), 1)} points`,
          ),
  },
];

function timesText({ seconds }: RoundState): string {
  return Object.entries(seconds)
    .map(([stage, time]) => `${stage} ${format.duration(time)}`)
    .join(', ');
}
