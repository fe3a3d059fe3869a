/**
 * Writes test/fixtures/tensorflow-kernels.json: the kernels that @tensorflow/tfjs-node-gpu 4.22.0 registers for its
 * `tensorflow` backend, read from the published package. The package itself can only be installed where its install
 * script can download libtensorflow, so the tests compare with this list.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const spec = '@tensorflow/tfjs-node-gpu@4.22.0';
const folder = mkdtempSync(path.join(tmpdir(), 'tfjs-node-gpu-'));
const [packed] = JSON.parse(
  execFileSync('npm', ['pack', spec, '--json', '--silent'], { cwd: folder, encoding: 'utf8' }),
);
execFileSync('tar', ['xzf', packed.filename], { cwd: folder });
const source = readFileSync(path.join(folder, 'package/dist/register_all_kernels.js'), 'utf8');
const kernels = [...source.matchAll(/require\("\.\/kernels\/(\w+)"\)/g)].map(([, name]) => name).sort();
const fixture = { package: spec, integrity: packed.integrity, kernels };
writeFileSync(
  new URL('../test/fixtures/tensorflow-kernels.json', import.meta.url),
  JSON.stringify(fixture, null, 2) + '\n',
);
console.log(`${kernels.length} kernels`);
