/** What screens call the job of an update. */
import type { JobView } from '../../src/protocol/messages.js';
import { makeLine } from '../../src/core/sanitize.js';

const launchers: Record<JobView['launcher'], string> = {
  process: 'Process',
  slurm: 'Slurm job',
  ray: 'Ray job',
  command: 'Job',
};

/** `Slurm job 4711, attempt 2`. */
export function jobName({ launcher, id, attempt }: JobView): string {
  const name = `${launchers[launcher]}${id === null ? '' : ` ${makeLine(id, 40)}`}`;
  return attempt > 1 ? `${name}, attempt ${attempt}` : name;
}
