/** Runs whose updates are jobs, the engine that drives them, and how tests disturb both. */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Config, JobConfig } from '../../src/core/config/schema.js';
import type * as Auto from '../../src/engine/auto.js';
import type * as Client from '../../src/protocol/client.js';
import type * as Launch from '../../src/engine/launch.js';
import type { EngineEvent, JobView, Snapshot } from '../../src/protocol/messages.js';
import { lockHolder } from '../../src/io/lock.js';
import { contentsOf, dist, gone, quickRun, temporaryFolder } from '../engine/runs.js';

// The built files: they start the built engine.
export const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;
const { connect } = (await import(`${dist}protocol/client.js`)) as typeof Client;
const { startEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;

/** How far a run is taken. */
export const one = { rounds: 1, settings: { alpha: 0.01 } };
export const both = { rounds: 2, settings: { alpha: 0.01 } };

const folders: string[] = [];

/** For afterAll: ends the engines that tests have left, and deletes their runs. */
export function removeRuns(): void {
  for (const each of folders.splice(0)) {
    const holder = lockHolder(path.join(each, 'run'));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    rmSync(each, { recursive: true, force: true });
  }
}

/** A run of quickRun whose updates are the jobs that `job` describes; null: the engine computes them. */
export function jobRun(job: Partial<JobConfig> | null, update: Partial<Config['update']> = {}): string {
  const folder = temporaryFolder();
  folders.push(folder);
  const settings = job === null ? null : ({ poll_seconds: 0.3, ...job } as JobConfig);
  return quickRun(folder, { update: { ...update, job: settings } });
}

/** What an undisturbed run with updates in the engine holds. */
export async function localContents(
  far: typeof one,
  update: Partial<Config['update']> = {},
): Promise<Record<string, string>> {
  const run = jobRun(null, update);
  await drive(run, far);
  return contentsOf(
    run,
    Array.from({ length: far.rounds + 1 }, (_, round) => round),
  );
}

/** The process that executes the job of a round. */
export function executorOf(run: string, round = 1): number {
  const file = path.join(run, 'rounds', String(round).padStart(4, '0'), 'job/status.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
}

/** Kills the engine with SIGKILL once the event has come, and waits until it is gone. */
export async function killEngineAt(run: string, when: (event: EngineEvent) => boolean): Promise<void> {
  let pid: number | null = null;
  const failure = await drive(run, {
    ...one,
    onEvent(event) {
      if (pid !== null || !when(event)) return;
      pid = lockHolder(run)?.pid ?? null;
      if (pid !== null) process.kill(pid, 'SIGKILL');
    },
  }).then(
    () => null,
    (error: unknown) => error,
  );
  if (pid === null) throw new Error('the engine was not killed: the event did not come', { cause: failure });
  await gone(pid);
}

/** A terminal's end of the line to the run's engine, which it starts. It launches every update by itself. */
export class Attached {
  job: JobView | null = null;
  steps = 0;
  stage = '';
  round = 0;
  problem: string | null = null;
  private readonly waiting: { holds: () => boolean; resolve: () => void }[] = [];

  private constructor(
    private readonly client: Client.EngineClient,
    /** Launches updates when they can be. */
    public launches: boolean,
  ) {}

  static async to(run: string, launches = true): Promise<Attached> {
    await startEngine(run);
    const attached = new Attached(await connect(run), launches);
    attached.client.on((event) => attached.take(event));
    await attached.send({ type: 'attach', client: 'tui' });
    return attached;
  }

  send(...[command]: Parameters<Client.EngineClient['send']>): Promise<void> {
    return this.client.send(command);
  }

  /** @throws Error with what is known instead after `seconds`. */
  until(what: string, holds: (now: this) => boolean, seconds = 90): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const { job, steps, stage, round, problem } = this;
        reject(new Error(`${what}: not after ${seconds} s; ${JSON.stringify({ job, steps, stage, round, problem })}`));
      }, seconds * 1000);
      this.waiting.push({
        holds: () => holds(this),
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
      this.check();
    });
  }

  /** Ends the engine as `q` and "shut down" do. */
  async shutDown(): Promise<void> {
    await this.send({ type: 'shutdown' });
    this.client.close();
  }

  private take(event: EngineEvent): void {
    if (event.type === 'snapshot') this.know(event.snapshot);
    else if (event.type === 'round') this.at(event.round.id, event.round.stage);
    else if (event.type === 'step') this.steps = event.metrics.step;
    else if (event.type === 'job') this.job = event.job;
    else if (event.type === 'problem') this.problem = event.message;
    this.check();
  }

  private know(snapshot: Snapshot): void {
    this.job = snapshot.job;
    this.problem = snapshot.engine.problem;
    this.steps = snapshot.metrics.at(-1)?.step ?? 0;
    const round = snapshot.rounds.find(({ id }) => id === snapshot.current);
    if (round !== undefined) this.at(round.id, round.stage);
  }

  private at(round: number, stage: string): void {
    if (round !== this.round) this.job = null;
    this.round = round;
    this.stage = stage;
    if (stage !== 'review' || !this.launches) return;
    this.launches = false;
    void this.send({ type: 'set', settings: one.settings }).then(() => this.send({ type: 'launch' }));
  }

  private check(): void {
    for (const each of [...this.waiting]) {
      if (!each.holds()) continue;
      this.waiting.splice(this.waiting.indexOf(each), 1);
      each.resolve();
    }
  }
}
