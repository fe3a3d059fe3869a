/**
 * The app, the benchmarks and the suites in few JavaScript files without node_modules. All lie in one folder, as code
 * finds what is beside it (worker.js, golden/) from its own place.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import type { Counts } from './suites/run.js';

const root = path.resolve(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);

/** Suites that hold on every device of the addon; those of the cpu device's own memory and threads are left out. */
export const suites = [
  ...['dpo/golden', 'dpo/update', 'model/golden', 'model/folder', 'rewards/hf', 'sampling/sample'],
  ...['tensor/ops', 'tensor/properties', 'tensor/native/ops'],
];

const nameOf = (suite: string) => `test-${suite.replaceAll('/', '-')}`;

const programs = {
  ...{ cli: 'src/cli', main: 'src/engine/main', worker: 'src/engine/worker', taskProcess: 'src/setup/taskProcess' },
  ...{ measure: 'bench/measure', open: 'bench/gpu/open', verify: 'bench/gpu/verify', suites: 'bench/gpu/suites/run' },
};

export async function bundlePrograms(outdir: string): Promise<void> {
  const core = path.join(path.dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist/index.js');
  const tests = Object.fromEntries(suites.map((suite) => [nameOf(suite), `test/${suite}.test`]));
  const entries = Object.entries({ ...programs, ...tests });
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries.map(([name, file]) => [name, `${file}.ts`])),
    outdir,
    bundle: true,
    splitting: true,
    // Names stay: a failure's stack is all that comes back.
    minifySyntax: true,
    minifyWhitespace: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
    // Backends and gradients register themselves as they are imported, which tfjs calls free of side effects.
    ignoreAnnotations: true,
    mainFields: ['module', 'main'],
    external: ['@brevity/native', '@tensorflow/tfjs-backend-wasm', 'node-fetch', 'react-devtools-core'],
    alias: { vitest: path.join(import.meta.dirname, 'suites/vitest.ts') },
    define: { 'process.env.NODE_ENV': '"production"' },
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
  for (const name of ['golden', 'fixtures'])
    cpSync(path.join(root, 'test', name), path.join(outdir, name), { recursive: true });
}

/**
 * How many tests each bundled suite has: what a run must pass.
 *
 * @throws Error where one cannot be read or has none
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
