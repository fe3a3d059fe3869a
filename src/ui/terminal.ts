/**
 * The terminal as Ink sees it: a stream that takes whole frames and sends the real terminal only the lines that have
 * changed, each at its own place. That keeps a slow line usable and cannot flicker. It owns the alternate screen, and
 * gives the terminal back however the process ends.
 */
import { Writable } from 'node:stream';
import type { Size } from './state.js';

const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const leave = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Synchronised update: terminals that know it show a frame as a whole; others ignore it. */
const [begin, finish] = ['\x1b[?2026h', '\x1b[?2026l'];

export class Terminal extends Writable {
  readonly isTTY = true;
  private shown: string[] = [];
  private open = false;

  constructor(private readonly real: NodeJS.WriteStream) {
    super({ decodeStrings: false });
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
    this.real.write(enter);
    this.real.on('resize', this.resized);
    process.on('exit', this.leave);
  }

  /** Back to the screen from before. May be called again. */
  readonly leave = (): void => {
    if (!this.open) return;
    this.open = false;
    this.real.off('resize', this.resized);
    process.off('exit', this.leave);
    this.real.write(leave);
  };

  /** Takes one frame: the lines of the whole screen from the top. */
  override _write(frame: string, _encoding: BufferEncoding, done: () => void): void {
    if (this.open) {
      const lines = frame.split('\n').slice(0, this.rows);
      const changes = difference(this.shown, lines);
      this.shown = lines;
      if (changes !== '') this.real.write(begin + changes + finish);
    }
    done();
  }

  /** What is on the screen after a resize is anybody's guess: the next frame is drawn in full. */
  private readonly resized = (): void => {
    this.shown = [];
    this.real.write('\x1b[2J');
    this.emit('resize');
  };
}

/** What turns the lines on the screen into the new ones. */
export function difference(before: readonly string[], after: readonly string[]): string {
  const changes: string[] = [];
  for (let row = 0; row < Math.max(before.length, after.length); row++) {
    const line = after[row] ?? '';
    if (line !== (before[row] ?? '')) changes.push(`\x1b[${row + 1};1H\x1b[0m\x1b[2K${line}`);
  }
  return changes.join('');
}
