/**
 * Texts of prompts and responses as lines of the screen: harmless, wrapped, and with the words marked that only one of
 * two texts has. The last few results are kept, since every key draws them again.
 */
import { type Range, wordDiff } from '../../src/core/review/diff.js';
import { makeVisible } from '../../src/core/sanitize.js';
import { wrap } from './text.js';

/** A stretch of a line; `own`: the text that it is held against lacks it. */
export interface Stretch {
  text: string;
  own: boolean;
}
export type MarkedLine = readonly Stretch[];

/** Longer texts are cut here: nobody reads on, and wrapping them would be felt. */
const longestText = 20_000;

/** Harmless, not wrapped. */
function visible(text: string): string {
  if (text.length <= longestText) return makeVisible(text);
  const rest = (text.length - longestText).toLocaleString('en-US');
  return `${makeVisible(text.slice(0, longestText))}\n… and ${rest} more characters`;
}

export const wrapped = remembering(8, (text: string, columns: number): string[] => wrap(visible(text), columns));

/**
 * Two texts wrapped to columns of their own.
 * @param diff whether words that only one has are marked
 */
export const comparedLines = remembering(
  8,
  (left: string, right: string, columns: number, diff: boolean): [MarkedLine[], MarkedLine[]] => {
    const [a, b] = [visible(left), visible(right)];
    const own = diff ? wordDiff(a, b) : { a: [], b: [] };
    return [markedLines(a, own.a, columns), markedLines(b, own.b, columns)];
  },
);

/** Wrapping drops nothing but spaces and newlines between lines, so each line is found again in the text. */
function markedLines(text: string, own: readonly Range[], columns: number): MarkedLine[] {
  let at = 0;
  let next = 0;
  return wrap(text, columns).map((line) => {
    const start = text.indexOf(line, at);
    at = start + line.length;
    while (next < own.length && own[next][1] <= start) next++;
    const stretches: Stretch[] = [];
    let from = start;
    for (let i = next; i < own.length && own[i][0] < at; i++) {
      const [begin, end] = [Math.max(start, own[i][0]), Math.min(at, own[i][1])];
      if (begin > from) stretches.push({ text: text.slice(from, begin), own: false });
      stretches.push({ text: text.slice(begin, end), own: true });
      from = end;
    }
    if (from < at) stretches.push({ text: text.slice(from, at), own: false });
    return stretches;
  });
}

/** Keeps the results for the last arguments, compared by value. */
function remembering<A extends readonly unknown[], R>(size: number, compute: (...of: A) => R): (...of: A) => R {
  const kept: { of: A; result: R }[] = [];
  return (...of) => {
    const at = kept.findIndex((known) => known.of.every((value, i) => value === of[i]));
    const found = at < 0 ? { of, result: compute(...of) } : kept.splice(at, 1)[0];
    kept.unshift(found);
    kept.length = Math.min(kept.length, size);
    return found.result;
  };
}
