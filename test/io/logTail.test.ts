/** Logs that grow, are cut within a character, are begun anew, and hold what a terminal must not get. */
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { plainLine, readLogPart } from '../../src/io/logTail.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const logFile = () => path.join(fresh(), 'log');

it('is empty before it exists', () => {
  expect(readLogPart(logFile(), null)).toEqual({ lines: [], open: '', next: 0, skipped: 0, replaced: false });
});

it('reads on from where it was, and the line that is being written each time', () => {
  const file = logFile();
  writeFileSync(file, 'one\ntwo\nthr');
  const first = readLogPart(file, null);
  expect(first).toMatchObject({ lines: ['one', 'two'], open: 'thr', next: 8 });
  appendFileSync(file, 'ee ü');
  expect(readLogPart(file, first.next)).toMatchObject({ lines: [], open: 'three ü', next: 8 });
  appendFileSync(file, '\n\n');
  const last = readLogPart(file, first.next);
  expect(last).toMatchObject({ lines: ['three ü', ''], open: '' });
  expect(readLogPart(file, last.next)).toMatchObject({ lines: [], open: '', next: last.next });
});

it('reads the end of a long log, from a whole line on, and says how much was left out', () => {
  const file = logFile();
  const line = `${'ü'.repeat(50)}\n`;
  const bytes = Buffer.byteLength(line);
  writeFileSync(file, line.repeat(10_000));
  const { lines, skipped, next } = readLogPart(file, null);
  expect(lines).toHaveLength(Math.floor((256 * 1024) / bytes));
  expect(new Set(lines)).toEqual(new Set(['ü'.repeat(50)]));
  expect(skipped + lines.length * bytes).toBe(10_000 * bytes);
  expect(next).toBe(10_000 * bytes);
  // The same where much was added since.
  expect(readLogPart(file, bytes).skipped).toBe(skipped - bytes);
});

it('a line longer than a piece is not read forever', () => {
  const file = logFile();
  writeFileSync(file, 'x'.repeat(600_000));
  const { lines, open } = readLogPart(file, null);
  expect(lines).toEqual([]);
  expect(open).toMatch(/^x{4000} …$/);
});

it('says that a log was begun anew', () => {
  const file = logFile();
  writeFileSync(file, 'a long first attempt\n');
  const { next } = readLogPart(file, null);
  writeFileSync(file, 'again\n');
  expect(readLogPart(file, next)).toMatchObject({ lines: ['again'], replaced: true, next: 6 });
});

it('makes lines harmless: colours go, other sequences are shown, of a progress bar the last state stays', () => {
  expect(plainLine('\x1b[31mred\x1b[0m')).toBe('red');
  expect(plainLine('\x1b]52;c;aGk=\x07')).toBe('␛]52;c;aGk=␇');
  expect(plainLine(' 10%\r 50%\r100%\r')).toBe('100%');
  expect(plainLine('windows\r')).toBe('windows');
});
