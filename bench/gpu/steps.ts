/**
 * Runs the steps of a verification, each in its own process group with a time limit, and writes the results to disk
 * after each step, so that a killed run keeps what it has.
 */
import { spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';

export interface Step {
  name: string;
  /** Time limit in seconds; the remaining total time applies if it is less. */
  limit: number;
  command: string[];
  env?: Record<string, string>;
  /**
   * Judges the output of a program that succeeded.
   *
   * @returns figures, kept in the results
   * @throws Error that says what is wrong
   */
  judge?(stdout: string): unknown;
  /** Whether the verification is complete without this step, for example if a tool is not installed. */
  optional?: boolean;
}

export interface StepResult {
  status: 'passed' | 'failed' | 'left out';
  seconds: number;
  optional: boolean;
  /** Why it failed or was left out. */
  why?: string;
  figures?: unknown;
  /** The last lines of what it printed. */
  output: string[];
}

/** No step starts with fewer seconds left. */
const LEAST_SECONDS = 10;
const KEPT_LINES = { passed: 3, failed: 60 };
const KEPT_BYTES = 2 ** 26;

export class Verification {
  readonly steps: Record<string, StepResult> = {};
  private readonly started = performance.now();
  private readonly groups = new Set<number>();
  private stopped = '';

  /**
   * @param head returns the head of the results; called at each write
   * @param say tells a person about progress
   */
  constructor(
    private readonly file: string,
    private readonly seconds: number,
    private readonly head: () => object,
    private readonly say: (line: string) => void,
  ) {}

  elapsed(): number {
    return (performance.now() - this.started) / 1000;
  }

  /** Kills the running steps; no more are started. */
  stop(why: string): void {
    this.stopped = why;
    for (const pid of this.groups) signal(pid, 'SIGKILL');
  }

  /** @returns whether the step passed */
  async run(step: Step): Promise<boolean> {
    const left = this.seconds - this.elapsed();
    if (this.stopped !== '') return this.leaveOut(step, this.stopped);
    if (left < LEAST_SECONDS) return this.leaveOut(step, `the time of ${Math.round(this.seconds)} s was used up`);
    this.say(`${step.name} …`);
    const began = performance.now();
    const result = await this.execute(step, Math.min(step.limit, left));
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    this.keep(step.name, { ...result, seconds, optional: step.optional ?? false });
    return result.status === 'passed';
  }

  /** @returns false */
  leaveOut({ name, optional = false }: Pick<Step, 'name' | 'optional'>, why: string): false {
    this.keep(name, { status: 'left out', seconds: 0, optional, why, output: [] });
    return false;
  }

  write(): void {
    const results = { ...this.head(), seconds: Math.round(this.elapsed()), steps: this.steps };
    writeFileSync(`${this.file}.part`, JSON.stringify(results, null, 2) + '\n');
    renameSync(`${this.file}.part`, this.file);
  }

  private keep(name: string, result: StepResult): void {
    this.steps[name] = result;
    const { status, seconds, why } = result;
    const because = why === undefined ? '' : `: ${why.split('\n')[0].slice(0, 300)}`;
    this.say(`${name} ${status}${because}${seconds > 0 ? ` (${seconds} s)` : ''}`);
    this.write();
  }

  private async execute(step: Step, limit: number): Promise<Pick<StepResult, 'status' | 'why' | 'figures' | 'output'>> {
    const { stdout, all, problem } = await this.spawned(step, limit);
    const failed = (why: string) => ({ status: 'failed' as const, why, output: lastLines(all, KEPT_LINES.failed) });
    if (this.stopped !== '') return failed(this.stopped);
    if (problem !== null) return failed(problem);
    try {
      const figures = step.judge?.(stdout);
      return { status: 'passed', figures, output: lastLines(all, KEPT_LINES.passed) };
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error));
    }
  }

  private spawned(
    { command: [program, ...args], env }: Step,
    limit: number,
  ): Promise<{ stdout: string; all: string; problem: string | null }> {
    return new Promise((resolve) => {
      let [stdout, all] = ['', ''];
      let late = false;
      const child = spawn(program, args, {
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        // Its own group, so that its child processes end with it.
        detached: true,
      });
      const group = child.pid;
      if (group !== undefined) this.groups.add(group);
      const timer = setTimeout(() => {
        late = true;
        if (group !== undefined) signal(group, 'SIGKILL');
      }, limit * 1000);
      const end = (problem: string | null) => {
        clearTimeout(timer);
        if (group !== undefined) this.groups.delete(group);
        resolve({ stdout, all, problem: late ? `not done within ${Math.round(limit)} s` : problem });
      };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout = (stdout + text).slice(-KEPT_BYTES);
        all = (all + text).slice(-KEPT_BYTES);
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => (all = (all + text).slice(-KEPT_BYTES)));
      child.once('error', ({ message }) => end(message));
      child.once('close', (code, killed) =>
        end(code === 0 ? null : (lastLines(all, 1)[0] ?? '') + ` (${killed ?? `exit ${String(code)}`})`),
      );
    });
  }
}

function lastLines(text: string, count: number): string[] {
  // Of a progress line that rewrites itself, only the last state is kept.
  const lines = text.split('\n').map((line) => line.split('\r').at(-1) ?? '');
  return lines
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .map((line) => line.slice(0, 2000));
}

/** Signals a whole process group, if it still exists. */
function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch {
    // The group has ended.
  }
}
