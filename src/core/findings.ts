/**
 * Says in plain sentences whether a difference on the held-out prompts exceeds the noise: whether the 95 % interval of
 * the difference (of the win rate) lies on one side of 0 (of 50 %). Pure.
 */
import * as format from './format.js';
import type { Comparison, EvaluationResult } from './rows.js';
import type { Interval } from './statistics.js';

export interface Finding {
  /** Without a full stop: "reward +0.31 (95 % 0.18 to 0.44): exceeds the noise". */
  text: string;
  /** `change`: of a figure where more is neither better nor worse. `warning`: something to look into. */
  verdict: 'gain' | 'loss' | 'change' | 'noise' | 'unknown' | 'warning';
}

/** With fewer prompts a bootstrap interval is far too narrow: five wins of five would be "100 to 100". */
const FEW_PROMPTS = 10;

/** The difference in win rate that the necessary number of prompts is stated for. */
const POINTS = 5;
/** z of a two-sided test at 5 %, plus that of a power of 80 %. */
const Z = 1.96 + 0.8416;

/**
 * Prompts after which a test at 5 % would show a difference of five points of win rate with a power of 80 %:
 * n = (z·s/5)² with s the standard deviation over prompts (Miller, "Adding error bars to evals", arXiv 2411.00640),
 * to two significant digits; null if it is unknown.
 */
export function promptsNeeded({ prompts, win_rate_standard_error: error }: Comparison): number | null {
  if (error === null || error === 0) return null;
  return Number((prompts * ((Z * error) / POINTS) ** 2).toPrecision(2));
}

/**
 * The 95 % interval of the win rate; of an evaluation without intervals (versions before 0.2), 1.96 standard errors to
 * either side. null for a single prompt.
 */
export function winRateInterval({ win_rate, win_rate_standard_error: error, intervals }: Comparison): Interval | null {
  if (intervals !== undefined) return intervals.win_rate ?? null;
  if (error === null) return null;
  return { low: Math.max(0, win_rate - 1.96 * error), high: Math.min(100, win_rate + 1.96 * error) };
}

export type Beyond = 'above' | 'below' | 'noise' | 'unknown';

/** Where an interval lies; `unknown` without one and for very few prompts. */
export function beyond(interval: Interval | null | undefined, zero: number, prompts: number): Beyond {
  if (interval == null || prompts < FEW_PROMPTS) return 'unknown';
  return interval.low > zero ? 'above' : interval.high < zero ? 'below' : 'noise';
}

/** Of one comparison: reward, win rate, length, the metrics, the second judge; a warning first, if there is one. */
export function findings(comparison: Comparison): Finding[] {
  const { prompts, intervals = {}, metrics = [], judge } = comparison;
  const said = (name: string, interval: Interval | null | undefined, digits: number, zero = 0, more = ''): Finding => {
    const where = beyond(interval, zero, prompts);
    const range = interval == null || where === 'unknown' ? '' : ` (95 % ${format.between(interval, digits)})`;
    return { text: `${name}${range}: ${words[where]}${more}`, verdict: verdicts[where] };
  };
  const list: Finding[] = [];
  const change = comparison.reward - comparison.reward_against;
  if (comparison.intervals !== undefined)
    list.push(said(`reward ${format.signed(change, 2)}`, intervals.reward_change, 2));
  const rate = winRateInterval(comparison);
  const power = beyond(rate, 50, prompts) === 'noise' ? powerOf(comparison) : '';
  list.push(said(`win rate ${format.percent(comparison.win_rate)}`, rate, 1, 50, power));
  for (const { name, percent, value, value_against, interval } of metrics) {
    const scale = percent ? 100 : 1;
    const difference = scale * (value - value_against);
    const shown = percent ? `${format.signed(difference, 1)} points` : format.signed(difference, 2);
    list.push(said(`${name} ${shown}`, scaled(interval, scale), percent ? 1 : 2));
  }
  if (judge !== undefined)
    list.push(said(`second judge: win rate ${format.percent(judge.win_rate)}`, judge.intervals.win_rate, 1, 50));
  if (comparison.intervals !== undefined) {
    const length = said(
      `length ${format.signed(comparison.length_change_percent, 1)} %`,
      intervals.length_change_percent,
      1,
    );
    const changed = length.verdict === 'gain' || length.verdict === 'loss';
    // Longer is not better, and shorter is no loss.
    list.push({ text: length.text.replace(words.below, words.above), verdict: changed ? 'change' : length.verdict });
  }
  const warning = overOptimization(comparison);
  return warning === null ? list : [warning, ...list];
}

/** Findings, agreement and notes of an evaluation as sentences; `nameOf` names an opponent: "the base". */
export function evaluationSentences(result: EvaluationResult, nameOf: (comparison: Comparison) => string): string[] {
  return [
    ...result.comparisons.flatMap((comparison) => {
      const said = findings(comparison).map(({ text }) => `${text}.`);
      return [...said, ...agreementInWords(comparison)].map((text) => `Against ${nameOf(comparison)}: ${text}`);
    }),
    ...(result.notes ?? []),
    ...(result.judge?.remarks ?? []),
  ];
}

/** How far the judges agree, one sentence per figure. */
export function agreementInWords({ judge, prompts }: Comparison): string[] {
  if (judge === undefined) return [];
  const { share, kappa, spearman, intervals } = judge.agreement;
  const range = (interval: Interval | undefined, scale: number, digits: number) =>
    interval === undefined ? '' : ` (95 % ${format.between(scaled(interval, scale) as Interval, digits)})`;
  return [
    `The judges give the same verdict on ${format.percent(100 * share)} of ${format.of(prompts, 'prompt')}${range(intervals.share, 100, 1)}.`,
    kappa === null
      ? "Cohen's kappa is undefined: each judge gives one verdict on all prompts."
      : `Cohen's kappa ${format.fixed(kappa, 2)}${range(intervals.kappa, 1, 2)}: 0 is chance, 1 is full agreement.`,
    ...(spearman === null
      ? []
      : [`Spearman's rho of the score differences ${format.fixed(spearman, 2)}${range(intervals.spearman, 1, 2)}.`]),
  ];
}

/**
 * The training reward improves and the second judge does not see it: what an over-optimized reward looks like (Gao et
 * al., "Scaling laws for reward model overoptimization", arXiv 2210.10760).
 */
function overOptimization(comparison: Comparison): Finding | null {
  const { prompts, intervals, judge } = comparison;
  if (judge === undefined) return null;
  const improves = beyond(intervals?.reward_change, 0, prompts) === 'above';
  const seen = beyond(judge.intervals.win_rate, 50, prompts);
  if (!improves || seen === 'above' || seen === 'unknown') return null;
  const sees = seen === 'below' ? 'the second judge sees a loss' : 'the second judge sees no gain';
  return {
    text: `the training reward rises and ${sees}: the policy may exploit the reward (over-optimization); read the prompts on which the judges differ`,
    verdict: 'warning',
  };
}

function powerOf(comparison: Comparison): string {
  const needed = promptsNeeded(comparison);
  if (needed === null) return '';
  return needed <= comparison.prompts
    ? `; a difference of ${POINTS} points would have shown`
    : `; about ${format.count(needed)} prompts would show a difference of ${POINTS} points (power 80 %)`;
}

export function scaled(interval: Interval | undefined, scale: number): Interval | undefined {
  return interval && { low: scale * interval.low, high: scale * interval.high };
}

const words: Record<Beyond, string> = {
  above: 'exceeds the noise',
  below: 'a loss that exceeds the noise',
  noise: 'within the noise',
  unknown: `too few prompts to tell (fewer than ${FEW_PROMPTS})`,
};

const verdicts = { above: 'gain', below: 'loss', noise: 'noise', unknown: 'unknown' } as const;
