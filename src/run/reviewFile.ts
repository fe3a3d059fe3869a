/**
 * Converts a file of scored samples to the rows of review, and decided pairs to the form that trainers read (TRL:
 * {"prompt","chosen","rejected"}).
 *
 * Leaves out the tokenizer, which the caller passes in, and the journal's file (cli/reviewSession.ts).
 */
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { NamedPart } from '../core/config/rewardSpec.js';
import { type DroppedPairs, type Message, type Prompt, promptSchema } from '../core/rows.js';
import { readJsonLines } from '../io/jsonl.js';
import { decidedPairs } from '../core/review/decisions.js';
import {
  type Decision,
  type ResponseDetail,
  type ResponsePair,
  type ReviewDetail,
  type ReviewRow,
  type WeightInputs,
  firstOfEqual,
} from '../core/review/rows.js';
import { largest, smallest } from '../core/limits.js';

const scoredSchema = z.object({
  prompt: promptSchema.optional(),
  prompt_ids: z.array(z.int()).optional(),
  responses: z
    .array(
      z.object({
        text: z.string('every response needs a "text"'),
        reward: z.number('every response needs a "reward" that is a number'),
        /** Token ids, if the file has them. */
        ids: z.array(z.int()).optional(),
        /** Σ log π over its tokens under the policy to be trained, and under the reference. */
        logps: z.number().nullish(),
        ref_logps: z.number().nullish(),
        finish_reason: z.string().nullish(),
        /** The parts of a weighted sum, as `brevity score` writes them. */
        reward_parts: z
          .array(
            z.object({
              name: z.string('expected a text'),
              weight: z.number('expected a number'),
              value: z.number('expected a number'),
            }),
            'expected [{"name","weight","value"}]',
          )
          .nullish(),
        /** The model or person that wrote it: AlpacaEval's field name and the usual one. */
        generator: z.string().nullish(),
        model: z.string().nullish(),
      }),
      'every row needs "responses": [{"text","reward"}]',
    )
    .min(1, 'a prompt needs at least one response'),
});
type ScoredRow = z.infer<typeof scoredSchema>;

export interface ScoredFile {
  rows: ReviewRow[];
  details: ReviewDetail[];
  /** Unit of lengths. */
  unit: 'tokens' | 'characters';
  weights: WeightInputs;
  /** The parts of the reward; empty if the file has none. */
  parts: NamedPart[];
  /** Every response has a finish_reason, so responses without truncation are known too. */
  finishKnown: boolean;
}

/**
 * @param tokensOf tokens of a response, the end-of-turn token included; null: lengths come from the file's own `ids` if
 *   every response has them, else in characters (Unicode code points)
 * @throws UserError that names file and line of an unusable row
 */
export function readScoredFile(
  file: string,
  tokensOf: ((text: string, truncated: boolean) => number) | null,
): ScoredFile {
  const read = readJsonLines(file, scoredSchema, { torn: 'error', withLines: true });
  if (read.length === 0)
    throw new UserError(`${file} is empty; expected a line {"prompt","responses":[{"text","reward"}]} for each prompt`);
  const given = read.map(({ row, line }) => {
    if (row.prompt === undefined && row.prompt_ids === undefined)
      throw new UserError(`${file}:${line}: every row needs a "prompt", a text or messages`);
    return row;
  });
  const hasIds = given.every(({ responses }) => responses.every(({ ids }) => ids !== undefined));
  const lengthOf = ({ text, ids, finish_reason }: ScoredRow['responses'][number]): number => {
    if (tokensOf !== null) return tokensOf(text, finish_reason === 'length');
    return hasIds && ids !== undefined ? ids.length : codePoints(text);
  };
  const parts = partsOf(file, read);
  const details = given.map((row, prompt_index): ReviewDetail => ({
    prompt_index,
    prompt: row.prompt ?? `(${row.prompt_ids?.length ?? 0} tokens without text)`,
    responses: row.responses.map((response) => ({
      text: response.text,
      length: lengthOf(response),
      reward: response.reward,
      logps: response.logps ?? null,
      truncated: response.finish_reason === 'length',
      ...(parts.length > 0 && response.reward_parts && { parts: response.reward_parts.map(({ value }) => value) }),
      source: response.generator ?? response.model ?? undefined,
    })),
  }));
  const finishKnown = given.every(({ responses }) => responses.every(({ finish_reason }) => finish_reason != null));
  const unit = tokensOf !== null || hasIds ? 'tokens' : 'characters';
  return { rows: details.map(rowOf), details, unit, weights: weightsOf(given), parts, finishKnown };
}

/** @throws UserError that names the line whose parts are not those of the lines before */
function partsOf(file: string, read: readonly { row: ScoredRow; line: number }[]): NamedPart[] {
  let first: { parts: NamedPart[]; text: string; line: number } | null = null;
  for (const { row, line } of read) {
    for (const { reward_parts } of row.responses) {
      if (reward_parts == null || reward_parts.length < 2) continue;
      const parts = reward_parts.map(({ name, weight }) => ({ name, weight }));
      const text = JSON.stringify(parts);
      first ??= { parts, text, line };
      if (first.text !== text)
        throw new UserError(
          `${file}:${line}: \`responses.reward_parts\` has other names or weights than line ${first.line}; score all rows with the same reward`,
        );
    }
  }
  return first?.parts ?? [];
}

/**
 * Log-ratios if the file has the reference's log-probabilities. Without any, policy and reference count as the same.
 */
function weightsOf(rows: readonly ScoredRow[]): WeightInputs {
  const all = rows.flatMap(({ responses }) => responses);
  if (all.every(({ ref_logps }) => ref_logps == null)) return { need: 'rows' };
  const known = rows.map(({ responses }, prompt_index) => ({
    prompt_index,
    log_ratios: responses.map(({ logps, ref_logps }) =>
      logps == null || ref_logps == null ? null : logps - ref_logps,
    ),
  }));
  const counts = all.map(({ logps, ref_logps }) => Number(logps != null) + Number(ref_logps != null));
  const lacking = counts.filter((n) => n < 2).length;
  return {
    need: 'logps',
    done: counts.reduce((sum, n) => sum + n, 0),
    total: 2 * all.length,
    computing: false,
    problem: lacking === 0 ? null : `${lacking} of ${all.length} responses in the file lack logps or ref_logps`,
    known,
  };
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function rowOf({ prompt_index, prompt, responses }: ReviewDetail): ReviewRow {
  const rewards = responses.map(({ reward }) => reward);
  const [best, worst] = [rewards.indexOf(largest(rewards)), rewards.indexOf(smallest(rewards))];
  const logps = responses.flatMap(({ logps: value }) => (value === null ? [] : [value]));
  const alone = responses.length < 2;
  const parts = responses.flatMap(({ parts: known }) => (known === undefined || known.length < 2 ? [] : [known]));
  return {
    prompt_index,
    prompt: textOf(prompt),
    rewards,
    lengths: responses.map(({ length }) => length),
    truncated: responses.map(({ truncated }) => truncated),
    logps: logps.length === responses.length ? logps : [],
    ...(parts.length === responses.length && { parts }),
    automatic: automaticPair(responses, best, worst),
    same: firstOfEqual(responses.map(({ text }) => text)),
    chosen_text: alone ? '' : responses[best].text,
    rejected_text: alone ? '' : responses[worst].text,
  };
}

/** Best against worst, as `brevity pair` makes them. */
function automaticPair(responses: ResponseDetail[], best: number, worst: number): ResponsePair | keyof DroppedPairs {
  if (responses.length < 2) return 'too_few';
  if (responses[best].reward === responses[worst].reward) return 'ties';
  return responses[best].text === responses[worst].text ? 'identical' : { chosen: best, rejected: worst };
}

function textOf(prompt: Prompt): string {
  if (typeof prompt === 'string') return prompt;
  if (prompt.length === 1 && prompt[0].role === 'user') return prompt[0].content;
  return prompt.map(({ role, content }) => `${role}: ${content}`).join('\n');
}

/** Numbers of prompts whose rewards give no pair, by cause. */
export function droppedIn(rows: readonly ReviewRow[]): DroppedPairs {
  const dropped: DroppedPairs = { ties: 0, identical: 0, below_gap: 0, too_few: 0 };
  for (const { automatic } of rows) if (typeof automatic === 'string') dropped[automatic]++;
  return dropped;
}

/** A preference pair as TRL reads it: conversational if the prompt is. TRL ignores the weight, `update` uses it. */
export type TrlPair = { weight?: number } & (
  { prompt: string; chosen: string; rejected: string } | { prompt: Message[]; chosen: Message[]; rejected: Message[] }
);

/** The decided pairs, in the file's order. */
export function trlPairs({ rows, details }: ScoredFile, decisions: ReadonlyMap<number, Decision>): TrlPair[] {
  return rows.flatMap((row, i): TrlPair[] => {
    // A file has one pair per prompt.
    const [pair] = decidedPairs(row, decisions.get(row.prompt_index));
    if (pair === undefined) return [];
    const weight = pair.weight === undefined ? {} : { weight: pair.weight };
    const { prompt, responses } = details[i];
    const [chosen, rejected] = [responses[pair.chosen].text, responses[pair.rejected].text];
    if (typeof prompt === 'string') return [{ prompt, chosen, rejected, ...weight }];
    const said = (content: string): Message[] => [{ role: 'assistant', content }];
    return [{ prompt, chosen: said(chosen), rejected: said(rejected), ...weight }];
  });
}
