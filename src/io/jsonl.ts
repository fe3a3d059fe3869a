/**
 * JSON lines on disk. Rows are appended whole and flushed. A last line torn by a crash is dropped on reading and cut
 * off before the next append; a complete last row that only lacks its line break is kept by both.
 */
import { closeSync, existsSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { z } from 'zod';
import { UserError, messageOf } from '../core/errors.js';
import { MAX_LINE, megabytes, parseJson, withoutMark } from '../core/limits.js';
import { type WriteTarget, openForAppending, syncEntry, writeAll, writeError, writeFileAtomic } from './durable.js';

const READ_BYTES = 2 ** 18;

export interface ReadOptions {
  /** `empty`: a missing file has no rows. */
  missing?: 'empty' | 'error';
  /** `error`: an incomplete last line is also reported (for files that users wrote). */
  torn?: 'drop' | 'error';
}

/**
 * Reads all rows of a file, optionally with their line numbers.
 *
 * @throws UserError that names file and line of the first invalid row
 */
export function readJsonLines<T>(
  file: string,
  schema: z.ZodType<T>,
  options: ReadOptions & { withLines: true },
): { row: T; line: number }[];
export function readJsonLines<T>(file: string, schema: z.ZodType<T>, options?: ReadOptions): T[];
export function readJsonLines<T>(
  file: string,
  schema: z.ZodType<T>,
  options: ReadOptions & { withLines?: boolean } = {},
): T[] | { row: T; line: number }[] {
  if (options.missing === 'empty' && !existsSync(file)) return [];
  const rows: { row: T; line: number }[] = [];
  for (const { text, line, ended } of linesOf(file)) {
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (cause) {
      if (!ended && options.torn !== 'error') break;
      throw notJson(`${file}:${line}`, cause);
    }
    rows.push({ row: parseRow(value, schema, `${file}:${line}`), line });
  }
  return options.withLines === true ? rows : rows.map(({ row }) => row);
}

/**
 * Yields the lines of a file one at a time: a file may be larger than the longest string.
 *
 * @throws UserError if the file cannot be read or a line is longer than MAX_LINE
 */
function* linesOf(file: string): Generator<{ text: string; line: number; ended: boolean }> {
  let handle: number | null = null;
  try {
    handle = openSync(file, 'r');
    let line = 0;
    let begun: Buffer[] = [];
    let length = 0;
    const take = (end: Buffer) => {
      const bytes = begun.length === 0 ? end : Buffer.concat([...begun, end]);
      begun = [];
      length = 0;
      return line++ === 0 ? withoutMark(bytes.toString()) : bytes.toString();
    };
    for (;;) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const read = readSync(handle, chunk, 0, chunk.length, null);
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0 && end < read; end = chunk.indexOf(10, from)) {
        yield { text: take(chunk.subarray(from, end)), line, ended: true };
        from = end + 1;
      }
      if (read === 0) break;
      begun.push(chunk.subarray(from, read));
      length += read - from;
      if (length > MAX_LINE)
        throw new UserError(
          `${file}:${line + 1} is longer than ${megabytes(MAX_LINE)}; expected one JSON object on each line`,
        );
    }
    if (length > 0) yield { text: take(Buffer.alloc(0)), line, ended: false };
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`cannot read ${file}: ${messageOf(cause)}`, { cause });
  } finally {
    if (handle !== null) closeSync(handle);
  }
}

/** The complete rows within the last `bytes` bytes of a file: its newest rows, without reading the whole file. */
export function readLastJsonLines<T>(file: string, schema: z.ZodType<T>, bytes: number): T[] {
  if (!existsSync(file)) return [];
  const handle = openSync(file, 'r');
  try {
    const { size } = fstatSync(handle);
    const start = Math.max(0, size - bytes);
    const end = Buffer.alloc(size - start);
    readSync(handle, end, 0, end.length, start);
    // Skips a first row that begins earlier, and a last row that is not fully written.
    const first = start === 0 ? 0 : end.indexOf(10) + 1;
    const lines = end
      .subarray(first, end.lastIndexOf(10) + 1)
      .toString()
      .split('\n');
    // Names the line, or its distance from the end if only the end of the file is read.
    const where = (i: number) =>
      start === 0 ? `${file}:${i + 1}` : `${file}, line ${lines.length - 1 - i} from its end,`;
    return lines.flatMap((text, i) => {
      if (text === '') return [];
      return [parseRow(parseLine(text, where(i)), schema, where(i))];
    });
  } finally {
    closeSync(handle);
  }
}

/** @throws UserError with `where` and why the text is not JSON */
export function parseLine(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw notJson(where, cause);
  }
}

function notJson(where: string, cause: unknown): UserError {
  return new UserError(`${where} is not JSON (${messageOf(cause)}); repair or remove the line`, { cause });
}

/** @throws UserError with `where` and what is wrong with the row */
export function parseRow<T>(value: unknown, schema: z.ZodType<T>, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue.path.length > 0 ? `\`${issue.path.join('.')}\`: ` : '';
  throw new UserError(`${where}: ${key}${issue.message}`);
}

/**
 * Appends rows and flushes them to the disk.
 *
 * @throws UserError if not all could be written; then the file contains none of them
 */
export function appendJsonLines(file: string, rows: unknown[], place: WriteTarget = 'run'): void {
  if (rows.length === 0) return;
  const text = textOf(file, rows);
  let handle: number | null = null;
  try {
    handle = openForAppending(file, place);
    const size = wholeLines(handle);
    try {
      writeAll(handle, Buffer.from(text));
      fdatasyncSync(handle);
      syncEntry(file, size === 0);
    } catch (error) {
      // Remove a row that a full disk cut short: the next one would be appended to its line. A row reported as not
      // written must not reappear after a power cut either.
      ftruncateSync(handle, size);
      fdatasyncSync(handle);
      throw error;
    }
  } catch (cause) {
    throw writeError(file, cause);
  } finally {
    if (handle !== null) closeSync(handle);
  }
}

/** Replaces a file's content with these rows, or leaves the file unchanged. */
export function writeJsonLines(file: string, rows: unknown[], place: WriteTarget = 'run'): void {
  writeFileAtomic(file, textOf(file, rows), place);
}

/** @throws UserError that names the first number that is not finite: JSON would store `null`, which readers reject */
function textOf(file: string, rows: unknown[]): string {
  return rows
    .map((row) => {
      const text = JSON.stringify(row);
      if (text.includes('null')) expectFinite(row, '', file);
      return text + '\n';
    })
    .join('');
}

function expectFinite(value: unknown, key: string, file: string): void {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new UserError(
      `cannot write ${file}: \`${key}\` is ${value}; expected a finite number, and nothing was written`,
    );
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) expectFinite(inner, key === '' ? name : `${key}.${name}`, file);
}

/** Cuts off a torn last line, or ends a complete one that lacks its line break. @returns the size afterwards */
function wholeLines(handle: number): number {
  const size = fstatSync(handle).size;
  const chunk = Buffer.alloc(64 * 1024);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - chunk.length);
    const read = readSync(handle, chunk, 0, end - start, start);
    const at = chunk.lastIndexOf(10, read - 1);
    if (at >= 0) {
      return endLine(handle, start + at + 1, size);
    }
    end = start;
  }
  return endLine(handle, 0, size);
}

/** The last line begins at `start`. */
function endLine(handle: number, start: number, size: number): number {
  if (start === size) return size;
  const line = Buffer.alloc(size - start);
  readSync(handle, line, 0, line.length, start);
  try {
    JSON.parse(line.toString());
  } catch {
    ftruncateSync(handle, start);
    return start;
  }
  // Readers have accepted this row, so it must not be lost now.
  return size + writeSync(handle, '\n');
}
