/**
 * Builds @tensorflow/tfjs-node against the libraries of a TensorFlow wheel, for tests and benchmarks of the `tensorflow`
 * backend on machines that cannot download libtensorflow. Never a step of an installation. Linux on x86-64; needs Python
 * 3 with pip, a C++ compiler and make.
 *
 *     node tools/tfjs-node/build.mjs [--tensorflow 2.13.1]
 *
 * Everything lies in ~/.cache/brevity-tfjs-node/VERSION (about 850 MB), built once; the last line printed is that folder.
 * tfjs-core is removed from it: found through NODE_PATH, ours is then the only copy (environment below).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '../..');
const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'brevity-tfjs-node');
const TFJS_NODE = '4.22.0';
/** tfjs-node 4.22.0 itself downloads 2.9.1, which PyPI has no such wheel of. From 2.12.1 to 2.21.0 all that were tried work. */
export const TENSORFLOW = '2.13.1';

/** One build serves every Node that has Node-API 8: 12.22 and newer. */
const NAPI = 8;

/** Wheels differ by Python only in files that are not used: one that all these versions were built for. */
const wheelTags = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311'];
const platforms = ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64'];

/** The environment in which Node finds the built package and, from it, this checkout's tfjs-core. */
export function environment(folder) {
  const modules = [path.join(folder, 'node_modules'), path.join(root, 'node_modules')];
  return {
    ...process.env,
    NODE_PATH: [...modules, process.env.NODE_PATH].filter(Boolean).join(path.delimiter),
    BREVITY_TFJS_NODE: folder,
  };
}

/** @returns the folder of a complete build, made now if there is none */
export function build(version = TENSORFLOW) {
  const folder = path.join(cache, `tensorflow-${version}`);
  if (existsSync(path.join(folder, 'complete.json'))) return folder;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`tools/tfjs-node builds on Linux x64 only; this is ${process.platform} ${process.arch}`);
  }
  const gyp = nodeGyp();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }\n');
  const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder];
  run('npm', [...npm, `@tensorflow/tfjs-node@${TFJS_NODE}`], folder);
  rmSync(path.join(folder, 'node_modules/@tensorflow/tfjs-core'), { recursive: true });

  const tfjs = path.join(folder, 'node_modules/@tensorflow/tfjs-node');
  layOutTensorFlow(version, folder, path.join(tfjs, 'deps'));
  const output = path.join(tfjs, 'lib', `napi-v${NAPI}`);
  const defines = [`--module_name=tfjs_binding`, `--module_path=${output}`, `--napi_build_version=${NAPI}`];
  const prefix = path.resolve(path.dirname(process.execPath), '..');
  const headers = existsSync(path.join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  run(process.execPath, [gyp, 'rebuild', ...headers, ...defines], tfjs);
  rmSync(path.join(tfjs, 'build'), { recursive: true });

  const script = 'const tf = require("@tensorflow/tfjs-node"); console.log(tf.backend().binding.TF_Version)';
  const loaded = run(process.execPath, ['-e', script], folder, environment(folder));
  if (loaded !== version) throw new Error(`the binding was built and says TensorFlow ${loaded}, expected ${version}`);
  writeFileSync(
    path.join(folder, 'complete.json'),
    JSON.stringify({
      tfjs_node: TFJS_NODE,
      tensorflow: version,
      compiler: run('c++', ['--version'], folder).split('\n')[0],
    }) + '\n',
  );
  return folder;
}

/** Libraries and C headers of the wheel as tfjs-node's binding.gyp expects them: deps/lib and deps/include. */
function layOutTensorFlow(version, folder, deps) {
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  const target = [...wheelTags, ...platforms.flatMap((name) => ['--platform', name])];
  run('python3', [...pip, ...target, '--dest', folder, `tensorflow-cpu==${version}`], folder);
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  const extract = [
    'import re, sys, zipfile',
    'wanted = re.compile(r"tensorflow/(libtensorflow_(cc|framework)\\.so\\.2$|include/.*\\.h$)")',
    'wheel = zipfile.ZipFile(sys.argv[1])',
    'wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if wanted.match(name)])',
  ];
  run('python3', ['-c', extract.join('\n'), wheel, folder], folder);
  rmSync(path.join(folder, wheel));
  const unpacked = path.join(folder, 'tensorflow');
  mkdirSync(path.join(deps, 'lib'), { recursive: true });
  renameSync(path.join(unpacked, 'include'), path.join(deps, 'include'));
  // binding.gyp links -ltensorflow: the wheel's library has the same C API and further names.
  for (const [name, link] of [
    ['libtensorflow_cc.so.2', 'libtensorflow.so'],
    ['libtensorflow_framework.so.2', 'libtensorflow_framework.so'],
  ]) {
    if (!existsSync(path.join(unpacked, name))) throw new Error(`the wheel of TensorFlow ${version} has no ${name}`);
    renameSync(path.join(unpacked, name), path.join(deps, 'lib', name));
    symlinkSync(name, path.join(deps, 'lib', link));
  }
  rmSync(unpacked, { recursive: true });
}

/** npm names its own node-gyp to scripts that it runs; else it lies beside Node. */
function nodeGyp() {
  const { npm_config_node_gyp: given, npm_execpath: npm } = process.env;
  if (given !== undefined && existsSync(given)) return given;
  const beside = path.join(path.dirname(process.execPath), '../lib/node_modules/npm/index.js');
  for (const file of [npm, beside].filter((name) => name !== undefined && existsSync(name))) {
    return createRequire(file).resolve('node-gyp/bin/node-gyp.js');
  }
  throw new Error('node-gyp, which comes with npm, was not found; run this through npm');
}

function run(command, args, cwd, env = process.env) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${command} could not be started: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`);
  return stdout.trim();
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { tensorflow: { type: 'string', default: TENSORFLOW } } });
  console.log(build(values.tensorflow));
}
