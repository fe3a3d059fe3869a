/** Reads and writes the JSON lines of commands: `-` is standard input or output, the default. */
import { closeSync, createReadStream, existsSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { hasCode, messageOf, UserError } from '../core/errors.js';
import { parseJson, withoutMark } from '../core/limits.js';
import { syncDirectory, writeError } from '../io/durable.js';
import { parseRow } from '../io/jsonl.js';
import { jsonLine } from '../io/print.js';
import type { Sequence } from '../train/logprobs.js';
import type { LoadedModel } from '../model/folder.js';
import { promptSchema, tokenIdsSchema, type Prompt } from '../core/rows.js';

/** A row and its position, for errors. */
export interface InputRow<T> {
  row: T;
  where: string;
}

/**
 * Yields rows as they arrive.
 *
 * @throws UserError that names the line of the first unusable row
 */
export async function* readRows<T>(file: string, schema: z.ZodType<T>): AsyncGenerator<InputRow<T>> {
  if (file !== '-' && !existsSync(file)) throw new UserError(`input ${file} does not exist`);
  const name = file === '-' ? 'standard input' : file;
  const lines = createInterface({ input: file === '-' ? process.stdin : createReadStream(file), crlfDelay: Infinity });
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    const where = `${name}:${number}`;
    let value: unknown;
    try {
      value = parseJson(number === 1 ? withoutMark(line) : line);
    } catch (cause) {
      throw new UserError(`${where} is not JSON (${messageOf(cause)})`, { cause });
    }
    yield { row: parseRow(value, schema, where), where };
  }
  if (number === 0) throw new UserError(`${name} is empty; expected JSON lines`);
}

export async function readAllRows<T>(file: string, schema: z.ZodType<T>): Promise<InputRow<T>[]> {
  const rows: InputRow<T>[] = [];
  for await (const row of readRows(file, schema)) rows.push(row);
  return rows;
}

/**
 * Writes each row as soon as it is made, so that a killed command keeps its earlier rows. A closed reader (`| head`)
 * ends the command quietly: see cli.ts.
 */
export class RowWriter {
  private readonly handle: number;

  constructor(private readonly file: string) {
    try {
      this.handle = file === '-' ? 1 : openSync(file, 'w');
    } catch (cause) {
      throw writeError(file, cause);
    }
  }

  write(row: unknown): void {
    this.writeText(jsonLine(row));
  }

  writeText(text: string): void {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length;) done += this.writeSome(bytes, done);
    } catch (cause) {
      if (hasCode(cause, 'EPIPE')) throw cause;
      throw writeError(this.file === '-' ? 'standard output' : this.file, cause);
    }
  }

  close(): void {
    if (this.file === '-') return;
    try {
      if (fstatSync(this.handle).isFile()) {
        fsyncSync(this.handle);
        syncDirectory(path.dirname(this.file));
      }
    } catch (cause) {
      throw writeError(this.file, cause);
    } finally {
      closeSync(this.handle);
    }
  }

  /** Waits if the pipe is full (EAGAIN). */
  private writeSome(bytes: Buffer, from: number): number {
    try {
      return writeSync(this.handle, bytes, from);
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      return 0;
    }
  }
}

// Rows that `score` and `logprobs` accept: one response, the responses of `brevity sample`, or the two of a pair.
// Values computed for a response are added to its row.

const ids = tokenIdsSchema.optional();
const text = z.string().optional();

export const responseRowSchema = z.looseObject({
  prompt: promptSchema.optional(),
  prompt_ids: ids,
  /** A single response. */
  response: text,
  response_ids: ids,
  /** Rows of `brevity sample`. */
  responses: z.array(z.looseObject({ text, ids, finish_reason: z.string().nullish() })).optional(),
  /** Rows of `brevity pair`, or texts in TRL's form. */
  chosen_ids: ids,
  rejected_ids: ids,
  chosen_text: text,
  rejected_text: text,
  chosen: text,
  rejected: text,
});
export type ResponseRow = z.infer<typeof responseRowSchema>;

/** A response as its row gives it: text, token ids or both. */
export interface GivenResponse {
  prompt?: Prompt;
  prompt_ids?: number[];
  text?: string;
  ids?: number[];
  /** It reached the token limit, so no end-of-turn token follows. */
  truncated: boolean;
}

/** The responses of a row; empty if the row has another form. */
export function responsesOf(row: ResponseRow): GivenResponse[] {
  const { prompt, prompt_ids } = row;
  const one = (response: string | undefined, tokens: number[] | undefined, truncated = false): GivenResponse => ({
    ...{ prompt, prompt_ids, truncated },
    text: response,
    ids: tokens,
  });
  if (row.responses !== undefined)
    return row.responses.map(({ text: response, ids: tokens, finish_reason }) =>
      one(response, tokens, finish_reason === 'length'),
    );
  if (isPair(row))
    return [
      one(row.chosen_text ?? row.chosen, row.chosen_ids),
      one(row.rejected_text ?? row.rejected, row.rejected_ids),
    ];
  return row.response === undefined && row.response_ids === undefined ? [] : [one(row.response, row.response_ids)];
}

/** Adds values for each response to the row; in a pair they are named `chosen_…` and `rejected_…`. */
export function withValues(row: ResponseRow, values: readonly Record<string, unknown>[]): object {
  if (row.responses !== undefined)
    return { ...row, responses: row.responses.map((response, i) => ({ ...response, ...values[i] })) };
  if (!isPair(row)) return { ...row, ...values[0] };
  const prefixed = ['chosen', 'rejected'].flatMap((side, i) =>
    Object.entries(values[i]).map(([name, value]) => [`${side}_${name}`, value]),
  );
  return { ...row, ...(Object.fromEntries(prefixed) as object) };
}

function isPair(row: ResponseRow): boolean {
  const { chosen_ids, rejected_ids, chosen, rejected } = row;
  return (chosen_ids !== undefined && rejected_ids !== undefined) || (chosen !== undefined && rejected !== undefined);
}

/**
 * A response as tokens. Ids are used unchanged: responses that Brevity sampled are never encoded again.
 *
 * @throws UserError if the row has neither ids nor texts, or the model has no tokenizer for the texts
 */
export function sequenceOf(model: LoadedModel, given: GivenResponse, raw: boolean, where: string): Sequence {
  if (given.prompt_ids !== undefined && given.ids !== undefined)
    return { prompt_ids: given.prompt_ids, response_ids: given.ids };
  if (given.prompt === undefined || given.text === undefined)
    throw new UserError(
      `${where} lacks a prompt or a response; expected token ids of both ("prompt_ids" and "response_ids") or texts of both ("prompt" and "response")`,
    );
  const { tokenizer, generation } = model;
  if (tokenizer === null)
    throw new UserError(`${where}: ${model.dir} has no tokenizer.json, so rows must carry token ids`);
  const response_ids = tokenizer.encode(given.text);
  const end = tokenizer.endOfTurnIds.find((id) => generation.eosTokenIds.includes(id));
  const ends = !raw && !given.truncated && tokenizer.hasChatTemplate;
  if (ends && end !== undefined && response_ids.at(-1) !== end) response_ids.push(end);
  return { prompt_ids: tokenizer.promptIds(given.prompt, { raw }), response_ids };
}
