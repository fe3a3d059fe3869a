/**
 * The only code outside the screens that writes to standard output and standard error, and so to engine.log (lint
 * forbids the rest). Errors quote files, servers, modules and models: an escape sequence in them could set the
 * clipboard (OSC 52), rewrite lines or change the terminal's title. Therefore everything printed here is made visible,
 * whatever its origin.
 */
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import cliSpinners from 'cli-spinners';
import { UserError } from '../core/errors.js';
import { makeVisible } from '../core/sanitize.js';

/** For people; RowWriter prints rows. */
export function print(text: string): void {
  // eslint-disable-next-line no-restricted-syntax
  process.stdout.write(makeVisible(text));
}

export function printError(text: string): void {
  // eslint-disable-next-line no-restricted-syntax
  process.stderr.write(makeVisible(text));
}

/** Writes one line of engine.log. Anything but a UserError is a bug in Brevity: its stack goes into the report. */
export function log(problem: unknown): void {
  const text =
    typeof problem === 'string' ? problem : problem instanceof UserError ? problem.message : inspect(problem);
  printError(`${text}\n`);
}

/** Passes on the output of foreign code. */
export function printForeign(output: Readable): void {
  output.setEncoding('utf8').on('data', printError);
}

/** Control and bidi characters that JSON.stringify does not escape: DEL, C1, line separators, directions. */
const unescaped = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A value as one line of JSON that is safe to show in a terminal; every parser reads the same value. */
export function jsonLine(value: unknown): string {
  const escape = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(unescaped, escape) + '\n';
}

const spinner = cliSpinners.dots;
const PLAIN_MS = 5000;
const BAR = 20;

/** Progress on standard error: a redrawn bar in a terminal, an occasional plain line elsewhere. */
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

  /** Ends with a last plain line, if there is anything to print. */
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
