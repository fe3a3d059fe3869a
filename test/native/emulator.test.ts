/**
 * Every CUDA kernel in the emulator against the cpu device (native/cuda/test). `npm run test:cuda` does more: larger shapes,
 * AddressSanitizer and UndefinedBehaviorSanitizer, and the suites of the native backend.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { buildTimeout, fakeDriver, kernelTests, make, noToolchain, run } from './cudaBuild.js';

const missing = noToolchain();
if (missing !== null) console.error(`The CUDA kernels are not run in the emulator: ${missing}.`);

async function check(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = await run(kernelTests, args, env);
  const output = stdout + stderr;
  const [, tests, checks, failures] = /^(\d+) tests, (\d+) checks, (\d+) failures$/m.exec(output) ?? [];
  expect({ status, failures }, output.slice(-4000)).toEqual({ status: 0, failures: '0' });
  return { tests: Number(tests), checks: Number(checks), output };
}

describe.skipIf(missing !== null)('the CUDA kernels', () => {
  beforeAll(() => make('tests', 'fake'), buildTimeout);

  it('leave what the cpu device leaves, whatever the order of threads', async () => {
    const { tests, checks } = await check([]);
    // Each op has a test, or the program fails; this is for a program that ran next to nothing.
    expect(tests).toBeGreaterThan(30);
    expect(checks).toBeGreaterThan(9000);
  }, 600_000);

  it('are all found in the PTX, and the device on a GPU copies, fails and runs out of memory as it should', async () => {
    const { output } = await check(['--fake'], { LD_LIBRARY_PATH: fakeDriver, BREVITY_CUBLAS: 'off' });
    expect(output).toContain('a card that is none, compute capability 9.0');
  }, 600_000);

  it('is a test that can fail: a name that no test has', async () => {
    expect((await run(kernelTests, ['nothing'])).status).toBe(1);
  });
});
