/**
 * Bundles the app, the benchmarks and the suites into a few JavaScript files without node_modules. All are in one
 * folder, because code finds the files beside it (worker.js, golden/) by its own path.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { aroundOneCore } from '../../test/conformance/bundle.js';
import type { Counts } from './suites/run.js';

const root = path.resolve(import.meta.dirname, '../..');

/** Suites that apply to every device of the addon; those for the cpu device's own memory and threads are left out. */
export const suites = [
  ...['model/folder', 'model/generate/decoder', 'model/generate/sample', 'model/golden', 'rewards/hf'],
  ...[
    'tensor/native/ops',
    'tensor/native/recording',
    'tensor/ops',
    'tensor/properties',
    'train/golden',
    'train/update',
  ],
];

const nameOf = (suite: string) => `test-${suite.replaceAll('/', '-')}`;

const programs = {
  ...{
    cli: 'src/cli',
    main: 'src/engine/main',
    worker: 'src/engine/worker',
    taskProcess: 'src/run/preflight/taskProcess',
  },
  ...{ measure: 'bench/measure', open: 'bench/gpu/open', verify: 'bench/gpu/verify', suites: 'bench/gpu/suites/run' },
};

export async function bundlePrograms(outdir: string): Promise<void> {
  const tests = Object.fromEntries(suites.map((suite) => [nameOf(suite), `test/${suite}.test`]));
  const entries = Object.entries({ ...programs, ...tests });
  await build({
    ...aroundOneCore,
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries.map(([name, file]) => [name, `${file}.ts`])),
    outdir,
    splitting: true,
    // Keeps names, because only a failure's stack is reported.
    minifySyntax: true,
    minifyWhitespace: true,
    mainFields: ['module', 'main'],
    external: ['@brevity-dpo/native', '@tensorflow/tfjs-backend-wasm', 'node-fetch', 'react-devtools-core'],
    alias: { vitest: path.join(import.meta.dirname, 'suites/vitest.ts') },
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  for (const name of ['golden', 'fixtures'])
    cpSync(path.join(root, 'test', name), path.join(outdir, name), { recursive: true });
}

/**
 * Number of tests in each bundled suite, all of which a run must pass.
 *
 * @throws Error if a suite cannot be read or has no tests
 */
export function countTests(outdir: string): Record<string, number> {
  const counts = suites.map((suite) => {
    const file = `${nameOf(suite)}.js`;
    if (!existsSync(path.join(outdir, file))) throw new Error(`${file} was not bundled`);
    const args = [path.join(outdir, 'suites.js'), '--collect', file];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const last = stdout.trim().split('\n').at(-1) ?? '';
    const { left = 0, failed = 1 } = last.startsWith('{') ? (JSON.parse(last) as Counts) : {};
    if (failed > 0 || left === 0) throw new Error(`${suite} cannot be read without vitest: ${stdout}${stderr}`);
    return [file, left] as const;
  });
  return Object.fromEntries(counts);
}
