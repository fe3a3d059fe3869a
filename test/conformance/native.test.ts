/**
 * The unit tests that @tensorflow/tfjs-core publishes, run on our native backend in a process of their own: every spec
 * but those in exclusions.ts must pass. New memory is poisoned, so that an element that a kernel leaves out fails.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryDirectories } from '../temporary.js';
import { bundle } from './bundle.js';
import type { Outcome } from './jasmine.js';
import { problemsOf } from './judge.js';

const temporaryDirectory = temporaryDirectories();

it('passes the tests of tfjs-core', async () => {
  const file = path.join(import.meta.dirname, '../../node_modules/.cache/brevity/conformance.mjs');
  await bundle(file);
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: temporaryDirectory(),
    maxBuffer: 2 ** 26,
  }).catch((error: { stdout: string; stderr: string }) => error);
  expect(problemsOf(JSON.parse(stdout.trim().split('\n').pop() ?? '') as Outcome)).toEqual([]);
}, 300_000);
