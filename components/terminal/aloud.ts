/**
 * The terminal for a screen reader, and for terminals that cannot place text: lines that are new are written beneath
 * those before them, nothing is drawn over. What a key has changed is written at once, other news every ten seconds, so
 * that the reader is not talked over.
 */
import { Writable } from 'node:stream';
import { toAscii } from './ascii.js';
import { bracketedPaste } from './keyboard.js';
import type { Modes, Size } from './types.js';
import type { Display } from './terminal.js';

const newsMilliseconds = 10_000;
/** Texts are wrapped by the terminal; the screens' layouts only need something to go by. */
const leastSize: Size = { columns: 80, rows: 24 };

export class Aloud extends Writable implements Display {
  /** For Ink: else it would hide the cursor, and show it again with a sequence that a dumb terminal prints. */
  readonly isTTY = false;
  private said: readonly string[] = [];
  private latest: string | null = null;
  /** The last frame that was said. */
  private last: string | null = null;
  private open = false;
  private hurried = true;
  private spoke = -Infinity;
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly real: NodeJS.WriteStream,
    private readonly look: Pick<Modes, 'ascii' | 'bracketedPaste'>,
  ) {
    super({ decodeStrings: false });
  }

  get columns(): number {
    return this.size().columns;
  }

  get rows(): number {
    return this.size().rows;
  }

  size(): Size {
    const { columns, rows } = this.real;
    return { columns: Math.max(leastSize.columns, columns), rows: Math.max(leastSize.rows, rows) };
  }

  enter(): void {
    this.open = true;
    if (this.look.bracketedPaste) this.real.write(bracketedPaste.on);
    this.real.on('resize', this.resized);
    process.on('exit', this.leave);
  }

  readonly leave = (): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (!this.open) return;
    this.open = false;
    this.real.off('resize', this.resized);
    process.off('exit', this.leave);
    if (this.look.bracketedPaste) this.real.write(bracketedPaste.off);
  };

  readonly hurry = (): void => {
    this.hurried = true;
  };

  /** Says everything again. */
  redraw(): void {
    this.said = [];
    this.latest ??= this.last;
    this.speak();
  }

  answered(): void {}

  takeMouse(): void {}

  settled(): Promise<void> {
    return Promise.resolve();
  }

  override _write(frame: string, _encoding: BufferEncoding, done: () => void): void {
    this.latest = frame;
    const wait = this.hurried ? 0 : this.spoke + newsMilliseconds - performance.now();
    if (wait <= 0) this.speak();
    else this.timer ??= setTimeout(this.speak, wait);
    done();
  }

  private readonly speak = (): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.latest === null) return;
    const lines = (this.look.ascii ? toAscii(this.latest) : this.latest).split('\n');
    const before = new Set(this.said);
    const news = lines.filter((line) => line.trim() !== '' && !before.has(line));
    this.said = lines;
    this.last = this.latest;
    this.latest = null;
    if (news.length === 0) return;
    this.hurried = false;
    this.spoke = performance.now();
    this.real.write(news.map((line) => `${line}\r\n`).join(''));
  };

  private readonly resized = (): void => void this.emit('resize');
}
