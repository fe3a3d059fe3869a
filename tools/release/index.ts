/**
 * `npm run release:dry -- --out DIR`: packs every package of a release into DIR, checks names, versions, files, sizes,
 * licences and what the addons need from a system, then installs the packages into empty prefixes, with and without a
 * compiler, and runs a round there. Publishes nothing. DIR/report.json has what was found.
 *
 * --prebuilt FOLDER: addons that were compiled elsewhere, as PLATFORM/brevity.node; the other ones for Linux are compiled
 * here. --no-trials packs and checks only.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { versionProblems } from '../version.mjs';
import { type Needs, needsOf } from './elf.js';
import { addonProblems, licencesOf, type Lock, packageProblems } from './inspect.js';
import {
  pack,
  packageOf,
  type Packed,
  type Platform,
  platforms,
  root,
  stageNative,
  stagePlatform,
  stageRoot,
  version,
} from './packages.js';
import { cache, compileAddon } from './prebuild.js';
import { runTrial, type TrialResult, trials } from './trial.js';

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    prebuilt: { type: 'string' },
    trials: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
if (values.out === undefined) {
  console.error('release:dry: --out DIR is missing; expected a folder for the packages');
  process.exit(2);
}
if (process.platform !== 'linux') {
  console.error(`release:dry: it compiles for Linux on Linux, and this is ${process.platform}`);
  process.exit(2);
}
const out = path.resolve(values.out);
const say = (line: string) => console.log(line);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

const problems: string[] = [...versionProblems()];
const packed: Packed[] = [];
const skipped: Record<string, string> = {};
const addons: Record<string, { bytes: number } & Partial<Needs>> = {};

/** An empty folder. It stays from release to release at the same place, so that compiled objects are found again. */
function stage(name: string): string {
  const folder = path.join(cache, 'stage', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function add(folder: string): void {
  const one = pack(folder, out);
  packed.push(one);
  problems.push(...packageProblems(one, version));
  say(`${one.manifest.name}: ${one.files.length} files, ${megabytes(one.unpackedSize)}, packed ${megabytes(one.size)}`);
}

/** The addon of a platform; null if it cannot be compiled here and none was given. */
function addonOf(platform: Platform, sources: string): string | null {
  if (values.prebuilt !== undefined) {
    const given = path.resolve(values.prebuilt, platform.name, 'brevity.node');
    if (existsSync(given)) return given;
  }
  if (platform.target === null) return null;
  const folder = stage(`compile-${platform.name}`);
  execFileSync('tar', ['-xzf', sources, '--strip-components=1', '-C', folder]);
  say(`compiling the addon for ${platform.name}`);
  return compileAddon(folder, platform);
}

mkdirSync(out, { recursive: true });
for (const name of readdirSync(out).filter((file) => file.endsWith('.tgz'))) rmSync(path.join(out, name));
const rootStage = stage('brevity-dpo');
stageRoot(rootStage);
add(rootStage);
const nativeStage = stage('native');
stageNative(nativeStage);
add(nativeStage);
const sources = packed[1].tarball;
for (const platform of platforms) {
  const addon = addonOf(platform, sources);
  if (addon === null) {
    skipped[packageOf(platform)] =
      `it is compiled on ${platform.os} ${platform.cpu}; see .github/workflows/release.yml`;
    say(`${packageOf(platform)}: not packed, as ${skipped[packageOf(platform)]}`);
    continue;
  }
  addons[platform.name] = { bytes: statSync(addon).size };
  if (platform.os === 'linux') {
    const needs = needsOf(addon);
    Object.assign(addons[platform.name], needs);
    problems.push(...addonProblems(packageOf(platform), needs));
    say(`${packageOf(platform)}: needs glibc ${needs.glibc} and ${needs.libraries.join(', ')}`);
  }
  const folder = stage(platform.name);
  stagePlatform(folder, platform, addon);
  add(folder);
}

const licences = licencesOf(JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as Lock);
problems.push(...licences.problems);
say(
  `licences of ${Object.keys(licences.found).length} production dependencies: ${[...new Set(Object.values(licences.found))].sort().join(', ')}`,
);

const trainer = trainerWheel(packed[0].tarball);
say(`trainer: ${trainer}`);

const results: TrialResult[] = [];
if (values.trials)
  for (const trial of trials) {
    // Short, because the path of an engine's socket is limited.
    const folder = mkdtempSync(path.join(tmpdir(), 'brevity-'));
    try {
      const result = await runTrial(trial, packed, version, folder);
      results.push(result);
      problems.push(...result.problems);
      say(`${trial.name}: ${result.backend}, ${result.native}; ${result.seconds} s, ${megabytes(result.size)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

/** Builds the Python package from the packed files. @returns the name of its wheel, or why there is none */
function trainerWheel(tarball: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'brevity-'));
  try {
    execFileSync('tar', ['-xzf', tarball, '-C', folder, 'package/trainer']);
    const python = process.env.BREVITY_PYTHON ?? 'python3';
    const pip = ['-m', 'pip', 'wheel', '--quiet', '--disable-pip-version-check', '--no-deps', '--wheel-dir', folder];
    const { status, error, stderr } = spawnSync(python, [...pip, path.join(folder, 'package/trainer')], {
      encoding: 'utf8',
    });
    if (error !== undefined) return `skipped, as ${python} does not start`;
    const expected = `brevity_trainer-${version}-py3-none-any.whl`;
    const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
    if (status !== 0 || wheel !== expected)
      problems.push(`trainer: pip made ${wheel ?? 'no wheel'}; expected ${expected}\n${stderr.slice(-2000)}`);
    return wheel ?? 'none';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const report = {
  version,
  packages: packed,
  skipped,
  addons,
  licences: licences.found,
  trainer,
  trials: results,
  problems,
};
writeFileSync(path.join(out, 'report.json'), JSON.stringify(report, null, 2) + '\n');
for (const problem of problems) console.error(`problem: ${problem}`);
say(problems.length === 0 ? `everything holds: ${out}` : `${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
