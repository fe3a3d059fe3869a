/** Whole files: the old content or the new. */
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { writeFileAtomic } from '../../src/store/atomic.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();

it('replaces a file and leaves nothing beside it', () => {
  const file = path.join(fresh(), 'whole.json');
  writeFileAtomic(file, 'old, and longer');
  writeFileAtomic(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
  expect(readdirSync(path.dirname(file))).toEqual(['whole.json']);
});

it('is not disturbed by what a crash left half-written', () => {
  const file = path.join(fresh(), 'whole.json');
  writeFileSync(`${file}.tmp`, 'half of something much longer than the new content');
  writeFileAtomic(file, 'new');
  expect(readFileSync(file, 'utf8')).toBe('new');
});

it.runIf(existsSync('/dev/full'))('keeps the old content when the disk is full, and says so', () => {
  const file = path.join(fresh(), 'whole.json');
  writeFileSync(file, 'old');
  symlinkSync('/dev/full', `${file}.tmp`);
  expect(() => writeFileAtomic(file, 'new')).toThrow(`cannot write ${file}: the disk is full`);
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(path.dirname(file))).toEqual(['whole.json']);
});

it('says what cannot be written', () => {
  const file = path.join(fresh(), 'taken');
  mkdirSync(file);
  expect(() => writeFileAtomic(file, 'new')).toThrow(UserError);
  expect(() => writeFileAtomic(file, 'new')).toThrow(`cannot write ${file}`);
});
