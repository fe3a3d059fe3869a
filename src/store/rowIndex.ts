/**
 * Where the rows of a JSON-lines file are, by their prompt_index: one row of a file of many gigabytes is read without
 * the others.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { z } from 'zod';
import { UserError, hasCode, messageOf } from '../errors.js';
import { MAX_LINE, megabytes } from '../limits.js';
import { parseLine, parseRow } from './jsonl.js';

interface Place {
  start: number;
  bytes: number;
}

const CHUNK = 2 ** 20;
const LINE_FEED = 10;
/** Enough of a row's beginning to hold its prompt_index, which is written first. */
const HEAD = 64;

export class RowIndex<T extends { prompt_index: number }> {
  private readonly places = new Map<number, Place>();
  /** Bytes of the file that have been gone through: whole lines. */
  private known = 0;

  constructor(
    private readonly file: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /** The row of a prompt; null where the file has none, or is not there. */
  async row(promptIndex: number): Promise<T | null> {
    let handle: FileHandle;
    try {
      handle = await open(this.file);
    } catch (cause) {
      if (hasCode(cause, 'ENOENT')) return null;
      throw new UserError(`cannot read ${this.file}: ${messageOf(cause)}`, { cause });
    }
    try {
      if (!this.places.has(promptIndex)) await this.goThrough(handle);
      const place = this.places.get(promptIndex);
      if (place === undefined) return null;
      const where = `${this.file}, prompt ${promptIndex}`;
      if (place.bytes > MAX_LINE) throw new UserError(`${where}: its line is longer than ${megabytes(MAX_LINE)}`);
      const line = Buffer.alloc(place.bytes);
      await handle.read(line, 0, place.bytes, place.start);
      return parseRow(parseLine(line.toString(), where), this.schema, where);
    } finally {
      await handle.close();
    }
  }

  /** Takes in what has been appended since. */
  private async goThrough(handle: FileHandle): Promise<void> {
    const chunk = Buffer.alloc(CHUNK);
    let start = this.known;
    let head = Buffer.alloc(0);
    for (let at = start; ;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, at);
      // A last line without its end is not whole yet, or never will be.
      if (bytesRead === 0) return;
      let from = 0;
      for (;;) {
        const end = chunk.subarray(0, bytesRead).indexOf(LINE_FEED, from);
        if (head.length < HEAD)
          head = Buffer.concat([head, chunk.subarray(from, Math.min(end < 0 ? bytesRead : end, from + HEAD))]);
        if (end < 0) break;
        const found = /^\{"prompt_index":(\d+)/.exec(head.toString('latin1'));
        if (found !== null) this.places.set(Number(found[1]), { start, bytes: at + end - start });
        start = at + end + 1;
        this.known = start;
        head = Buffer.alloc(0);
        from = end + 1;
      }
      at += bytesRead;
    }
  }
}
