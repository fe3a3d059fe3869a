/** Places on the screens, kept in the user's state directory. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { Places, placesFile } from '../../src/cli/places.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();

it('keeps a place for each run, and forgets those that were open longest ago', () => {
  vi.stubEnv('XDG_STATE_HOME', fresh());
  const [first, second] = [fresh(), fresh()];
  const warn = vi.fn();
  new Places(first, warn).keep({ review: { 1: 'here' } });
  new Places(second, warn).keep({ review: { 1: 'there' } });
  expect(new Places(`${first}/.`, warn).read()).toEqual({ review: { 1: 'here' } });
  expect(new Places(second, warn).read()).toEqual({ review: { 1: 'there' } });
  for (let i = 0; i < 99; i++) new Places(path.join(first, String(i)), warn).keep({});
  expect(Object.keys(JSON.parse(readFileSync(placesFile(), 'utf8')) as object)).toHaveLength(100);
  expect(new Places(first, warn).read()).toEqual({});
  expect(warn).not.toHaveBeenCalled();
});

it('starts anew from a file that cannot be read, and says once that it cannot be written', () => {
  const state = fresh();
  vi.stubEnv('XDG_STATE_HOME', state);
  const run = fresh();
  new Places(run, () => {}).keep({ review: 1 });
  writeFileSync(placesFile(), '{"torn');
  expect(new Places(run, () => {}).read()).toEqual({});
  vi.stubEnv('XDG_STATE_HOME', path.join(placesFile(), 'no-folder'));
  const warn = vi.fn();
  const places = new Places(run, warn);
  places.keep({ review: 1 });
  places.keep({ review: 2 });
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('Your place is not kept for the next session'));
});
