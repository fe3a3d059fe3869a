import { useMemo } from 'react';
import type {
  EndpointView,
  Progress as ProgressNumbers,
  ResponseSeen,
  RoundState,
} from '../../../../src/protocol/messages.js';
import { endpointBlock } from '../../../parts/endpointLines.js';
import type { EvaluationLayout } from '../layout.js';
import type { EvaluationUi } from '../state.js';
import { Changes } from '../../../app/heldOut/ChangedResponses.js';
import { Endpoints } from '../../../parts/Endpoints.js';
import { Line } from '../../../parts/Line.js';
import { Paragraph } from '../../../parts/Paragraph.js';
import { Progress } from '../../../parts/Progress.js';
import { Responses } from '../../../parts/NewestResponses.js';
import { PaneRow } from '../../../parts/Pane.js';
import { Rule } from '../../../parts/Rule.js';
import { Numbers } from './Numbers.js';
import { Spread } from './Spread.js';

export interface EvaluationScreenProps {
  readonly round: RoundState;
  readonly progress: ProgressNumbers | null;
  /** Newest answers to held-out prompts while the evaluation runs, the newest first. */
  readonly responses: readonly ResponseSeen[];
  /** The servers that answer; empty if this machine does. */
  readonly servers: readonly EndpointView[];
  readonly layout: EvaluationLayout;
  readonly ui: EvaluationUi;
  readonly columns: number;
  readonly rows: number;
}

/** What the round changed on the held-out prompts, against its start and against the base. */
export function EvaluationScreen(props: EvaluationScreenProps) {
  const { round, progress, responses, servers, layout, ui, columns, rows } = props;
  const { evaluation } = round;
  const { opponents, opponent, spreadRows, prompts } = layout;
  if (evaluation === null) {
    if (round.stage !== 'evaluate') return <Paragraph columns={columns}>{notYet(round)}</Paragraph>;
    const endpoints = endpointBlock(servers, columns, rows);
    const above = 3 + (servers.length === 0 ? 0 : endpoints.length + 1);
    const rest =
      servers.length === 0
        ? 'The policy is being read.'
        : 'It starts once the servers hold the policy and are verified.';
    return (
      <>
        <Progress title="Evaluation" progress={progress} rest={rest} width={columns} />
        {servers.length > 0 && <Endpoints servers={servers} lines={endpoints} columns={columns} />}
        <Rule title="Newest responses to held-out prompts" width={columns} />
        {responses.length === 0 && <Line tone="muted">None yet.</Line>}
        <Responses
          {...{ responses, columns }}
          selected={null}
          top={0}
          items={Math.max(1, Math.floor((rows - above) / 2))}
        />
      </>
    );
  }
  return (
    <>
      {ui.view === 'numbers' && (
        <Numbers round={round} evaluation={evaluation} opponents={opponents} columns={columns} />
      )}
      {spreadRows > 0 && <Spreads round={round} layout={layout} columns={columns} />}
      {prompts !== null && opponent !== null && (
        <Changes
          left={opponent.round}
          right={round.id}
          about={opponent.name}
          prompts={prompts}
          order={ui.order}
          selected={ui.selected}
          top={ui.top}
          textTop={ui.textTop}
          columns={columns}
        />
      )}
      {ui.view === 'prompts' && opponent === null && (
        <Paragraph columns={columns}>
          There is nothing before the base policy that it could be compared with; its responses are on screen 1.
        </Paragraph>
      )}
    </>
  );
}

interface SpreadsProps {
  readonly round: RoundState;
  readonly layout: EvaluationLayout;
  readonly columns: number;
}

/** Lengths and rewards before and after. */
function Spreads({ round, layout, columns }: SpreadsProps) {
  const { now, before, opponent, spreadRows } = layout;
  const against = opponent?.against ?? null;
  const series = useMemo(() => {
    const told = [
      { name: 'now', answers: now ?? [] },
      ...(against === null ? [] : [{ name: against, answers: before ?? [] }]),
    ];
    const of = (key: 'length' | 'reward') =>
      told.map(({ name, answers }) => ({ name, values: answers.map((answer) => answer[key]) }));
    return { lengths: of('length'), rewards: of('reward') };
  }, [now, before, against]);
  if (now === null || (opponent !== null && before === null))
    return <Line tone="muted">Reading the held-out responses …</Line>;
  const width = Math.floor((columns - 3) / 2);
  return (
    <PaneRow gap={3}>
      <Spread title={`length, tokens`} series={series.lengths} width={width} height={spreadRows} digits={0} />
      <Spread
        title={`reward, round ${round.id}`}
        series={series.rewards}
        width={width}
        height={spreadRows}
        digits={2}
      />
    </PaneRow>
  );
}

function notYet({ id, stage }: RoundState): string {
  return stage === 'review'
    ? `Round ${id} is evaluated after its update, which waits for your review on screen 2.`
    : `Round ${id} is evaluated after its update.`;
}
