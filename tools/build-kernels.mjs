/**
 * Compiles native/cuda/*.cu to PTX with nvcc (13.0, on PATH or NVCC) and notes in native/cuda/ptx/manifest.json what
 * it was made from; what has not changed stays. PTX is in the repository: users need no nvcc. `--check DIR` compiles all
 * of them into DIR and prints as JSON each kernel's registers and spills on each architecture, by ptxas.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const folder = path.join(import.meta.dirname, '..', 'native', 'cuda');
const nvcc = process.env.NVCC ?? 'nvcc';
/** Ampere: every card since takes it. */
const architecture = 'compute_80';
/** What ptxas is asked about: Ampere's and Hopper's data-centre cards. */
const machines = ['sm_80', 'sm_90'];

/** What nvcc reads: the others are the host's. */
const sources = /\.cu$|^(axes|block|columns|cuda|decode|mma|segments|threshold|tiles)\.h$/;

const checkInto = process.argv[2] === '--check' ? process.argv[3] : null;
const into = checkInto ?? path.join(folder, 'ptx');
mkdirSync(into, { recursive: true });
const modules = readdirSync(folder)
  .filter((name) => name.endsWith('.cu'))
  .map((name) => path.basename(name, '.cu'))
  .sort();
const before = checkInto === null ? lastManifest() : null;
const now = hashes(folder, sources);
const nvccVersion = /V(\d+\.\d+\.\d+)/.exec(await run(nvcc, ['--version']))?.[1] ?? 'unknown';
const usage = {};
const waiting = modules.filter((name) => before === null || !isFresh(name));
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) await compile(name);
  }),
);
if (checkInto === null) {
  for (const file of readdirSync(into))
    if (file.endsWith('.ptx') && !modules.includes(path.basename(file, '.ptx'))) rmSync(path.join(into, file));
  const manifest = { nvcc: nvccVersion, architecture, sources: now, ptx: hashes(into, /\.ptx$/) };
  writeFileSync(path.join(into, 'manifest.json'), JSON.stringify(manifest, null, 2) + '\n');
  console.log(`${modules.length} modules by nvcc ${manifest.nvcc}`);
} else {
  console.log(JSON.stringify({ nvcc: nvccVersion, machines, kernels: usage }));
}

async function compile(name) {
  const target = path.join(into, `${name}.ptx`);
  await run(nvcc, ['-ptx', `-arch=${architecture}`, '-std=c++17', '-o', target, `${name}.cu`]);
  if (checkInto !== null) for (const machine of machines) await addUsage(name, target, machine);
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
    before.nvcc === nvccVersion &&
    before.architecture === architecture &&
    made !== undefined &&
    made === before.ptx[`${name}.ptx`] &&
    inputs.every((file) => before.sources[file] === now[file])
  );
}

async function run(command, args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd: folder, maxBuffer: 2 ** 26 });
    return stdout + stderr;
  } catch (error) {
    if (error.stderr === undefined) throw new Error(`${command} could not be started: ${error.message}`);
    throw new Error(`${command} ${args.join(' ')} failed:\n${error.stdout}${error.stderr}`);
  }
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

/** What ptxas says about each kernel of a module. */
async function addUsage(module, ptx, machine) {
  const text = await run('ptxas', ['-v', `-arch=${machine}`, ptx, '-o', '/dev/null']);
  let current = null;
  for (const line of text.split('\n')) {
    const entry = /entry function '(\w+)'/.exec(line);
    if (entry !== null) {
      usage[entry[1]] ??= { module, on: {} };
      current = usage[entry[1]].on[machine] = { registers: 0, spillStores: 0, spillLoads: 0 };
    }
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (spills !== null) Object.assign(current, { spillStores: +spills[1], spillLoads: +spills[2] });
    const registers = /Used (\d+) registers/.exec(line);
    if (registers !== null) current.registers = +registers[1];
  }
}
