/**
 * The packages of a release, and how each is put together: `brevity-dpo`, `@brevity-dpo/native` with the sources of the
 * addon, and one package per platform with the compiled addon.
 *
 * The packages of the platforms exist in no folder of the repository: as workspaces npm would refuse to install a clone
 * on any other platform, and as dependencies of a workspace it would install them beside sources that have changed.
 * `@brevity-dpo/native` depends on them, and not `brevity-dpo`, because a package may load only what it depends on
 * (pnpm), and because its install script must find them.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');
export const nativeName = '@brevity-dpo/native';

export interface Platform {
  /** The end of its package's name, as in native/locate.cjs. */
  name: string;
  os: string;
  cpu: string;
  libc: string | null;
  /** For `zig c++ -target`; null: built on a machine of the platform (.github/workflows/release.yml). */
  target: string | null;
}

export const platforms: readonly Platform[] = [
  { name: 'linux-x64-gnu', os: 'linux', cpu: 'x64', libc: 'glibc', target: 'x86_64-linux-gnu' },
  { name: 'linux-arm64-gnu', os: 'linux', cpu: 'arm64', libc: 'glibc', target: 'aarch64-linux-gnu' },
  { name: 'darwin-arm64', os: 'darwin', cpu: 'arm64', libc: null, target: null },
];

export const packageOf = (platform: Platform): string => `${nativeName}-${platform.name}`;

export interface Manifest {
  name: string;
  version: string;
  license: string;
  scripts?: Record<string, string>;
  bin?: Record<string, string>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  [key: string]: unknown;
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest;

export const version = readManifest('.').version;

/** The workflow's repository. npm shows links of the README relative to it, and its provenance needs it. */
function repository(): Record<string, unknown> {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env;
  return server === undefined || name === undefined
    ? {}
    : { repository: { type: 'git', url: `git+${server}/${name}.git` } };
}

/** package.json as published: without what only a clone needs. */
function rootManifest(): Manifest {
  const {
    scripts: _,
    devDependencies: _dev,
    workspaces: _spaces,
    allowScripts: _allow,
    ...manifest
  } = readManifest('.');
  return { ...manifest, ...repository() } as Manifest;
}

function nativeManifest(): Manifest {
  const optionalDependencies = Object.fromEntries(platforms.map((platform) => [packageOf(platform), version]));
  return { ...readManifest('native'), optionalDependencies, publishConfig: { access: 'public' }, ...repository() };
}

function platformManifest(platform: Platform): Manifest {
  const { license, engines } = readManifest('native');
  return {
    name: packageOf(platform),
    version,
    description: `The compiled addon of ${nativeName} for ${platform.name}`,
    license,
    main: 'brevity.node',
    files: ['brevity.node'],
    os: [platform.os],
    cpu: [platform.cpu],
    ...(platform.libc === null ? {} : { libc: [platform.libc] }),
    engines,
    publishConfig: { access: 'public' },
    ...repository(),
  };
}

function write(folder: string, manifest: Manifest, readme: string): void {
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest, null, 2) + '\n');
  writeFileSync(path.join(folder, 'README.md'), readme);
  cpSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
}

/** Compiles the program anew into a folder, so that no file of an earlier build gets into the package. */
export function stageRoot(folder: string): void {
  execFileSync(process.execPath, [path.join(root, 'tools/build.mjs'), '--out', path.join(folder, 'dist')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const name of ['data', 'trainer', 'CHANGELOG.md'])
    cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  write(folder, rootManifest(), readFileSync(path.join(root, 'README.md'), 'utf8'));
}

export function stageNative(folder: string): void {
  const manifest = nativeManifest();
  for (const name of ['binding.gyp', 'index.cjs', 'install.mjs', 'locate.cjs', 'smallKernels.cc', 'sources.mjs'])
    cpSync(path.join(root, 'native', name), path.join(folder, name));
  for (const name of ['src', 'cuda'])
    cpSync(path.join(root, 'native', name), path.join(folder, name), { recursive: true });
  const readme = `# ${nativeName}

C++ and CUDA kernels of [brevity-dpo](https://www.npmjs.com/package/brevity-dpo) behind a Node-API addon. npm installs a prebuilt addon for Linux on x86-64 and arm64 (glibc) and macOS on arm64; elsewhere, or if it does not load, the install script compiles the sources of this package, which needs a C++ compiler, make and Python 3. Without either, Brevity computes with WebAssembly.
`;
  write(folder, manifest, readme);
}

export function stagePlatform(folder: string, platform: Platform, addon: string): void {
  mkdirSync(folder, { recursive: true });
  cpSync(addon, path.join(folder, 'brevity.node'));
  const readme = `# ${packageOf(platform)}

The compiled addon of [${nativeName}](https://www.npmjs.com/package/${nativeName}) for ${platform.name}; that package has its sources.
`;
  write(folder, platformManifest(platform), readme);
}

export interface Packed {
  manifest: Manifest;
  /** Path of the tarball. */
  tarball: string;
  /** Bytes of the tarball, and of its files. */
  size: number;
  unpackedSize: number;
  integrity: string;
  shasum: string;
  /** Paths inside the package. */
  files: string[];
}

/** `npm pack` of a folder; runs no scripts. */
export function pack(folder: string, out: string): Packed {
  mkdirSync(out, { recursive: true });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', out];
  const answer = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8' })) as unknown;
  // npm 12 answers with an object by package name, npm 10 and 11 with a list.
  const [described] = Object.values(answer as object) as [
    Pick<Packed, 'size' | 'unpackedSize' | 'integrity' | 'shasum'> & { filename: string; files: { path: string }[] },
  ];
  const { filename, files, size, unpackedSize, integrity, shasum } = described;
  const tarball = path.join(out, filename);
  if (!existsSync(tarball)) throw new Error(`npm pack reported ${filename} and wrote no such file to ${out}`);
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as Manifest;
  return { manifest, tarball, size, unpackedSize, integrity, shasum, files: files.map((file) => file.path) };
}
