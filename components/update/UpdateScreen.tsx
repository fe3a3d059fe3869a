import type { Progress as ProgressNumbers, RoundSettings, RoundState } from '../../src/engine/protocol.js';
import type { MetricsRow } from '../../src/rows.js';
import * as format from '../../src/ui/format.js';
import { type UpdateLayout, alarmLines } from '../../src/ui/update/layout.js';
import type { UpdateUi } from '../../src/ui/update/state.js';
import { Line } from '../Line.js';
import { Paragraph } from '../Paragraph.js';
import { Progress } from '../Progress.js';
import { Rule } from '../Rule.js';
import { Plots } from './Plots.js';
import { Probe } from './Probe.js';

export interface UpdateScreenProps {
  readonly round: RoundState;
  readonly metrics: readonly MetricsRow[];
  readonly progress: ProgressNumbers | null;
  readonly settings: RoundSettings;
  /** `all weights`, `LoRA rank 16`. */
  readonly trained: string;
  /** The reference is the policy that the round started from. */
  readonly fromStart: boolean;
  readonly layout: UpdateLayout;
  readonly ui: UpdateUi;
  readonly columns: number;
  readonly rows: number;
}

/** An update as it runs: where it is, what looks wrong, how its numbers move and what the policy answers. */
export function UpdateScreen(props: UpdateScreenProps) {
  const { round, metrics, progress, settings, trained, fromStart, layout, ui, columns, rows } = props;
  const { across, down, plotHeight, probe, probeRows } = layout;
  if (ui.view === 'alarms') return <Alarms layout={layout} top={ui.top} columns={columns} rows={rows} />;
  if (ui.view === 'probes') {
    if (probe === null) return <Paragraph columns={columns}>{noProbes(round)}</Paragraph>;
    return <Probe probe={probe} columns={columns} rows={probeRows} top={ui.top} />;
  }
  if (metrics.length === 0 && round.stage !== 'update')
    return <Paragraph columns={columns}>{notBegun(round)}</Paragraph>;
  return (
    <>
      <Progress title="Update" progress={progress} rest={restOf(round)} width={columns} />
      <Line tone="muted">{factsOf(metrics.at(-1), settings, trained)}</Line>
      {layout.alarmLines.map((line, i) => (
        <Line key={i} tone="warn">
          {line}
        </Line>
      ))}
      {metrics.length === 0 ? (
        <Line>No steps yet: the reference log-probabilities come first.</Line>
      ) : (
        <Plots
          {...{ metrics, fromStart, across, down, columns }}
          beta={settings.beta}
          height={plotHeight}
          page={ui.page}
        />
      )}
      {probe !== null && <Probe probe={probe} columns={columns} rows={probeRows} top={ui.top} />}
    </>
  );
}

interface AlarmsProps {
  readonly layout: UpdateLayout;
  readonly top: number;
  readonly columns: number;
  readonly rows: number;
}

/** Every alarm in full. */
function Alarms({ layout, top, columns, rows }: AlarmsProps) {
  const lines = alarmLines(layout.alarms, columns);
  return (
    <>
      <Rule
        title="Alarms"
        right={lines.length > rows - 1 ? `line ${top + 1} of ${lines.length}` : ''}
        width={columns}
      />
      {lines.length === 0 && <Line tone="muted">Nothing looks wrong any more.</Line>}
      {lines.slice(top, top + rows - 1).map((line, i) => (
        <Line key={i} tone={line.startsWith('▲') ? 'warn' : 'plain'}>
          {line}
        </Line>
      ))}
    </>
  );
}

function factsOf(last: MetricsRow | undefined, { alpha, beta, lr }: RoundSettings, trained: string): string {
  const peak = format.learningRate(lr);
  const facts =
    last === undefined
      ? [`lr ${peak}`]
      : [
          `epoch ${last.epoch}`,
          `lr ${format.learningRate(Number(last.learning_rate.toPrecision(2)))} of ${peak}`,
          `weight ${format.fixed(last['weights/mean'], 3)}`,
        ];
  return [...facts, `α ${format.alpha(alpha)}`, `β ${beta}`, trained].join(' · ');
}

function restOf({ steps, pairs, stopped_early, seconds }: RoundState): string {
  if (steps === null) return 'Not under way.';
  const time = seconds.update === undefined ? '' : ` · ${format.duration(seconds.update)}`;
  return `${format.of(steps, 'step')} on ${format.of(pairs ?? 0, 'pair')}${stopped_early ? ', stopped early' : ''}${time}`;
}

function notBegun({ id, stage }: RoundState): string {
  if (id === 0) return 'The base policy has had no update. Those of later rounds are watched here.';
  return stage === 'review'
    ? `Round ${id} waits in review: enter on screen 2 launches its update, which is then watched here.`
    : `Round ${id} has no update yet. Its pairs come first: they are reviewed on screen 2.`;
}

function noProbes({ id, stage }: RoundState): string {
  return stage === 'update'
    ? 'The probe prompts are answered once the update begins.'
    : `Round ${id} has no answers to probe prompts: its update kept none, or evaluation.probes is 0.`;
}
