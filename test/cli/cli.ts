/** Runs the built `brevity` as a user would. */
import { spawnSync } from 'node:child_process';
import { dist } from '../engine/runs.js';

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
  /** Standard output as JSON lines. */
  rows(): Record<string, unknown>[];
}

/** @param env laid over the environment of the tests */
export function brevity(
  args: string[],
  input: string | object[] = '',
  cwd?: string,
  env: NodeJS.ProcessEnv = {},
): CliResult {
  const text = typeof input === 'string' ? input : input.map((row) => JSON.stringify(row) + '\n').join('');
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${dist}cli.js`, ...args], {
    input: text,
    encoding: 'utf8',
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 28,
  });
  const rows = () =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { status, stdout, stderr, rows };
}
