/** A Ray of one node on loopback for tests, started from the Python environment that BREVITY_PYTHON names. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The Python of the tests that need PyTorch or Ray; null unless one is named. */
export const testPython = process.env['BREVITY_PYTHON'] ?? null;

/** A job as GET /api/jobs/ID tells of it, as far as tests look. */
export interface RayJob {
  submission_id: string;
  status: 'PENDING' | 'RUNNING' | 'STOPPED' | 'SUCCEEDED' | 'FAILED';
  message: string;
  driver_exit_code: number | null;
}

export class Ray {
  private constructor(
    readonly address: string,
    private readonly directory: string,
    private readonly head: ChildProcess,
  ) {}

  /** Why this machine cannot run Ray; null if it can. */
  static problem(): string | null {
    if (!testPython) return 'BREVITY_PYTHON does not name a Python with ray[default]';
    const { status } = spawnSync(testPython, ['-c', 'import ray.dashboard.modules.job.job_head'], { stdio: 'ignore' });
    return status === 0 ? null : `${testPython} does not have ray[default]`;
  }

  /**
   * Starts the head. Ray gives its own processes 30 s to start, which a busy machine does not always keep: it gets three
   * tries.
   *
   * @throws Error with its log if none succeeds
   */
  static async start(): Promise<Ray> {
    for (let tries = 1; ; tries++) {
      const ray = await Ray.launch();
      if (await ray.isUp()) return ray;
      const said = ray.log();
      await ray.stop();
      if (tries === 3) throw new Error(`ray start did not succeed: ${said}`);
    }
  }

  private static async launch(): Promise<Ray> {
    if (!testPython) throw new Error(Ray.problem() ?? '');
    // Its sockets' paths have to fit into 107 bytes.
    const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'ray-')));
    const [gcs, dashboard, client, agent] = await freePorts(4);
    const log = openSync(path.join(directory, 'head.log'), 'a');
    const head = spawn(
      path.join(path.dirname(testPython), 'ray'),
      [
        // 127.0.0.1 would be replaced by an address of the network card; another one of loopback is not.
        ...['start', '--head', '--block', '--node-ip-address=127.0.0.2', `--port=${gcs}`],
        ...['--num-cpus=2', '--num-gpus=0', `--object-store-memory=${80_000_000}`],
        ...['--dashboard-host=127.0.0.1', `--dashboard-port=${dashboard}`],
        ...[`--ray-client-server-port=${client}`, `--dashboard-agent-listen-port=${agent}`],
        ...['--min-worker-port=0', '--max-worker-port=0', `--temp-dir=${directory}/t`, '--disable-usage-stats'],
      ],
      { stdio: ['ignore', log, log], detached: true },
    );
    return new Ray(`http://127.0.0.1:${dashboard}`, directory, head);
  }

  private log(): string {
    return readFileSync(path.join(this.directory, 'head.log'), 'utf8');
  }

  /** Waits until jobs can be submitted; false if the head has ended instead, or takes longer than two minutes. */
  private async isUp(): Promise<boolean> {
    const deadline = Date.now() + 120_000;
    while (this.head.exitCode === null && Date.now() < deadline) {
      // The API answers before there is a node to run anything on.
      if (this.log().includes('Ray runtime started')) {
        const answer = await fetch(`${this.address}/api/jobs/`).catch(() => null);
        if (answer?.ok) return true;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    return false;
  }

  /** Ends every process of this Ray, jobs included. */
  async stop(): Promise<void> {
    // Listed while their parents live: some of them outlast the head, and nothing tells afterwards whose they were.
    const processes = descendants(this.head.pid!);
    this.head.kill('SIGTERM');
    for (let i = 0; i < 50 && this.head.exitCode === null && this.head.signalCode === null; i++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    for (const { pid, started } of processes) {
      if (processOf(pid)?.started === started) process.kill(pid, 'SIGKILL');
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  async job(id: string): Promise<RayJob | null> {
    const answer = await fetch(`${this.address}/api/jobs/${id}`);
    if (answer.status === 404) return null;
    return (await answer.json()) as RayJob;
  }

  async jobs(): Promise<RayJob[]> {
    return (await (await fetch(`${this.address}/api/jobs/`)).json()) as RayJob[];
  }

  async until(what: string, holds: (jobs: RayJob[]) => boolean, seconds = 120): Promise<RayJob[]> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const jobs = await this.jobs();
      if (holds(jobs)) return jobs;
      if (Date.now() > deadline)
        throw new Error(`${what}: not after ${seconds} s; the jobs are ${JSON.stringify(jobs)}`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
}

interface Process {
  pid: number;
  parent: number;
  /** In clock ticks since the machine started: tells a process from a later one with its id. */
  started: number;
}

/** Null once it has ended. */
function processOf(pid: number): Process | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? null : { pid, parent: Number(fields[1]), started: Number(fields[19]) };
}

/** All processes that a process has started, and those that they have. */
function descendants(root: number): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => processOf(Number(name)))
    .filter((process) => process !== null);
  const found: Process[] = [];
  for (let parents = [root]; parents.length > 0;) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map(({ pid }) => pid);
  }
  return found;
}

/** Ports that nobody listens on, all different. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.once('listening', () => resolve((server.address() as { port: number }).port)),
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
