/**
 * Standard input as Ink sees it: keys alone. What else a terminal sends, reports of the mouse and answers to questions
 * about its state, is taken out and told to whoever asked.
 */
import { PassThrough } from 'node:stream';

export interface MouseReport {
  kind: 'press' | 'wheel-up' | 'wheel-down';
  /** From 0 at the top left. */
  x: number;
  y: number;
}

export interface KeyboardEvents {
  /** Something was typed; called before Ink sees it. */
  typed(): void;
  mouse(report: MouseReport): void;
  /** The terminal has answered terminal.ts's question. */
  answered(): void;
  /** The line to the terminal is gone. */
  hungUp(): void;
}

/** SGR mouse report (xterm's 1006) or answer to DSR 5. */
const reports = /\x1b\[<(\d+);(\d+);(\d+)([Mm])|\x1b\[0n/g;
/** What may be the start of one, at the end of a piece. */
const begun = /\x1b\[(?:<[\d;]*|0?)$/;
/** A key such as Alt+[ that only looks like one is let through after so long. */
const patience = 100;

export class Keyboard extends PassThrough {
  readonly isTTY = true;
  private held = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly real: NodeJS.ReadStream,
    private readonly events: KeyboardEvents,
  ) {
    super();
    real.setEncoding('utf8');
    real.setRawMode(true);
    real.on('data', this.sort);
    // Paused where another keyboard has given it back.
    real.resume();
    // A pseudo-terminal whose other end is closed reads as an error.
    real.on('error', events.hungUp);
    real.on('end', events.hungUp);
  }

  /** Ink lets go before the last answers have come, which would then be echoed: `close` does. */
  setRawMode(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Gives standard input back as it was. */
  close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.real.off('data', this.sort);
    this.real.off('error', this.events.hungUp);
    this.real.off('end', this.events.hungUp);
    this.real.setRawMode(false);
    this.real.pause();
  }

  private readonly sort = (piece: string): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const all = this.held + piece;
    const rest = all.replace(reports, (_report, button: string | undefined, x: string, y: string, end: string) => {
      if (button === undefined) this.events.answered();
      else this.mouse(Number(button), Number(x) - 1, Number(y) - 1, end === 'M');
      return '';
    });
    this.held = begun.exec(rest)?.[0] ?? '';
    this.pass(rest.slice(0, rest.length - this.held.length));
    if (this.held !== '') this.timer = setTimeout(this.letThrough, patience);
  };

  private readonly letThrough = (): void => {
    const keys = this.held;
    this.held = '';
    this.pass(keys);
  };

  private pass(keys: string): void {
    if (keys === '') return;
    this.events.typed();
    this.write(keys);
  }

  /** Bits 2 to 4 are Shift, Alt and Ctrl; 64 marks the wheel. Other buttons, moves and releases do nothing. */
  private mouse(button: number, x: number, y: number, pressed: boolean): void {
    const kind = ({ 0: 'press', 64: 'wheel-up', 65: 'wheel-down' } as const)[button & ~0b1_1100];
    if (!pressed || kind === undefined) return;
    this.events.typed();
    this.events.mouse({ kind, x, y });
  }
}
