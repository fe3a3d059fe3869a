import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { completePath } from '../../../src/run/preflight/complete.js';
import { temporaryDirectories } from '../../temporary.js';

const temporary = temporaryDirectories();
let place = { cwd: '', home: '' };
beforeAll(() => {
  const cwd = temporary();
  place = { cwd, home: path.join(cwd, 'home') };
  for (const folder of ['models/smol-135m', 'models/smol-360m', 'home/rewards', '.hidden'])
    mkdirSync(path.join(cwd, folder), { recursive: true });
  writeFileSync(path.join(cwd, 'models/notes.txt'), '');
  symlinkSync('nowhere', path.join(cwd, 'models/lost'));
});

it.each([
  ['mo', 'models/', ['models/']],
  ['models/', 'models/', ['lost', 'notes.txt', 'smol-135m/', 'smol-360m/']],
  ['models/s', 'models/smol-', ['smol-135m/', 'smol-360m/']],
  ['models/smol-3', 'models/smol-360m/', ['smol-360m/']],
  ['~/r', '~/rewards/', ['rewards/']],
  ['', '', ['home/', 'models/']],
  ['.h', '.hidden/', ['.hidden/']],
  ['models/x', 'models/x', []],
  ['nowhere/x', 'nowhere/x', []],
])('%j becomes %j', (typed, text, candidates) => {
  expect(completePath(typed, place)).toEqual({ text, candidates });
});

it('completes the last path of a reward', () => {
  expect(completePath('0.5*hf:a+hf:mo', place, true).text).toBe('0.5*hf:a+hf:models/');
  expect(completePath('module:~/r', place, true).text).toBe('module:~/rewards/');
  expect(completePath('Module:~/r', place, true).text).toBe('Module:~/rewards/');
  expect(completePath('mo', place, true)).toEqual({ text: 'mo', candidates: [] });
});

it('starts an absolute path at the root', () => {
  expect(completePath(`${place.cwd}/mo`, place).text).toBe(`${place.cwd}/models/`);
});
