/** JSON lines of commands: `-` is standard input or output, the default. */
import { closeSync, createReadStream, existsSync, fstatSync, fsyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { UserError, hasCode, messageOf } from '../errors.js';
import { parseJson, withoutMark } from '../limits.js';
import { syncDirectory, writeError } from '../store/durable.js';
import { parseRow } from '../store/jsonl.js';
import { jsonLine } from '../print.js';

/** A row and where it stood, for errors. */
export interface InputRow<T> {
  row: T;
  where: string;
}

/**
 * Rows as they come.
 *
 * @throws UserError that names the line of the first row that cannot be used
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

/** Writes rows as they are made, so that a command that is killed leaves those before. A reader that has gone (`| head`) ends the command quietly: see cli.ts. */
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
    const bytes = Buffer.from(jsonLine(row));
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

  /** A pipe that is full for the moment says so (EAGAIN): it is waited for. */
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
