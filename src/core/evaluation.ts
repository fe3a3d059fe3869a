/**
 * Compares policies on held-out prompts from samples and scores: responses to each prompt of each policy, their rewards,
 * and the log-probabilities of the policy's responses under itself and its opponent. Lengths are response tokens.
 *
 * Response i to a prompt is compared with the opponent's response i: both were sampled from the same seed, so policies
 * that do not differ tie, and the noise of sampling that both share cancels. It takes n comparisons per prompt, where
 * all with all would take n². Every figure is a mean over prompts of the mean over the prompt's responses or pairs, and
 * every interval is bootstrapped over prompts (`bootstrapInterval`): responses to one prompt are not independent.
 *
 * Knows no backend and does no I/O.
 */
import { agreementOf, known } from './agreement.js';
import type { NamedPart } from './config/rewardSpec.js';
import type { HeldOutDecoding } from './heldOutDecoding.js';
import { largest } from './limits.js';
import { partMeans } from './rewardParts.js';
import type {
  ComparedMetric,
  Comparison,
  EvaluationResult,
  JudgeComparison,
  KindComparison,
  PartMean,
  SampledResponse,
} from './rows.js';
import { bootstrapInterval, type Interval } from './statistics.js';
import { styleControlledWinRate, styleOf, type StyleFeatures } from './styleControl.js';
import { lengthControlledWinRate, mean, type PreferenceRow, sampleDeviation } from './winRate.js';

/** A policy's responses to the held-out prompts, in their order; [prompt][response] everywhere. */
export interface Answers {
  responses: SampledResponse[][];
  rewards: number[][];
  /** The parts of a weighted sum, and their unweighted values: [prompt][response][part]. */
  parts?: { named: readonly NamedPart[]; values: number[][][] };
  metrics?: MetricValues[];
  /** Scores by the second judge; absent if it compares, or if there is none. */
  judged?: number[][];
}

export interface MetricValues {
  name: string;
  percent: boolean;
  values: number[][];
}

export interface Opponent extends Answers {
  /** `round-start` or `base`. */
  against: string;
  /** Summed log-probabilities of the policy's responses under the opponent, or why they are unknown. */
  logps: number[][] | { unknown: string };
  /** By a second judge that compares: the probability that the policy's response i is better than response i here. */
  preferences?: number[][];
}

export interface EvaluationFacts {
  /** The kind of each prompt; absent if no prompt has one. */
  kinds?: (string | null)[];
  judge?: { spec: string; remarks: string[] };
  /** Absent: plain sampling. Its note is the caller's. */
  decoding?: HeldOutDecoding;
  notes?: string[];
}

/** @throws RangeError without prompts, or if a prompt has no response */
export function evaluatePolicy(
  round: number,
  policy: Answers,
  opponents: Opponent[],
  { kinds, judge, decoding, notes = [] }: EvaluationFacts = {},
): EvaluationResult {
  const { responses, rewards, metrics = [], judged } = policy;
  if (responses.length === 0 || responses.some(({ length }) => length === 0))
    throw new RangeError('every held-out prompt needs a response');
  const each = (value: (response: SampledResponse) => number): number =>
    meanOfMeans(responses.map((of) => of.map(value)));
  const uneven = opponents.some((opponent) => opponent.responses.some((of, p) => of.length !== responses[p].length));
  const all = [...notes, ...(uneven ? [unevenNote] : []), ...kindNotes(kinds)];
  return {
    round,
    prompts: responses.length,
    responses: largest(responses.map(({ length }) => length)),
    ...(decoding !== undefined && { decoding }),
    reward: meanOfMeans(rewards),
    ...(policy.parts !== undefined && { reward_parts: meansOf(policy.parts) }),
    mean_length: each(({ ids }) => ids.length),
    mean_characters: each(({ text }) => text.length),
    distinct_2: distinctBigrams(responses.flat()),
    truncated_share: each(({ finish_reason }) => (finish_reason === 'length' ? 1 : 0)),
    ...(metrics.length > 0 && {
      metrics: metrics.map(({ name, percent, values }) => ({ name, percent, value: meanOfMeans(values) })),
    }),
    ...(judge !== undefined && {
      judge: { ...judge, ...(judged !== undefined && { score: meanOfMeans(judged) }) },
    }),
    ...(all.length > 0 && { notes: all }),
    comparisons: opponents.map((opponent) => compare(policy, opponent, kinds)),
  };
}

/** Of each prompt first, then over the prompts, as for the reward. */
function meansOf({ named, values }: NonNullable<Answers['parts']>): PartMean[] {
  const overall = partMeans(values.map(partMeans));
  return named.map((part, p) => ({ ...part, reward: overall[p] }));
}

const unevenNote =
  'The policies have different numbers of responses to a prompt; only as many as both have are compared.';

/** Means of the rows of [prompt][response]. */
const means = (values: readonly number[][]): number[] => values.map(mean);
const meanOfMeans = (values: readonly number[][]): number => mean(means(values));

/** What a comparison computes from, one value per prompt. */
interface PromptValues {
  preference: number[];
  reward: number[];
  rewardAgainst: number[];
  length: number[];
  lengthAgainst: number[];
  metrics: { name: string; percent: boolean; own: number[]; against: number[] }[];
  judged: number[] | null;
}

/** A pair of responses with the same index. */
interface Pair extends PreferenceRow {
  /** By the second judge. */
  judged: number | null;
  model: StyleFeatures;
  baseline: StyleFeatures;
}

/**
 * The response with the higher reward wins; equal rewards count as half a win, and so do equal responses: rewards that
 * depend on the batch (on tensorflow or at a server) differ in their last bits for the same response.
 */
export function compare(policy: Answers, opponent: Opponent, kinds?: (string | null)[]): Comparison {
  const pairs = pairsOf(policy, opponent);
  const prompts = pairs.length;
  const values = promptValues(policy, opponent, pairs);
  const all = Int32Array.from(pairs, (_, p) => p);
  const ofPairs = (statistic: (rows: Pair[]) => number) => (drawn: Int32Array) =>
    statistic(Array.from(drawn, (p) => pairs[p]).flat());
  const controlled = lengthControlledWinRate(pairs.flat(), 'minimal');
  const style = styleControlledWinRate(pairs.flat());
  const divergence = divergenceOf(policy, opponent);
  const intervals = {
    ...overall(values, all).intervals,
    length_controlled_win_rate: bootstrapInterval(
      prompts,
      ofPairs((rows) => lengthControlledWinRate(rows, 'minimal', controlled.theta).win_rate),
    ),
    style_controlled_win_rate: bootstrapInterval(
      prompts,
      ofPairs((rows) => styleControlledWinRate(rows, style.theta).win_rate),
    ),
    kl: divergence === null ? null : bootstrapInterval(prompts, divergence.kl),
    kl_per_token: divergence === null ? null : bootstrapInterval(prompts, divergence.perToken),
  };
  const byKind = kinds === undefined ? null : kindComparisons(values, kinds);
  const { logps } = opponent;
  const length = mean(values.length);
  const lengthAgainst = mean(values.lengthAgainst);
  return {
    against: opponent.against,
    prompts,
    win_rate: 100 * mean(values.preference),
    win_rate_standard_error: prompts < 2 ? null : (100 * sampleDeviation(values.preference)) / Math.sqrt(prompts),
    length_controlled_win_rate: controlled.win_rate,
    length_controlled_form: 'minimal',
    style_controlled_win_rate: style.win_rate,
    style_constant_features: style.constant_features,
    mean_length: length,
    mean_length_against: lengthAgainst,
    length_change_percent: 100 * (length / lengthAgainst - 1),
    reward: mean(values.reward),
    reward_against: mean(values.rewardAgainst),
    kl: divergence === null ? null : divergence.kl(all),
    kl_per_token: divergence === null ? null : divergence.perToken(all),
    ...(Array.isArray(logps) ? {} : { kl_note: logps.unknown }),
    intervals: known(intervals),
    ...(values.metrics.length > 0 && { metrics: values.metrics.map(comparedMetric) }),
    ...(values.judged !== null && { judge: judgeComparison(policy, opponent, values, pairs) }),
    ...(byKind !== null && { kinds: byKind }),
  };
}

function pairsOf(policy: Answers, opponent: Opponent): Pair[][] {
  const styles = (answers: Answers) =>
    answers.responses.map((of) => of.map(({ text, ids }) => styleOf(text, ids.length)));
  const [own, theirs] = [styles(policy), styles(opponent)];
  return policy.responses.map((responses, p) =>
    responses.slice(0, opponent.responses[p].length).map((ours, i): Pair => {
      const other = opponent.responses[p][i];
      const higher = (of: (answers: Answers) => number[][]) =>
        preference(ours, of(policy)[p][i], other, of(opponent)[p][i]);
      const scored = policy.judged !== undefined && opponent.judged !== undefined;
      return {
        preference: higher(({ rewards }) => rewards),
        judged: opponent.preferences?.[p][i] ?? (scored ? higher(({ judged }) => judged as number[][]) : null),
        length_model: ours.ids.length,
        length_baseline: other.ids.length,
        model: own[p][i],
        baseline: theirs[p][i],
      };
    }),
  );
}

function promptValues(policy: Answers, opponent: Opponent, pairs: readonly Pair[][]): PromptValues {
  const lengths = ({ responses }: Answers) => responses.map((of) => mean(of.map(({ ids }) => ids.length)));
  const judged = pairs.every((of) => of.every((pair) => pair.judged !== null));
  return {
    preference: pairs.map((of) => mean(of.map((pair) => pair.preference))),
    reward: means(policy.rewards),
    rewardAgainst: means(opponent.rewards),
    length: lengths(policy),
    lengthAgainst: lengths(opponent),
    metrics: (policy.metrics ?? []).flatMap(({ name, percent, values }) => {
      const theirs = opponent.metrics?.find((metric) => metric.name === name);
      return theirs === undefined ? [] : [{ name, percent, own: means(values), against: means(theirs.values) }];
    }),
    judged: judged ? pairs.map((of) => mean(of.map((pair) => pair.judged as number))) : null,
  };
}

type Statistic = (drawn: Int32Array) => number;

const meanOf =
  (values: readonly number[]): Statistic =>
  (drawn) => {
    let sum = 0;
    for (const p of drawn) sum += values[p];
    return sum / drawn.length;
  };

const differenceOf = (own: readonly number[], against: readonly number[]): Statistic =>
  meanOf(own.map((value, p) => value - against[p]));

function lengthChange({ length, lengthAgainst }: PromptValues): Statistic {
  const [own, against] = [meanOf(length), meanOf(lengthAgainst)];
  return (drawn) => 100 * (own(drawn) / against(drawn) - 1);
}

/** The figures that kinds have too, on some of the prompts. */
function overall(values: PromptValues, prompts: Int32Array) {
  const rate = meanOf(values.preference);
  const reward = differenceOf(values.reward, values.rewardAgainst);
  const length = lengthChange(values);
  const judged = values.judged === null ? null : meanOf(values.judged);
  const percentage =
    (of: Statistic): Statistic =>
    (drawn) =>
      100 * of(drawn);
  return {
    win_rate: 100 * rate(prompts),
    reward_change: reward(prompts),
    length_change_percent: length(prompts),
    ...(judged !== null && { judge_win_rate: 100 * judged(prompts) }),
    intervals: {
      win_rate: intervalOn(prompts, percentage(rate)),
      reward_change: intervalOn(prompts, reward),
      length_change_percent: intervalOn(prompts, length),
    },
    judgeInterval: judged === null ? null : intervalOn(prompts, percentage(judged)),
  };
}

/** The interval of a statistic on some of the prompts. */
function intervalOn(prompts: Int32Array, statistic: Statistic): Interval | null {
  const chosen = new Int32Array(prompts.length);
  return bootstrapInterval(prompts.length, (drawn) => {
    for (let i = 0; i < chosen.length; i++) chosen[i] = prompts[drawn[i]];
    return statistic(chosen);
  });
}

function comparedMetric({ name, percent, own, against }: PromptValues['metrics'][number]): ComparedMetric {
  const interval = bootstrapInterval(own.length, differenceOf(own, against));
  return { name, percent, value: mean(own), value_against: mean(against), ...(interval !== null && { interval }) };
}

/**
 * E_{y~π}[log π(y) - log π_against(y)] = KL(π ‖ π_against). The estimate can come out below 0; responses sampled at a
 * temperature other than 1 or from a truncated distribution bias it.
 */
function divergenceOf({ responses }: Answers, { logps }: Opponent): { kl: Statistic; perToken: Statistic } | null {
  if (!Array.isArray(logps)) return null;
  const ratios = responses.map((of, p) => of.map((response, i) => response.logps - logps[p][i]));
  const kl = meanOf(means(ratios));
  const tokens = meanOf(responses.map((of) => mean(of.map(({ ids }) => ids.length))));
  return { kl, perToken: (drawn) => kl(drawn) / tokens(drawn) };
}

function judgeComparison(
  policy: Answers,
  opponent: Opponent,
  values: PromptValues,
  pairs: readonly Pair[][],
): JudgeComparison {
  const judged = values.judged as number[];
  const prompts = pairs.length;
  const rowsOf = (drawn: Iterable<number>) =>
    Array.from(drawn, (p) => pairs[p]).flatMap((of) =>
      of.map((pair) => ({ ...pair, preference: pair.judged as number })),
    );
  const rate = meanOf(judged);
  const controlled = lengthControlledWinRate(rowsOf(pairs.keys()), 'minimal');
  const scores =
    opponent.preferences === undefined && policy.judged !== undefined && opponent.judged !== undefined
      ? { own: means(policy.judged), against: means(opponent.judged) }
      : null;
  return {
    by: scores === null ? 'comparisons' : 'scores',
    win_rate: 100 * mean(judged),
    length_controlled_win_rate: controlled.win_rate,
    ...(scores !== null && { score: mean(scores.own), score_against: mean(scores.against) }),
    intervals: known({
      win_rate: bootstrapInterval(prompts, (drawn) => 100 * rate(drawn)),
      length_controlled_win_rate: bootstrapInterval(
        prompts,
        (drawn) => lengthControlledWinRate(rowsOf(drawn), 'minimal', controlled.theta).win_rate,
      ),
      score_change: scores === null ? null : bootstrapInterval(prompts, differenceOf(scores.own, scores.against)),
    }),
    agreement: agreementOf(
      pairs.map((_, p) => ({
        preferences: [values.preference[p], judged[p]],
        differences:
          scores === null ? null : [values.reward[p] - values.rewardAgainst[p], scores.own[p] - scores.against[p]],
      })),
    ),
  };
}

// Kinds of prompts.

export const NO_KIND = '(none)';
export const OTHER_KINDS = '(others)';
/** Of a table that a person reads; a column with more values is no kind. */
const MOST_KINDS = 50;

/** Sentences on prompts without a kind, and on kinds that are listed together. */
function kindNotes(kinds: readonly (string | null)[] | undefined): string[] {
  if (kinds === undefined) return [];
  const without = kinds.filter((kind) => kind === null).length;
  const names = new Set(kinds);
  return [
    ...(without === 0
      ? []
      : [`${without} of ${kinds.length} held-out prompts have no "kind"; they are listed as ${NO_KIND}.`]),
    ...(names.size <= MOST_KINDS
      ? []
      : [`The held-out prompts have ${names.size} kinds; the smallest are listed together as ${OTHER_KINDS}.`]),
  ];
}

/** One row per kind, the kinds with the most prompts first; null if no prompt has a kind. */
function kindComparisons(values: PromptValues, kinds: readonly (string | null)[]): KindComparison[] | null {
  if (kinds.every((kind) => kind === null)) return null;
  const groups = new Map<string, number[]>();
  kinds.forEach((kind, p) => {
    const name = kind ?? NO_KIND;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [p]);
    else group.push(p);
  });
  const sorted = [...groups].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  const listed = sorted.length <= MOST_KINDS ? sorted : sorted.slice(0, MOST_KINDS - 1);
  const rest = sorted.slice(listed.length).flatMap(([, prompts]) => prompts);
  if (rest.length > 0) listed.push([OTHER_KINDS, rest]);
  return listed.map(([kind, prompts]) => {
    const some = Int32Array.from(prompts);
    const { intervals, judgeInterval, ...figures } = overall(values, some);
    return {
      kind,
      prompts: prompts.length,
      ...figures,
      metrics: values.metrics.map(({ name, percent, own, against }) => {
        const change = differenceOf(own, against);
        const interval = intervalOn(some, change);
        return { name, percent, change: change(some), ...(interval !== null && { interval }) };
      }),
      intervals: known({ ...intervals, judge_win_rate: judgeInterval }),
    };
  });
}

/** The probability that a policy's response is better than another by their scores. */
export function preference(ours: SampledResponse, reward: number, theirs: SampledResponse, against: number): number {
  if (sameTokens(ours.ids, theirs.ids)) return 0.5;
  return reward > against ? 1 : reward < against ? 0 : 0.5;
}

export function sameTokens(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** Distinct bigrams over all bigrams, of token ids over all responses (arXiv 1510.03055). */
export function distinctBigrams(responses: SampledResponse[]): number {
  const seen = new Set<string>();
  let total = 0;
  for (const { ids } of responses) {
    for (let i = 0; i + 1 < ids.length; i++) {
      seen.add(`${ids[i]} ${ids[i + 1]}`);
      total++;
    }
  }
  return total === 0 ? 0 : seen.size / total;
}
