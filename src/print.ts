/**
 * The only way to standard output and standard error, and so to engine.log, outside the screens (lint allows no other).
 * Errors quote what files, servers, modules and models say: an escape sequence in it could set the clipboard (OSC 52),
 * rewrite lines or change the terminal's title. Everything is made visible here, whoever wrote the sentence.
 */
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { UserError } from './errors.js';
import { makeVisible } from './ui/sanitize.js';

/** For people; rows are printed by RowWriter. */
export function print(text: string): void {
  // eslint-disable-next-line no-restricted-syntax
  process.stdout.write(makeVisible(text));
}

export function printError(text: string): void {
  // eslint-disable-next-line no-restricted-syntax
  process.stderr.write(makeVisible(text));
}

/** One line of engine.log. Anything but a UserError is a defect of ours: its stack helps whoever reports it. */
export function log(problem: unknown): void {
  const text =
    typeof problem === 'string' ? problem : problem instanceof UserError ? problem.message : inspect(problem);
  printError(`${text}\n`);
}

/** Passes on what foreign code prints. */
export function printForeign(output: Readable): void {
  output.setEncoding('utf8').on('data', printError);
}

/** Control and bidi characters that JSON.stringify leaves as they are: DEL, C1, line separators, directions. */
const unescaped = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A value as one line of JSON that is safe to show in a terminal; every parser reads the same value. */
export function jsonLine(value: unknown): string {
  const escape = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(unescaped, escape) + '\n';
}
