/**
 * The script of an attempt, which every launcher runs: setup lines, then the command that executes the job's folder.
 */
import path from 'node:path';
import type { JobConfig } from '../../core/config/schema.js';
import { UserError } from '../../core/errors.js';
import { remotePath } from '../names.js';
import { type Attempt, attemptName } from './launchers/launcher.js';
import { shellQuote } from '../../core/shell.js';

/**
 * Uses Bash, because users write setup lines for it (`source`, `module`).
 *
 * Slurm, Ray and the process launcher signal the whole process group. If the shell died of SIGTERM, the job would end
 * before it has written its checkpoint, so shells trap SIGTERM and continue. SIGUSR1 may reach only the first shell
 * (sbatch --signal=B:USR1@300), which forwards it as SIGTERM, a signal that torchrun handles too.
 */
export function jobScript(attempt: Attempt): string {
  const { dir, number, config } = attempt;
  const { command, setup, sbatch, launcher, paths } = config;
  const folder = remotePath(dir, paths);
  const directives = launcher === 'slurm' ? [`--chdir=${folder}`, '--no-requeue', ...sbatch] : [];
  const broken = directives.find((line) => /[\r\n]/.test(line));
  if (broken !== undefined)
    throw new UserError(`update.job.sbatch: ${JSON.stringify(broken)} has a line break; expected one option per entry`);
  return [
    '#!/usr/bin/env bash',
    ...directives.map((line) => `#SBATCH ${line}`),
    `# ${attemptName(attempt)}: written by Brevity for each attempt.`,
    'trap : TERM',
    "trap 'kill -TERM 0' USR1",
    ...ownCommand(config),
    ...setup,
    `export BREVITY_JOB_ATTEMPT=${number}`,
    '{ trap : TERM',
    command.replaceAll('{dir}', () => shellQuote(folder)),
    '} < /dev/null &',
    'job=$!',
    'wait "$job"; code=$?',
    'while [ "$code" -gt 128 ] && kill -0 "$job" 2>/dev/null; do wait "$job"; code=$?; done',
    'exit "$code"',
    '',
  ].join('\n');
}

/**
 * `brevity` may not be on the path if this process was started by npm, npx or node: the script then runs this very
 * installation. Jobs on this machine always run it.
 */
function ownCommand({ launcher, paths }: JobConfig): string[] {
  const cli = path.resolve(import.meta.dirname, '../../cli.js');
  const run = `brevity() { ${shellQuote(remotePath(process.execPath, paths))} ${shellQuote(remotePath(cli, paths))} "$@"; }`;
  return [launcher === 'process' ? run : `command -v brevity > /dev/null || ${run}`];
}
