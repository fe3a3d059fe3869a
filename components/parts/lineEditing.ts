/**
 * A line being typed: the changes that keys make to it, as in readline. The cursor stands between grapheme clusters, so
 * that one press moves over or erases what is seen as one character, however many code units it has.
 *
 * Leaves out which keys make which change (components/app/fieldActions.ts) and how a line is drawn (TextField.tsx).
 */
import { makeLine } from '../../src/core/sanitize.js';
import { graphemes, widthOf } from './text.js';

export interface Line {
  readonly text: string;
  /** Place of the cursor in UTF-16 units; absent: at the end. */
  readonly cursor?: number;
}

/** `word-left` goes to the start of letters and digits, `space-left` to the character after a space. */
export type Extent = 'left' | 'right' | 'word-left' | 'word-right' | 'space-left' | 'start' | 'end';

export function cursorOf({ text, cursor }: Line): number {
  return Math.max(0, Math.min(text.length, cursor ?? text.length));
}

export function inserted(line: Line, more: string): Line {
  const at = cursorOf(line);
  return { text: line.text.slice(0, at) + more + line.text.slice(at), cursor: at + more.length };
}

export function moved(line: Line, extent: Extent): Line {
  return { text: line.text, cursor: targetOf(line, extent) };
}

/** The line without what lies between the cursor and where the extent leads, and what was erased. */
export function erased(line: Line, extent: Extent): { line: Line; text: string } {
  const at = cursorOf(line);
  const to = targetOf(line, extent);
  const [from, end] = [Math.min(at, to), Math.max(at, to)];
  return {
    line: { text: line.text.slice(0, from) + line.text.slice(end), cursor: from },
    text: line.text.slice(from, end),
  };
}

function targetOf(line: Line, extent: Extent): number {
  const { text } = line;
  const at = cursorOf(line);
  switch (extent) {
    case 'left':
      return at === 0 ? 0 : (graphemes.segment(text).containing(at - 1)?.index ?? 0);
    case 'right': {
      const cluster = graphemes.segment(text).containing(at);
      return cluster === undefined ? text.length : cluster.index + cluster.segment.length;
    }
    case 'word-left':
      return back(
        text,
        back(text, at, (character) => !isWord(character)),
        isWord,
      );
    case 'word-right':
      return on(
        text,
        on(text, at, (character) => !isWord(character)),
        isWord,
      );
    case 'space-left':
      return back(text, back(text, at, isSpace), (character) => !isSpace(character));
    case 'start':
      return 0;
    case 'end':
      return text.length;
  }
}

const isWord = (character: string): boolean => /[\p{L}\p{M}\p{N}]/u.test(character);
const isSpace = (character: string): boolean => /\s/.test(character);

/** From a place to the left as long as the characters pass. */
function back(text: string, from: number, passes: (character: string) => boolean): number {
  let at = from;
  while (at > 0) {
    const low = /[\udc00-\udfff]/.test(text[at - 1]) && at > 1 ? 2 : 1;
    if (!passes(text.slice(at - low, at))) break;
    at -= low;
  }
  return at;
}

/** The same to the right. */
function on(text: string, from: number, passes: (character: string) => boolean): number {
  let at = from;
  while (at < text.length) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (!passes(character)) break;
    at += character.length;
  }
  return at;
}

/** A stretch of a line as it is drawn: the cluster under the cursor, what cannot be parsed, or the rest. */
export interface Stretch {
  readonly text: string;
  readonly kind: 'plain' | 'wrong' | 'cursor';
}

/**
 * At most `columns` wide with the cursor, which is a block at the end of the text; of a long line the part around the
 * cursor, the cut ends marked with `…`.
 *
 * @param wrongFrom the first character that cannot be parsed
 */
export function visibleLine(line: Line, columns: number, wrongFrom = Infinity): Stretch[] {
  const at = cursorOf(line);
  const first = Math.max(0, at - 4 * columns);
  const clusters = [...graphemes.segment(line.text.slice(first, at + 4 * columns))].map(({ segment, index }) => {
    const text = makeLine(segment, 8);
    return { text, width: widthOf(text), place: first + index };
  });
  if (at >= line.text.length) clusters.push({ text: '█', width: 1, place: line.text.length });
  const cursor = Math.max(
    0,
    clusters.findLastIndex(({ place }) => place <= at),
  );
  let [from, end, used] = [cursor, cursor + 1, clusters[cursor].width];
  // To both sides, and the left first: what was typed last is what is looked at.
  const take = (most: number, left: boolean): void => {
    for (;;) {
      const next = clusters[left ? from - 1 : end];
      const rest = left ? from > 1 || first > 0 : end + 1 < clusters.length;
      if (next === undefined || used + next.width + (rest ? 1 : 0) > most) return;
      used += next.width;
      if (left) from--;
      else end++;
    }
  };
  take(
    columns -
      Math.min(
        Math.floor(columns / 3),
        clusters.slice(end).reduce((sum, { width }) => sum + width, 0),
      ),
    true,
  );
  take(columns - (from > 0 || first > 0 ? 1 : 0), false);
  take(columns - (end < clusters.length ? 1 : 0), true);
  const stretches: Stretch[] = from > 0 || first > 0 ? [{ text: '…', kind: 'plain' }] : [];
  for (const [i, { text, place }] of clusters.slice(from, end).entries()) {
    const kind = from + i === cursor ? 'cursor' : place >= wrongFrom ? 'wrong' : 'plain';
    const last = stretches.at(-1);
    if (last?.kind === kind) stretches[stretches.length - 1] = { text: last.text + text, kind };
    else stretches.push({ text, kind });
  }
  return end < clusters.length ? [...stretches, { text: '…', kind: 'plain' }] : stretches;
}
