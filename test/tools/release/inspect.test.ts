import { expect, it } from 'vitest';
import { addonProblems, licencesOf, packageProblems } from '../../../tools/release/inspect.js';
import { compareVersions } from '../../../tools/release/elf.js';
import type { Manifest, Packed } from '../../../tools/release/packages.js';

const platform: Manifest = {
  name: '@brevity-dpo/native-linux-x64-gnu',
  version: '0.1.0',
  license: 'MIT',
  publishConfig: { access: 'public' },
};

function packed(manifest: Partial<Manifest> = {}, changes: Partial<Packed> = {}): Packed {
  return {
    manifest: { ...platform, ...manifest },
    files: ['package.json', 'README.md', 'LICENSE', 'brevity.node'],
    ...{ tarball: '/x.tgz', size: 1e6, unpackedSize: 3e6, integrity: '', shasum: '' },
    ...changes,
  };
}

it('finds nothing wrong with a package as it should be', () => {
  expect(packageProblems(packed(), '0.1.0')).toEqual([]);
});

it.each<[string, Partial<Manifest>, Partial<Packed>, RegExp]>([
  ['version', { version: '0.2.0' }, {}, /its version is 0\.2\.0; expected 0\.1\.0/],
  ['licence', { license: 'GPL-3.0' }, {}, /its licence is GPL-3\.0/],
  ['private', { private: true }, {}, /it is private/],
  ['restricted', { publishConfig: undefined }, {}, /not marked as public/],
  ['script', { scripts: { prepare: 'x' } }, {}, /has the script prepare/],
  ['folder', { dependencies: { a: 'file:a' } }, {}, /a is file:a; expected a version/],
  ['workspace', { dependencies: { a: 'workspace:*' } }, {}, /a is workspace:\*/],
  ['own range', { dependencies: { '@brevity-dpo/native': '^0.1.0' } }, {}, /native is \^0\.1\.0; expected 0\.1\.0/],
  ['source map', {}, { files: [...packed().files, 'brevity.node.map'] }, /brevity\.node\.map does not belong/],
  ['missing file', {}, { files: ['package.json', 'README.md', 'LICENSE'] }, /brevity\.node is missing/],
  ['size', {}, { size: 5e6 }, /its tarball has 5000000 bytes; expected at most 4000000/],
])('names one problem: %s', (_name, manifest, changes, problem) => {
  const problems = packageProblems(packed(manifest, changes), '0.1.0');
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^@brevity-dpo\/native-linux-x64-gnu: /);
  expect(problems[0]).toMatch(problem);
});

it.each(['dist/src/cli.js.map', 'dist/src/cli.ts', 'dist/bench/index.js', 'test/cli.js', 'dist/tools/x.js', '.env'])(
  '%s does not belong in brevity-dpo',
  (file) => {
    const problems = packageProblems(packed({ name: 'brevity-dpo' }, { files: [file] }), '0.1.0');
    expect(problems).toContain(`brevity-dpo: ${file} does not belong in the package`);
  },
);

it('accepts an addon that needs an old glibc only', () => {
  const needs = { glibc: '2.28', libraries: ['libc.so.6', 'libm.so.6', 'ld-linux-x86-64.so.2'], others: [] };
  expect(addonProblems('x', needs)).toEqual([]);
  expect(addonProblems('x', { ...needs, glibc: '2.34' })).toEqual(['x: it needs glibc 2.34; expected 2.28']);
  expect(addonProblems('x', { ...needs, libraries: ['libstdc++.so.6'] })[0]).toMatch(/needs libstdc\+\+\.so\.6/);
  expect(addonProblems('x', { ...needs, others: ['GLIBCXX_3.4.30'] })[0]).toMatch(/needs GLIBCXX_3\.4\.30/);
});

it('orders versions by number', () => {
  expect(['2.9', '2.28', '2.3.4', '2.3'].sort(compareVersions)).toEqual(['2.3', '2.3.4', '2.9', '2.28']);
});

it('reads the licences of production dependencies, and names those that are not allowed', () => {
  const lock = {
    packages: {
      '': { version: '0.1.0', license: 'MIT' },
      native: { version: '0.1.0', license: 'MIT' },
      'node_modules/@brevity-dpo/native': { link: true },
      'node_modules/a': { version: '1.0.0', license: '(MIT OR CC0-1.0)' },
      'node_modules/a/node_modules/@s/b': { version: '2.0.0', license: 'Apache-2.0 AND MIT' },
      'node_modules/c': { version: '3.0.0', license: 'GPL-3.0-only' },
      'node_modules/d': { version: '4.0.0' },
      'node_modules/e': { version: '5.0.0', license: 'MIT AND GPL-3.0-only' },
      'node_modules/f': { version: '6.0.0', license: 'GPL-3.0-only', dev: true },
    },
  };
  const { found, problems } = licencesOf(lock);
  expect(Object.keys(found)).toEqual(['a@1.0.0', '@s/b@2.0.0', 'c@3.0.0', 'd@4.0.0', 'e@5.0.0']);
  expect(problems.map((problem) => problem.split(':')[0])).toEqual(['c@3.0.0', 'd@4.0.0', 'e@5.0.0']);
});
