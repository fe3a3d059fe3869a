/** Reads a log that another process writes, a piece at a time: its end first, then what was added since. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { LogPart } from '../core/logLines.js';
import { makeVisible } from '../core/sanitize.js';

/** Bytes that are read at a time, and characters of a line that are kept. */
const MOST_BYTES = 256 * 1024;
const MOST_CHARACTERS = 4000;

/**
 * Reads on from byte `from`, which a part before gave as `next`; null reads the end of the log. Of more than 256 KiB only
 * the end is read. A log that does not exist yet is empty.
 */
export function readLogPart(file: string, from: number | null): LogPart {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return { lines: [], open: '', next: 0, skipped: 0, replaced: (from ?? 0) > 0 };
  }
  try {
    const { size } = fstatSync(handle);
    const replaced = from !== null && from > size;
    const known = replaced || from === null ? 0 : from;
    let start = Math.max(known, size - MOST_BYTES);
    const buffer = Buffer.alloc(size - start);
    let text = buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, start));
    if (start > known) {
      // It may begin within a line, or within a character.
      const cut = text.indexOf(newline) + 1;
      text = text.subarray(cut);
      start += cut;
    }
    const end = text.lastIndexOf(newline) + 1;
    const whole =
      end === 0
        ? []
        : text
            .subarray(0, end - 1)
            .toString()
            .split('\n');
    return {
      lines: whole.map(plainLine),
      open: plainLine(text.subarray(end).toString()),
      next: start + end,
      skipped: start - known,
      replaced,
    };
  } finally {
    closeSync(handle);
  }
}

const newline = 0x0a;

/** Colours and other attributes of text. */
const colours = /\x1b\[[0-9;]*m/g;

/**
 * A line of a foreign program, safe to show: colours are dropped, all other control characters and escape sequences made
 * visible. Of a progress bar, which rewrites its line, the last state. Long lines are cut.
 */
export function plainLine(line: string): string {
  const states = line.split('\r');
  const last = states.findLast((state) => state !== '') ?? '';
  const shown = last.replace(colours, '');
  const kept = shown.length > MOST_CHARACTERS ? `${shown.slice(0, MOST_CHARACTERS)} …` : shown;
  return makeVisible(kept);
}
