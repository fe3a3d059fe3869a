/**
 * A dry run of a release: `npm run test:release`. It needs npm's registry and PyPI, and compiles the addon three times,
 * which takes minutes the first time and less with ccache.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Packed } from '../../tools/release/packages.js';
import { spawned, type TrialResult } from '../../tools/release/trial.js';
import { temporaryDirectories } from '../temporary.js';

const root = path.resolve(import.meta.dirname, '../..');
const temporaryDirectory = temporaryDirectories();

interface Report {
  version: string;
  packages: Packed[];
  skipped: Record<string, string>;
  addons: Record<string, { glibc: string; libraries: string[] }>;
  trainer: string;
  trials: TrialResult[];
  problems: string[];
}

describe('npm run release:dry', () => {
  let out = '';
  let report: Report;
  beforeAll(async () => {
    out = temporaryDirectory();
    // Not the synchronous call: vitest takes a worker that is silent for a minute for dead.
    const {
      status,
      out: printed,
      err,
    } = await spawned('npm', ['run', 'release:dry', '--', '--out', out], root, process.env);
    console.log(printed);
    expect(status, err).toBe(0);
    report = JSON.parse(readFileSync(path.join(out, 'report.json'), 'utf8')) as Report;
  }, 1_800_000);

  it('finds no problem', () => {
    expect(report.problems).toEqual([]);
    expect(report.trainer).toBe(`brevity_trainer-${report.version}-py3-none-any.whl`);
  });

  it('packs the program, the sources and an addon for each Linux', () => {
    expect(report.packages.map(({ manifest }) => manifest.name)).toEqual([
      'brevity-dpo',
      '@brevity-dpo/native',
      '@brevity-dpo/native-linux-x64-gnu',
      '@brevity-dpo/native-linux-arm64-gnu',
    ]);
    expect(Object.keys(report.skipped)).toEqual(['@brevity-dpo/native-darwin-arm64']);
    expect(readdirSync(out).filter((file) => file.endsWith('.tgz'))).toHaveLength(4);
    for (const { glibc } of Object.values(report.addons)) expect(Number(glibc.split('.')[1])).toBeLessThanOrEqual(28);
  });

  it('installs with and without a compiler, and a round runs on the expected backend', () => {
    expect(report.trials.map(({ name, backend }) => [name, backend])).toEqual([
      ['prebuilt, compiler', 'native'],
      ['prebuilt, no compiler', 'native'],
      ['sources, compiler', 'native'],
      ['sources, no compiler', 'wasm'],
    ]);
    for (const { reward } of report.trials) expect(reward).toEqual(expect.any(Number));
  });
});
