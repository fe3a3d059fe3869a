/**
 * Standard input as events: keys by name, pasted text, the mouse, and answers to questions about the terminal's state.
 * All of them go through one queue, in the order in which they were sent: a key that opens a text field comes before the
 * text that is pasted into it, even if both arrive in one piece.
 *
 * Pasted text must never be read as keys: a pasted newline would answer a question. Terminals without bracketed paste
 * send a paste as if it had been typed, and nothing tells it from fast typing over a slow line; there the reducer only
 * refuses a "yes" that arrives in the same piece as the key that asked (`together`, state.ts).
 */
import { begunSequence, keysIn } from './keys.js';

export type MouseKind = 'press' | 'drag' | 'release' | 'wheel-up' | 'wheel-down';

export interface MouseReport {
  /** Of the left button, and of the wheel. */
  kind: MouseKind;
  /** From 0 at the top left. */
  x: number;
  y: number;
}

export interface KeyboardEvents {
  /** The person did something: called before `key`, `mouse` and `pasted`. */
  typed(): void;
  /** `together`: it arrived in one piece with what was done before it, so nobody has seen yet what that did. */
  key(name: string, together: boolean): void;
  mouse(report: MouseReport, together: boolean): void;
  /** Text was pasted; `cut`: only its start was kept. */
  pasted(text: string, cut: boolean): void;
  /** The terminal has answered terminal.ts's question. */
  answered(): void;
  /** The line to the terminal is gone. */
  hungUp(): void;
}

/** xterm's 2004: pasted text is sent between two marks. */
export const bracketedPaste = { on: '\x1b[?2004h', off: '\x1b[?2004l' };
const pasteBegins = '\x1b[200~';
const pasteEnds = '\x1b[201~';

/** A mark of a paste, an SGR mouse report (xterm's 1006), or the answer to DSR 5. */
const reports = /\x1b\[20[01]~|\x1b\[<(\d+);(\d+);(\d+)([Mm])|\x1b\[0n/g;
/** Milliseconds before an incomplete sequence is passed on as keys (e.g. Alt+[). */
const patience = 100;
/** A paste whose end mark is lost ends after this long without input, and at the latest after the second. */
const pasteSilence = 5_000;
const pasteTime = 30_000;
/** Characters of a paste that are kept. */
export const mostPasted = 65_536;
/** Typed alone it ends a paste at once: nobody has to wait for a lost end mark. */
const ctrlC = '\x03';

interface Paste {
  text: string;
  cut: boolean;
  /** When it ends at the latest. */
  deadline: number;
}

export class Keyboard {
  private held = '';
  private paste: Paste | null = null;
  /** The last piece was the escape key, or the first character of a mark that was cut after it. */
  private escaped = false;
  private timer: NodeJS.Timeout | null = null;
  /** Something was done in the piece that is being read. */
  private together = false;

  constructor(
    private readonly real: NodeJS.ReadStream,
    private readonly events: KeyboardEvents,
  ) {
    real.setEncoding('utf8');
    real.setRawMode(true);
    real.on('data', this.sort);
    // Paused where another keyboard has given it back.
    real.resume();
    // A pseudo-terminal whose other end is closed reads as an error.
    real.on('error', events.hungUp);
    real.on('end', events.hungUp);
  }

  /** Gives standard input to the shell while the process is suspended, and takes it again. */
  suspended(on: boolean): void {
    this.real.setRawMode(!on);
    if (on) this.real.pause();
    else this.real.resume();
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
    this.together = false;
    if (this.paste !== null && (piece === ctrlC || performance.now() >= this.paste.deadline)) this.finishPaste();
    const all = `${this.escaped && piece.startsWith(pasteBegins.slice(1)) ? '\x1b' : ''}${this.held}${piece}`;
    this.held = '';
    this.escaped = this.paste === null && piece === '\x1b';
    // Escape is a key that must not wait.
    if (this.escaped) return this.pass(all);
    let from = 0;
    for (const match of all.matchAll(reports)) {
      const [report, button, x, y, end] = match;
      const before = all.slice(from, match.index);
      from = match.index + report.length;
      // An end without a beginning: the rest of a paste that was given up, or of one whose text holds an end mark to
      // smuggle keys in. Either way nobody typed what is before it.
      if (report === pasteEnds) this.paste ??= newPaste();
      this.sorted(before);
      if (report === pasteBegins) this.paste ??= newPaste();
      else if (report === pasteEnds) this.finishPaste();
      else if (button === undefined) this.events.answered();
      else if (this.paste === null) this.mouse(Number(button), Number(x) - 1, Number(y) - 1, end === 'M');
    }
    const rest = all.slice(from);
    this.held = begunSequence.exec(rest)?.[0] ?? '';
    this.sorted(rest.slice(0, rest.length - this.held.length));
    if (this.paste !== null) this.timer = setTimeout(this.finishPaste, this.silence(this.paste));
    else if (this.held !== '') this.timer = setTimeout(this.letThrough, patience);
  };

  private sorted(text: string): void {
    const { paste } = this;
    if (paste === null) return this.pass(text);
    paste.cut ||= paste.text.length + text.length > mostPasted;
    paste.text += text.slice(0, mostPasted - paste.text.length);
  }

  private silence({ deadline }: Paste): number {
    return Math.max(0, Math.min(pasteSilence, deadline - performance.now()));
  }

  private readonly finishPaste = (): void => {
    const { paste } = this;
    this.paste = null;
    this.held = '';
    if (paste === null) return;
    this.events.typed();
    this.events.pasted(paste.text, paste.cut);
    this.together = true;
  };

  private readonly letThrough = (): void => {
    const keys = this.held;
    this.held = '';
    this.together = false;
    this.pass(keys);
  };

  private pass(typed: string): void {
    for (const name of keysIn(typed)) {
      this.events.typed();
      this.events.key(name, this.together);
      this.together = true;
    }
  }

  /** Bits 2 to 4 are Shift, Alt and Ctrl, 32 a move, 64 the wheel. Other buttons do nothing. */
  private mouse(button: number, x: number, y: number, pressed: boolean): void {
    const kind = ({ 0: pressed ? 'press' : 'release', 32: 'drag', 64: 'wheel-up', 65: 'wheel-down' } as const)[
      button & ~0b1_1100
    ];
    if (kind === undefined || (!pressed && kind !== 'release')) return;
    this.events.typed();
    this.events.mouse({ kind, x, y }, this.together);
    this.together = true;
  }
}

function newPaste(): Paste {
  return { text: '', cut: false, deadline: performance.now() + pasteTime };
}
