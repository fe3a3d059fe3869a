import { defineConfig } from 'vitest/config';

const all = ['test/**/*.test.ts', 'test/**/*.test.tsx'];

/** Suites that compute with tensors: once on each backend. */
const computing = [
  ...['dpo/golden', 'dpo/update', 'model/folder', 'model/golden', 'model/peft', 'rewards/hf', 'rounds/probes'],
  ...['rounds/work', 'sampling/sample', 'tensor/ops', 'tensor/upload'],
].map((name) => `test/${name}.test.ts`);

export default defineConfig({
  test: {
    pool: 'forks',
    poolOptions: { forks: { maxForks: 2 } },
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'wasm',
          include: all,
          exclude: ['test/tensor/native/**', 'test/conformance/**', 'node_modules/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'native',
          include: [...computing, 'test/tensor/native/*.test.ts', 'test/conformance/*.test.ts'],
          env: { BREVITY_TEST_BACKEND: 'native', BREVITY_POISON: '1' },
        },
      },
    ],
  },
});
