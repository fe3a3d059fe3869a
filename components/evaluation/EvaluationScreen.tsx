import type { Progress as ProgressNumbers, ResponseSeen, RoundState } from '../../src/engine/protocol.js';
import type { Comparison, EvaluationResult } from '../../src/rows.js';
import * as format from '../../src/ui/format.js';
import { fit } from '../../src/ui/text.js';
import { Line, Tint } from '../Line.js';
import { Progress } from '../Progress.js';
import { Responses } from '../Responses.js';
import { Rule } from '../Rule.js';

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
        <Rule title="Newest responses" width={columns} />
        <Responses responses={responses} selected={null} top={0} columns={columns} items={Math.floor((rows - 3) / 2)} />
      </>
    );
  }
  const opponents = opponentsOf(round, rounds, evaluation);
  const width = Math.min(30, Math.floor((columns - 30) / Math.max(1, opponents.length)));
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
        {fit('', nameWidth)}
        {fit(`round ${round.id}`, 10, 'right')}
        {opponents.map(({ name }) => fit(name, width, 'right')).join('')}
      </Line>
      {measures.map(({ name, own, against }) => (
        <Line key={name}>
          {fit(name, nameWidth)}
          <Tint tone="title">{fit(own === null ? '' : own(evaluation), 10, 'right')}</Tint>
          {opponents.map((opponent) => (
            <Tint key={opponent.name} tone="plain">
              {text(against(evaluation, opponent), width)}
            </Tint>
          ))}
        </Line>
      ))}
      {opponents.length === 0 && <Line tone="muted">Later rounds are compared with this one.</Line>}
    </>
  );
}

const nameWidth = 20;

interface Opponent {
  name: string;
  comparison: Comparison;
  /** Its own evaluation, where the run has one. */
  evaluation: EvaluationResult | null;
}

/** A first round's start is the base: one column says both. */
function opponentsOf(round: RoundState, rounds: readonly RoundState[], { comparisons }: EvaluationResult): Opponent[] {
  return comparisons
    .filter(({ against }) => against === 'base' || round.parent !== 0)
    .map((comparison) => {
      const isBase = comparison.against === 'base';
      const id = isBase ? 0 : round.parent;
      const name = isBase ? 'vs base' : `vs start (${id})`;
      return { name, comparison, evaluation: rounds.find((other) => other.id === id)?.evaluation ?? null };
    });
}

interface Measure {
  name: string;
  /** The round's own value; null where there are only comparisons. */
  own: ((evaluation: EvaluationResult) => string) | null;
  against(evaluation: EvaluationResult, opponent: Opponent): Against;
}

/** What a comparison says: the change, and the opponent's own value where there is room for it. */
interface Against {
  change: string;
  value?: string;
}

function text({ change, value }: Against, width: number): string {
  const whole = value === undefined ? change : `${value} (${change})`;
  return fit(whole.length < width ? whole : change, width, 'right');
}

function difference(own: number, other: number | undefined, show: typeof format.fixed, digits: number): Against {
  if (other === undefined) return { change: '–' };
  return { change: format.signed(own - other, digits), value: show(other, digits) };
}

const measures: readonly Measure[] = [
  {
    name: 'win rate',
    own: null,
    against: (_, { comparison: c }) => ({
      change: `${format.percent(c.win_rate)} ±${format.fixed(c.win_rate_standard_error ?? NaN, 1)}`,
    }),
  },
  {
    name: 'length-controlled',
    own: null,
    against: (_, { comparison: c }) => ({ change: format.percent(c.length_controlled_win_rate) }),
  },
  {
    name: 'reward',
    own: (e) => format.fixed(e.reward, 3),
    against: (e, { comparison: c }) => difference(e.reward, c.reward_against, format.fixed, 3),
  },
  {
    name: 'length, tokens',
    own: (e) => format.fixed(e.mean_length, 1),
    against: (_, { comparison: c }) => ({
      change: `${format.signed(c.length_change_percent, 1)} %`,
      value: format.fixed(c.mean_length_against, 1),
    }),
  },
  { name: 'KL, nats', own: null, against: (_, { comparison: c }) => ({ change: format.fixed(c.kl, 3) }) },
  {
    name: 'KL a token, nats',
    own: null,
    against: (_, { comparison: c }) => ({ change: format.fixed(c.kl_per_token, 4) }),
  },
  {
    name: 'distinct-2',
    own: (e) => format.fixed(e.distinct_2, 3),
    against: (e, { evaluation }) => difference(e.distinct_2, evaluation?.distinct_2, format.fixed, 3),
  },
  {
    name: 'truncated',
    own: (e) => format.percent(100 * e.truncated_share),
    against: (e, { evaluation }) =>
      difference(
        100 * e.truncated_share,
        evaluation === null ? undefined : 100 * evaluation.truncated_share,
        format.percent,
        1,
      ),
  },
];

function timesText({ seconds }: RoundState): string {
  return Object.entries(seconds)
    .map(([stage, time]) => `${stage} ${format.duration(time)}`)
    .join(', ');
}
