/** A real program in a real pseudo-terminal, its screen kept by a headless terminal. */
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
}

export class TestTerminal {
  private readonly screenModel: xterm.Terminal;
  private readonly child: ReturnType<typeof spawn>;
  /** Resolves with the exit code. */
  readonly exit: Promise<number>;
  private written = '';

  constructor(args: string[], { columns = 80, rows = 24, env = {} }: TerminalOptions = {}) {
    this.screenModel = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const { NO_COLOR: _unset, CI: _ci, ...inherited } = process.env as Record<string, string>;
    this.child = spawn(process.execPath, args, {
      cols: columns,
      rows,
      name: 'xterm-256color',
      env: { ...inherited, TERM: 'xterm-256color', ...env },
    });
    this.child.onData((data) => {
      this.written += data;
      this.screenModel.write(data);
    });
    this.exit = new Promise((resolve) => this.child.onExit(({ exitCode }) => resolve(exitCode)));
  }

  /** Everything that was ever sent to the terminal. */
  get output(): string {
    return this.written;
  }

  screen(): string {
    const buffer = this.screenModel.buffer.active;
    return Array.from(
      { length: this.screenModel.rows },
      (_, y) => buffer.getLine(buffer.viewportY + y)?.translateToString(true) ?? '',
    ).join('\n');
  }

  type(keys: string): void {
    this.child.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.child.resize(columns, rows);
    this.screenModel.resize(columns, rows);
  }

  /** Resolves with the screen once it matches; rejects with the screen as it is after `seconds`. */
  async until(pattern: RegExp, seconds = 60): Promise<string> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const screen = this.screen();
      if (pattern.test(screen)) return screen;
      if (Date.now() > deadline)
        throw new Error(`the screen did not come to ${String(pattern)} within ${seconds} s:\n${screen}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

export const keys = {
  left: '\u001b[D',
  right: '\u001b[C',
  up: '\u001b[A',
  down: '\u001b[B',
  enter: '\r',
  escape: '\u001b',
  tab: '\t',
};
