/**
 * `npm run build`: compiles to dist/ and puts beside it what tsc leaves out. `npm install` runs it too. --out DIR compiles
 * everything anew to another folder, without source maps: for packages.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const dist = path.resolve(values.out ?? path.join(root, 'dist'));
const args = [tsc, '-p', path.join(root, 'tsconfig.build.json')];
if (values.out !== undefined)
  args.push('--outDir', dist, '--sourceMap', 'false', '--incremental', 'false', '--tsBuildInfoFile', 'null');
// tsc does not write again what it remembers as written.
else if (!existsSync(path.join(dist, 'src/cli.js'))) rmSync(path.join(dist, '.tsbuildinfo'), { force: true });
execFileSync(process.execPath, args, { stdio: 'inherit' });
for (const file of ['brevity.wasm', 'worker.js']) {
  cpSync(path.join(root, 'src/tensor/wasm', file), path.join(dist, 'src/tensor/wasm', file));
}
chmodSync(path.join(dist, 'src/cli.js'), 0o755);
