/**
 * Makes text that a model wrote safe to draw: nothing in it can move the cursor, set the clipboard, reorder a line or
 * hide. Control characters become their pictures (␛), and all other invisible characters their code points (⟨U+202E⟩).
 *
 * Leaves out wrapping and cutting (text.ts).
 */
import { stripVTControlCharacters } from 'node:util';
import { standIn } from './ascii.js';

/**
 * Control, format (bidi controls, zero-width, tags) and lone surrogate characters, characters that Unicode lets a font
 * omit (fillers, variation selectors), line separators, and the empty braille cell.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]/gu;

/** Joined emoji: terminals disagree on their width, so their parts are drawn separately. */
const emojiJoiner = /(?<=\p{Extended_Pictographic}\ufe0f?\p{Emoji_Modifier}?)\u200d(?=\p{Extended_Pictographic})/gu;
const emojiSelector = /(?<=\p{Emoji})\ufe0f/gu;

const beyondAscii = /[^\x00-\x7f]/gu;
let ascii = false;

/**
 * Whether this process's terminal shows only ASCII: then characters without a replacement become code points too, so
 * that nothing is lost.
 */
export function spellInAscii(on: boolean): void {
  ascii = on;
}

/** Newlines stay, tabs become four spaces, everything else that is invisible or ambiguous becomes its code point. */
export function makeVisible(text: string): string {
  // The common case costs one scan.
  if (!/[^\n\x20-\x7e]/.test(text)) return text;
  const visible = text
    .replace(/\r\n/g, '\n')
    .replace(/\t/g, '    ')
    .replace(emojiJoiner, '')
    .replace(emojiSelector, '')
    .replace(unsafe, spell);
  return ascii
    ? visible.replace(beyondAscii, (sign) => (standIn(sign) === undefined ? spellCode(sign) : sign))
    : visible;
}

/**
 * The start of a text for one line of a table or list.
 * @param columns number of visible columns; the rest of a long text is not scanned
 */
export function makeLine(text: string, columns: number): string {
  const start = text.slice(0, columns * 4 + 16);
  return makeVisible(start).replace(/\n/g, '⏎');
}

/** Pasted text for a one-line field: breaks become spaces, and control characters and escape sequences are dropped. */
export function pastedLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
}

function spell(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return character;
  if (ascii && code < 0x80) return `^${String.fromCodePoint(code ^ 0x40)}`;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return spellCode(character);
}

function spellCode(character: string): string {
  return `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/**
 * Foreign text for errors, which are printed to terminals: a server or module may repeat a response with escape
 * sequences.
 */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
