/** The program in an 80×24 pseudo-terminal: counts what it sends, and keeps its screen in a headless terminal. */
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const cli = path.resolve(import.meta.dirname, '../../src/cli.js');
const [COLUMNS, ROWS] = [80, 24];
/** Every frame starts with this (components/terminal/terminal.ts). */
const frameStart = '\x1b[?2026h';
const patience = 120_000;

export class Screen {
  bytes = 0;
  frames = 0;
  private readonly model = new xterm.Terminal({ cols: COLUMNS, rows: ROWS, allowProposedApi: true });
  private readonly child: ReturnType<typeof spawn>;
  private readonly ended: Promise<unknown>;
  private waiting: (() => void)[] = [];

  constructor(args: string[], cwd: string) {
    this.child = spawn(process.execPath, [cli, ...args], {
      ...{ cols: COLUMNS, rows: ROWS, cwd, name: 'xterm-256color' },
      env: { ...(process.env as Record<string, string>), TERM: 'xterm-256color', FORCE_COLOR: '2', NO_COLOR: '' },
    });
    this.model.onData((answer) => this.child.write(answer));
    this.child.onData((data) => {
      this.bytes += Buffer.byteLength(data);
      this.frames += data.split(frameStart).length - 1;
      this.model.write(data, () => this.waiting.splice(0).forEach((wake) => wake()));
    });
    this.ended = new Promise((resolve) => this.child.onExit(resolve));
  }

  text(): string {
    const buffer = this.model.buffer.active;
    return Array.from({ length: ROWS }, (_, y) => buffer.getLine(y)?.translateToString(true) ?? '').join('\n');
  }

  /** Resolves as soon as the screen shows the text. @returns milliseconds */
  async until(shows: (text: string) => boolean, what: string): Promise<number> {
    const started = performance.now();
    while (!shows(this.text())) {
      if (performance.now() - started > patience) throw new Error(`${what} did not come:\n${this.text()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.waiting.push(() => (clearTimeout(timer), resolve()));
      });
    }
    return performance.now() - started;
  }

  /** Types a key. @returns milliseconds until the screen shows it */
  key(key: string, shows: (text: string) => boolean): Promise<number> {
    this.child.write(key);
    return this.until(shows, `the effect of ${JSON.stringify(key)}`);
  }

  type(keys: string): void {
    this.child.write(keys);
  }

  /** Processor time that the program has used, in milliseconds; NaN without /proc. */
  processorTime(): number {
    try {
      const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
      // utime and stime, in hundredths of a second.
      return 10 * (Number(fields[11]) + Number(fields[12]));
    } catch {
      return NaN;
    }
  }

  async end(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended;
  }
}

export const keys = { right: '\x1b[C', down: '\x1b[B', enter: '\r' };
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
