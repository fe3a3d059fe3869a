/**
 * Records of a round's policy for policy verification: fixed token sequences with their log-probabilities under the
 * policy that the round started from and under the one that it ended with. Imports no tensors.
 */
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { EndpointView, Verification } from '../../protocol/remoteViews.js';
import { UserError, messageOf } from '../../core/errors.js';
import { parseJson, smallest } from '../../core/limits.js';
import { type PairRow, tokenIdsSchema } from '../../core/rows.js';
import { writeFileAtomic } from '../../io/durable.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';
import { readTextFile } from '../../io/files.js';
import { roundFiles, type RoundFolders } from '../../core/runFiles.js';

const logprobs = z.array(z.array(z.number()));

const policyProbesSchema = z
  .object({
    round: z.int().min(0),
    /** The round whose policy `start` belongs to; null: nothing is known of the start. */
    parent: z.int().min(0).nullable(),
    /** Who recorded them: the trainer, or the sampling servers themselves if no trainer could. */
    by: z.enum(['trainer', 'servers']),
    sequences: z.array(z.object({ prompt_ids: tokenIdsSchema.min(1), response_ids: tokenIdsSchema.min(1) })).min(1),
    /** Log-probabilities of each response's tokens under the round's start. */
    start: logprobs.nullable(),
    /** The same under the policy that the round ended with. */
    end: logprobs,
  })
  .superRefine(({ sequences, start, end }, context) => {
    for (const [key, rows] of Object.entries({ start, end }))
      if (rows !== null && sequences.some(({ response_ids }, i) => rows.at(i)?.length !== response_ids.length))
        context.addIssue({ code: 'custom', path: [key], message: 'expected one number for each response token' });
  });
export type PolicyProbes = z.infer<typeof policyProbesSchema>;

/** null without records. @throws UserError if the file is damaged */
export function readPolicyProbes(files: RoundFolders, round: number): PolicyProbes | null {
  const file = files.file(round, roundFiles.policyProbes);
  if (!existsSync(file)) return null;
  let value: unknown;
  try {
    value = parseJson(readTextFile(file));
  } catch (cause) {
    throw new UserError(`${file} is not JSON (${messageOf(cause)}); remove it, and the policy goes unverified once`, {
      cause,
    });
  }
  const result = policyProbesSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(
    `${file}: \`${issue.path.join('.')}\`: ${issue.message}; remove the file, and the policy goes unverified once`,
  );
}

export function writePolicyProbes(files: RoundFolders, probes: PolicyProbes): void {
  writeFileAtomic(files.file(probes.round, roundFiles.policyProbes), JSON.stringify(probes) + '\n');
}

/** The first pairs' chosen and rejected responses, which serve as a round's policy probes. */
export function probeSequences(pairs: readonly PairRow[], count: number): PolicyProbes['sequences'] {
  return pairs
    .slice(0, Math.ceil(count / 2))
    .flatMap(({ prompt_ids, chosen_ids, rejected_ids }) =>
      [chosen_ids, rejected_ids].map((response_ids) => ({ prompt_ids, response_ids })),
    )
    .slice(0, count);
}

const verificationSchema: z.ZodType<Verification> = z.object({
  weights: z.string(),
  tokens: z.int(),
  mean: z.number().nullable(),
  max: z.number().nullable(),
  shift: z.number().nullable(),
  verdict: z.enum(['verified', 'agreed', 'failed']),
  note: z.string().nullable(),
});

const verificationRowSchema = z.object({
  at: z.string(),
  url: z.string(),
  kind: z.enum(['vllm', 'sglang']).nullable(),
  version: z.string(),
  verification: verificationSchema,
  /** Mean difference of the endpoint under weights that it held before, nats per token. */
  noise: z.number().nullish(),
});

/** Stores an endpoint's verification in the round that is sampled. */
export function appendVerification(
  files: RoundFolders,
  round: number,
  { url, kind, version, verification }: EndpointView,
  noise: number | null,
): void {
  const at = new Date().toISOString();
  appendJsonLines(files.file(round, roundFiles.verifications), [{ at, url, kind, version, verification, noise }]);
}

/**
 * The smallest mean difference that an endpoint has shown in these rounds under weights that it held; null without any.
 */
export function readNoise(files: RoundFolders, rounds: readonly number[], url: string): number | null {
  const values = rounds
    .flatMap((round) =>
      readJsonLines(files.file(round, roundFiles.verifications), verificationRowSchema, { missing: 'empty' }),
    )
    .filter((row) => row.url === url)
    .flatMap(({ noise, verification: { verdict, mean } }) => [noise, verdict === 'verified' ? mean : null])
    .filter((value) => typeof value === 'number');
  return values.length === 0 ? null : smallest(values);
}

/** The endpoints of a round as they were last verified; empty if it was sampled on this machine. */
export function readEndpoints(files: RoundFolders, round: number): EndpointView[] {
  const rows = readJsonLines(files.file(round, roundFiles.verifications), verificationRowSchema, { missing: 'empty' });
  const last = new Map(rows.map((row) => [row.url, row]));
  return [...last.values()].map(({ url, kind, version, verification }) => ({
    ...{ url, kind, version, verification },
    state: verification.verdict === 'failed' ? 'down' : 'ready',
    ...{ in_flight: 0, done: 0, retried: 0, tokens_per_second: 0 },
    problem: verification.verdict === 'failed' ? verification.note : null,
  }));
}
