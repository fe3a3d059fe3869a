import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Every test file, as `train/golden`. */
const all = readdirSync(path.join(import.meta.dirname, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => name.replaceAll(path.sep, '/'));
const under = (file: string, folders: readonly string[]): boolean =>
  folders.some((folder) => file.startsWith(`${folder}/`));
const isOf = (file: string, names: readonly string[]): boolean => names.includes(file.replace(/\.test\.tsx?$/, ''));

/** Suites that compute with tensors: once on each backend. */
const computing = [
  ...['model/folder', 'model/generate/beam', 'model/generate/decoder', 'model/generate/sample', 'model/golden'],
  ...['model/peft', 'rewards/hf'],
  ...['run/stages/leaks', 'run/stages/probes', 'run/stages/score', 'run/stages/work'],
  ...['tensor/ops', 'tensor/properties', 'tensor/upload', 'train/golden', 'train/objectives', 'train/update'],
];

/** Those that run on the CUDA kernels in the emulator, too; `npm run test:cuda` runs more. */
const emulated = [
  ...['model/generate/decoder', 'model/generate/sample', 'model/golden', 'rewards/hf'],
  ...[
    'tensor/native/bf16Frozen',
    'tensor/native/bf16Products',
    'tensor/native/frozen',
    'tensor/native/recording',
    'tensor/ops',
    'train/golden',
    'train/objectives',
  ],
];

/**
 * Suites of whole processes and of faults, which take minutes together. `npm test` leaves them and the emulated GPU out;
 * `npm run test:long` runs these alone, `npm run test:all` everything.
 */
const isLong = (file: string): boolean =>
  under(file, ['e2e', 'faults', 'fuzz', 'native', 'remote/jobs', 'run/jobs']) ||
  isOf(file, [
    'cli/answer',
    'cli/auto',
    'cli/stages',
    'cli/sweep',
    'engine/crash',
    'engine/launch',
    'engine/socket',
    'engine/tree',
  ]) ||
  isOf(file, ['run/preflight/tasks', 'tensor/properties']);

/** One round by keystrokes, the screens in a real terminal and the files of jobs stay in `npm test`. */
const isQuick = (file: string): boolean =>
  !isLong(file) || isOf(file, ['e2e/frames', 'e2e/round', 'remote/jobs/contract']);

const tests = process.env.BREVITY_TESTS ?? 'quick';
if (!['quick', 'long', 'all'].includes(tests))
  throw new Error(`BREVITY_TESTS is ${tests}; expected quick, long or all`);

/** A file that is named on the command line runs, whichever list it is on. */
const named = process.argv.slice(2).some((argument) => argument.startsWith('test/'));

function select(files: readonly string[], emulates = false): string[] {
  const chosen = files.filter((file) => {
    if (named || tests === 'all') return true;
    return tests === 'quick' ? !emulates && isQuick(file) : emulates || !isQuick(file);
  });
  // An empty list would mean vitest's default.
  return chosen.length === 0 ? ['none'] : chosen.map((file) => `test/${file}`);
}

/** The longest files start first: without a cache vitest begins with the largest. */
const longest = ['native/emulator', 'native/ptx', 'engine/crash', 'e2e/elsewhere', 'native/gpu', 'remote/jobs/slurm'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isFirst = ({ moduleId }: TestSpecification) =>
      longest.some((name) => moduleId.includes(`/test/${name}.test.`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isFirst), ...sorted.filter((file) => !isFirst(file))];
  }
}

/** Where the addon could not be built, without a compiler say, its suites have nothing to run on. */
const problem = path.join(import.meta.dirname, 'native/build/problem.json');
const unbuilt = existsSync(problem);
if (unbuilt) console.error(`The native backend's suites are left out: ${readFileSync(problem, 'utf8').trim()}`);

/** What builds the addon of the emulator builds this one, if Node's headers lie beside it. */
const buildsEmulated =
  !unbuilt &&
  process.platform === 'linux' &&
  existsSync(path.resolve(process.execPath, '../../include/node/node_api.h'));

/** Without tensors, processes or state of the process: these share a process, which halves their time. */
const isPure = (file: string): boolean => under(file, ['components', 'core', 'protocol', 'report']);

const pureProject = {
  extends: true as const,
  test: {
    name: 'pure',
    include: select(all.filter(isPure)),
    poolOptions: { forks: { isolate: false } },
  },
};

const wasmProject = {
  extends: true as const,
  test: {
    name: 'wasm',
    include: select(
      all.filter(
        (file) =>
          !isPure(file) &&
          !under(file, ['tensor/native', 'tensor/tensorflow', 'native/emulated', 'conformance', 'clusters', 'release']),
      ),
    ),
  },
};

const nativeProject = {
  extends: true as const,
  test: {
    name: 'native',
    include: select(all.filter((file) => isOf(file, computing) || under(file, ['tensor/native', 'conformance']))),
    env: { BREVITY_TEST_BACKEND: 'native', BREVITY_POISON: '1' },
  },
};

const emulatedProject = {
  extends: true as const,
  test: {
    name: 'cuda-emulated',
    include: select(
      all.filter((file) => isOf(file, emulated) || under(file, ['native/emulated', 'conformance'])),
      true,
    ),
    setupFiles: ['test/native/emulated/setup.ts'],
    testTimeout: 300_000,
    env: {
      ...{ BREVITY_TEST_BACKEND: 'native', BREVITY_POISON: '1', BREVITY_DEVICE: 'cuda-emulated' },
      BREVITY_ADDON: path.join(import.meta.dirname, 'native/build-test/cuda-quick/brevity.node'),
    },
  },
};

/**
 * TensorFlow's own kernels through tfjs-node: `npm run test:tensorflow` builds it and sets BREVITY_TFJS_NODE. Commands and
 * the terminal run on it too.
 */
const tensorflowProject = {
  extends: true as const,
  test: {
    name: 'tensorflow',
    include: all
      .filter((file) => isOf(file, [...computing, 'cli/auto', 'e2e/session']) || under(file, ['tensor/tensorflow']))
      .map((file) => `test/${file}`),
    testTimeout: 300_000,
    env: { BREVITY_TEST_BACKEND: 'tensorflow' },
  },
};

/** Updates under a real Slurm and a real Ray: `npm run test:clusters`. Both start daemons, so each suite is alone. */
const clustersProject = {
  extends: true as const,
  test: {
    name: 'clusters',
    include: ['test/clusters/*.test.ts'],
    poolOptions: { forks: { singleFork: true } },
  },
};

/** Packs a release and installs it, which needs registries: `npm run test:release`. */
const releaseProject = {
  extends: true as const,
  test: {
    name: 'release',
    include: ['test/release/*.test.ts'],
  },
};

export default defineConfig({
  test: {
    globalSetup: 'test/state.ts',
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } },
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    setupFiles: ['test/yield.ts'],
    hookTimeout: 120_000,
    projects: [
      pureProject,
      wasmProject,
      ...(unbuilt ? [] : [nativeProject]),
      ...(buildsEmulated ? [emulatedProject] : []),
      ...(process.env.BREVITY_TFJS_NODE === undefined ? [] : [tensorflowProject]),
      ...(process.env.BREVITY_CLUSTERS === '1' ? [clustersProject] : []),
      ...(process.env.BREVITY_RELEASE === '1' ? [releaseProject] : []),
    ],
  },
});
