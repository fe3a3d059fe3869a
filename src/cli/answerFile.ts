/**
 * The file that `brevity answer` writes, and the journal beside it (`FILE.partial.jsonl`), from which an interrupted
 * command continues. The journal's first row says what is being computed; each further row is one candidate.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { removeAll, writeFileAtomic } from '../io/durable.js';
import { appendJsonLines, parseRow, readJsonLines } from '../io/jsonl.js';
import { type Candidate, candidateSchema } from '../run/answers.js';

/** What follows from the command line and the prompts: a journal is continued only if all of it is equal. */
export type Task = Record<string, string | number | boolean | null>;

const headSchema = z.object({ task: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])) });
const rowSchema = candidateSchema.extend({ turn: z.int().min(0) });

export class AnswerFile {
  private readonly journal: string | null;
  private readonly known: z.infer<typeof rowSchema>[] = [];

  /**
   * @param out `-` is standard output, which has no journal
   * @throws UserError if a journal of another task is there
   */
  constructor(
    private readonly out: string,
    task: Task,
  ) {
    this.journal = out === '-' ? null : `${out}.partial.jsonl`;
    if (this.journal === null) return;
    if (existsSync(this.journal)) this.known = readJournal(this.journal, task);
    else appendJsonLines(this.journal, [{ task }], 'user');
  }

  /** Candidates of a turn that an earlier command left. @throws UserError if there are no such candidates */
  left(turn: number, prompts: number, candidates: number): Candidate[] {
    const rows = this.known.filter((row) => row.turn === turn);
    const foreign = rows.find((row) => row.prompt_index >= prompts || row.sample >= candidates);
    if (foreign !== undefined)
      throw this.damaged(`holds candidate ${foreign.sample} of prompt ${foreign.prompt_index}`);
    return rows;
  }

  /** A journal that does not fit its own first row. */
  damaged(how: string): UserError {
    return new UserError(`${String(this.journal)} is damaged: it ${how}; remove it to begin again`);
  }

  get leftovers(): number {
    return this.known.length;
  }

  append(turn: number, rows: Candidate[]): void {
    if (this.journal === null) return;
    appendJsonLines(
      this.journal,
      rows.map((row) => ({ turn, ...row })),
      'user',
    );
  }

  /** Writes the file and removes the journal. */
  finish(text: string): void {
    if (this.journal === null) throw new Error('standard output is written row by row');
    writeFileAtomic(this.out, text, 'user');
    removeAll([path.resolve(this.journal)]);
  }
}

/** @throws UserError that names the first difference between the tasks */
export function readJournal(file: string, task: Task): z.infer<typeof rowSchema>[] {
  const rows = readJsonLines(file, z.unknown(), { withLines: true });
  const remove = `remove ${file} to begin again`;
  if (rows.length === 0) throw new UserError(`${file} is empty; ${remove}`);
  const head = parseRow(rows[0].row, headSchema, `${file}:1`).task;
  for (const key of new Set([...Object.keys(head), ...Object.keys(task)])) {
    const [there, here] = [head[key] ?? null, task[key] ?? null];
    if (there !== here)
      throw new UserError(
        `${file} holds unfinished answers with another ${key} (${String(there)} there, ${String(here)} here); repeat that command, or ${remove}`,
      );
  }
  return rows.slice(1).map(({ row, line }) => parseRow(row, rowSchema, `${file}:${line}`));
}
