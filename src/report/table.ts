/** The table of rounds that reports and model cards share: its columns, and the facts listed beside it. */
import path from 'node:path';
import type { Config } from '../core/config/schema.js';
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../core/review/decisions.js';
import { publishedReference, referenceInWords } from '../core/config/reference.js';
import { beyond, evaluationSentences, scaled, winRateInterval } from '../core/findings.js';
import { trainedPairs } from '../core/heldOutPairs.js';
import { decodingInWords, decodingOf } from '../core/heldOutDecoding.js';
import type { Interval } from '../core/statistics.js';
import { publishedReward } from '../core/config/rewardSpec.js';
import { objectives } from '../core/objectives/index.js';
import { overriddenKeys, settingOf, type RoundState } from '../core/rounds.js';
import type { Comparison } from '../core/rows.js';
import { alpha, between, duration, fixed, learningRate, percent, signed } from '../core/format.js';

export interface TableColumn {
  title: string;
  /** Not sanitized, although people choose the names. */
  cell(round: RoundState): string;
}

const own = ({ id }: RoundState, text: string): string => (id === 0 ? '' : text);
const dash = (text: string): string => (text === '–' ? '' : text);

export function againstBase({ evaluation }: RoundState): Comparison | undefined {
  return evaluation?.comparisons.find(({ against }) => against === 'base');
}

function compared(round: RoundState, cell: (comparison: Comparison) => string): string {
  const comparison = againstBase(round);
  return comparison === undefined ? '' : cell(comparison);
}

const roundColumns: readonly TableColumn[] = [
  { title: 'round', cell: ({ id, name }) => `${id === 0 ? 'base' : id}${name === '' ? '' : ` ${name}`}` },
  { title: 'from', cell: ({ parent }) => (parent === null ? '' : parent === 0 ? 'base' : String(parent)) },
  { title: 'α', cell: (round) => own(round, alpha(round.settings.alpha)) },
  { title: 'β', cell: (round) => own(round, String(round.settings.beta)) },
  { title: 'learning rate', cell: (round) => own(round, learningRate(round.settings.lr)) },
  { title: 'pairs', cell: (round) => (round.pairs === null ? '' : String(trainedPairs(round))) },
  { title: 'held-out pairs', cell: ({ held_out_pairs: held }) => ((held ?? 0) === 0 ? '' : String(held)) },
  { title: 'decisions', cell: ({ decisions }) => decisionsInWords(decisions) ?? '' },
  {
    title: 'steps',
    cell: ({ steps, stopped_early }) => (steps === null ? '' : `${steps}${stopped_early ? ' (stopped early)' : ''}`),
  },
  { title: 'reward', cell: ({ evaluation }) => (evaluation === null ? '' : fixed(evaluation.reward, 3)) },
  {
    title: 'reward parts',
    cell: ({ evaluation }) =>
      (evaluation?.reward_parts ?? [])
        .map(({ name, weight, reward }) => `${weight}·${name} ${fixed(reward, 3)}`)
        .join(', '),
  },
  {
    title: 'Δ reward',
    cell: (round) =>
      compared(round, ({ reward, reward_against, intervals }) =>
        intervals === undefined ? '' : signed(reward - reward_against, 3) + range(intervals.reward_change, 3),
      ),
  },
  { title: 'length', cell: ({ evaluation }) => (evaluation === null ? '' : fixed(evaluation.mean_length, 1)) },
  {
    title: 'Δ length',
    cell: (round) =>
      compared(round, (c) => `${signed(c.length_change_percent, 1)} %${range(c.intervals?.length_change_percent, 1)}`),
  },
  {
    title: 'truncated',
    cell: ({ evaluation }) => (evaluation === null ? '' : percent(100 * evaluation.truncated_share)),
  },
  {
    title: 'win rate',
    cell: (round) => compared(round, (c) => fixed(c.win_rate, 1) + range(winRateInterval(c), 1)),
  },
  {
    title: 'length-controlled',
    cell: (round) =>
      compared(
        round,
        (c) => fixed(c.length_controlled_win_rate, 1) + range(c.intervals?.length_controlled_win_rate, 1),
      ),
  },
  {
    title: 'second judge',
    cell: (round) =>
      compared(round, ({ judge }) =>
        judge === undefined ? '' : fixed(judge.win_rate, 1) + range(judge.intervals.win_rate, 1),
      ),
  },
  {
    title: 'KL',
    cell: (round) => compared(round, ({ kl, intervals }) => fixed(kl ?? NaN, 2) + range(intervals?.kl, 2)),
  },
  { title: 'time', cell: ({ seconds }) => dash(timeOf(seconds)) },
  {
    title: 'verdict',
    cell: ({ stage, verdict }) => (stage === 'done' ? (verdict ?? '') : `at ${stage}`),
  },
];

/** Omitted if they are empty in every round. */
const optional = ['held-out pairs', 'decisions', 'reward parts', 'Δ reward', 'second judge'];

/** The columns for these rounds, one per metric among them. */
export function columnsOf(rounds: readonly RoundState[]): readonly TableColumn[] {
  const names = new Set(rounds.flatMap(({ evaluation }) => (evaluation?.metrics ?? []).map(({ name }) => name)));
  return roundColumns
    .flatMap((column) => (column.title === 'length' ? [...[...names].map(metricColumn), column] : [column]))
    .filter(({ title, cell }) => !optional.includes(title) || rounds.some((round) => cell(round) !== ''));
}

function metricColumn(name: string): TableColumn {
  return {
    title: name,
    cell: ({ evaluation }) => {
      const found = evaluation?.metrics?.find((metric) => metric.name === name);
      if (found === undefined) return '';
      return found.percent ? percent(100 * found.value) : fixed(found.value, 3);
    },
  };
}

const range = (interval: Interval | null | undefined, digits: number): string =>
  interval == null ? '' : ` (${between(interval, digits)})`;

/** Whether the round's differences from the base exceed the noise, agreement of the judges, and notes: sentences. */
export function evidenceOf({ evaluation }: RoundState): string[] {
  if (evaluation === null) return [];
  const comparisons = evaluation.comparisons.filter(({ against }) => against === 'base');
  return evaluationSentences({ ...evaluation, comparisons }, () => 'the base');
}

/** The comparison with the base by kind of prompt: heading and rows; null without kinds. */
export function kindsTable(round: RoundState): { heading: string[]; rows: string[][] } | null {
  const { kinds = [], metrics = [], judge } = againstBase(round) ?? {};
  if (kinds.length === 0) return null;
  // Of very few prompts no interval is sound.
  const shown = (text: string, interval: Interval | undefined, digits: number, prompts: number) =>
    text + (beyond(interval, 0, prompts) === 'unknown' ? '' : range(interval, digits));
  return {
    heading: [
      'kind',
      'prompts',
      'win rate',
      'Δ reward',
      ...metrics.map(({ name }) => `Δ ${name}`),
      ...(judge === undefined ? [] : ['second judge']),
      'Δ length',
    ],
    rows: kinds.map(({ kind, prompts, intervals, ...of }) => [
      kind,
      String(prompts),
      shown(percent(of.win_rate), intervals.win_rate, 1, prompts),
      shown(signed(of.reward_change, 2), intervals.reward_change, 2, prompts),
      ...of.metrics.map(({ percent: inPercent, change, interval }) =>
        inPercent
          ? shown(`${signed(100 * change, 1)} points`, scaled(interval, 100), 1, prompts)
          : shown(signed(change, 2), interval, 2, prompts),
      ),
      ...(judge === undefined ? [] : [shown(percent(of.judge_win_rate ?? NaN), intervals.judge_win_rate, 1, prompts)]),
      shown(`${signed(of.length_change_percent, 1)} %`, intervals.length_change_percent, 1, prompts),
    ]),
  };
}

function timeOf(seconds: RoundState['seconds']): string {
  const all = Object.values(seconds);
  return all.length === 0 ? '' : duration(all.reduce((a, b) => a + b, 0));
}

/** Printed beneath the table. */
export const tableNote =
  'Reward, metrics, length (tokens) and truncated share are means over the held-out prompts. Δ reward, Δ length, win ' +
  'rate and length-controlled win rate (arXiv 2404.04475, minimal form), both in percent and by the training reward, and ' +
  'KL (nats, estimated) are against the base policy; in brackets the 95 % interval, a bootstrap over prompts.';

/** Settings of a round's branch that differ from the run's configuration: "sampling.samples_per_prompt 8". */
export function overridesInWords(config: Config, round: RoundState): string {
  return overriddenKeys(round)
    .map((key) => {
      const value = settingOf(config, round, key);
      const show = published[key] ?? String;
      return `${key} ${typeof value === 'string' ? show(value) : JSON.stringify(value)}`;
    })
    .join(', ');
}

/**
 * Facts that do not fit into the table: prompts sampled, prompts without a pair, settings of the round's own. Not
 * sanitized.
 */
export function roundFacts(config: Config, round: RoundState): string[] {
  return [
    ...checkInWords(round),
    samplingInWords(round.sampled),
    withoutPairInWords(round.dropped, round.decisions),
    overridesInWords(config, round),
  ].filter((part) => part !== null && part !== '') as string[];
}

/** Round 0 of a run with preference rows: what the reward was worth before anything was trained on it. */
function checkInWords({ evaluation }: RoundState): string[] {
  const check = evaluation?.reward_check;
  if (check === undefined) return [];
  return [`${check.reward} on the preference rows: ${[check.summary, ...check.warnings].join(' · ')}`];
}

/** Reports and model cards are published: local files and folders appear only by name. */
const published: Record<string, (value: string) => string> = {
  reward: publishedReward,
  'dpo.reference': publishedReference,
};

/** The settings that the run was started with, as names and values. */
export function configFacts(config: Config): [string, string][] {
  const { dpo, seed, sampling, update } = config;
  const decoding = decodingOf(config.evaluation);
  const trained = update.lora === null ? 'all weights' : `LoRA adapter, rank ${update.lora.rank}`;
  return [
    ['base policy', path.basename(config.model)],
    ['reward', publishedReward(config.reward)],
    ['prompts', path.basename(config.prompts)],
    ['held-out prompts', path.basename(config.held_out)],
    [
      'sampling',
      `${sampling.samples_per_prompt} responses per prompt, at most ${sampling.max_new_tokens} tokens, temperature ${sampling.temperature}`,
    ],
    ...(decoding === null ? [] : [['held-out responses', decodingInWords(decoding)] satisfies [string, string]]),
    ...(dpo.objective === 'lr-dpo' ? [] : [['objective', dpo.objective] satisfies [string, string]]),
    [
      'reference policy',
      !objectives[dpo.objective].reference
        ? 'none'
        : dpo.reference === 'round'
          ? "each round's start"
          : referenceInWords(publishedReference(dpo.reference), "each round's start"),
    ],
    ['trained', trained],
    ['seed', String(seed)],
  ];
}

/** Beneath the curves of held-out pairs. */
export const heldOutNote =
  'Held-out pairs are pairs of the round that its update only evaluates. A loss that rises while the training loss falls means that further steps fit the training pairs only.';
