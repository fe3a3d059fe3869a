/** JSON lines: what a crash tears, what a full disk cuts short, what a person wrote wrong. */
import * as fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { UserError } from '../../src/core/errors.js';
import { appendJsonLines, readJsonLines, readLastJsonLines, writeJsonLines } from '../../src/io/jsonl.js';
import { temporaryDirectories } from '../temporary.js';

vi.mock('node:fs', async (original) => {
  const actual = await original<typeof fs>();
  return { ...actual, writeSync: vi.fn(actual.writeSync) };
});

const schema = z.object({ n: z.int(), text: z.string().optional() });
const fresh = temporaryDirectories();
const fileWith = (content: string) => {
  const file = path.join(fresh(), 'rows.jsonl');
  fs.writeFileSync(file, content);
  return file;
};
const contentOf = (file: string) => fs.readFileSync(file, 'utf8');

describe('reading', () => {
  it('gives rows with the line each stands on, empty lines counted', () => {
    const file = fileWith('{"n":1}\n\n{"n":2}\n');
    expect(readJsonLines(file, schema, { withLines: true })).toEqual([
      { row: { n: 1 }, line: 1 },
      { row: { n: 2 }, line: 3 },
    ]);
  });

  it('drops a torn last line, also one torn within a character', () => {
    expect(readJsonLines(fileWith('{"n":1}\n{"n":2,"te'), schema)).toEqual([{ n: 1 }]);
    const file = fileWith('');
    fs.writeFileSync(file, Buffer.from('{"n":1}\n{"n":2,"text":"é').subarray(0, -1));
    expect(readJsonLines(file, schema)).toEqual([{ n: 1 }]);
  });

  it('reports a torn last line of a file that a person wrote', () => {
    const file = fileWith('{"n":1}\n{"n":2,"te');
    expect(() => readJsonLines(file, schema, { torn: 'error' })).toThrow(`${file}:2 is not JSON`);
  });

  it('names file and line of broken JSON that is not the last line', () => {
    const file = fileWith('{"n":1}\n{"n":\n{"n":3}\n');
    expect(() => readJsonLines(file, schema)).toThrow(UserError);
    expect(() => readJsonLines(file, schema)).toThrow(`${file}:2 is not JSON`);
  });

  it('names file, line and key of a value that is not what it should be', () => {
    const file = fileWith('{"n":1}\n{"n":"two"}\n');
    expect(() => readJsonLines(file, schema)).toThrow(`${file}:2: \`n\``);
  });

  it('reads lines that lie across the pieces it reads, after a byte order mark, with any line breaks', () => {
    const long = 'é'.repeat(200_000);
    const file = fileWith(`\uFEFF{"n":1}\r\n{"n":2,"text":"${long}"}\n{"n":3}`);
    expect(readJsonLines(file, schema)).toEqual([{ n: 1 }, { n: 2, text: long }, { n: 3 }]);
  });

  it('refuses a line without end after 64 MB, and nesting that would overflow the stack', () => {
    const file = fileWith('{"n":1}\n');
    fs.truncateSync(file, 65 * 2 ** 20);
    expect(() => readJsonLines(file, schema)).toThrow(`${file}:2 is longer than 64 MB`);
    const deep = fileWith(`{"n":1}\n{"n":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`);
    expect(() => readJsonLines(deep, z.looseObject({}))).toThrow(`${deep}:2 is not JSON (it is nested more than 64`);
    const flat = { n: 1, list: Array.from({ length: 100 }, () => ({ a: '[[[{{{"\\' })) };
    expect(readJsonLines(fileWith(JSON.stringify(flat)), z.looseObject({}))).toEqual([flat]);
  });

  it('takes a missing file as empty only where asked to', () => {
    const missing = path.join(fresh(), 'none.jsonl');
    expect(readJsonLines(missing, schema, { missing: 'empty' })).toEqual([]);
    expect(() => readJsonLines(missing, schema)).toThrow(`cannot read ${missing}`);
  });
});

it('of the newest rows names the line that is no JSON, or how far from the end it lies', () => {
  const file = fileWith('{"n":1}\nno\n{"n":3}\n');
  expect(() => readLastJsonLines(file, schema, 1000)).toThrow(`${file}:2 is not JSON`);
  expect(() => readLastJsonLines(file, schema, 15)).toThrow(`${file}, line 2 from its end, is not JSON`);
});

it('gives the newest rows of a long file, whole ones only', () => {
  const file = path.join(fresh(), 'rows.jsonl');
  const newest = (bytes: number) => readLastJsonLines(file, schema, bytes).map(({ n }) => n);
  expect(newest(100)).toEqual([]);
  fs.writeFileSync(file, '{"n":1}\n{"n":2}\n{"n":3}\n{"n":');
  expect(newest(100)).toEqual([1, 2, 3]);
  // The torn end, a whole row, and a part of the one before.
  expect(newest(5 + 8 + 3)).toEqual([3]);
  expect(newest(5 + 8 + 8)).toEqual([3]);
  expect(newest(5 + 8 + 9)).toEqual([2, 3]);
  expect(newest(3)).toEqual([]);
});

describe('appending', () => {
  afterEach(() => {
    vi.mocked(fs.writeSync).mockReset();
  });

  it('adds whole rows, in order', () => {
    const file = path.join(fresh(), 'rows.jsonl');
    appendJsonLines(file, [{ n: 1 }]);
    appendJsonLines(file, [{ n: 2 }, { n: 3 }]);
    appendJsonLines(file, []);
    expect(contentOf(file)).toBe('{"n":1}\n{"n":2}\n{"n":3}\n');
  });

  it('cuts a torn last line off first, also one longer than what is read at once', () => {
    for (const torn of ['{"n":2,"te', `{"n":2,"text":"${'x'.repeat(200_000)}`]) {
      const file = fileWith(`{"n":1}\n${torn}`);
      appendJsonLines(file, [{ n: 3 }]);
      expect(contentOf(file)).toBe('{"n":1}\n{"n":3}\n');
    }
    const file = fileWith('{"n":');
    appendJsonLines(file, [{ n: 3 }]);
    expect(contentOf(file)).toBe('{"n":3}\n');
  });

  it('keeps a last row that lacks its line break alone, as reading does', () => {
    const file = fileWith('{"n":1}\n{"n":2}');
    expect(readJsonLines(file, schema)).toEqual([{ n: 1 }, { n: 2 }]);
    appendJsonLines(file, [{ n: 3 }]);
    expect(readJsonLines(file, schema)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  });

  it('refuses numbers that are not finite, which JSON would write as null and no reader accept', () => {
    const file = fileWith('{"n":1}\n');
    expect(() => appendJsonLines(file, [{ n: 2 }, { n: 3, rewards: [0, -Infinity], note: null }])).toThrow(
      `cannot write ${file}: \`rewards.1\` is -Infinity; expected a finite number`,
    );
    expect(() => writeJsonLines(file, [{ n: NaN }])).toThrow('`n` is NaN');
    expect(contentOf(file)).toBe('{"n":1}\n');
    appendJsonLines(file, [{ n: 2, note: null, text: 'null' }]);
    expect(contentOf(file)).toBe('{"n":1}\n{"n":2,"note":null,"text":"null"}\n');
  });

  it('leaves no half row when the disk is full, and goes on when it no longer is', () => {
    const file = fileWith('{"n":1}\n');
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
    const write = vi.mocked(fs.writeSync);
    write.mockImplementationOnce((handle) => {
      // Half of it fitted.
      fs.appendFileSync(handle as number, '{"n":');
      throw full;
    });
    expect(() => appendJsonLines(file, [{ n: 2 }])).toThrow(
      `cannot write ${file}: the disk is full; free space and try again, nothing written before is lost`,
    );
    expect(contentOf(file)).toBe('{"n":1}\n');
    appendJsonLines(file, [{ n: 2 }]);
    expect(contentOf(file)).toBe('{"n":1}\n{"n":2}\n');
  });
});
