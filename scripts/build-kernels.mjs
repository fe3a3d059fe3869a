/**
 * Compiles native/cuda/*.cu to PTX with nvcc (13.0, on PATH or NVCC) and notes in native/cuda/ptx/manifest.json what
 * it was made from; what has not changed stays. PTX is in the repository: users need no nvcc. `--check DIR` compiles into DIR and prints as JSON the
 * registers and spills of every kernel, by ptxas.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const folder = path.join(import.meta.dirname, '..', 'native', 'cuda');
const nvcc = process.env.NVCC ?? 'nvcc';
/** Ampere: every card since takes it. */
const architecture = 'compute_80';

/** What nvcc reads: the others are the host's. */
const sources = /\.cu$|^(axes|block|columns|cuda|mma|segments)\.h$/;

const checkInto = process.argv[2] === '--check' ? process.argv[3] : null;
const into = checkInto ?? path.join(folder, 'ptx');
mkdirSync(into, { recursive: true });
const modules = readdirSync(folder)
  .filter((name) => name.endsWith('.cu'))
  .map((name) => path.basename(name, '.cu'))
  .sort();
const before = checkInto === null ? lastManifest() : null;
const now = hashes(folder, sources);
const usage = {};
for (const name of modules) {
  const target = path.join(into, `${name}.ptx`);
  if (before !== null && isFresh(name)) continue;
  run(nvcc, ['-ptx', `-arch=${architecture}`, '-std=c++17', '-o', target, `${name}.cu`]);
  if (checkInto !== null) Object.assign(usage, usageOf(target));
}
if (checkInto === null) {
  for (const file of readdirSync(into))
    if (!modules.includes(path.basename(file, '.ptx'))) rmSync(path.join(into, file));
  const manifest = { nvcc: version(), architecture, sources: now, ptx: hashes(into, /\.ptx$/) };
  writeFileSync(path.join(into, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
  console.log(`${modules.length} modules by nvcc ${manifest.nvcc}`);
} else {
  console.log(JSON.stringify({ nvcc: version(), kernels: usage }));
}

function lastManifest() {
  try {
    return JSON.parse(readFileSync(path.join(into, 'manifest.json'), 'utf8'));
  } catch {
    return null;
  }
}

/** Whether a module's PTX is what this nvcc makes of what it was last made from. */
function isFresh(name) {
  const made = hashes(into, /\.ptx$/)[`${name}.ptx`];
  const inputs = Object.keys(now).filter((file) => file.endsWith('.h') || file === `${name}.cu`);
  return (
    before.nvcc === version() &&
    before.architecture === architecture &&
    made !== undefined &&
    made === before.ptx[`${name}.ptx`] &&
    inputs.every((file) => before.sources[file] === now[file])
  );
}

function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout + stderr;
}

function version() {
  return /V(\d+\.\d+\.\d+)/.exec(run(nvcc, ['--version']))?.[1] ?? 'unknown';
}

/** SHA-256 of each file, by name. Host code beside the kernels counts too: a file is one thing. */
function hashes(where, pattern) {
  const names = readdirSync(where).filter((name) => pattern.test(name));
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(path.join(where, name)))
        .digest('hex'),
    ]),
  );
}

/** What ptxas says about each kernel, for the oldest card that is served. */
function usageOf(ptx) {
  const text = run('ptxas', ['-v', '-arch=sm_80', ptx, '-o', '/dev/null']);
  const kernels = {};
  let current = null;
  for (const line of text.split('\n')) {
    const entry = /entry function '(\w+)'/.exec(line);
    if (entry !== null) kernels[(current = entry[1])] = { registers: 0, spillStores: 0, spillLoads: 0 };
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (spills !== null) Object.assign(kernels[current], { spillStores: +spills[1], spillLoads: +spills[2] });
    const registers = /Used (\d+) registers/.exec(line);
    if (registers !== null) kernels[current].registers = +registers[1];
  }
  return kernels;
}
