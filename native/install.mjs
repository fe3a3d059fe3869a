/**
 * Builds the addon with node-gyp, unless the package of this platform has one that loads. Run by `npm install` it never
 * fails: where the addon cannot be built the reason is kept in build/problem.json, `brevity doctor` shows it and the wasm
 * backend serves. With --required (`npm run build:native`) it builds in any case, shows the build and fails. --arch=ARCH
 * builds for another processor with the compiler of CXX.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, totalmem } from 'node:os';
import path from 'node:path';

const require = createRequire(import.meta.url);
const { prebuilt, platformPackage, rebuildCommand } = require('./locate.cjs');
const folder = import.meta.dirname;
const required = process.argv.includes('--required');
const arch = process.argv.find((argument) => argument.startsWith('--arch='));
const given = required ? null : prebuilt();
const unusable = given === null ? null : loadProblem(given);
const problem = given !== null && unusable === null ? null : build();
if (problem !== null) {
  rmSync(path.join(folder, 'build'), { recursive: true, force: true });
  mkdirSync(path.join(folder, 'build'));
  writeFileSync(path.join(folder, 'build', 'problem.json'), JSON.stringify({ problem }) + '\n');
  if (unusable !== null) console.error(`The addon of ${platformPackage} does not load (${unusable}).`);
  console.error(`The native backend was not built: ${problem}.`);
  if (required) process.exitCode = 1;
  else console.error(`Brevity computes with WebAssembly instead; \`${rebuildCommand}\` tries again.`);
}

/** @returns null, or why it could not be built, in a clause */
function build() {
  const compiler = process.env.CXX ?? (process.platform === 'win32' ? null : 'c++ g++ clang++');
  const compilers = compiler?.split(' ').filter((name) => runs(name, ['--version'])) ?? [];
  if (compiler !== null && compilers.length === 0) {
    return `no C++ compiler was found (${compiler.replaceAll(' ', ', ')}); install one, such as g++ or clang`;
  }
  if (process.platform !== 'win32' && !runs('make', ['--version'])) return 'make was not found; install it';
  const pythons = [process.env.npm_config_python, process.env.PYTHON, 'python3', 'python'].filter(Boolean);
  if (process.platform !== 'win32' && !pythons.some((name) => runs(name, ['--version']))) {
    return 'Python 3, which node-gyp needs, was not found; install it';
  }
  const gyp = nodeGyp();
  if (gyp === null) return 'node-gyp, which comes with npm, was not found';
  // Two at once for each GiB of memory at most: a compiler takes up to half of one.
  const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor((2 * totalmem()) / 2 ** 30)));
  const args = [gyp, 'rebuild', `--jobs=${jobs}`];
  const headers = ownHeaders();
  if (headers !== null) args.push(`--nodedir=${headers}`);
  if (arch !== undefined) args.push(arch);
  const env = { ...process.env };
  if (compilers.length > 0) env.CXX = compilers[0];
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env,
    maxBuffer: 2 ** 28,
    stdio: required ? 'inherit' : 'pipe',
  });
  if (error !== undefined) return `node-gyp could not be started: ${error.message}`;
  const built = path.join(folder, 'build', 'Release', 'brevity.node');
  if (status === 0 && existsSync(built)) {
    const reason = arch === undefined ? loadProblem(built) : null;
    return reason === null ? null : `the addon was built and does not load (${reason})`;
  }
  return explain(`${stdout ?? ''}\n${stderr ?? ''}`);
}

function runs(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** npm names its own node-gyp to install scripts; without npm it lies beside Node. */
function nodeGyp() {
  const { npm_config_node_gyp: given, npm_execpath: npm } = process.env;
  if (given !== undefined && existsSync(given)) return given;
  const near = [npm, path.join(path.dirname(process.execPath), '../lib/node_modules/npm/index.js')];
  for (const file of near.filter((name) => name !== undefined && existsSync(name))) {
    try {
      return createRequire(file).resolve('node-gyp/bin/node-gyp.js');
    } catch {
      // The next one.
    }
  }
  return null;
}

/** The prefix of this Node's headers where they were installed with it, so that none need be downloaded. */
function ownHeaders() {
  if (process.env.npm_config_nodedir !== undefined) return null;
  const prefix = path.resolve(path.dirname(process.execPath), '..');
  return existsSync(path.join(prefix, 'include', 'node', 'node_api.h')) ? prefix : null;
}

/** @returns null, or the first line of why an addon does not load */
function loadProblem(file) {
  try {
    require(file);
    return null;
  } catch (error) {
    return error.message.split('\n')[0];
  }
}

function explain(log) {
  if (/getaddrinfo|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|response (\d+) downloading|network/i.test(log)) {
    return "Node's headers are not installed and could not be downloaded";
  }
  const line = log.split('\n').find((text) => /\berror\b[: ]/.test(text) && !/^(npm|gyp) (ERR|info)/.test(text));
  return `the compiler failed${line === undefined ? '' : ` (${line.trim().slice(0, 200)})`}`;
}
