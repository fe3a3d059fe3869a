/**
 * The unit tests that @tensorflow/tfjs-core publishes, run on our native backend in a process of their own: every spec
 * but those in exclusions.ts must pass. New memory is poisoned, so that an element that a kernel leaves out fails.
 */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { temporaryDirectories } from '../temporary.js';
import { exclusions, unregistered } from './exclusions.js';
import type { Outcome } from './jasmine.js';

/** Specs that passed when this was last changed. Fewer means that some did not run. */
const expectedSpecs = 3315;

const temporaryDirectory = temporaryDirectories();

const here = (file: string) => path.join(import.meta.dirname, file);
const require = createRequire(import.meta.url);

/** One bundle, so that tests and backend share one tfjs-core: the published tests import its modules one by one. */
async function bundle(): Promise<string> {
  // Inside the repository: what is not bundled is found from there.
  const outfile = here('../../node_modules/.cache/brevity/conformance.mjs');
  const core = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist/index.js');
  await build({
    entryPoints: [here('entry.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // tfjs-core declares its modules free of side effects, and its tests are nothing else.
    ignoreAnnotations: true,
    external: ['@brevity/native', 'jasmine-core', 'node-fetch'],
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    plugins: [
      {
        name: 'one tfjs-core',
        setup({ onResolve }) {
          onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, () => ({ path: core }));
        },
      },
    ],
  });
  return outfile;
}

it('passes the tests of tfjs-core', async () => {
  const file = await bundle();
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    cwd: temporaryDirectory(),
    maxBuffer: 2 ** 26,
  }).catch((error: { stdout: string; stderr: string }) => error);
  const outcome = JSON.parse(stdout.trim().split('\n').pop() ?? '') as Outcome;
  expect(outcome.failed).toEqual([]);
  expect(outcome.status).not.toMatch(/incomplete/);
  expect(Object.keys(outcome.unregistered).filter((kernel) => !(kernel in unregistered))).toEqual([]);
  expect(outcome.excluded.sort()).toEqual(Object.keys(exclusions).sort());
  expect(outcome.passed).toBeGreaterThanOrEqual(expectedSpecs);
}, 300_000);
