/**
 * `npm run bench:gpu:pack`: makes dist/verify-gpu.sh, which verifies the cuda backend on a machine that has only an
 * NVIDIA driver: verify.sh with an archive appended. Builds missing parts (the kernels' tests take minutes).
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bundle as bundleConformance } from '../../test/conformance/bundle.js';
import { bundlePrograms, countTests } from './bundle.js';
import type { Manifest } from './context.js';

const MOST_BYTES = 60e6;
const root = path.resolve(import.meta.dirname, '../..');
const inRoot = (file: string) => path.join(root, file);
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', cwd: root, maxBuffer: 2 ** 28 });
const say = (line: string) => console.error(line);

if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error(`pack: the archive is for Linux on x86-64, and this is ${process.platform} ${process.arch}`);
  process.exit(1);
}
const stage = mkdtempSync(path.join(tmpdir(), 'brevity-pack-'));
const into = (file: string): string => {
  const target = path.join(stage, file);
  mkdirSync(path.dirname(target), { recursive: true });
  return target;
};
try {
  say('the native addon and the tests of its CUDA kernels');
  if (!existsSync(inRoot('native/build/Release/brevity.node'))) run('node', 'native/install.mjs', '--required');
  run('make', '-s', '-j2', '-C', 'native/cuda/test', 'addon', '../../build-test/cuda/tests');
  const programs = {
    'bin/node': process.execPath,
    'app/node_modules/@brevity-dpo/native/build/Release/brevity.node': inRoot('native/build/Release/brevity.node'),
    'emulated/brevity.node': inRoot('native/build-test/cuda/brevity.node'),
    'kernels/tests': inRoot('native/build-test/cuda/tests'),
  };
  for (const [to, from] of Object.entries(programs)) run('strip', '-o', into(to), from);

  say('JavaScript');
  const bundled = into('app/dist/src');
  await bundlePrograms(bundled);
  await bundleConformance(into('app/dist/src/conformance.js'), true);
  for (const file of ['index.cjs', 'locate.cjs', 'package.json'])
    copyFileSync(inRoot(`native/${file}`), into(`app/node_modules/@brevity-dpo/native/${file}`));
  copyFileSync(inRoot('package.json'), into('app/package.json'));
  for (const file of ['package.json', 'lib/jasmine-core.js', 'lib/jasmine-core/jasmine.js'])
    copyFileSync(inRoot(`node_modules/jasmine-core/${file}`), into(`app/node_modules/jasmine-core/${file}`));
  for (const name of ['example.json', 'prompts.jsonl', 'held-out.jsonl', 'base-policy', 'reward-model'])
    cpSync(inRoot(`data/${name}`), into(`data/${name}`), { recursive: true });
  copyFileSync(inRoot('bench/peer/torch_lr_dpo.py'), into('peer/torch_lr_dpo.py'));
  const manifest: Manifest = { commit: commit(), node: process.version, tests: countTests(bundled) };
  writeFileSync(into('manifest.json'), JSON.stringify(manifest));

  say('the archive');
  const needs = Object.keys(programs).map((file) => glibcOf(path.join(stage, file)));
  // Node is two thirds of the archive; xz makes it a third smaller than gzip does.
  run('xz', '-6', '-T2', path.join(stage, 'bin/node'));
  const archive = path.join(stage, '..', `${path.basename(stage)}.tar`);
  run('tar', '-cf', archive, '--owner=0', '--group=0', '-C', stage, '.');
  run('gzip', '-9', '-f', archive);
  const head = withHead(readFileSync(inRoot('bench/gpu/verify.sh'), 'utf8'), needs.sort(byVersion).at(-1) ?? '');
  const out = inRoot('dist/verify-gpu.sh');
  mkdirSync(path.dirname(out), { recursive: true });
  writeFileSync(out, Buffer.concat([Buffer.from(head), readFileSync(`${archive}.gz`)]));
  rmSync(`${archive}.gz`);
  chmodSync(out, 0o755);
  const { size } = statSync(out);
  if (size > MOST_BYTES)
    throw new Error(`${out} has ${(size / 1e6).toFixed(1)} MB; at most ${MOST_BYTES / 1e6} were wanted`);
  say(`${out}: ${(size / 1e6).toFixed(1)} MB, needs glibc ${needs.at(-1)} or newer`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function commit(): string {
  try {
    return run('git', 'describe', '--always', '--dirty').trim();
  } catch {
    return 'unknown';
  }
}

/** The newest glibc version whose functions a program uses. */
function glibcOf(file: string): string {
  const versions = run('objdump', '-T', file).match(/(?<=GLIBC_)[0-9.]+/g) ?? [];
  return versions.sort(byVersion).at(-1) ?? '2.17';
}

function byVersion(a: string, b: string): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)];
  return x[0] - y[0] || (x[1] ?? 0) - (y[1] ?? 0);
}

/** verify.sh with the values that it needs about the appended archive. */
function withHead(script: string, glibc: string): string {
  const lines = script.trimEnd().split('\n');
  const settings = `NEEDS_GLIBC=${glibc} ARCHIVE_LINE=${lines.length + 2}`;
  return [...lines.slice(0, 1), settings, ...lines.slice(1)].join('\n') + '\n';
}
