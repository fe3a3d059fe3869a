/**
 * Scores preference rows with a reward, so that it can be checked before anything is trained on it. Rewards go to a file
 * row by row: a check that was interrupted continues where it ended.
 *
 * Leaves out the measures (core/rewardCheck).
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { namedParts } from '../core/config/rewardSpec.js';
import type { Control } from '../core/control.js';
import { UserError } from '../core/errors.js';
import { type CheckedRow, type RewardCheck, checkReward } from '../core/rewardCheck/check.js';
import { type LabelledRow, labelledRow, labelledRowSchema, refuseRepeatedTies } from '../core/rewardCheck/rows.js';
import { problemWithParts, rewardPartsSchema, rewardSchema } from '../core/rows.js';
import { appendJsonLines, readJsonLines } from '../io/jsonl.js';
import type { WriteTarget } from '../io/durable.js';
import type { Reward } from '../rewards/index.js';

/** @throws UserError that names file, line and key of an unusable row */
export function readLabelledRows(file: string): LabelledRow[] {
  const read = readJsonLines(file, labelledRowSchema, { torn: 'error', withLines: true });
  return usableRows(
    read.map(({ row, line }) => ({ row, where: `${file}:${line}` })),
    file,
  );
}

/** @param name of their file, for errors */
export function usableRows(
  read: readonly { row: z.infer<typeof labelledRowSchema>; where: string }[],
  name: string,
): LabelledRow[] {
  if (read.length === 0)
    throw new UserError(`${name} has no rows; expected {"prompt", "chosen", "rejected"} on each line`);
  const rows = read.map(({ row, where }) => labelledRow(row, where));
  refuseRepeatedTies(rows);
  return rows;
}

const scoreSchema = z
  .object({
    /** Of the row's texts, so that rows may be added, removed and sorted between two checks. */
    fingerprint: z.string(),
    /** The specification that scored it. */
    reward: z.string(),
    /** Of the chosen and then the rejected responses. */
    rewards: z.array(rewardSchema),
    parts: rewardPartsSchema.optional(),
  })
  .superRefine(({ rewards, parts }, context) => {
    const message = problemWithParts(parts, rewards.length);
    if (message !== null) context.addIssue({ code: 'custom', path: ['parts'], message });
  });
type Scores = Pick<z.infer<typeof scoreSchema>, 'rewards' | 'parts'>;

export interface ScoringOptions {
  /** The specification of the reward, paths absolute. */
  spec: string;
  /** Where rewards are kept; null: nowhere. */
  file: string | null;
  place?: WriteTarget;
  control?: Control;
  /** Called after each row, and at the start. */
  onRows?(done: number, total: number): void;
}

/** Rows whose rewards are asked for at once. */
const ROWS_AT_ONCE = 16;

/** @throws UserError if the file holds rewards of another specification, or a response cannot be scored */
export async function scoreLabelled(
  rows: readonly LabelledRow[],
  open: () => Promise<Reward>,
  options: ScoringOptions,
): Promise<CheckedRow[]> {
  const prints = rows.map(fingerprintOf);
  const known = knownScores(options);
  const parts = namedParts(options.spec).length;
  const fits = (scores: Scores | undefined, { chosen, rejected }: LabelledRow) =>
    scores !== undefined &&
    scores.rewards.length === chosen.length + rejected.length &&
    (scores.parts?.[0]?.length ?? 0) === parts;
  const missing = [...rows.keys()].filter((at) => !fits(known.get(prints[at]), rows[at]));
  let done = rows.length - missing.length;
  options.onRows?.(done, rows.length);
  if (missing.length > 0) {
    const reward = await open();
    const keep = (at: number, scores: Scores) => {
      if (options.file !== null)
        appendJsonLines(
          options.file,
          [{ fingerprint: prints[at], reward: options.spec, ...scores }],
          options.place ?? 'user',
        );
      known.set(prints[at], scores);
      options.onRows?.(++done, rows.length);
    };
    // The Ties subset compares rewards of different rows, which a judge that only ranks a row's responses cannot give.
    for (const absolute of [false, true]) {
      const group = missing.filter((at) => (rows[at].ties !== null) === absolute);
      for (let start = 0; start < group.length; start += ROWS_AT_ONCE)
        await scoreRows(group.slice(start, start + ROWS_AT_ONCE), rows, reward, absolute, options.control, keep);
    }
  }
  return rows.map((row, at) => ({ row, ...(known.get(prints[at]) as Scores) }));
}

async function scoreRows(
  group: readonly number[],
  rows: readonly LabelledRow[],
  reward: Reward,
  absolute: boolean,
  control: Control | undefined,
  keep: (at: number, scores: Scores) => void,
): Promise<void> {
  const flat = group.flatMap((at) =>
    [...rows[at].chosen, ...rows[at].rejected].map((response, i) => ({ at, i, response })),
  );
  const found = new Map(group.map((at) => [at, { rewards: [] as number[], parts: [] as number[][], left: 0 }]));
  for (const { at } of flat) (found.get(at) as { left: number }).left++;
  const isMixed = (reward.parts?.length ?? 0) > 1;
  await reward.score(
    flat.map(({ at, response }) => ({ prompt: rows[at].prompt, response })),
    {
      control,
      absolute,
      onReward(index, value, values) {
        const { at, i } = flat[index];
        const own = found.get(at);
        if (own === undefined) return;
        own.rewards[i] = value;
        if (isMixed && values !== undefined) own.parts[i] = [...values];
        own.left--;
        if (own.left === 0) keep(at, { rewards: own.rewards, ...(isMixed && { parts: own.parts }) });
      },
    },
  );
}

function knownScores({ file, spec }: ScoringOptions): Map<string, Scores> {
  if (file === null) return new Map();
  const read = readJsonLines(file, scoreSchema, { missing: 'empty', withLines: true });
  const other = read.find(({ row }) => row.reward !== spec);
  if (other !== undefined)
    throw new UserError(
      `${file}:${other.line} holds rewards of ${other.row.reward}, not of ${spec}; name another file, or remove this one to score all rows again`,
    );
  return new Map(read.map(({ row: { fingerprint, rewards, parts } }) => [fingerprint, { rewards, parts }]));
}

function fingerprintOf({ prompt, chosen, rejected, ties }: LabelledRow): string {
  return createHash('sha256')
    .update(JSON.stringify([prompt, chosen, rejected, ties !== null]))
    .digest('hex')
    .slice(0, 32);
}

/** Scores the rows and computes the measures. */
export async function checkedReward(
  rows: readonly LabelledRow[],
  open: () => Promise<Reward>,
  options: ScoringOptions,
): Promise<RewardCheck> {
  return checkReward(await scoreLabelled(rows, open, options), namedParts(options.spec));
}
