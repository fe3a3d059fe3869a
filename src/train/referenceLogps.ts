/**
 * The reference policy's log-probabilities of a round's pairs, computed once and kept on disk. Entries are keyed by the
 * reference's weights and the tokens, so that a changed pair or another reference is computed anew and no stale value
 * is used.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { appendJsonLines, readJsonLines } from '../io/jsonl.js';
import type { Sequence } from './logprobs.js';

const rowSchema = z.object({ key: z.string(), logps: z.number() });

/** sha256 over the weights' fingerprint and the tokens. */
export function referenceKey(fingerprint: string, { prompt_ids, response_ids }: Sequence): string {
  return createHash('sha256')
    .update(`${fingerprint}|${prompt_ids.join(',')}|${response_ids.join(',')}`)
    .digest('hex');
}

/**
 * Summed log-probabilities of sequences under the reference.
 *
 * @param file JSON lines with the known values; new ones are appended
 * @param compute returns the summed log-probabilities of the missing sequences, in order
 */
export async function referenceLogps<S extends Sequence>(
  file: string,
  fingerprint: string,
  sequences: S[],
  compute: (missing: S[]) => Promise<number[]>,
): Promise<number[]> {
  const known = new Map(readJsonLines(file, rowSchema, { missing: 'empty' }).map(({ key, logps }) => [key, logps]));
  const keys = sequences.map((sequence) => referenceKey(fingerprint, sequence));
  const missing = sequences.filter((_, i) => !known.has(keys[i]));
  if (missing.length > 0) {
    const values = await compute(missing);
    const added = missing.map((sequence, i) => ({ key: referenceKey(fingerprint, sequence), logps: values[i] }));
    appendJsonLines(file, added);
    for (const { key, logps } of added) known.set(key, logps);
  }
  return keys.map((key) => known.get(key) as number);
}
