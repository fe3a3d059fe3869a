import { expect, it } from 'vitest';
import { sameRelease } from '../../src/core/version.js';

it.each([
  ['0.1.0', '0.1.9', true],
  ['0.1.0', '0.2.0', false],
  ['0.1.0', '1.1.0', false],
  ['1.0.0', '1.4.2', true],
  ['1.9.0', '2.0.0', false],
  ['0.2.0-beta.1', '0.2.0', true],
  ['10.0.0', '1.0.0', false],
  ['unknown', '0.1.0', false],
  ['unknown', 'unknown', true],
])('%s and %s are of one release: %s', (a, b, same) => {
  expect(sameRelease(a, b)).toBe(same);
  expect(sameRelease(b, a)).toBe(same);
});
