/**
 * Indexes the rows of a JSON-lines file by prompt_index: reads one row of a file of many gigabytes without the others.
 */
import { lstat, open, readdir, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { hasCode, messageOf, UserError } from '../core/errors.js';
import { MAX_LINE, megabytes } from '../core/limits.js';
import { parseLine, parseRow } from '../io/jsonl.js';

interface RowPosition {
  start: number;
  bytes: number;
}

const CHUNK = 2 ** 20;
const LINE_FEED = 10;
/** Enough of a row's beginning to hold its prompt_index, which is written first. */
const HEAD = 64;

export class RowIndex<T extends { prompt_index: number }> {
  private readonly places = new Map<number, RowPosition>();
  /** Bytes of the file that have been indexed: whole lines. */
  private known = 0;

  constructor(
    private readonly file: string,
    private readonly schema: z.ZodType<T>,
  ) {}

  /** The row of a prompt; null if the file has none or does not exist. */
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

  /** Indexes the rows appended since the last call. */
  private async goThrough(handle: FileHandle): Promise<void> {
    const chunk = Buffer.alloc(CHUNK);
    let start = this.known;
    let head = Buffer.alloc(0);
    for (let at = start; ;) {
      const { bytesRead } = await handle.read(chunk, 0, CHUNK, at);
      // A last line without its end is not complete yet, or never will be.
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

/** Total bytes of all files in a folder and its subfolders; 0 if it does not exist. A link counts with its own size. */
export async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const sizes = await Promise.all(
    names.map((name) =>
      lstat(path.join(folder, name)).then(
        (entry) => (entry.isDirectory() ? 0 : entry.size),
        // A file removed meanwhile counts as 0.
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
