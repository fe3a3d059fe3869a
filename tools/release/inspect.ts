/** What must hold of a package before it is published; each problem is one sentence. */
import { compareVersions, type Needs } from './elf.js';
import { type Packed, nativeName } from './packages.js';
import { oldestGlibc } from './prebuild.js';

/** Of one package: the files it may have, those it must have, and the most bytes of its tarball. */
interface Rules {
  allowed: readonly RegExp[];
  required: readonly string[];
  mostBytes: number;
}

const common = [/^package\.json$/, /^README\.md$/, /^LICENSE$/];

const rootRules: Rules = {
  allowed: [
    ...common,
    /^CHANGELOG\.md$/,
    /^dist\/(src|components)\/[\w/-]+\.js$/,
    /^dist\/src\/tensor\/wasm\/brevity\.wasm$/,
    /^data\/[\w/-]+\.(json|jsonl|md|mjs|txt|safetensors)$/,
    /^trainer\/(brevity_trainer\/\w+\.py|pyproject\.toml|README\.md)$/,
  ],
  required: [
    ...['dist/src/cli.js', 'dist/src/engine/main.js', 'dist/src/engine/worker.js', 'dist/src/tensor/wasm/brevity.wasm'],
    ...['dist/src/run/preflight/taskProcess.js', 'dist/components/screens/review/View.js'],
    ...['data/example.json', 'data/prompts.jsonl', 'data/base-policy/model.safetensors', 'data/judge/compare.txt'],
    ...['data/reward-model/model.safetensors', 'trainer/pyproject.toml', 'trainer/brevity_trainer/__main__.py'],
    ...['README.md', 'LICENSE', 'CHANGELOG.md'],
  ],
  mostBytes: 8e6,
};

const nativeRules: Rules = {
  allowed: [
    ...common,
    /^(binding\.gyp|index\.cjs|install\.mjs|locate\.cjs|smallKernels\.cc|sources\.mjs)$/,
    /^src\/[\w/]+\.(cc|h)$/,
    /^cuda\/\w+\.(cc|cu|h)$/,
    /^cuda\/emulator\/\w+\.h$/,
    /^cuda\/ptx\/\w+\.ptx$/,
  ],
  required: ['LICENSE', 'binding.gyp', 'install.mjs', 'locate.cjs', 'src/addon.cc', 'cuda/ptx/gemm.ptx'],
  mostBytes: 2e6,
};

const platformRules: Rules = {
  allowed: [...common, /^brevity\.node$/],
  required: ['LICENSE', 'brevity.node'],
  mostBytes: 4e6,
};

function rulesOf(name: string): Rules {
  if (name === 'brevity-dpo') return rootRules;
  return name === nativeName ? nativeRules : platformRules;
}

/** Problems of names, versions, dependencies, files and size. */
export function packageProblems({ manifest, files, size }: Packed, version: string): string[] {
  const { name, license, scripts = {}, dependencies = {}, optionalDependencies = {} } = manifest;
  const { allowed, required, mostBytes } = rulesOf(name);
  const problems: string[] = [];
  const say = (problem: string) => problems.push(`${name}: ${problem}`);
  if (manifest.version !== version) say(`its version is ${manifest.version}; expected ${version}`);
  if (license !== 'MIT') say(`its licence is ${license}; expected MIT`);
  if (manifest.private === true) say('it is private, and npm would not publish it');
  if (name.startsWith('@') && (manifest.publishConfig as { access?: string } | undefined)?.access !== 'public')
    say('it has a scope and is not marked as public');
  for (const script of Object.keys(scripts))
    if (name !== nativeName || script !== 'install') say(`it has the script ${script}, which only a clone needs`);
  for (const [dependency, range] of Object.entries({ ...dependencies, ...optionalDependencies })) {
    if (!/^[\^~]?\d+\.\d+\.\d+/.test(range)) say(`${dependency} is ${range}; expected a version that npm can fetch`);
    if (dependency.startsWith(nativeName) && range !== version) say(`${dependency} is ${range}; expected ${version}`);
  }
  for (const file of files)
    if (!allowed.some((pattern) => pattern.test(file))) say(`${file} does not belong in the package`);
  for (const file of [...required, ...Object.values(manifest.bin ?? {})])
    if (!files.includes(file)) say(`${file} is missing`);
  if (size > mostBytes) say(`its tarball has ${size} bytes; expected at most ${mostBytes}`);
  return problems;
}

/** Libraries that every system has on which Node itself runs, and that the C++ library inside the addon may need. */
const systemLibraries = /^(libc|libm|libdl|librt|libpthread|ld-linux-[\w-]+)\.so\.\d+$/;

/** Problems of an addon for Linux: what it needs from the system. */
export function addonProblems(name: string, { glibc, libraries, others }: Needs): string[] {
  const strange = libraries.filter((library) => !systemLibraries.test(library));
  return [
    ...(compareVersions(glibc, oldestGlibc) > 0 ? [`${name}: it needs glibc ${glibc}; expected ${oldestGlibc}`] : []),
    ...strange.map((library) => `${name}: it needs ${library}, which a system may lack`),
    ...others.map((symbol) => `${name}: it needs ${symbol}, which a system may lack`),
  ];
}

/** Licences under which everything that a user installs may be used. */
const licences = new Set([
  ...['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0', 'CC0-1.0', 'Python-2.0'],
]);

export interface Lock {
  packages: Record<string, { version?: string; license?: string; dev?: boolean; link?: boolean }>;
}

/** Licence of each production dependency, by `name@version`, and a problem for each that is not in the list. */
export function licencesOf(lock: Lock): { found: Record<string, string>; problems: string[] } {
  const installed = Object.entries(lock.packages).filter(
    ([place, entry]) => place.includes('node_modules/') && !entry.dev,
  );
  const found = Object.fromEntries(
    installed
      .filter(([, { link }]) => link !== true)
      .map(([place, { version, license }]) => [
        `${place.split('node_modules/').at(-1)}@${version}`,
        license ?? 'no licence in package-lock.json',
      ]),
  );
  const problems = Object.entries(found)
    .filter(([, licence]) => !isAllowed(licence))
    .map(([name, licence]) => `${name}: its licence is ${licence}; expected one of ${[...licences].join(', ')}`);
  return { found, problems };
}

/** An SPDX expression without inner parentheses: one of its alternatives must be allowed as a whole. */
function isAllowed(expression: string): boolean {
  return expression
    .replace(/^\((.*)\)$/, '$1')
    .split(' OR ')
    .some((part) => part.split(' AND ').every((name) => licences.has(name.trim())));
}
