/** `brevity job`: executes the folder of an update job on the machine that it was sent to. */
import path from 'node:path';
import { Command } from 'commander';
import { brevityVersion } from '../io/version.js';
import { attemptIn, executeJob } from '../run/jobs/execute.js';
import { examples } from './options.js';

export function jobCommand(): Command {
  return new Command('job')
    .description('execute the folder of an update job (docs/jobs.md); a run with --job starts it')
    .argument('<dir>', 'folder with request.json and pairs.jsonl; the new policy is written to its policy/')
    .addHelpText(
      'after',
      `
It exits with 0 when done.json is written, 1 if the job failed, 3 if another executor has this attempt
(BREVITY_JOB_ATTEMPT), and 143 after SIGTERM or SIGUSR1: the same command then continues from the checkpoint.
${examples('job runs/mine/rounds/0001/job')}`,
    )
    .action(async (dir: string) => {
      let suspended = false;
      // A second signal has no effect: some launchers signal the whole process group.
      for (const signal of ['SIGTERM', 'SIGUSR1'] as const) process.on(signal, () => (suspended = true));
      process.exitCode = await executeJob(path.resolve(dir), {
        attempt: attemptIn(process.env),
        version: brevityVersion,
        suspended: () => suspended,
      });
    });
}
