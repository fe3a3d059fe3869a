/** Test files bundled without vitest: what passed, failed and was left out is counted, and nothing is passed over. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';
import type { Counts } from '../../../bench/gpu/suites/run.js';
import { temporaryDirectories } from '../../temporary.js';

const temporaryDirectory = temporaryDirectories();
const suites = path.resolve(import.meta.dirname, '../../../bench/gpu/suites');

const files = {
  good: `
    import { beforeAll, describe, expect, it, vi } from 'vitest';
    let ready = 0;
    beforeAll(async () => { await null; ready = 1; });
    describe.each(['a', 'b'])('%s', (name) => {
      it.each([1, 2])('%d', (n) => {
        expect({ name, n, ready }).toMatchObject({ name: expect.any(String), ready: 1 });
        expect([0.1 + 0.2, n]).toEqual([expect.closeTo(0.3), n]);
        const object = { f: () => n };
        vi.spyOn(object, 'f').mockImplementation(() => 9);
        expect(object.f()).toBe(9);
        expect(() => { throw new TypeError('oh'); }).toThrow('oh');
      });
    });
    it('waits', async () => { await expect(Promise.reject(new Error('no'))).rejects.toThrow('no'); });`,
  bad: `
    import { expect, it } from 'vitest';
    it('is wrong', () => { expect(1).toBe(2); });
    it('waits in vain', async () => { await expect(Promise.resolve(1)).rejects.toThrow('no'); });
    it('is right', () => { expect(1).toBe(1); });
    it.skip('is left out', () => {});`,
  hook: `
    import { beforeAll, expect, it } from 'vitest';
    beforeAll(() => { throw new Error('the device does not open'); });
    it('needs it', () => { expect(1).toBe(1); });`,
  none: `export {};`,
  broken: `throw new Error('not even read');`,
};

let folder = '';

beforeAll(async () => {
  folder = temporaryDirectory();
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, `${name}.src.js`), text);
  const entries = Object.keys(files).map((name) => [name, path.join(folder, `${name}.src.js`)]);
  await build({
    entryPoints: { ...(Object.fromEntries(entries) as Record<string, string>), run: path.join(suites, 'run.ts') },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    ...{ bundle: true, splitting: true, platform: 'node', format: 'esm', logLevel: 'error' },
    alias: { vitest: path.join(suites, 'vitest.ts') },
  });
});

function run(...args: string[]): { status: number | null; counts: Counts; stdout: string } {
  const { status, stdout } = spawnSync(process.execPath, [path.join(folder, 'run.mjs'), ...args], { encoding: 'utf8' });
  return { status, stdout, counts: JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Counts };
}

it('runs cases, hooks, spies and promises', () => {
  expect(run('good.mjs')).toMatchObject({ status: 0, counts: { passed: 5, failed: 0, left: 0 } });
  expect(run('--collect', 'good.mjs')).toMatchObject({ status: 0, counts: { passed: 0, failed: 0, left: 5 } });
});

it('names what failed, and fails for what was left out', () => {
  const { status, counts, stdout } = run('bad.mjs');
  expect({ status, counts }).toEqual({ status: 1, counts: { passed: 1, failed: 2, left: 1 } });
  expect(stdout).toContain('FAILED is wrong');
  expect(stdout).toContain('expected 1 to be 2');
  expect(stdout).toContain('FAILED waits in vain');
});

it('a hook that fails, a file without tests, one that cannot be read, and no file at all are failures', () => {
  const hook = run('hook.mjs');
  expect(hook).toMatchObject({ status: 1, counts: { passed: 0 } });
  expect(hook.stdout).toContain('the device does not open');
  expect(run('none.mjs')).toMatchObject({ status: 1, counts: { passed: 0 } });
  expect(run('broken.mjs').stdout).toContain('not even read');
  expect(run('broken.mjs').status).toBe(1);
  expect(run().status).toBe(1);
});
