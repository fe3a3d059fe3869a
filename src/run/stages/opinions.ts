/**
 * What the users' metrics and the second judge say of held-out responses. Every value is on disk as soon as it is known,
 * in the folder of the round whose responses it is about, so that a failure loses nothing and the base policy is judged
 * once per run.
 */
import { z } from 'zod';
import { metricFile } from '../../core/config/rewardSpec.js';
import { pauseOnly } from '../../core/control.js';
import { UserError } from '../../core/errors.js';
import { type MetricValues, sameTokens } from '../../core/evaluation.js';
import { roundFiles } from '../../core/runFiles.js';
import type { SampleRow } from '../../core/rows.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';
import { type Metric, type MetricInput, openMetrics } from '../../rewards/metric.js';
import { comparePairs } from '../../rewards/compare.js';
import { ProgressMeter, type WorkContext } from './context.js';
import type { RoundPrompt } from './prompts.js';
import { scoreInto } from './score.js';

/** A round's held-out samples, by prompt_index. */
export interface HeldOutSamples {
  round: number;
  rows: SampleRow[];
}

/** The kind of each prompt, its key `kind` in the held-out file; undefined if no prompt has one. */
export function kindsOf(prompts: readonly RoundPrompt[], rows: readonly SampleRow[]): (string | null)[] | undefined {
  const byIndex = new Map(prompts.map((prompt) => [prompt.index, kindOf(prompt.row)]));
  const kinds = rows.map(({ prompt_index }) => byIndex.get(prompt_index) ?? null);
  return kinds.some((kind) => kind !== null) ? kinds : undefined;
}

/** Text, numbers and truth values name kinds; anything else is no kind. */
export function kindOf(row: Readonly<Record<string, unknown>> = {}): string | null {
  const { kind } = row;
  if (typeof kind === 'string') return kind.trim() === '' ? null : kind.trim();
  return typeof kind === 'number' || typeof kind === 'boolean' ? String(kind) : null;
}

const metricRowSchema = z.object({
  metric: z.string(),
  /** Hash of the module. */
  version: z.string(),
  prompt_index: z.int().min(0),
  values: z.array(z.number()),
});
type MetricRow = z.infer<typeof metricRowSchema>;

/** The metrics' values of each of these rounds, by round; none without metrics. */
export async function heldOutMetrics(
  context: WorkContext,
  prompts: readonly RoundPrompt[],
  rounds: readonly HeldOutSamples[],
): Promise<Map<number, MetricValues[]>> {
  const { config, models } = context;
  const out = new Map<number, MetricValues[]>(rounds.map(({ round }) => [round, []]));
  const files = config.evaluation.metric.map(metricFile);
  if (files.length === 0) return out;
  const rows = new Map(prompts.map(({ index, row = {} }) => [index, row]));
  const metrics = await openMetrics(files, config.rewards, models.permission);
  try {
    for (const metric of metrics)
      for (const samples of rounds) {
        const values = await metricInto(context, metric, samples, rows);
        out.get(samples.round)?.push({ name: metric.name, percent: metric.percent, values });
      }
  } finally {
    for (const metric of metrics) metric.dispose();
  }
  return out;
}

/** @returns [prompt][response] */
async function metricInto(
  context: WorkContext,
  metric: Metric,
  { round, rows }: HeldOutSamples,
  heldOut: ReadonlyMap<number, Readonly<Record<string, unknown>>>,
): Promise<number[][]> {
  const file = context.files.file(round, roundFiles.heldOutMetrics);
  const known = new Map(
    readJsonLines(file, metricRowSchema, { missing: 'empty' })
      .filter(({ version }) => version === metric.version)
      .map(({ prompt_index, values }) => [prompt_index, values]),
  );
  const missing = rows.filter(({ prompt_index, responses }) => known.get(prompt_index)?.length !== responses.length);
  const meter = new ProgressMeter(context, 'responses', responsesIn(rows), responsesIn(rows) - responsesIn(missing));
  const control = pauseOnly(context.control);
  for (const { prompt_index, prompt, responses } of missing) {
    const row = heldOut.get(prompt_index);
    if (row === undefined)
      throw new UserError(
        `${context.config.held_out} has no prompt ${prompt_index} any more, which round ${round} has a response to; restore the file`,
      );
    const inputs = responses.map(({ text }): MetricInput => ({ prompt, response: text, row }));
    const values = new Array<number>(inputs.length);
    await metric.score(inputs, (index, value) => (values[index] = value), control);
    const added: MetricRow = { metric: metric.name, version: metric.version, prompt_index, values };
    appendJsonLines(file, [added]);
    known.set(prompt_index, values);
    meter.add(responses.length);
  }
  return rows.map(({ prompt_index }) => known.get(prompt_index) as number[]);
}

const responsesIn = (rows: readonly SampleRow[]): number =>
  rows.reduce((sum, { responses }) => sum + responses.length, 0);

const preferenceRowSchema = z.object({
  judge: z.string(),
  against: z.int().min(0),
  prompt_index: z.int().min(0),
  /** That response i of this round is better than response i of the round `against`. */
  preferences: z.array(z.number().min(0).max(1)),
});
type PreferenceRow = z.infer<typeof preferenceRowSchema>;

export interface Judgement {
  spec: string;
  /** By round; empty if the judge compares. */
  scores: Map<number, number[][]>;
  /** By the round that the responses are compared with; empty if the judge scores. */
  preferences: Map<number, number[][]>;
  remarks: string[];
}

/** Has the second judge compare the round's responses with the others', or, if it cannot compare, score all of them. */
export async function judgedBy(
  spec: string,
  context: WorkContext,
  own: HeldOutSamples,
  samples: ReadonlyMap<number, HeldOutSamples>,
): Promise<Judgement> {
  const judge = await context.models.reward({ ...context.config, reward: spec });
  const result: Judgement = { spec, scores: new Map(), preferences: new Map(), remarks: [] };
  if (judge.compare === undefined) {
    for (const { round, rows } of samples.values()) {
      const file = context.files.file(round, roundFiles.heldOutJudge);
      const scored = await scoreInto(file, rows, context, { absolute: true, judge: spec });
      const byPrompt = new Map(scored.map(({ prompt_index, rewards }) => [prompt_index, rewards]));
      result.scores.set(
        round,
        rows.map(({ prompt_index }) => byPrompt.get(prompt_index) as number[]),
      );
    }
  } else {
    for (const other of samples.values())
      if (other.round !== own.round)
        result.preferences.set(other.round, await preferencesInto(spec, context, own, other));
  }
  // The judge may have been opened again after a failure.
  result.remarks = (await context.models.reward({ ...context.config, reward: spec })).remarks?.() ?? [];
  return result;
}

/** @returns [prompt][pair] */
async function preferencesInto(
  spec: string,
  context: WorkContext,
  own: HeldOutSamples,
  other: HeldOutSamples,
): Promise<number[][]> {
  const file = context.files.file(own.round, roundFiles.heldOutPreferences);
  const known = new Map(
    readJsonLines(file, preferenceRowSchema, { missing: 'empty' })
      .filter(({ judge, against }) => judge === spec && against === other.round)
      .map(({ prompt_index, preferences }) => [prompt_index, preferences]),
  );
  const prompts = own.rows.map(({ prompt_index, prompt, responses }, p) => {
    const opposite = other.rows[p].responses;
    const pairs = responses.slice(0, opposite.length).map((response, i) => ({ ours: response, theirs: opposite[i] }));
    return { prompt_index, prompt, pairs };
  });
  const missing = prompts.filter(({ prompt_index, pairs }) => known.get(prompt_index)?.length !== pairs.length);
  const count = (some: typeof prompts) => some.reduce((sum, { pairs }) => sum + pairs.length, 0);
  const meter = new ProgressMeter(context, 'pairs', count(prompts), count(prompts) - count(missing));
  const judge = await context.models.reward({ ...context.config, reward: spec });
  try {
    await comparePairs(
      judge,
      missing.map(({ prompt, pairs }) => ({
        prompt,
        // Equal responses tie without being judged.
        pairs: pairs.map(({ ours, theirs }) => (sameTokens(ours.ids, theirs.ids) ? null : [ours.text, theirs.text])),
      })),
      {
        control: pauseOnly(context.control),
        onPrompt(index, preferences) {
          const { prompt_index } = missing[index];
          const added: PreferenceRow = { judge: spec, against: other.round, prompt_index, preferences };
          appendJsonLines(file, [added]);
          known.set(prompt_index, preferences);
          meter.add(preferences.length);
        },
      },
    );
  } catch (error) {
    context.models.closeReward();
    throw error;
  }
  return own.rows.map(({ prompt_index }) => known.get(prompt_index) as number[]);
}
