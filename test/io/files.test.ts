import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { parseJson } from '../../src/core/limits.js';
import { readTextFile } from '../../src/io/files.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();

it('reads text without its byte order mark, up to a size, and says why it cannot', () => {
  const directory = fresh();
  const file = path.join(directory, 'a.json');
  writeFileSync(file, '\uFEFF{"a":1}');
  expect(parseJson(readTextFile(file))).toEqual({ a: 1 });
  expect(() => readTextFile(file, 4)).toThrow(/a\.json is larger than/);
  expect(() => readTextFile('/dev/zero', 2 ** 20)).toThrow('/dev/zero is larger than 1 MB');
  mkdirSync(path.join(directory, 'b'));
  for (const name of ['b', 'c']) expect(() => readTextFile(path.join(directory, name))).toThrow(UserError);
});
