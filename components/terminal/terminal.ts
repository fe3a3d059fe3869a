/**
 * The terminal as Ink sees it: a stream that takes whole frames and sends the real terminal only what has changed, each
 * piece at its own place. It owns the alternate screen, the mouse and bracketed paste, and gives the terminal back however
 * the process ends.
 *
 * Pace: a frame that answers a key goes out at once, others ten times a second at most. With each frame the terminal is
 * asked for its state, and its answer tells that the frame has arrived; while much is under way on a slow line, frames
 * wait and the latest replaces those before it. Without that a slow line shows what was true seconds ago. A terminal that
 * never answers gets every frame.
 */
import { Writable } from 'node:stream';
import { toAscii } from './ascii.js';
import { difference } from './cells.js';
import { bracketedPaste } from './keyboard.js';
import type { Modes, Size } from './types.js';

/** What draws for Ink: on a screen, or aloud.ts's lines. */
export interface Display extends Writable {
  size(): Size;
  enter(): void;
  /** Gives the terminal back. May be called again. */
  leave(): void;
  /** The next frame answers a key. */
  hurry(): void;
  /** Sends everything again, whatever the terminal may show by now. */
  redraw(): void;
  /** Asks the terminal for clicks and the wheel, or leaves them to it, to select text. */
  takeMouse(on: boolean): void;
  /** The terminal has answered a question. */
  answered(): void;
  /** Resolves when the terminal owes no answer. */
  settled(): Promise<void>;
}

const alternate = { on: '\x1b[?1049h', off: '\x1b[?1049l' };
/** Cursor hidden, no wrapping at the right edge. */
const drawing = { on: '\x1b[?25l\x1b[?7l', off: '\x1b[m\x1b[?7h\x1b[?25h' };
/** Presses and the wheel (1000), moves while a button is held (1002), in numbers of any size (1006). */
const mouse = { on: '\x1b[?1000h\x1b[?1002h\x1b[?1006h', off: '\x1b[?1006l\x1b[?1002l\x1b[?1000l' };
/** Synchronised update: terminals that know it show a frame as a whole; others ignore it. */
const [begin, finish] = ['\x1b[?2026h', '\x1b[?2026l'];
/** DSR 5, "are you well?"; the answer is `\x1b[0n` (keyboard.ts). */
const question = '\x1b[5n';

const frameMilliseconds = 100;
/** Bytes that may be under way: a third of a second at 100 kbit/s, and one frame of any size. */
const mostUnderWay = 4096;
/** Frames that are remembered before the first answer. */
const mostUnanswered = 64;
/** An answer that takes longer is lost. */
const answerMilliseconds = 3000;

export class Terminal extends Writable implements Display {
  readonly isTTY = true;
  private shown: string[] = [];
  private latest: string | null = null;
  /** The last frame that was sent. */
  private last: string | null = null;
  private open = false;
  private hurried = false;
  private painted = -Infinity;
  /** When the first frame was sent. */
  private first = Infinity;
  private timer: NodeJS.Timeout | null = null;
  /** Bytes of each frame that has not been answered for. */
  private underWay: number[] = [];
  private answers = false;
  private answerTimer: NodeJS.Timeout | null = null;
  private mouse: boolean;

  constructor(
    private readonly real: NodeJS.WriteStream,
    private readonly look: Modes,
  ) {
    super({ decodeStrings: false });
    this.mouse = look.mouse;
  }

  get columns(): number {
    return this.real.columns;
  }

  get rows(): number {
    return this.real.rows;
  }

  size(): Size {
    return { columns: this.columns, rows: this.rows };
  }

  enter(): void {
    this.open = true;
    // Without alternate screen, what stands there moves up out of sight and is kept.
    const first = this.look.alternateScreen ? alternate.on : '\n'.repeat(this.rows);
    const modes = `${this.mouse ? mouse.on : ''}${this.look.bracketedPaste ? bracketedPaste.on : ''}`;
    this.shown = [];
    this.underWay = [];
    this.real.write(`${first}${drawing.on}${modes}\x1b[2J`);
    this.real.on('resize', this.resized);
    process.on('exit', this.leave);
  }

  /** Back to the screen from before. May be called again. */
  readonly leave = (): void => {
    if (!this.open) return;
    this.open = false;
    for (const timer of [this.timer, this.answerTimer]) if (timer !== null) clearTimeout(timer);
    this.real.off('resize', this.resized);
    process.off('exit', this.leave);
    const last = this.look.alternateScreen ? alternate.off : `\x1b[${this.rows}H\n`;
    const modes = `${this.look.bracketedPaste ? bracketedPaste.off : ''}${this.mouse ? mouse.off : ''}`;
    this.real.write(`${modes}${drawing.off}${last}`);
  };

  takeMouse(on: boolean): void {
    if (this.open && on !== this.mouse) this.real.write(on ? mouse.on : mouse.off);
    this.mouse = on;
  }

  /** Resolves when the terminal owes no answer, which a shell would take for input; after a second at the latest. */
  async settled(): Promise<void> {
    if (!this.answers && this.first + answerMilliseconds < performance.now()) return;
    const deadline = performance.now() + 1000;
    while (this.underWay.length > 0 && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** The next frame answers a key. */
  readonly hurry = (): void => {
    this.hurried = true;
  };

  /** The terminal has answered for the oldest frame. */
  readonly answered = (): void => {
    this.answers = true;
    this.underWay.shift();
    this.expectAnswer();
    this.paintInTime();
  };

  /** Takes one frame: the lines of the whole screen from the top. */
  override _write(frame: string, _encoding: BufferEncoding, done: () => void): void {
    this.latest = frame;
    this.paintInTime();
    done();
  }

  private paintInTime(): void {
    if (!this.open || this.latest === null || this.isBusy()) return;
    const wait = this.hurried ? 0 : this.painted + frameMilliseconds - performance.now();
    if (wait <= 0) return this.paint(this.latest);
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.paintInTime();
    }, wait);
  }

  private isBusy(): boolean {
    return this.answers && this.underWay.reduce((sum, bytes) => sum + bytes, 0) >= mostUnderWay;
  }

  private paint(frame: string): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.latest = null;
    this.last = frame;
    const lines = (this.look.ascii ? toAscii(frame) : frame).split('\n').slice(0, this.rows);
    const changes = difference(this.shown, lines, this.columns);
    this.shown = lines;
    if (changes === '') return;
    this.hurried = false;
    this.painted = performance.now();
    this.first = Math.min(this.first, this.painted);
    const sent = `${begin}${changes}${finish}${question}`;
    this.real.write(sent);
    this.underWay.push(Buffer.byteLength(sent));
    if (this.answers) this.expectAnswer();
    else this.underWay = this.underWay.slice(-mostUnanswered);
  }

  private expectAnswer(): void {
    if (this.answerTimer !== null) clearTimeout(this.answerTimer);
    this.answerTimer =
      this.underWay.length === 0
        ? null
        : setTimeout(() => {
            this.underWay = [];
            this.paintInTime();
          }, answerMilliseconds);
  }

  readonly redraw = (): void => {
    if (!this.open) return;
    this.forget();
    this.latest ??= this.last;
    this.paintInTime();
  };

  /** Terminals differ in what a resize leaves on the screen. */
  private readonly resized = (): void => {
    this.forget();
    this.emit('resize');
  };

  /** The next frame is drawn in full, at once. */
  private forget(): void {
    this.shown = [];
    this.real.write('\x1b[m\x1b[2J');
    this.hurry();
  }
}
