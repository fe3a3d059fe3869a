/**
 * The version's single source is the root package.json. `npm version 0.2.0` calls this with --write, which copies it to
 * every other place; without it (`npm run lint`, a test) each place that differs is named and the exit code is 1.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const inRoot = (file) => path.join(root, file);
const readJson = (file) => JSON.parse(readFileSync(inRoot(file), 'utf8'));
const native = '@brevity-dpo/native';
const assignment = /^__version__ = "(.*)"$/m;

/** Each place: `read` returns what its text has, `write` its text with another version. */
const places = [
  json('package.json', `optionalDependencies of ${native}`, ({ optionalDependencies }) => [
    optionalDependencies,
    native,
  ]),
  json('native/package.json', 'version', (manifest) => [manifest, 'version']),
  json('package-lock.json', 'version', (lock) => [lock, 'version']),
  json('package-lock.json', 'version of the root', ({ packages }) => [packages[''], 'version']),
  json('package-lock.json', `optionalDependencies of ${native}`, ({ packages }) => [
    packages[''].optionalDependencies,
    native,
  ]),
  json('package-lock.json', 'version of native', ({ packages }) => [packages.native, 'version']),
  {
    file: 'trainer/brevity_trainer/__init__.py',
    what: '__version__',
    read: (text) => assignment.exec(text)?.[1],
    write: (text, version) => text.replace(assignment, `__version__ = "${version}"`),
  },
];

function json(file, what, at) {
  const read = (text) => {
    const [object, key] = at(JSON.parse(text));
    return object[key];
  };
  const write = (text, version) => {
    const value = JSON.parse(text);
    const [object, key] = at(value);
    object[key] = version;
    return JSON.stringify(value, null, 2) + '\n';
  };
  return { file, what, read, write };
}

/** @returns a sentence for each place that differs, and for a changelog that does not describe the version */
export function versionProblems() {
  const { version } = readJson('package.json');
  const problems = places.flatMap(({ file, what, read }) => {
    const found = read(readFileSync(inRoot(file), 'utf8'));
    return found === version
      ? []
      : [`${file}: ${what} is ${found}; expected ${version} as in package.json (node tools/version.mjs --write)`];
  });
  const heading = `## ${version}`;
  const described = readFileSync(inRoot('CHANGELOG.md'), 'utf8')
    .split('\n')
    .some((line) => line === heading || line.startsWith(`${heading} `));
  return described ? problems : [...problems, `CHANGELOG.md has no section "${heading}"; expected one on this version`];
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--write')) {
    const { version } = readJson('package.json');
    for (const { file, write } of places)
      writeFileSync(inRoot(file), write(readFileSync(inRoot(file), 'utf8'), version));
  }
  const problems = versionProblems();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
