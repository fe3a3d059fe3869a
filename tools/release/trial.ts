/**
 * Installs the packages as a user would, `npm install -g brevity-dpo` into an empty prefix, and runs `brevity doctor` and a
 * round of the bundled example there.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Packed, nativeName } from './packages.js';
import { cache } from './prebuild.js';
import { startRegistry } from './registry.js';

export interface Trial {
  name: string;
  /** Whether a C++ compiler and make are on the PATH. */
  compiler: boolean;
  /** Whether the registry has the package of this platform; without it npm installs as on an unsupported one. */
  prebuilt: boolean;
  backend: 'native' | 'wasm';
  origin: 'prebuilt' | 'compiled' | null;
}

export const trials: readonly Trial[] = [
  { name: 'prebuilt, compiler', compiler: true, prebuilt: true, backend: 'native', origin: 'prebuilt' },
  { name: 'prebuilt, no compiler', compiler: false, prebuilt: true, backend: 'native', origin: 'prebuilt' },
  { name: 'sources, compiler', compiler: true, prebuilt: false, backend: 'native', origin: 'compiled' },
  { name: 'sources, no compiler', compiler: false, prebuilt: false, backend: 'wasm', origin: null },
];

export interface TrialResult {
  name: string;
  node: string;
  npm: string;
  seconds: number;
  /** `brevity doctor`: the backend it uses, and what it says of `native`. */
  backend: string | null;
  native: string;
  /** Mean reward of the round's policy; null if the round did not end. */
  reward: number | null;
  /** Bytes of the prefix. */
  size: number;
  problems: string[];
}

/** Paths of the programs that a user has: Node, and npm's npm-cli.js. */
export interface Programs {
  node: string;
  npm: string;
}

export function ownPrograms(): Programs {
  const npm = process.env.npm_execpath ?? realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
  return { node: process.execPath, npm };
}

/** @param folder an empty one, for the trial alone */
export async function runTrial(
  trial: Trial,
  packages: readonly Packed[],
  version: string,
  folder: string,
  programs = ownPrograms(),
): Promise<TrialResult> {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const offered = packages.filter(({ manifest }) => trial.prebuilt || !manifest.name.startsWith(`${nativeName}-`));
  const registry = await startRegistry(offered, upstream);
  const prefix = path.join(folder, 'prefix');
  const env = environment(folder, trial.compiler, registry.url, programs);
  const problems: string[] = [];
  const say = (problem: string) => problems.push(`${trial.name}: ${problem}`);
  /** Standard output and error; a failure is a problem. */
  const run = async (program: string, args: string[]): Promise<{ out: string; err: string }> => {
    const { status, out, err } = await spawned(program, args, folder, env);
    if (status !== 0)
      say(`\`${[path.basename(program), ...args].join(' ')}\` ended with ${status}: ${err.slice(-2000)}`);
    return { out, err };
  };
  const started = Date.now();
  const result: TrialResult = {
    name: trial.name,
    ...{ node: '', npm: '', seconds: 0, backend: null, native: '', reward: null, size: 0, problems },
  };
  try {
    result.node = (await run('node', ['--version'])).out.trim();
    result.npm = (await run('npm', ['--version'])).out.trim();
    const install = ['install', '--global', '--prefix', prefix, `brevity-dpo@${version}`];
    // npm 12 runs the scripts of a dependency only if they are allowed. The prebuilt addon needs none.
    const scripts = trial.prebuilt ? [] : ['--foreground-scripts', `--allow-scripts=${nativeName}`];
    const installed = await run('npm', [...install, ...scripts]);
    const brevity = path.join(prefix, 'bin', 'brevity');
    if (!existsSync(brevity)) {
      say(`npm installed no ${brevity}`);
      return result;
    }
    if ((await run(brevity, ['--version'])).out.trim() !== version) say(`brevity --version is not ${version}`);
    const once = await run('npx', ['--yes', `brevity-dpo@${version}`, '--version']);
    if (once.out.trim() !== version) say(`npx brevity-dpo --version is not ${version}`);
    if (trial.origin === null && !/no C\+\+ compiler was found.*\.\n.*WebAssembly instead/.test(installed.err))
      say(`the installation does not say that WebAssembly is used: ${installed.err.slice(-500)}`);

    const doctor = JSON.parse((await run(brevity, ['doctor', '--json'])).out) as {
      backend: string | null;
      backends: { name: string; detail: string }[];
    };
    result.backend = doctor.backend;
    result.native = doctor.backends.find(({ name }) => name === 'native')?.detail ?? 'not listed';
    if (result.backend !== trial.backend) say(`the backend is ${result.backend}; expected ${trial.backend}`);
    if (trial.origin === 'prebuilt' && !result.native.endsWith(', prebuilt')) say(`native is ${result.native}`);
    if (trial.origin === null && !/compiler.*`node .*install\.mjs --required` builds it/.test(result.native))
      say(`doctor does not say why native is not used: ${result.native}`);
    checkOrigin(trial, path.join(prefix, 'lib/node_modules/brevity-dpo'), say);

    result.reward = await tinyRound(
      trial,
      brevity,
      path.join(prefix, 'lib/node_modules/brevity-dpo/data'),
      folder,
      run,
    );
    if (result.reward === null) say('the round did not end with an evaluation');
    result.size = Number(execFileSync('du', ['-sb', prefix], { encoding: 'utf8' }).split('\t')[0]);
  } finally {
    await registry.close();
    result.seconds = Math.round((Date.now() - started) / 1000);
  }
  return result;
}

/** Not synchronous, because this process is npm's registry meanwhile. */
/** Runs a program to its end, without blocking. */
export function spawned(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv) {
  return new Promise<{ status: number | null; out: string; err: string }>((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, out, err }));
  });
}

type Run = (program: string, args: string[]) => Promise<{ out: string; err: string }>;

/** 8 prompts with 2 short responses each, from sampling to evaluation. @returns the mean reward, null without a result */
async function tinyRound(trial: Trial, brevity: string, data: string, folder: string, run: Run) {
  const first = (name: string, rows: number): string => {
    const file = path.join(folder, name);
    const lines = readFileSync(path.join(data, name), 'utf8').split('\n').slice(0, rows);
    writeFileSync(file, lines.join('\n') + '\n');
    return file;
  };
  const small = ['--prompts', first('prompts.jsonl', 8), '--held-out', first('held-out.jsonl', 4)];
  // Named outright a backend that does not load is an error; auto would go on with another.
  const backend = ['--backend', trial.backend];
  const config = ['--config', path.join(data, 'example.json'), '-n', '2', '--max-new-tokens', '24'];
  const { out } = await run(brevity, [
    'auto',
    path.join(folder, 'run'),
    '--rounds',
    '1',
    ...config,
    ...small,
    ...backend,
  ]);
  const rows = out.split('\n').filter((line) => line !== '');
  const last = rows.map((line) => JSON.parse(line) as Record<string, unknown>).find(({ round }) => round === 1);
  return typeof last?.reward === 'number' ? last.reward : null;
}

/** Which file the installed package loads. */
function checkOrigin({ origin }: Trial, installed: string, say: (problem: string) => void): void {
  const require = createRequire(path.join(installed, 'package.json'));
  const { locate } = require(`${nativeName}/locate.cjs`) as { locate: () => { file: string; origin: string } };
  const { file, origin: found } = locate();
  if (origin !== null && found !== origin) say(`the addon is ${found}; expected ${origin}`);
  if (existsSync(file) !== (origin !== null)) say(`${file} ${existsSync(file) ? 'exists' : 'does not exist'}`);
}

/** A user's environment: a home without settings, and a PATH with or without a compiler. */
function environment(folder: string, compiler: boolean, registry: string, { node, npm }: Programs): NodeJS.ProcessEnv {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(node, path.join(bin, 'node'));
  symlinkSync(npm, path.join(bin, 'npm'));
  symlinkSync(path.join(path.dirname(npm), 'npx-cli.js'), path.join(bin, 'npx'));
  // flock, of util-linux, is how an engine locks its run.
  for (const name of ['/bin/sh', '/usr/bin/flock']) symlinkSync(name, path.join(bin, path.basename(name)));
  const home = path.join(folder, 'home');
  mkdirSync(home, { recursive: true });
  return {
    HOME: home,
    PATH: compiler ? `${bin}:${process.env.PATH}` : bin,
    npm_config_registry: registry,
    // Only contents by their hashes are found again: the registry's address differs each time.
    npm_config_cache: path.join(cache, 'npm'),
    npm_config_update_notifier: 'false',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    // Its installation would download 400 MB that this trial does not use: it fails at once and npm leaves it out.
    TFJS_NODE_CDN_STORAGE: 'http://127.0.0.1:9/',
    ...(process.env.npm_config_nodedir === undefined ? {} : { npm_config_nodedir: process.env.npm_config_nodedir }),
    ...(process.env.CCACHE_DIR === undefined ? {} : { CCACHE_DIR: process.env.CCACHE_DIR }),
  };
}
