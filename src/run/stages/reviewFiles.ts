/** Files of review: the rows of its table, and the decisions in the order in which they were made. */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import {
  type ReviewCounts,
  type DecisionState,
  countReview,
  isPairWeight,
  noDecisions,
  pairWeightExpected,
  replay,
  samplesKey,
  wrongWith,
} from '../../core/review/decisions.js';
import type { Decision, DecisionRow, ReviewRow } from '../../core/review/rows.js';
import { pairColumnsSchema, problemWithParts, rewardPartsSchema, rewardSchema } from '../../core/rows.js';
import { parseLine, parseRow, readJsonLines } from '../../io/jsonl.js';
import { roundFiles, type RoundFolders } from '../../core/runFiles.js';
import type { HeldOutRule } from '../../core/heldOutPairs.js';
import type { NeededLogps } from '../../core/startWeights.js';

const index = z.int().min(0);

const pairWeight = pairColumnsSchema.shape.weight;

const reviewRowSchema: z.ZodType<ReviewRow> = z
  .object({
    prompt_index: index,
    prompt: z.string(),
    rewards: z.array(rewardSchema),
    lengths: z.array(z.int().min(0)),
    truncated: z.array(z.boolean()),
    logps: z.array(z.number()),
    parts: rewardPartsSchema.optional(),
    automatic: z.union([
      z.object({ chosen: index, rejected: index }),
      z.enum(['ties', 'identical', 'below_gap', 'too_few']),
    ]),
    weight: pairWeight,
    further: z.array(z.object({ chosen: index, rejected: index, weight: pairWeight })).optional(),
    same: z.array(index).optional(),
    chosen_text: z.string(),
    rejected_text: z.string(),
  })
  .superRefine(({ rewards, lengths, truncated, logps, parts, automatic, further = [], same }, context) => {
    const wrong = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message });
    const responses = rewards.length;
    for (const [key, { length }] of Object.entries({ lengths, truncated }))
      if (length < responses) wrong(key, `expected one for each of ${responses} rewards, got ${length}`);
    if (logps.length !== 0 && logps.length < responses)
      wrong('logps', `expected one for each of ${responses} rewards or none, got ${logps.length}`);
    const misfit = problemWithParts(parts, responses);
    if (misfit !== null) wrong('parts', misfit);
    if (typeof automatic === 'object' && Math.max(automatic.chosen, automatic.rejected) >= responses)
      wrong('automatic', `expected two of ${responses} responses`);
    if (further.some(({ chosen, rejected }) => Math.max(chosen, rejected) >= responses))
      wrong('further', `expected pairs of ${responses} responses`);
    if (same !== undefined && (same.length < responses || same.some((first, i) => first > i)))
      wrong('same', `expected an earlier response or itself for each of ${responses} responses`);
  });

const pairSchema = z.object({ chosen: index, rejected: index });

export const rulingSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pair'), ...pairSchema.shape }),
  z.object({ kind: z.literal('exclude'), instead_of: pairSchema.optional() }),
  z.object({ kind: z.literal('tie'), instead_of: pairSchema.optional() }),
]);

/** A weight that a person sets. */
export const handWeightSchema = z.number(pairWeightExpected).refine(isPairWeight, pairWeightExpected);

const decisionSchema = z.object({
  prompt_index: index,
  ruling: rulingSchema.nullable(),
  note: z.string(),
  weight: handWeightSchema.optional(),
  blind: z.literal(true).optional(),
  reviewer: z.string().optional(),
  samples: z.string().optional(),
});

const decisionRowSchema: z.ZodType<DecisionRow> = z.discriminatedUnion('action', [
  z.object({ at: z.string(), action: z.literal('decide'), decision: decisionSchema }),
  z.object({ at: z.string(), action: z.literal('decide-all'), decisions: z.array(decisionSchema) }),
  z.object({ at: z.string(), action: z.literal('undo') }),
  z.object({ at: z.string(), action: z.literal('redo') }),
]);

const logpsRowSchema = z.object({
  prompt_index: index,
  /** The policy that the round starts from, or its reference. */
  model: z.enum(['policy', 'reference']),
  /** Of the model's weights. */
  fingerprint: z.string(),
  /** Σ log π over the tokens of each response, in sampling order. */
  logps: z.array(z.number()),
  /** For LD-DPO: of each response the sums over its first n tokens, by n: every shorter length of another response. */
  heads: z.array(z.record(z.string(), z.number())).optional(),
  /** For WPO: c(y) of each response (src/core/objectives/wpo.ts). */
  confidences: z.array(z.number()).optional(),
});
/** A row of logps.jsonl: the responses to one prompt under one model. The last row of a prompt and model counts. */
export type LogpsRow = z.infer<typeof logpsRowSchema>;

/** A row of reference-tokens.jsonl: log π_ref of every token of the responses to one prompt, in sampling order. */
export const referenceTokensSchema = z.object({
  prompt_index: index,
  /** Of the reference's weights. */
  fingerprint: z.string(),
  token_logprobs: z.array(z.array(z.number())),
});
export type ReferenceTokensRow = z.infer<typeof referenceTokensSchema>;

export function readLogps(files: RoundFolders, round: number): LogpsRow[] {
  return readJsonLines(files.file(round, roundFiles.logps), logpsRowSchema, { missing: 'empty' });
}

/** Whether a row has all that is needed of its model. Rows of earlier versions, or of another objective, may not. */
export function hasNeeded({ model, heads, confidences }: LogpsRow, needed: NeededLogps): boolean {
  return (
    needed.models.includes(model) &&
    (!needed.heads || heads !== undefined) &&
    (!needed.confidences || model !== 'policy' || confidences !== undefined)
  );
}

/** Empty before the round is scored, or if an earlier version scored it. */
export function readReview(files: RoundFolders, round: number): ReviewRow[] {
  return readJsonLines(files.file(round, roundFiles.review), reviewRowSchema, { missing: 'empty' });
}

/** Reads the same rows one by one, so that a long file does not block the thread. */
export async function* streamReview(files: RoundFolders, round: number): AsyncGenerator<ReviewRow> {
  const file = files.file(round, roundFiles.review);
  if (!existsSync(file)) return;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
    if (line !== '') yield parseRow(parseLine(line, file), reviewRowSchema, file);
}

export function readDecisions(files: RoundFolders, round: number): DecisionRow[] {
  return readDecisionFile(files.file(round, roundFiles.decisions)).map(({ row }) => row);
}

/** Also reads the journals of `brevity review FILE`, which have the same form. */
export function readDecisionFile(file: string): { row: DecisionRow; line: number }[] {
  return readJsonLines(file, decisionRowSchema, { missing: 'empty', withLines: true });
}

/**
 * A round's current decisions.
 *
 * @param review its rows; a journal for other rows is refused
 * @throws UserError that names the journal
 */
export function readDecisionState(files: RoundFolders, round: number, review: readonly ReviewRow[]): DecisionState {
  const file = files.file(round, roundFiles.decisions);
  const made = readDecisions(files, round);
  if (made.length === 0) return noDecisions;
  // Only one engine at a time writes it, so a row that cannot be applied is damage.
  const standing = replay(made, (index) => {
    throw new UserError(
      `${file} is damaged: there is no decision to ${made[index].action}; move it away to start deciding anew`,
    );
  });
  const rows = new Map(review.map((row) => [row.prompt_index, row]));
  for (const { prompt_index, ruling } of review.length === 0 ? [] : standing.decisions.values()) {
    const row = rows.get(prompt_index);
    const wrong = row === undefined ? 'there is no such prompt' : ruling === null ? null : wrongWith(row, ruling);
    if (wrong !== null)
      throw new UserError(
        `${file} is damaged: its decision on prompt_index ${prompt_index} does not fit the round (${wrong}); move the file away to start deciding anew`,
      );
  }
  return standing;
}

/**
 * The decisions of a journal that was made elsewhere, such as a merged one, to be taken over.
 *
 * @param into what the rows belong to, in words
 * @throws UserError if the journal cannot be read, decides nothing, or names other samples: the first that does
 */
export function decisionsToTake(file: string, rows: readonly ReviewRow[], into: string): Decision[] {
  const made = readJsonLines(file, decisionRowSchema, { withLines: true });
  const byPrompt = new Map(rows.map((row) => [row.prompt_index, row]));
  const taken = [...replay(made.map(({ row }) => row)).decisions.values()];
  if (taken.length === 0) throw new UserError(`${file} decides nothing; expected a journal of decisions on ${into}`);
  for (const { prompt_index, ruling, samples } of taken) {
    const row = byPrompt.get(prompt_index);
    const wrong =
      row === undefined
        ? 'there is no such prompt'
        : samples !== undefined && samples !== samplesKey(row)
          ? 'its responses or rewards are others'
          : ruling === null
            ? null
            : wrongWith(row, ruling);
    if (wrong !== null)
      throw new UserError(
        `${file} does not belong to the samples of ${into}: prompt ${prompt_index + 1}: ${wrong}; take decisions on the same samples`,
      );
  }
  return taken;
}

/** A round's counts from its files, if it has human decisions; else null. */
export function readCounts(files: RoundFolders, round: number, rule: HeldOutRule): ReviewCounts | null {
  const rows = readDecisions(files, round);
  return rows.length === 0 ? null : countReview(readReview(files, round), replay(rows).decisions, rule);
}
