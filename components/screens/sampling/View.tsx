import { useMemo } from 'react';
import { configOf } from '../../../src/core/config/rounds.js';
import type { SamplingConfig } from '../../../src/core/config/schema.js';
import { decodingInWords, decodingOf, type HeldOutDecoding } from '../../../src/core/heldOutDecoding.js';
import * as format from '../../../src/core/format.js';
import { quantile } from '../../../src/core/statistics.js';
import type { ResponseSeen, RoundData, RoundState } from '../../../src/protocol/messages.js';
import { shown, shownRound } from '../../app/selectors.js';
import type { ViewProps } from '../../app/state.js';
import { Endpoints } from '../../parts/Endpoints.js';
import { Histogram } from '../../parts/Histogram.js';
import { Line, Tint } from '../../parts/Line.js';
import { Responses } from '../../parts/NewestResponses.js';
import { Pane, PaneRow } from '../../parts/Pane.js';
import { Progress } from '../../parts/Progress.js';
import { Rule } from '../../parts/Rule.js';
import { type SamplingLayout, partMeansText, samplingLayout } from './select.js';
import type { SamplingState } from './state.js';

/** Responses and rewards as they arrive: progress, their distributions, and the newest texts. */
export function SamplingView({ state, columns }: ViewProps<SamplingState>) {
  const data = shown(state);
  const round = shownRound(state);
  const config = state.run?.config ?? null;
  const own = useMemo(() => (config === null || round === null ? null : configOf(config, round)), [config, round]);
  if (data === null || round === null || own === null) return null;
  const layout = samplingLayout(state);
  const { view, selected, servers, text } = layout;
  if (view === 'servers') {
    const more = servers.lines.length - servers.top - servers.rows;
    return (
      <Endpoints
        servers={data.servers}
        lines={servers.lines.slice(servers.top, servers.top + servers.rows)}
        right={more > 0 ? `↓${more}` : ''}
        columns={columns}
      />
    );
  }
  if (view === 'text' && selected !== null) return <ResponseText response={selected} text={text} />;
  return (
    <Overview
      data={data}
      round={round}
      parts={partMeansText(data, own.reward)}
      config={
        round.id === 0
          ? {
              ...own.sampling,
              samples_per_prompt: own.evaluation.responses,
              temperature: own.evaluation.temperature,
              decoding: decodingOf(own.evaluation),
            }
          : own.sampling
      }
      layout={layout}
      columns={columns}
    />
  );
}

interface OverviewProps {
  readonly data: RoundData;
  readonly round: RoundState;
  /** Means of the parts of a mixed reward; empty without them. */
  readonly parts: string;
  /** The settings that the responses are sampled with. */
  readonly config: Pick<SamplingConfig, 'samples_per_prompt' | 'temperature' | 'top_p' | 'max_new_tokens'> & {
    /** Of held-out responses; null or absent: plain sampling. */
    readonly decoding?: HeldOutDecoding | null;
  };
  readonly layout: SamplingLayout;
  readonly columns: number;
}

function Overview({ data, round, parts, config, layout, columns }: OverviewProps) {
  const { lengths, rewards, servers } = data;
  const { responses, place, selected, chartRows, listRows, top, items, listColumns, text, remarks } = layout;
  const half = Math.floor((columns - 3) / 2);
  const beside = text.rows > 0;
  const [lengthTails, rewardTails] = useMemo(
    () => [quantiles(lengths, half, 0), quantiles(rewards, half, 2)],
    [lengths, rewards, half],
  );
  return (
    <>
      <Progress
        title={titleOf(data, round)}
        progress={progressIn(data)}
        rest={restOf(data, round, parts)}
        width={columns}
      />
      <Facts data={data} config={config} />
      {remarks.map((remark) => (
        <Line key={remark} tone="muted">
          {remark}
        </Line>
      ))}
      {servers.length > 0 && <Endpoints servers={servers} lines={layout.servers.lines} columns={columns} />}
      <PaneRow gap={3}>
        <Histogram
          title={`length, tokens (${format.count(lengths.length)})${lengthTails}`}
          values={lengths}
          width={half}
          height={chartRows}
          digits={0}
        />
        <Histogram
          title={`reward (${format.count(rewards.length)})${rewardTails}`}
          values={rewards}
          width={half}
          height={chartRows}
          digits={2}
        />
      </PaneRow>
      <PaneRow gap={3}>
        <Pane columns={listColumns} rows={listRows}>
          <Rule title="Newest responses" right={placeText(layout)} width={listColumns} />
          {responses.length === 0 && <Line tone="muted">{nothingYet(data, round)}</Line>}
          <Responses responses={responses} selected={place} top={top} columns={listColumns} items={items} />
        </Pane>
        {beside && selected !== null && (
          <Pane columns={text.columns} rows={listRows}>
            <ResponseText response={selected} text={text} />
          </Pane>
        )}
      </PaneRow>
    </>
  );
}

/** The middle and the tails, where there is room beside the mean. */
function quantiles(values: readonly number[], columns: number, digits: number): string {
  if (columns < 75 || values.length === 0) return '';
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): string => format.fixed(quantile(sorted, share), digits);
  return `  5 % ${at(0.05)} · median ${at(0.5)} · 95 % ${at(0.95)}`;
}

/** From this share of truncated responses on, their rewards and lengths say little. */
const muchTruncated = 0.1;

function Facts({ data, config }: Pick<OverviewProps, 'data' | 'config'>) {
  const { lengths, truncated } = data;
  const much = truncated / lengths.length >= muchTruncated;
  const { decoding = null } = config;
  const sampled = decoding === null || 'best_of' in decoding;
  const text = [
    `${config.samples_per_prompt} per prompt`,
    ...(decoding === null ? [] : [decodingInWords(decoding)]),
    ...(sampled ? [`temperature ${config.temperature}`, `top-p ${config.top_p}`] : []),
    `max ${format.of(config.max_new_tokens, 'token')}`,
  ];
  return (
    <Line>
      <Tint tone={much ? 'warn' : 'plain'}>
        {`${much ? '▲ ' : ''}truncated ${format.share(truncated, lengths.length)}`}
      </Tint>
      <Tint tone="muted">{` · ${text.join(' · ')}`}</Tint>
    </Line>
  );
}

function progressIn({ progress }: RoundData): RoundData['progress'] {
  return progress !== null && ['sample', 'score'].includes(progress.stage) ? progress : null;
}

function titleOf({ progress }: RoundData, { id, stage }: RoundState): string {
  if (id === 0) return 'Held-out responses of the base policy';
  if (progress !== null) return progress.stage === 'score' ? 'Scoring' : 'Sampling';
  return stage === 'score' ? 'Scoring' : 'Sampling';
}

function restOf({ lengths, servers }: RoundData, { stage, seconds, redo_of }: RoundState, parts: string): string {
  if (stage === 'sample' && servers.length > 0)
    return 'Sampling starts once the servers hold the policy and are verified.';
  if (stage === 'sample' || stage === 'score') return 'The models are being loaded.';
  const times = [
    ...(seconds.sample === undefined ? [] : [`sampled in ${format.duration(seconds.sample)}`]),
    ...(seconds.score === undefined ? [] : [`scored in ${format.duration(seconds.score)}`]),
    ...(redo_of === null ? [] : [`reused from round ${redo_of}`]),
    ...(parts === '' ? [] : [parts]),
  ];
  return [format.of(lengths.length, 'response'), ...times].join(' · ');
}

function placeText({ responses: { length: count }, place, follows }: SamplingLayout): string {
  if (count === 0) return '';
  if (place >= count) return `of ${count}`;
  return follows ? `newest of ${count}` : `${place + 1} of ${count}`;
}

function nothingYet({ progress, servers }: RoundData, { stage }: RoundState): string {
  return progress === null && servers.length === 0 && (stage === 'sample' || stage === 'evaluate')
    ? 'None yet: the policy is being loaded.'
    : 'None yet.';
}

interface ResponseTextProps {
  readonly response: ResponseSeen;
  readonly text: SamplingLayout['text'];
}

/** A prompt and one response to it, in full. */
function ResponseText({ response, text }: ResponseTextProps) {
  const { lines, columns, rows, top } = text;
  const { prompt_index, sample, held_out, length, reward, truncated } = response;
  const more = lines.length - top - rows;
  const facts = [
    format.of(length, 'token'),
    ...(reward === null ? [] : [`reward ${format.signed(reward, 2)}`]),
    ...(truncated ? ['truncated'] : []),
    ...(more > 0 ? [`↓${more}`] : []),
  ];
  return (
    <>
      <Rule
        title={held_out ? `Held-out ${prompt_index}` : `Prompt ${prompt_index}, sample ${sample + 1}`}
        right={facts.join(' · ')}
        width={columns}
      />
      {lines.slice(top, top + rows).map(({ text: line, ofPrompt }, i) => (
        <Line key={i} tone={ofPrompt ? 'accent' : 'plain'}>
          {line}
        </Line>
      ))}
    </>
  );
}
