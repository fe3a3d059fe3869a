/** `npm run build`: compiles to dist/ and puts beside it what tsc leaves out. `npm install` runs it too. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
// tsc does not write again what it remembers as written.
if (!existsSync(path.join(root, 'dist/src/cli.js'))) rmSync(path.join(root, 'dist/.tsbuildinfo'), { force: true });
execFileSync(process.execPath, [tsc, '-p', path.join(root, 'tsconfig.build.json')], { stdio: 'inherit' });
for (const file of ['brevity.wasm', 'worker.js']) {
  cpSync(path.join(root, 'src/tensor/wasm', file), path.join(root, 'dist/src/tensor/wasm', file));
}
chmodSync(path.join(root, 'dist/src/cli.js'), 0o755);
