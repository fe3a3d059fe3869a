/**
 * Figures of a policy beside the base policy, with intervals.
 *
 * Response k of the policy meets response k of the base to the same prompt under the same seed. A prompt brings its
 * responses of all seeds, so an interval says how much a figure would change with other prompts, given these trainings.
 * How much it changes with other trainings is the range over the seeds.
 */
import { bootstrapInterval, type Interval, quantile } from '../../src/core/statistics.js';
import { lengthControlledWinRate, mean } from '../../src/core/winRate.js';
import { type Responses, type Run, sameSettings, type Settings } from './results.js';

/** One response of a policy beside one of the base to the same prompt. */
export interface Row {
  reward: number;
  base_reward: number;
  length: number;
  base_length: number;
  /** 1 if the answer is right, else 0. */
  correct: number;
  base_correct: number;
}

/** Names of the figures. */
export const figureNames = ['reward', 'correct', 'length', 'win_rate', 'lc_win_rate', 'lc_correct'] as const;
export type FigureName = (typeof figureNames)[number];

/** A figure, its 95 % interval over prompts, and its smallest and largest value over the seeds. */
export interface Figure {
  value: number;
  interval: Interval | null;
  seeds: Interval;
  /** On each resample of the prompts; the draws are the same for all policies measured on the same prompts. */
  resamples: number[];
}

export type Figures = Record<FigureName, Figure>;

/** 1 for a win, ½ for a tie. */
const preference = (ours: number, theirs: number): number => (ours > theirs ? 1 : ours < theirs ? 0 : 0.5);

/** Length-controlled win rate by the reward, in percent. */
export const lengthControlled = (rows: readonly Row[]): number =>
  controlled(rows, (row) => preference(row.reward, row.base_reward));

function controlled(rows: readonly Row[], preferenceOf: (row: Row) => number): number {
  const preferences = rows.map((row) => ({
    preference: preferenceOf(row),
    length_model: row.length,
    length_baseline: row.base_length,
  }));
  return lengthControlledWinRate(preferences, 'minimal').win_rate;
}

const statistics: Record<FigureName, (rows: readonly Row[]) => number> = {
  reward: (rows) => mean(rows.map(({ reward }) => reward)),
  correct: (rows) => 100 * mean(rows.map(({ correct }) => correct)),
  length: (rows) => mean(rows.map(({ length }) => length)),
  win_rate: (rows) => 100 * mean(rows.map((row) => preference(row.reward, row.base_reward))),
  lc_win_rate: lengthControlled,
  lc_correct: (rows) => controlled(rows, (row) => preference(row.correct, row.base_correct)),
};

/** One seed's rows by prompt. @param responses to each prompt */
export function rowsByPrompt(policy: Responses, base: Responses, responses: number): Row[][] {
  return Array.from({ length: policy.rewards.length / responses }, (_, prompt) =>
    Array.from({ length: responses }, (_unused, k) => {
      const i = prompt * responses + k;
      return {
        reward: policy.rewards[i],
        base_reward: base.rewards[i],
        length: policy.lengths[i],
        base_length: base.lengths[i],
        correct: Number(policy.correct[i]),
        base_correct: Number(base.correct[i]),
      };
    }),
  );
}

/**
 * A setting's rows of all seeds.
 *
 * @param settings null: the base beside itself
 * @returns by round, prompt and seed (within a prompt: the first seed's rows, then the second's, …); null if an update
 *   failed or nothing was run
 */
export function pool(
  runs: readonly Run[],
  part: Run['part'],
  settings: Settings | null,
  responses: number,
): Row[][][] | null {
  const ofPart = runs.filter((run) => run.part === part);
  const same = ofPart.filter((run) => sameSettings(run.settings, settings));
  if (same.length === 0 || same.some(({ failed }) => failed !== undefined)) return null;
  const perSeed = same.map(({ seed, rounds }) => {
    const base = ofPart.find((run) => run.seed === seed && run.settings === null);
    if (base === undefined) throw new Error(`the base policy was not measured under seed ${seed}`);
    return rounds.map((policy) => rowsByPrompt(policy, base.rounds[0], responses));
  });
  return perSeed[0].map((first, round) => first.map((_, prompt) => perSeed.flatMap((rounds) => rounds[round][prompt])));
}

/** @param prompts rows by prompt; each seed has `responses` of them, in turn */
export function figures(prompts: Row[][], responses: number): Figures {
  return Object.fromEntries(figureNames.map((name) => [name, figure(statistics[name], prompts, responses)])) as Figures;
}

function figure(statistic: (rows: readonly Row[]) => number, prompts: Row[][], responses: number): Figure {
  const seeds = Array.from({ length: prompts[0].length / responses }, (_, seed) =>
    statistic(prompts.flatMap((rows) => rows.slice(seed * responses, (seed + 1) * responses))),
  );
  const resamples: number[] = [];
  const interval = bootstrapInterval(prompts.length, (drawn) => {
    const value = statistic(Array.from(drawn).flatMap((prompt) => prompts[prompt]));
    resamples.push(value);
    return value;
  });
  return {
    value: statistic(prompts.flat()),
    interval,
    seeds: { low: Math.min(...seeds), high: Math.max(...seeds) },
    resamples,
  };
}

/** A difference of two policies' figures, both on the same drawn prompts, with its 95 % interval. */
export interface Difference {
  value: number;
  interval: Interval;
}

export function difference(ours: Figure, theirs: Figure): Difference {
  const differences = Float64Array.from(ours.resamples, (value, r) => value - theirs.resamples[r]).sort();
  return {
    value: ours.value - theirs.value,
    interval: { low: quantile(differences, 0.025), high: quantile(differences, 0.975) },
  };
}

/** Whether its interval excludes zero. */
export const exceedsNoise = ({ interval: { low, high } }: Difference): boolean => low > 0 || high < 0;
