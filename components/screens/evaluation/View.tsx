import type { EvaluationResult, RewardCheckSummary } from '../../../src/core/rows.js';
import type { RoundData, RoundState } from '../../../src/protocol/messages.js';
import { ChangedPrompts } from '../../app/heldOut/ChangedPrompts.js';
import { progressOf, shown, shownRound } from '../../app/selectors.js';
import type { ViewProps } from '../../app/state.js';
import { endpointBlock } from '../../parts/endpointLines.js';
import { Endpoints } from '../../parts/Endpoints.js';
import { Line } from '../../parts/Line.js';
import { newestResponses } from '../../parts/newest.js';
import { Responses } from '../../parts/NewestResponses.js';
import { wrapped } from '../../parts/markedText.js';
import { firstLines } from '../../parts/text.js';
import { Paragraph } from '../../parts/Paragraph.js';
import { Progress } from '../../parts/Progress.js';
import { Rule } from '../../parts/Rule.js';
import { Judges } from './parts/Judges.js';
import { Kinds } from './parts/Kinds.js';
import { Numbers } from './parts/Numbers.js';
import { Spreads } from './parts/Spreads.js';
import { evaluationLayout } from './select.js';
import type { EvaluationState } from './state.js';

export function EvaluationView({ state, columns, rows }: ViewProps<EvaluationState>) {
  const data = shown(state);
  const round = shownRound(state);
  if (data === null || round === null) return null;
  if (round.evaluation !== null)
    return <Evaluated state={state} round={round} evaluation={round.evaluation} columns={columns} rows={rows} />;
  if (round.stage === 'evaluate') return <Evaluating data={data} columns={columns} rows={rows} />;
  return <Paragraph columns={columns}>{notYet(round)}</Paragraph>;
}

function notYet({ id, stage }: RoundState): string {
  return stage === 'review'
    ? `Round ${id} is evaluated after its update, which waits for your review on screen 2.`
    : `Round ${id} is evaluated after its update.`;
}

interface EvaluatingProps {
  readonly data: RoundData;
  readonly columns: number;
  readonly rows: number;
}

/** Progress, the servers that generate, and the newest responses. */
function Evaluating({ data, columns, rows }: EvaluatingProps) {
  const { servers } = data;
  const progress = progressOf(data);
  const responses = newestResponses(data);
  const endpoints = endpointBlock(servers, columns, rows);
  const above = 3 + (servers.length === 0 ? 0 : endpoints.length + 1);
  const rest =
    servers.length === 0 ? 'The policy is being read.' : 'It starts once the servers hold the policy and are verified.';
  return (
    <>
      <Progress
        title="Evaluation"
        progress={progress?.stage === 'evaluate' ? progress : null}
        rest={rest}
        width={columns}
      />
      {servers.length > 0 && <Endpoints servers={servers} lines={endpoints} columns={columns} />}
      <Rule title="Newest responses to held-out prompts" width={columns} />
      {responses.length === 0 && <Line tone="muted">None yet.</Line>}
      <Responses
        responses={responses}
        columns={columns}
        selected={null}
        top={0}
        items={Math.max(1, Math.floor((rows - above) / 2))}
      />
    </>
  );
}

interface EvaluatedProps {
  readonly state: EvaluationState;
  readonly round: RoundState;
  readonly evaluation: EvaluationResult;
  readonly columns: number;
  readonly rows: number;
}

/** What the round changed on the held-out prompts, against its start and against the base policy. */
function Evaluated({ state, round, evaluation, columns, rows }: EvaluatedProps) {
  const { ui } = state;
  const layout = evaluationLayout(state);
  const { opponents, opponent, spreadRows, prompts, measures, sentences, kindRows, kindsTop } = layout;
  return (
    <>
      {ui.view === 'numbers' && (
        <Numbers
          round={round}
          evaluation={evaluation}
          opponents={opponents}
          measures={measures}
          sentences={sentences}
          columns={columns}
        />
      )}
      {ui.view === 'kinds' && opponent !== null && (
        <Kinds opponent={opponent} top={kindsTop} rows={kindRows} columns={columns} />
      )}
      {ui.view === 'judges' && opponent !== null && (
        <Judges evaluation={evaluation} opponent={opponent} columns={columns} rows={rows} />
      )}
      {ui.view === 'numbers' && opponents.length === 0 && evaluation.reward_check !== undefined && (
        <RewardCheck check={evaluation.reward_check} columns={columns} rows={state.size.rows < 30 ? 3 : 8} />
      )}
      {spreadRows > 0 && <Spreads round={round} layout={layout} columns={columns} />}
      {prompts !== null && opponent !== null && (
        <ChangedPrompts
          left={opponent.round}
          right={round.id}
          about={opponent.name}
          prompts={prompts}
          order={ui.order}
          columns={columns}
        />
      )}
      {ui.view !== 'numbers' && opponent === null && (
        <Paragraph columns={columns}>
          The base policy has no earlier policy to be compared with; its responses are on screen 1.
        </Paragraph>
      )}
    </>
  );
}

interface RewardCheckProps {
  readonly check: RewardCheckSummary;
  readonly columns: number;
  /** Without the heading. */
  readonly rows: number;
}

/** Round 0: how far the reward agrees with people, as it was checked before round 1. */
function RewardCheck({ check: { reward, summary, warnings }, columns, rows }: RewardCheckProps) {
  const lines = wrapped([`${reward}: ${summary}.`, ...warnings].join('\n'), columns);
  return (
    <>
      <Rule title="The reward on the preference rows" width={columns} />
      {firstLines(lines, rows, columns).map((line, i) => (
        <Line key={i}>{line}</Line>
      ))}
    </>
  );
}
