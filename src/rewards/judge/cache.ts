/**
 * Answers of judges by content: the same question to the same model is asked and paid once, also after a kill. An
 * append-only file of JSON lines. Holds only usable answers: a judge that could not answer is asked again.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { WriteTarget } from '../../io/durable.js';
import { appendJsonLines, readJsonLines } from '../../io/jsonl.js';

const rowSchema = z.object({
  key: z.string(),
  /** As in Judgement. */
  value: z.number(),
  soft: z.boolean(),
});

export type CachedJudgement = Omit<z.infer<typeof rowSchema>, 'key'>;

/** A file of answers; one process at a time may use it. */
export interface CacheFile {
  file: string;
  place: WriteTarget;
}

export class JudgeCache {
  private readonly known: Map<string, CachedJudgement>;

  /** @param where null: only in memory @throws UserError that names the damaged line */
  constructor(private readonly where: CacheFile | null) {
    const rows = where === null ? [] : readJsonLines(where.file, rowSchema, { missing: 'empty' });
    this.known = new Map(rows.map(({ key, value, soft }) => [key, { value, soft }]));
  }

  get(key: string): CachedJudgement | undefined {
    return this.known.get(key);
  }

  add(key: string, judgement: CachedJudgement): void {
    this.known.set(key, judgement);
    if (this.where !== null) appendJsonLines(this.where.file, [{ key, ...judgement }], this.where.place);
  }
}

/** Of everything that an answer depends on. */
export function cacheKey(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
