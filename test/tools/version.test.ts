import { expect, it } from 'vitest';
import { brevityVersion } from '../../src/io/version.js';
import { version } from '../../tools/release/packages.js';
import { versionProblems } from '../../tools/version.mjs';

it('every place has the version of package.json, and the changelog describes it', () => {
  expect(versionProblems()).toEqual([]);
  expect(brevityVersion).toBe(version);
});
