/** The table of rounds that reports and model cards share: its columns, and the facts listed beside it. */
import path from 'node:path';
import type { Config } from '../core/config/schema.js';
import { decisionsInWords, samplingInWords, withoutPairInWords } from '../core/review/decisions.js';
import { halfWidth } from '../core/winRate.js';
import { publishedReference, referenceInWords } from '../core/config/reference.js';
import { publishedReward } from '../core/config/rewardSpec.js';
import { objectives } from '../core/objectives/index.js';
import { overriddenKeys, settingOf, type RoundState } from '../core/rounds.js';
import type { Comparison } from '../core/rows.js';
import { alpha, duration, fixed, learningRate, percent, signed } from '../core/format.js';

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
  { title: 'pairs', cell: ({ pairs }) => (pairs === null ? '' : String(pairs)) },
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
  { title: 'length', cell: ({ evaluation }) => (evaluation === null ? '' : fixed(evaluation.mean_length, 1)) },
  { title: 'Δ length', cell: (round) => compared(round, (c) => `${signed(c.length_change_percent, 1)} %`) },
  {
    title: 'truncated',
    cell: ({ evaluation }) => (evaluation === null ? '' : percent(100 * evaluation.truncated_share)),
  },
  {
    title: 'win rate',
    cell: (round) =>
      compared(
        round,
        ({ win_rate, win_rate_standard_error: error }) =>
          `${fixed(win_rate, 1)}${error === null ? '' : ` ± ${fixed(halfWidth(error), 1)}`}`,
      ),
  },
  { title: 'length-controlled', cell: (round) => compared(round, (c) => fixed(c.length_controlled_win_rate, 1)) },
  { title: 'KL', cell: (round) => compared(round, ({ kl }) => fixed(kl ?? NaN, 2)) },
  { title: 'time', cell: ({ seconds }) => dash(timeOf(seconds)) },
  {
    title: 'verdict',
    cell: ({ stage, verdict }) => (stage === 'done' ? (verdict ?? '') : `at ${stage}`),
  },
];

const ifAny = ['decisions', 'reward parts'];

/** The columns for these rounds; omits decisions if nobody made any, and reward parts if no reward had any. */
export function columnsOf(rounds: readonly RoundState[]): readonly TableColumn[] {
  return roundColumns.filter(({ title, cell }) => !ifAny.includes(title) || rounds.some((round) => cell(round) !== ''));
}

function timeOf(seconds: RoundState['seconds']): string {
  const all = Object.values(seconds);
  return all.length === 0 ? '' : duration(all.reduce((a, b) => a + b, 0));
}

/** Printed beneath the table. */
export const tableNote =
  'Reward, length (tokens) and truncated share are means over the held-out prompts. Δ length, win rate ' +
  '(± half the width of its 95 % interval), length-controlled win rate (arXiv 2404.04475, minimal form), both in percent and by the reward ' +
  'model, and KL (nats, estimated) are against the base policy.';

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
