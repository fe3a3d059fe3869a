/** A real program in a real pseudo-terminal, its screen kept by a headless terminal. */
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
  cwd?: string;
  /** What runs in the terminal; Node unless given. */
  program?: string;
  /** A slow line between program and terminal: what the program sends waits in it, as in a socket's buffers. */
  line?: { bytesPerSecond: number; latency: number };
}

/** What the person who runs the tests has set must not show. */
const noSettings = { BREVITY_SETTINGS: '', BREVITY_KEYS: '', XDG_CONFIG_HOME: '/nonexistent', COLORFGBG: '' };

export class TestTerminal {
  private readonly screenModel: xterm.Terminal;
  private readonly child: ReturnType<typeof spawn>;
  /** Resolves with the exit code. */
  readonly exit: Promise<number>;
  private written = '';
  private title = '';
  /** Bytes on the slow line, and when it will have passed them on. */
  private onLine = 0;
  private free = 0;
  private readonly latency: number;
  /** The most bytes that were ever on the line at once. */
  backlog = 0;

  constructor(args: string[], options: TerminalOptions = {}) {
    const { columns = 80, rows = 24, env = {}, cwd = process.cwd(), program = process.execPath, line } = options;
    this.screenModel = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const { NO_COLOR: _unset, CI: _ci, ...inherited } = process.env as Record<string, string>;
    this.child = spawn(program, args, {
      cols: columns,
      rows,
      cwd,
      name: env.TERM ?? 'xterm-256color',
      env: { ...inherited, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', ...noSettings, ...env },
    });
    // Answers to the program's questions.
    this.screenModel.onData((answer) => this.type(answer));
    this.screenModel.onTitleChange((title) => (this.title = title));
    this.child.onData((data) => {
      this.written += data;
      if (line === undefined) return this.screenModel.write(data);
      const bytes = Buffer.byteLength(data);
      this.onLine += bytes;
      this.backlog = Math.max(this.backlog, this.onLine);
      this.free = Math.max(this.free, Date.now()) + (1000 * bytes) / line.bytesPerSecond;
      setTimeout(() => (this.onLine -= bytes), this.free - Date.now());
      setTimeout(() => this.screenModel.write(data), this.free - Date.now() + line.latency);
    });
    this.latency = line?.latency ?? 0;
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

  /** The cells of a row of the screen. */
  line(y: number): xterm.IBufferLine | undefined {
    const buffer = this.screenModel.buffer.active;
    return buffer.getLine(buffer.viewportY + y);
  }

  /** The screen, and under each line how its stretches are painted: `3-10 cyan bold`. */
  painted(): string {
    const buffer = this.screenModel.buffer.active;
    const lines: string[] = [];
    for (let y = 0; y < this.screenModel.rows; y++) {
      const line = buffer.getLine(buffer.viewportY + y);
      lines.push(line?.translateToString(true) ?? '');
      const stretches: { from: number; to: number; paint: string }[] = [];
      for (let x = 0; x < this.screenModel.cols; x++) {
        const cell = line?.getCell(x);
        const paint = cell === undefined ? '' : paintOf(cell);
        const last = stretches.at(-1);
        if (last?.paint === paint) last.to = x;
        else stretches.push({ from: x, to: x, paint });
      }
      const told = stretches.filter(({ paint }) => paint !== '').map(({ from, to, paint }) => `${from}-${to} ${paint}`);
      if (told.length > 0) lines.push(`    ~ ${told.join(', ')}`);
    }
    return lines.join('\n') + '\n';
  }

  /** Resolves once the program has set this title, and all that it sent before is on the screen. */
  async untilTitle(title: string, seconds = 30): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (this.title !== title) {
      if (Date.now() > deadline) throw new Error(`the title did not become ${title}:\n${this.screen()}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  type(keys: string): void {
    if (this.latency === 0) this.child.write(keys);
    else setTimeout(() => this.child.write(keys), this.latency);
  }

  /** Pastes as terminals do: between marks where the program has asked for them, newlines as the enter key. */
  paste(text: string): void {
    const keys = text.replaceAll('\n', '\r');
    this.type(this.bracketsPastes ? `\x1b[200~${keys}\x1b[201~` : keys);
  }

  /** Another program writes on the same terminal. */
  scribble(text: string): void {
    this.screenModel.write(text);
  }

  /** The program has asked for marks around pasted text. */
  get bracketsPastes(): boolean {
    return this.screenModel.modes.bracketedPasteMode;
  }

  /** The line to the terminal is dropped. */
  hangUp(): void {
    this.child.kill('SIGHUP');
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

const colours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

function paintOf(cell: xterm.IBufferCell): string {
  const colour = cell.isFgDefault()
    ? []
    : [
        cell.isFgRGB()
          ? `#${cell.getFgColor().toString(16).padStart(6, '0')}`
          : (colours[cell.getFgColor()] ?? `colour ${cell.getFgColor()}`),
      ];
  const background = cell.isBgDefault() ? [] : [`on ${cell.getBgColor()}`];
  const weights = [
    cell.isBold() ? 'bold' : '',
    cell.isDim() ? 'dim' : '',
    cell.isInverse() ? 'inverse' : '',
    cell.isUnderline() ? 'underline' : '',
    cell.isItalic() ? 'italic' : '',
  ];
  return [...colour, ...background, ...weights.filter((weight) => weight !== '')].join(' ');
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
