/** A Slurm of one node (slurm.sh) for tests, which can also do what an administrator or a clock would do to a job. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import path from 'node:path';

const script = new URL('slurm.sh', import.meta.url).pathname;

/** A job as Slurm tells of it; `node` is empty while it waits. */
export interface SlurmJob {
  id: string;
  name: string;
  state: string;
  reason: string;
  node: string;
}

export class Slurm {
  private readonly directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'brevity-slurm-')));

  /** Why this machine cannot run Slurm; null if it can. */
  static problem(): string | null {
    const { status, stderr } = spawnSync('sh', [script, 'check'], { encoding: 'utf8' });
    return status === 0 ? null : stderr.trim();
  }

  /** @throws Error if it does not start. */
  start(): void {
    const { status, signal, stderr } = spawnSync('sh', [script, 'start', this.directory], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    if (status !== 0) throw new Error(`slurm.sh start ended with ${status ?? signal}: ${stderr}`);
  }

  /** The environment in which commands find this cluster. */
  get env(): { SLURM_CONF: string } {
    return { SLURM_CONF: path.join(this.directory, 'slurm.conf') };
  }

  /** Ends all jobs and the cluster. */
  stop(): void {
    execFileSync('sh', [script, 'stop', this.directory], { timeout: 60_000 });
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Runs one of Slurm's commands. @throws Error with its standard error if it fails. */
  run(program: string, ...args: string[]): string {
    return execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, ...this.env }, timeout: 60_000 });
  }

  /** Every job that was ever submitted here, oldest first: ended ones are kept for five minutes. */
  jobs(): SlurmJob[] {
    return this.run('squeue', '-h', '-t', 'all', '-o', '%i|%T|%r|%N|%j')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [id, state, reason, node, ...name] = line.split('|');
        return { id: id!, state: state!, reason: reason!, node: node!, name: name.join('|') };
      })
      .sort((a, b) => Number(a.id) - Number(b.id));
  }

  /** Waits until the test holds of the jobs, and returns them. @throws Error with the jobs after `seconds`. */
  async until(what: string, holds: (jobs: SlurmJob[]) => boolean, seconds = 60): Promise<SlurmJob[]> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const jobs = this.jobs();
      if (holds(jobs)) return jobs;
      if (Date.now() > deadline)
        throw new Error(`${what}: not after ${seconds} s; the jobs are ${JSON.stringify(jobs)}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }

  /** Occupies every CPU, so that the next job is queued for want of resources. Returns how to free them. */
  async fill(): Promise<() => void> {
    const id = this.run(
      'sbatch',
      '--parsable',
      '--job-name=filler',
      `-c${cpus().length}`,
      '-o/dev/null',
      '--wrap=exec sleep 600',
    ).trim();
    await this.until('the filler runs', (jobs) => jobs.some((job) => job.id === id && job.state === 'RUNNING'));
    return () => void this.run('scancel', id);
  }

  /** Lets the time limit of a running job expire. The controller looks at limits every 30 s. */
  expire(id: string): void {
    this.run('scontrol', 'update', `JobId=${id}`, 'EndTime=now');
  }

  /** One field of `scontrol show job`. */
  field(id: string, name: string): string | undefined {
    return new RegExp(`\\b${name}=(\\S*)`).exec(this.run('scontrol', '-o', 'show', 'job', id))?.[1];
  }

  /** The controller's log: for messages of tests that fail. */
  log(): string {
    return readFileSync(path.join(this.directory, 'slurmctld.log'), 'utf8');
  }
}
