/**
 * Text measured in terminal columns: width, cutting, padding, wrapping. Cuts fall between grapheme clusters. Expects
 * text that sanitize.ts has been through.
 */
import { makeLine } from '../../src/core/sanitize.js';
import stringWidth from 'string-width';

export const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const printableAscii = /^[\x20-\x7e]*$/;

export function widthOf(text: string): number {
  return printableAscii.test(text) ? text.length : stringWidth(text);
}

/** At most `columns` wide; what does not fit gives way to an ellipsis. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (printableAscii.test(text)) return text.length <= columns ? text : text.slice(0, columns - 1) + '…';
  // Every cluster is at least one column or invisible with its base: a longer prefix cannot be needed.
  const [head, rest] = splitAt(text, columns);
  return rest === '' ? head : splitAt(head, columns - 1)[0] + '…';
}

/** Exactly `columns` wide. */
export function fit(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const shown = cut(text, columns);
  const padding = ' '.repeat(Math.max(0, columns - widthOf(shown)));
  return align === 'left' ? shown + padding : padding + shown;
}

/** Two texts at the ends of a line; the right one gives way last. */
export function spread(left: string, right: string, columns: number): string {
  const end = cut(right, columns);
  return fit(left, Math.max(0, columns - widthOf(end))) + end;
}

/** Lines at most `columns` wide, broken at spaces where possible; newlines are kept. */
export function wrap(text: string, columns: number): string[] {
  const limit = Math.max(2, columns);
  return text.split('\n').flatMap((line) => wrapLine(line, limit));
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = '';
  let used = 0;
  for (const [piece] of line.matchAll(/ +|[^ ]+/g)) {
    const width = widthOf(piece);
    if (used + width <= columns) {
      current += piece;
      used += width;
      continue;
    }
    if (piece.startsWith(' ')) {
      // Spaces at a break are not carried to the next line.
      lines.push(current);
      [current, used] = ['', 0];
      continue;
    }
    if (used > 0) lines.push(current.trimEnd());
    let [head, rest] = splitAt(piece, columns);
    while (rest !== '') {
      lines.push(head);
      [head, rest] = splitAt(rest, columns);
    }
    [current, used] = [head, widthOf(head)];
  }
  lines.push(current);
  return lines;
}

/** At most so many lines; where more follow, the last one ends in an ellipsis. */
export function firstLines(lines: readonly string[], rows: number, columns: number): string[] {
  const shown = lines.slice(0, Math.max(0, rows));
  if (shown.length === 0 || shown.length === lines.length) return shown;
  const last = shown[shown.length - 1].trimEnd();
  return [...shown.slice(0, -1), last === '' ? '…' : cut(`${last} …`, columns)];
}

/** The longest prefix of whole clusters within `columns`, and the rest. */
function splitAt(text: string, columns: number): [string, string] {
  if (printableAscii.test(text)) return [text.slice(0, columns), text.slice(columns)];
  let used = 0;
  for (const { segment, index } of graphemes.segment(text)) {
    const width = widthOf(segment);
    if (used + width > columns) return [text.slice(0, index), text.slice(index)];
    used += width;
  }
  return [text, ''];
}

/** The end of a text that is too long for its place: of paths it tells more than the start. */
export function endOf(of: string, columns: number): string {
  const shown = makeLine(of.slice(-4 * columns), 4 * columns);
  if (widthOf(shown) <= columns) return shown;
  const clusters = [...graphemes.segment(shown)].map(({ segment }) => segment);
  let from = clusters.length;
  for (let used = 1; from > 0; from--) {
    used += widthOf(clusters[from - 1]);
    if (used > columns) break;
  }
  return `…${clusters.slice(from).join('')}`;
}
