/** Progress on standard error: a bar that is redrawn in a terminal, a plain line now and then elsewhere. */
import cliSpinners from 'cli-spinners';
import { printError } from './print.js';
import { makeVisible } from './ui/sanitize.js';

const spinner = cliSpinners.dots;
const PLAIN_MS = 5000;
const BAR = 20;

export class ProgressLine {
  private readonly live = process.stderr.isTTY;
  private readonly started = performance.now();
  private drawn = 0;
  private frame = 0;

  constructor(
    private readonly label: string,
    private readonly unit: string,
  ) {}

  /** @param detail such as `812 tokens/s` */
  update(done: number, total: number | null, detail = ''): void {
    const now = performance.now();
    if (now - this.drawn < (this.live ? spinner.interval : PLAIN_MS) && done !== total) return;
    if (this.drawn === 0 && !this.live && done !== total && now - this.started < PLAIN_MS) return;
    this.drawn = now;
    const text = this.text(done, total, detail);
    if (this.live) this.draw(text, total === null || total === 0 ? null : done / total);
    else printError(`${text}\n`);
  }

  /** Leaves a last plain line, or none where there is nothing to say. */
  finish(text?: string): void {
    if (this.live) drawLine('');
    if (text !== undefined) printError(`${text}\n`);
  }

  private text(done: number, total: number | null, detail: string): string {
    const seconds = (performance.now() - this.started) / 1000;
    const counted = total === null ? `${done}` : `${done}/${total}`;
    const left =
      total !== null && done > 0 && done < total ? `${Math.ceil((seconds / done) * (total - done))} s left` : '';
    return [`${this.label}:`, counted, this.unit, detail, left].filter((part) => part !== '').join(' ');
  }

  private draw(text: string, share: number | null): void {
    const filled = share === null ? 0 : Math.round(BAR * share);
    const bar = share === null ? '' : `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} `;
    const line = `${spinner.frames[this.frame++ % spinner.frames.length]} ${bar}${text}`;
    drawLine(line);
  }
}

/** Replaces the terminal's current line. */
function drawLine(text: string): void {
  const line = [...makeVisible(text)].slice(0, (process.stderr.columns ?? 80) - 1).join('');
  // eslint-disable-next-line no-restricted-syntax
  process.stderr.write(`\r\u001b[K${line}`);
}
