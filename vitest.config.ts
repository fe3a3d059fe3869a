import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const all = ['test/**/*.test.ts', 'test/**/*.test.tsx'];

/** Suites that compute with tensors: once on each backend. */
const computing = [
  ...['dpo/golden', 'dpo/update', 'model/folder', 'model/golden', 'model/peft', 'rewards/hf', 'rounds/probes'],
  ...[
    'rounds/leaks',
    'rounds/scoring',
    'rounds/work',
    'sampling/decoder',
    'sampling/sample',
    'tensor/ops',
    'tensor/properties',
  ],
  ...['tensor/upload'],
].map((name) => `test/${name}.test.ts`);

/** Where the addon could not be built, without a compiler say, its suites have nothing to run on. */
const problem = path.join(import.meta.dirname, 'native/build/problem.json');
const unbuilt = existsSync(problem);
if (unbuilt) console.error(`The native backend's suites are left out: ${readFileSync(problem, 'utf8').trim()}`);

const nativeProject = {
  extends: true as const,
  test: {
    name: 'native',
    include: [...computing, 'test/tensor/native/*.test.ts', 'test/conformance/*.test.ts'],
    env: { BREVITY_TEST_BACKEND: 'native', BREVITY_POISON: '1' },
  },
};

/** Those that run on the CUDA kernels in the emulator, too; `npm run test:cuda` runs more. */
const emulated = [
  ...['dpo/golden', 'model/golden', 'rewards/hf', 'sampling/decoder', 'sampling/sample', 'tensor/ops'],
  ...['tensor/native/frozen', 'tensor/native/recording'],
];

const emulatedProject = {
  extends: true as const,
  test: {
    name: 'cuda-emulated',
    include: [
      ...emulated.map((name) => `test/${name}.test.ts`),
      'test/native/emulated/*.test.ts',
      'test/conformance/*.test.ts',
    ],
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
    include: [
      ...computing,
      ...['commands/auto', 'e2e/session', 'tensor/tensorflow/*'].map((name) => `test/${name}.test.ts`),
    ],
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

/** Minutes each, whatever their size. */
const longest = ['native/emulator', 'native/ptx', 'engine/crash', 'e2e/elsewhere', 'native/gpu', 'remote/jobs/slurm'];

/** Without a cache vitest begins with the largest files: a small one that takes minutes would come last, alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      longest.some((name) => moduleId.includes(`/test/${name}.test.`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const withTensorFlow = process.env.BREVITY_TFJS_NODE !== undefined;
// Vitest reads this file once for each project.
const reader = globalThis as { saysLeftOut?: boolean };
if (!withTensorFlow && reader.saysLeftOut === undefined) {
  console.error("The tensorflow backend's suites are left out; `npm run test:tensorflow` runs them.");
  reader.saysLeftOut = true;
}

/** What builds the addon of the emulator builds this one, if Node's headers lie beside it. */
const buildsEmulated =
  !unbuilt &&
  process.platform === 'linux' &&
  existsSync(path.resolve(process.execPath, '../../include/node/node_api.h'));

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
      {
        extends: true,
        test: {
          name: 'wasm',
          include: all,
          exclude: [
            ...[
              'test/tensor/native/**',
              'test/tensor/tensorflow/**',
              'test/native/emulated/**',
              'test/conformance/**',
              'test/clusters/**',
            ],
            'node_modules/**',
          ],
        },
      },
      ...(unbuilt ? [] : [nativeProject]),
      ...(buildsEmulated ? [emulatedProject] : []),
      ...(withTensorFlow ? [tensorflowProject] : []),
      ...(process.env.BREVITY_CLUSTERS === '1' ? [clustersProject] : []),
    ],
  },
});
