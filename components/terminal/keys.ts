/**
 * Names of the keys in what a terminal sends: `a`, `space`, `enter`, `up`, `shift+tab`, `ctrl+left`, `alt+b`, `f5`.
 *
 * Leaves out pasted text, reports of the mouse and answers of the terminal, which keyboard.ts takes out before, and
 * protocols that a terminal speaks only if asked (kitty's, modifyOtherKeys): sequences that are not in the tables are
 * no keys.
 */

/** The last letter of `CSI … letter` and `SS3 letter` (xterm, ECMA-48). */
const letters: Record<string, string> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  P: 'f1',
  Q: 'f2',
  R: 'f3',
  S: 'f4',
};
/** The number in `CSI number ~` (VT220, xterm, rxvt). */
const numbers: Record<string, string> = {
  1: 'home',
  2: 'insert',
  3: 'delete',
  4: 'end',
  5: 'pageup',
  6: 'pagedown',
  7: 'home',
  8: 'end',
  11: 'f1',
  12: 'f2',
  13: 'f3',
  14: 'f4',
  15: 'f5',
  17: 'f6',
  18: 'f7',
  19: 'f8',
  20: 'f9',
  21: 'f10',
  23: 'f11',
  24: 'f12',
};
const controls: Record<string, string> = {
  '\x00': 'ctrl+space',
  '\b': 'backspace',
  '\t': 'tab',
  '\n': 'enter',
  '\r': 'enter',
  '\x1b': 'escape',
  '\x1c': 'ctrl+\\',
  '\x1d': 'ctrl+]',
  '\x1e': 'ctrl+^',
  '\x1f': 'ctrl+_',
  ' ': 'space',
  '\x7f': 'backspace',
};

const csi = /\x1b\[(?:\[([A-E])|([\d;:]*)([~^$@a-zA-Z]))/y;
const ss3 = /\x1bO([a-zA-Z])/y;
/** Private sequences that some terminals send unasked. */
const unknown = /\x1b\[[\x30-\x3f]*[\x20-\x2f]*[\x40-\x7e]/y;

/** An escape sequence that has begun at the end of a text; what is longer than any of a key is none. */
export const begunSequence = /\x1b(?:O|\[[<\d;:?]{0,32}|\[\[)?$/;

/** Each key of a text, in order. Characters are keys of their own: one code point each. */
export function keysIn(typed: string): string[] {
  const names: string[] = [];
  for (let at = 0; at < typed.length;) {
    const [name, length] = keyAt(typed, at);
    if (name !== null) names.push(name);
    at += length;
  }
  return names;
}

/** The key at a place, or null for what is none, and how many characters it takes. */
function keyAt(typed: string, at: number): [name: string | null, length: number] {
  const first = String.fromCodePoint(typed.codePointAt(at) ?? 0);
  if (first !== '\x1b' || at + 1 === typed.length) return [characterName(first), first.length];
  csi.lastIndex = at;
  const sequence = csi.exec(typed);
  if (sequence !== null) {
    const [all, linux, parameters, final] = sequence;
    return [linux === undefined ? csiName(parameters, final) : `f${' ABCDE'.indexOf(linux)}`, all.length];
  }
  ss3.lastIndex = at;
  const short = ss3.exec(typed);
  if (short !== null) return [ss3Name(short[1]), short[0].length];
  unknown.lastIndex = at;
  const other = unknown.exec(typed);
  if (other !== null) return [null, other[0].length];
  const next = String.fromCodePoint(typed.codePointAt(at + 1) ?? 0);
  // Two escapes in one piece are two presses.
  if (next === '\x1b') return ['escape', 1];
  const name = characterName(next);
  return [name === null ? 'escape' : `alt+${name}`, 1 + next.length];
}

function characterName(character: string): string | null {
  const known = controls[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return `ctrl+${String.fromCharCode(code + 0x60)}`;
  return code >= 0x80 && code < 0xa0 ? null : character;
}

function csiName(parameters: string, final: string): string | null {
  const [number, modifier = ''] = parameters.split(';');
  if (final === 'Z') return 'shift+tab';
  // rxvt: lower-case letters with Shift, `^` with Ctrl, `$` with Shift, `@` with both.
  if (final >= 'a' && final <= 'd') return `shift+${letters[final.toUpperCase()]}`;
  const name = '~^$@'.includes(final) ? numbers[number] : letters[final];
  if (name === undefined) return null;
  if (final === '^') return `ctrl+${name}`;
  if (final === '$') return `shift+${name}`;
  if (final === '@') return `ctrl+shift+${name}`;
  // xterm: 1 and a bit each for Shift, Alt, Ctrl and Meta; kitty adds `:` and the kind of event.
  const bits = Math.max(0, Number.parseInt(modifier === '' ? '1' : modifier, 10) - 1);
  return `${bits & 4 ? 'ctrl+' : ''}${bits & 10 ? 'alt+' : ''}${bits & 1 ? 'shift+' : ''}${name}`;
}

function ss3Name(letter: string): string | null {
  if (letter >= 'a' && letter <= 'd') return `ctrl+${letters[letter.toUpperCase()]}`;
  return letters[letter] ?? (letter === 'M' ? 'enter' : null);
}

const modifiers = /^(?:ctrl\+|alt\+|shift\+)+(?=.)/;
const named = new Set([
  ...Object.values(letters),
  ...Object.values(numbers),
  'enter',
  'tab',
  'escape',
  'backspace',
  'space',
]);

/**
 * The keys that a key with a modifier stands for where it has no meaning of its own: `ctrl+left` is `left`. Alt and a
 * character is escape and the character: over a slow line the two arrive in one piece.
 */
export function plainKeys(key: string): string[] {
  const held = modifiers.exec(key)?.[0] ?? '';
  const bare = key.slice(held.length);
  if (held === '') return [];
  if (held === 'alt+' && !(named.has(bare) && !['enter', 'tab', 'backspace', 'space'].includes(bare)))
    return ['escape', bare];
  return named.has(bare) && bare !== 'tab' ? [bare] : [];
}

/** Whether a terminal can send a key of this name. */
export function isKeyName(key: string): boolean {
  const held = modifiers.exec(key)?.[0] ?? '';
  const bare = key.slice(held.length);
  if (held !== '' && !/^(ctrl\+)?(alt\+)?(shift\+)?$/.test(held)) return false;
  if (bare === 'tab') return held === '' || held === 'shift+' || held === 'alt+';
  if (['enter', 'escape', 'backspace'].includes(bare)) return held === '' || held === 'alt+';
  if (bare === 'space') return ['', 'ctrl+', 'alt+'].includes(held);
  if (named.has(bare)) return true;
  if ([...bare].length !== 1 || bare === ' ' || characterName(bare) !== bare) return false;
  // Terminals send ctrl+h, i, j, m and [ as backspace, tab, enter, enter and escape, and Shift as another character.
  if (held === 'ctrl+') return /^[a-gklnopq-z\\\]^_]$/.test(bare);
  return held === '' || held === 'alt+';
}
