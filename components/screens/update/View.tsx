import { useMemo } from 'react';
import type { UpdateState } from './state.js';
import { configOf } from '../../../src/core/config/rounds.js';
import { progressOf, settingsOf, shown, shownRound } from '../../app/selectors.js';
import { updateProgress } from './job.js';
import { alarmLines, type UpdateLayout, updateLayout } from './select.js';
import type { ViewProps } from '../../app/state.js';
import type {
  JobView,
  Progress as ProgressNumbers,
  RoundSettings,
  RoundState,
} from '../../../src/protocol/messages.js';
import { pairsInWords } from '../../../src/core/heldOutPairs.js';
import { objectives, type ObjectiveName } from '../../../src/core/objectives/index.js';
import type { MetricsRow } from '../../../src/core/rows.js';
import * as format from '../../../src/core/format.js';
import { Line } from '../../parts/Line.js';
import { Paragraph } from '../../parts/Paragraph.js';
import { Progress } from '../../parts/Progress.js';
import { Rule } from '../../parts/Rule.js';
import { Probe } from './parts/Probe.js';
import { type ChartUi, readings } from '../../app/charts.js';
import { Charts, LargeChart } from '../../parts/Charts.js';

/** An update as it runs: progress, alarms, plots, and the policy's responses to the probe prompts. */
export function UpdateView({ state, columns }: ViewProps<UpdateState>) {
  const data = shown(state);
  const round = shownRound(state);
  const config = state.run?.config ?? null;
  const own = useMemo(() => (config === null || round === null ? null : configOf(config, round)), [config, round]);
  if (data === null || round === null || own === null) return null;
  const layout = updateLayout(state);
  const { probe, probeRows, scrolls } = layout;
  switch (state.ui.view) {
    case 'alarms':
      return <Alarms layout={layout} columns={columns} />;
    case 'probes':
      if (probe === null) return <Paragraph columns={columns}>{noProbes(round)}</Paragraph>;
      return <Probe probe={probe} columns={columns} rows={probeRows} top={scrolls.top} />;
    case 'plots':
      return (
        <Overview
          round={round}
          metrics={data.metrics}
          progress={state.past === null ? updateProgress(round, progressOf(data), data.job) : null}
          job={data.job}
          settings={state.past === null ? settingsOf(state) : round.settings}
          trained={own.update.lora === null ? 'all weights' : `LoRA rank ${own.update.lora.rank}`}
          objective={own.dpo.objective}
          charts={state.ui.charts}
          layout={layout}
          columns={columns}
        />
      );
  }
}

interface OverviewProps {
  readonly round: RoundState;
  readonly metrics: readonly MetricsRow[];
  readonly progress: ProgressNumbers | null;
  /** null: the engine computes the update. */
  readonly job: JobView | null;
  readonly settings: RoundSettings;
  /** `all weights`, `LoRA rank 16`. */
  readonly trained: string;
  readonly objective: ObjectiveName;
  readonly charts: ChartUi;
  readonly layout: UpdateLayout;
  readonly columns: number;
}

function Overview(props: OverviewProps) {
  const { round, metrics, progress, job, settings, trained, objective, charts, layout, columns } = props;
  const { probe, probeRows, scrolls } = layout;
  if (metrics.length === 0 && round.stage !== 'update')
    return <Paragraph columns={columns}>{notBegun(round)}</Paragraph>;
  return (
    <>
      <Progress title="Update" progress={progress} rest={restOf(round, job)} width={columns} />
      <Line tone="muted">
        {factsOf(metrics.at(-1), settings, objective === 'lr-dpo' ? trained : `${objective} · ${trained}`)}
      </Line>
      {layout.jobLines.map(({ text, tone }, i) => (
        <Line key={i} tone={tone}>
          {text}
        </Line>
      ))}
      {layout.alarmLines.map((line, i) => (
        <Line key={i} tone="warn">
          {line}
        </Line>
      ))}
      {metrics.length === 0 ? (
        <Line>{noSteps(job, objective)}</Line>
      ) : (
        <Curves layout={layout} charts={charts} columns={columns} />
      )}
      {probe !== null && <Probe probe={probe} columns={columns} rows={probeRows} top={scrolls.top} />}
    </>
  );
}

/** A page of the update's curves, or one of them enlarged. */
function Curves({ layout, charts, columns }: Pick<OverviewProps, 'layout' | 'charts' | 'columns'>) {
  const { curves, enlarged, chartLook, across, down, plotHeight, page } = layout;
  const { smoothing, log } = charts;
  const first = page * across * down;
  return (
    <>
      {chartLook !== '' && <Line tone="muted">{chartLook}</Line>}
      {enlarged === null ? (
        <Charts
          curves={curves.slice(first, first + across * down)}
          {...{ across, down, columns, smoothing, log }}
          height={plotHeight}
        />
      ) : (
        <LargeChart
          {...enlarged}
          readings={readings(enlarged, smoothing)}
          {...{ columns, smoothing, log }}
          rows={plotHeight}
        />
      )}
    </>
  );
}

/** Every alarm in full. */
function Alarms({ layout, columns }: Pick<OverviewProps, 'layout' | 'columns'>) {
  const { top, rows } = layout.scrolls;
  const lines = alarmLines(layout.alarms, columns);
  return (
    <>
      <Rule title="Alarms" right={lines.length > rows ? `line ${top + 1} of ${lines.length}` : ''} width={columns} />
      {lines.length === 0 && <Line tone="muted">No alarms any more.</Line>}
      {lines.slice(top, top + rows).map((line, i) => (
        <Line key={i} tone={line.startsWith('▲') ? 'warn' : 'plain'}>
          {line}
        </Line>
      ))}
    </>
  );
}

function noSteps(job: JobView | null, objective: ObjectiveName): string {
  if (!objectives[objective].reference) return 'No steps yet.';
  if (job === null) return 'No steps yet: the reference log-probabilities come first.';
  switch (job.state) {
    case 'submitting':
    case 'queued':
      return 'No steps yet: the curves begin once the job runs.';
    case 'running':
      return 'No steps yet: the reference log-probabilities come first.';
    case 'ended':
      return 'No step was taken.';
  }
}

function factsOf(last: MetricsRow | undefined, { alpha, beta, lr }: RoundSettings, trained: string): string {
  const peak = format.learningRate(lr);
  const facts =
    last === undefined
      ? [`lr ${peak}`]
      : [
          `epoch ${last.epoch}`,
          `lr ${format.learningRate(Number(last.learning_rate.toPrecision(2)))} of ${peak}`,
          `weight ${format.weight(last['weights/mean'])}`,
        ];
  return [...facts, `α ${format.alpha(alpha)}`, `β ${beta}`, trained].join(' · ');
}

function restOf(round: RoundState, job: JobView | null): string {
  const { stage, steps, stopped_early, seconds } = round;
  if (stage === 'update' && job !== null) return waiting[job.state];
  if (steps === null) return 'Not started.';
  const time = seconds.update === undefined ? '' : ` · ${format.duration(seconds.update)}`;
  return `${format.of(steps, 'step')} on ${pairsInWords(round)}${stopped_early ? ', stopped early' : ''}${time}`;
}

const waiting: Record<JobView['state'], string> = {
  submitting: 'The job is being submitted.',
  queued: 'The job waits in the queue.',
  running: 'The job is starting.',
  ended: 'The job has ended.',
};

function notBegun({ id, stage }: RoundState): string {
  if (id === 0) return 'The base policy had no update. The updates of later rounds are shown here.';
  return stage === 'review'
    ? `Round ${id} waits in review: enter on screen 2 launches its update, which is then shown here.`
    : `Round ${id} has no update yet. Its pairs come first: they are reviewed on screen 2.`;
}

function noProbes({ id, stage }: RoundState): string {
  return stage === 'update'
    ? 'The probe prompts are answered once the update begins.'
    : `Round ${id} has no responses to probe prompts: its update kept none, or evaluation.probes is 0.`;
}
