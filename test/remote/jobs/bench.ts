/** Update jobs of a fake executor, launched by watchers that tests may kill: a run in its first round's update. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobConfig } from '../../../src/core/config/schema.js';
import type { JobView } from '../../../src/protocol/remoteViews.js';
import { newRound } from '../../../src/core/rounds.js';
import { Run } from '../../../src/run/run.js';
import { quickConfig } from '../../engine/runs.js';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const shim = here('../../faults/shim.cjs');

/** The command of the fake executor; its four steps take so many seconds. */
export const fakeCommand = (seconds = 0): string => `exec node ${here('fakeExecutor.mjs')} {dir} ${seconds}`;

/** A command that is executed once and sleeps. */
export const sleepingCommand = 'echo "1 $BASHPID" >> {dir}/../executions; exec sleep 100';

export interface Watched {
  steps?: number;
  outcome?: string;
  error?: string;
  job?: JobView;
  reasons?: (string | null)[];
  /** Steps reported. */
  seen?: number[];
  /** It was killed. */
  killed?: boolean;
}

export class JobBench {
  readonly run: string;
  readonly round: string;
  readonly job: string;

  constructor(
    readonly folder: string,
    job: Partial<JobConfig>,
    readonly env: Record<string, string> = {},
  ) {
    const base = { launcher: 'process', poll_seconds: 0.1, command: fakeCommand() };
    const config = quickConfig(folder, { update: { job: { ...base, ...job } } as never });
    const run = Run.create(path.join(folder, 'run'), config);
    const settings = { alpha: 0.01, beta: 0.1, lr: 1e-4 };
    run.addRound({ ...newRound(0, null, settings), stage: 'done' });
    run.addRound({ ...newRound(1, 0, settings), stage: 'update', pairs: 2 });
    this.run = run.directory;
    this.round = run.files.roundDir(1);
    this.job = path.join(this.round, 'job');
    const rows = [0, 1].map((prompt_index) => ({
      prompt_index,
      prompt_ids: [3, 4],
      chosen_ids: [5, 2],
      rejected_ids: [6],
    }));
    writeFileSync(path.join(this.round, 'pairs.jsonl'), rows.map((row) => JSON.stringify(row) + '\n').join(''));
    writeFileSync(path.join(this.round, 'review.jsonl'), '');
  }

  /** What a person tells the engine, before or while it watches. */
  tell(word: 'go' | 'stop' | 'abort'): void {
    writeFileSync(path.join(this.run, 'verdict'), word);
  }

  set again(on: boolean) {
    const file = path.join(this.run, 'again');
    if (on) writeFileSync(file, '');
    else rmSync(file, { force: true });
  }

  /** Starts a watcher. @param killAt the number of its file operation at which it is killed */
  start(killAt: number | null = null): { child: ChildProcess; ended: Promise<Watched> } {
    const fault = { log: path.join(this.folder, 'fault'), mode: 'kill', thread: 'main', n: killAt };
    const faults = killAt === null ? {} : { BREVITY_FAULTS_OF: JSON.stringify({ [this.run]: fault }) };
    const child = spawn(
      process.execPath,
      [...(killAt === null ? [] : ['--require', shim]), here('watcher.mjs'), this.run],
      {
        env: { ...process.env, ...this.env, ...faults },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let out = '';
    child.stdout.on('data', (text: Buffer) => (out += String(text)));
    const ended = new Promise<Watched>((resolve) =>
      child.on('close', (_code, signal) => resolve(signal === null ? (JSON.parse(out) as Watched) : { killed: true })),
    );
    return { child, ended };
  }

  watch(killAt: number | null = null): Promise<Watched> {
    return this.start(killAt).ended;
  }

  /** Attempts that an executor began, in order. */
  executions(): { attempt: number; pid: number }[] {
    return this.lines(path.join(this.round, 'executions')).map((line) => {
      const [attempt, pid] = line.split(' ').map(Number);
      return { attempt, pid };
    });
  }

  lines(file: string): string[] {
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  }

  policy(): string {
    return readFileSync(path.join(this.round, 'policy/model.safetensors'), 'utf8');
  }

  /** Aborts once an executor runs. @returns what the watcher said, after no executor is left */
  async abortRunning(): Promise<Watched> {
    const { ended } = this.start();
    await this.until(() => this.executions().length === 1);
    this.tell('abort');
    const watched = await ended;
    await this.until(() => this.alive().length === 0);
    return watched;
  }

  /** Executors that live. */
  alive(): number[] {
    return this.executions()
      .map(({ pid }) => pid)
      .filter(isAlive);
  }

  async until(what: () => boolean): Promise<void> {
    for (const end = Date.now() + 120_000; !what();) {
      if (Date.now() > end) throw new Error(`waited in vain for ${String(what)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends what a failed test has left. */
  end(): void {
    for (const pid of this.alive()) process.kill(pid, 'SIGKILL');
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Writes executable bash scripts into a folder. @returns the folder */
export function writePrograms(folder: string, programs: Record<string, string>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(path.join(folder, name), `#!/usr/bin/env bash\n${text}\n`);
    chmodSync(path.join(folder, name), 0o755);
  }
  return folder;
}
