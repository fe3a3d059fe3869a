/** The program in a pseudo-terminal, typed at and drawn. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lockHolder } from '../../src/io/lock.js';
import { TestTerminal } from '../../test/e2e/terminal.js';
import { readLine, type Line } from './screen.js';
import { moving, still, type Frame } from './svg.js';

export const root = path.resolve(import.meta.dirname, '../..');
const COLUMNS = 110;
const ROWS = 32;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function save(name: string, svg: string): void {
  writeFileSync(path.join(root, 'docs', `${name}.svg`), svg);
  process.stderr.write(`docs/${name}.svg  ${Math.round(svg.length / 1024)} kB\n`);
}

export class Session {
  private readonly terminal: TestTerminal;

  /** Starts `brevity` with these arguments in the folder `cwd`. */
  constructor(
    args: readonly string[],
    private readonly cwd: string,
    private readonly rows = ROWS,
  ) {
    this.terminal = new TestTerminal([path.join(root, 'dist/src/cli.js'), ...args], {
      columns: COLUMNS,
      rows,
      cwd,
      env: { FORCE_COLOR: '2', XDG_STATE_HOME: path.join(cwd, '.state') },
    });
  }

  /** Waits until the screen matches, and a moment longer, so that it is drawn in full. */
  async until(pattern: RegExp, seconds = 900): Promise<void> {
    await this.terminal.until(pattern, seconds);
    await pause(400);
  }

  /** Types keys, `times` times with `every` milliseconds between them, and waits until they show. */
  async press(keys: string, times = 1, every = 80): Promise<void> {
    for (let i = 0; i < times; i++) {
      this.terminal.type(keys);
      await pause(every);
    }
    await pause(400);
  }

  lines(): Line[] {
    return Array.from({ length: this.rows }, (_, y) => readLine(this.terminal.line(y), COLUMNS));
  }

  text(): string {
    return this.terminal.screen();
  }

  /** Draws the screen as docs/NAME.svg; of a long output `rows` of its rows, from the first that matches `start`. */
  draw(name: string, title: string, { start = /^/, rows = this.rows }: { start?: RegExp; rows?: number } = {}): void {
    const first = this.text()
      .split('\n')
      .findIndex((line) => start.test(line));
    save(name, still(this.lines().slice(first, first + rows), COLUMNS, title));
  }

  /** Resolves once a command that ends by itself has ended; its output stays on the screen. */
  async ended(): Promise<void> {
    const code = await this.terminal.exit;
    if (code !== 0) throw new Error(`the command ended with exit code ${code}:\n${this.text()}`);
    await pause(200);
  }

  /** Leaves the terminal, and ends the engine of the run `name` in the session's folder, which would keep working. */
  async quit(name: string): Promise<void> {
    this.terminal.type('q');
    await this.terminal.exit;
    const holder = lockHolder(path.join(this.cwd, name));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
}

interface Scene {
  /** The scene is sped up to last at most so long, in seconds. */
  longest: number;
  /** Seconds that its last screen stays. */
  hold: number;
}

/** Shortest time between two frames, in seconds of the picture. */
const FRAME = 0.3;

/** A recording in scenes, each with a caption. */
export class Recording {
  private readonly frames: Frame[] = [];
  private now = 0;
  private poster = 0;

  constructor(private readonly session: Session) {}

  /** Records what the screen shows while `act` runs. */
  async scene(caption: string, { longest, hold }: Scene, act: () => Promise<void>): Promise<void> {
    const taken: { at: number; lines: Line[] }[] = [];
    const start = performance.now();
    const take = () => taken.push({ at: (performance.now() - start) / 1000, lines: this.session.lines() });
    take();
    const timer = setInterval(take, 100);
    try {
      await act();
    } finally {
      clearInterval(timer);
    }
    take();
    const lasted = (performance.now() - start) / 1000;
    const speed = Math.max(1, lasted / longest);
    for (const { at, lines } of taken) this.add({ at: this.now + at / speed, lines, caption });
    this.now += lasted / speed + hold;
  }

  /** The screen of now is what people see who have asked for reduced motion. */
  markPoster(): void {
    this.poster = this.now;
  }

  /** Adds a frame if it differs; one that follows too soon takes the place of the one before it. */
  private add(frame: Frame): void {
    const last = this.frames.at(-1);
    const same = last !== undefined && last.caption === frame.caption;
    if (same && JSON.stringify(last.lines) === JSON.stringify(frame.lines)) return;
    const isSoon = same && frame.at - last.at < FRAME && this.frames.at(-2)?.caption === frame.caption;
    if (isSoon) this.frames[this.frames.length - 1] = { ...frame, at: last.at };
    else this.frames.push(frame);
  }

  save(name: string, title: string): void {
    save(name, moving(this.frames, COLUMNS, title, this.now, this.poster));
  }
}

/** The code of the first block of `language` in a page of docs/, so that a picture shows what the page prints. */
export function codeOf(page: string, language: string): string {
  const text = readFileSync(path.join(root, 'docs', page), 'utf8');
  const code = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text)?.[1];
  if (code === undefined) throw new Error(`docs/${page} has no block of ${language}`);
  return code;
}
