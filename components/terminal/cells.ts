/**
 * What turns the lines on the screen into new ones, in as few bytes as is easily had: of a line that has changed only the
 * stretches that differ are sent.
 */

/** Nearer than this, two stretches are sent as one: moving the cursor costs as much. */
const nearby = 6;

/**
 * Characters of one column on every terminal. A line with others (wide, combining, of unsure width) is sent whole, so
 * that terminals that measure it otherwise still show it right.
 */
const sure =
  /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u017f\u0391-\u03c9\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2200-\u22ff\u23ce\u2400-\u2421\u2500-\u25ff\u2800-\u28ff]*$/;
const styles = /\x1b\[([\d;]*)m/g;

/**
 * Everything that changed, to be sent to the terminal as it is.
 *
 * @param columns the terminal's width. Lines are cropped to it: after a resize one more frame may come that was laid out
 * for the old width, and erasing what such a line "leaves behind" would erase the last column instead.
 */
export function difference(before: readonly string[], after: readonly string[], columns = Infinity): string {
  const changes: string[] = [];
  for (let row = 0; row < Math.max(before.length, after.length); row++) {
    const [old, line] = [before[row] ?? '', after[row] ?? ''];
    if (old !== line) changes.push(lineDifference(row, old, line, columns));
  }
  return changes.join('');
}

function lineDifference(row: number, before: string, after: string, columns: number): string {
  const whole = `\x1b[${row + 1}H\x1b[m\x1b[2K${after}`;
  const old = cellsOf(before, columns);
  const line = cellsOf(after, columns);
  if (old === null || line === null) return whole;
  const parts: string[] = [];
  let style = '';
  const restyle = (next: string): void => {
    if (next === style) return;
    parts.push(`\x1b[${style === '' || next === '' ? '' : '0;'}${next.replaceAll('|', ';')}m`);
    style = next;
  };
  let end = -1;
  for (const [from, to] of stretches(old, line)) {
    parts.push(`\x1b[${row + 1};${from + 1}H`);
    for (let at = from; at < to; at = end) {
      restyle(line.looks[at]);
      end = at + 1;
      while (end < to && line.looks[end] === style) end++;
      parts.push(line.text.slice(at, end));
    }
  }
  const { length } = line.text;
  if (old.text.length > length) {
    // Both are cropped, so the line ends before the last column and the cursor cannot be waiting to wrap.
    if (end !== length) parts.push(`\x1b[${row + 1};${length + 1}H`);
    restyle('');
    parts.push('\x1b[K');
  }
  restyle('');
  const sent = parts.join('');
  return sent.length < whole.length || line.cropped ? sent : whole;
}

/** From where to where the new line differs within its length; what is close together is one. */
function stretches(old: Cells, line: Cells): [number, number][] {
  const found: [number, number][] = [];
  for (let at = 0; at < line.text.length; at++) {
    if (line.text[at] === (old.text[at] ?? ' ') && line.looks[at] === (old.looks[at] ?? '')) continue;
    const last = found.at(-1);
    if (last !== undefined && at - last[1] < nearby) last[1] = at + 1;
    else found.push([at, at + 1]);
  }
  return found;
}

/** A line's characters up to the last that is no plain blank, and how each is drawn: the codes of its style. */
interface Cells {
  text: string;
  looks: string[];
  /** The line was wider than the terminal. */
  cropped: boolean;
}

/** null where the line has characters of unsure width or sequences other than styles. */
function cellsOf(line: string, columns: number): Cells | null {
  const looks: string[] = [];
  let text = '';
  let style = '';
  let at = 0;
  const take = (piece: string): boolean => {
    if (!sure.test(piece)) return false;
    text += piece;
    for (let i = 0; i < piece.length; i++) looks.push(style);
    return true;
  };
  for (const match of line.matchAll(styles)) {
    if (!take(line.slice(at, match.index))) return null;
    style = withCodes(style, match[1]);
    at = match.index + match[0].length;
  }
  if (!take(line.slice(at))) return null;
  let end = Math.min(text.length, columns);
  const cropped = end < text.length;
  while (end > 0 && text[end - 1] === ' ' && looks[end - 1] === '') end--;
  return { text: text.slice(0, end), looks, cropped };
}

const known = new Map<string, string>();

/** The style after one more sequence of codes (ECMA-48, SGR). */
function withCodes(style: string, codes: string): string {
  const key = `${style} ${codes}`;
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = applied(style, codes)));
  return found;
}

/** What ends which codes. */
const ends: Record<string, (code: string) => boolean> = {
  '22': (code) => code === '1' || code === '2',
  '23': (code) => code === '3',
  '24': (code) => code === '4',
  '27': (code) => code === '7',
  '29': (code) => code === '9',
  '39': (code) => /^(3[0-8]|9\d)/.test(code),
  '49': (code) => /^(4[0-8]|10\d)/.test(code),
};

function applied(style: string, codes: string): string {
  const numbers = (codes === '' ? '0' : codes).split(';');
  let set = style === '' ? [] : style.split('|');
  for (let i = 0; i < numbers.length; i++) {
    let code = numbers[i];
    if ((code === '38' || code === '48') && i + 1 < numbers.length) {
      const more = numbers[i + 1] === '5' ? 2 : 4;
      code = numbers.slice(i, i + 1 + more).join(';');
      i += more;
    }
    const ended = ends[code];
    if (code === '0') set = [];
    else if (ended !== undefined) set = set.filter((one) => !ended(one));
    else {
      const colour = ends['39'](code) ? ends['39'] : ends['49'](code) ? ends['49'] : () => false;
      set = [...set.filter((one) => one !== code && !colour(one)), code];
    }
  }
  return set.sort().join('|');
}
