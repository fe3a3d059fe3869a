import { afterEach, expect, it } from 'vitest';
import { runTui } from '../../src/cli/tui.js';
import { UserError } from '../../src/core/errors.js';

const before = [process.stdin.isTTY, process.stdout.isTTY];
afterEach(() => {
  [process.stdin.isTTY, process.stdout.isTTY] = before;
});

it.each([
  [false, true],
  [true, false],
])('needs a terminal on both sides (stdin %s, stdout %s) and says how to run without', async (stdin, stdout) => {
  [process.stdin.isTTY, process.stdout.isTTY] = [stdin, stdout];
  const error: unknown = await runTui('/nowhere/run').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ exitCode: 2 });
  expect((error as UserError).message).toContain('needs a terminal');
  expect((error as UserError).message).toContain('`brevity auto /nowhere/run`');
});
