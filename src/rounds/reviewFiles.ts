/** What review leaves on disk: the rows of its table, and the decisions in the order in which they were made. */
import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { type ReviewCounts, countReview, replay } from '../review/decisions.js';
import type { DecisionRow, ReviewRow } from '../review/rows.js';
import { parseRow, readJsonLines } from '../store/jsonl.js';
import { type RoundFolders, roundFiles } from './files.js';

const index = z.int().min(0);

const reviewRowSchema: z.ZodType<ReviewRow> = z.object({
  prompt_index: index,
  prompt: z.string(),
  rewards: z.array(z.number()),
  lengths: z.array(z.number()),
  truncated: z.array(z.boolean()),
  logps: z.array(z.number()),
  automatic: z.union([
    z.object({ chosen: index, rejected: index }),
    z.enum(['ties', 'identical', 'below_gap', 'too_few']),
  ]),
  chosen_text: z.string(),
  rejected_text: z.string(),
});

export const rulingSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pair'), chosen: index, rejected: index }),
  z.object({ kind: z.literal('exclude') }),
  z.object({ kind: z.literal('tie') }),
]);

const decisionRowSchema: z.ZodType<DecisionRow> = z.discriminatedUnion('action', [
  z.object({
    at: z.string(),
    action: z.literal('decide'),
    decision: z.object({ prompt_index: index, ruling: rulingSchema.nullable(), note: z.string() }),
  }),
  z.object({ at: z.string(), action: z.literal('undo') }),
  z.object({ at: z.string(), action: z.literal('redo') }),
]);

/** Empty before the round is scored, or where an earlier Brevity scored it. */
export function readReview(files: RoundFolders, round: number): ReviewRow[] {
  return readJsonLines(files.file(round, roundFiles.review), reviewRowSchema, { missing: 'empty' });
}

/** The same row by row, for whoever must not keep a thread busy with a long file. */
export async function* streamReview(files: RoundFolders, round: number): AsyncGenerator<ReviewRow> {
  const file = files.file(round, roundFiles.review);
  if (!existsSync(file)) return;
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity }))
    if (line !== '') yield parseRow(JSON.parse(line), reviewRowSchema, file);
}

export function readDecisions(files: RoundFolders, round: number): DecisionRow[] {
  return readDecisionFile(files.file(round, roundFiles.decisions));
}

/** Decisions that were made outside a run are kept the same way. */
export function readDecisionFile(file: string): DecisionRow[] {
  return readJsonLines(file, decisionRowSchema, { missing: 'empty' });
}

/** The counts of a round with human decisions as its files have them; null where nobody has decided anything. */
export function readCounts(files: RoundFolders, round: number): ReviewCounts | null {
  const rows = readDecisions(files, round);
  return rows.length === 0 ? null : countReview(readReview(files, round), replay(rows).decisions);
}
