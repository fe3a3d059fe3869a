/** Rows found by their prompt_index without reading the others. */
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { RowIndex } from '../../src/run/rowIndex.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const schema = z.object({ prompt_index: z.number(), text: z.string() });
const line = (prompt_index: number, text: string) => JSON.stringify({ prompt_index, text }) + '\n';

it('finds rows of any size in any order, across the pieces in which the file is read', async () => {
  const file = path.join(fresh(), 'rows.jsonl');
  const texts = Array.from({ length: 40 }, (_, i) => 'ß'.repeat(i * 4001));
  writeFileSync(
    file,
    [...texts.entries()]
      .reverse()
      .map(([i, text]) => line(i * 3, text))
      .join(''),
  );
  const index = new RowIndex(file, schema);
  for (const i of [39, 0, 17, 1]) expect(await index.row(i * 3)).toEqual({ prompt_index: i * 3, text: texts[i] });
  expect(await index.row(1)).toBeNull();
});

it('sees what is appended later, and no row that is not whole', async () => {
  const file = path.join(fresh(), 'rows.jsonl');
  const index = new RowIndex(file, schema);
  expect(await index.row(1)).toBeNull();
  writeFileSync(file, line(1, 'a') + line(2, 'b').slice(0, 12));
  expect(await index.row(1)).toEqual({ prompt_index: 1, text: 'a' });
  expect(await index.row(2)).toBeNull();
  appendFileSync(file, line(2, 'b').slice(12));
  expect(await index.row(2)).toEqual({ prompt_index: 2, text: 'b' });
});

it('names the file of a row that is not what it should be', async () => {
  const file = path.join(fresh(), 'rows.jsonl');
  writeFileSync(file, '{"prompt_index":4,"text":5}\n');
  await expect(new RowIndex(file, schema).row(4)).rejects.toThrow(`${file}, prompt 4: \`text\``);
});
