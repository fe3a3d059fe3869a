/**
 * Makes text that a model wrote harmless and honest before it is drawn: nothing in it can move the cursor, set the
 * clipboard, reorder a line or hide. Control characters become their pictures (␛), whatever else is invisible becomes
 * its code point (⟨U+202E⟩).
 *
 * Leaves out wrapping and cutting (text.ts).
 */

/**
 * Control, format (bidi controls, zero-width, tags) and lone surrogate characters, line separators, fillers that have
 * width but no ink, and variation selectors.
 */
const unsafe =
  /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

/** Joined emoji: terminals disagree on their width, so they are drawn as the emoji they are made of. */
const emojiJoiner = /(?<=\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?)\u200d(?=\p{Extended_Pictographic})/gu;
const emojiSelector = /(?<=[\p{Emoji}])\ufe0f/gu;

/** Newlines stay, tabs become four spaces, everything else that is not plain to see is spelt out. */
export function makeVisible(text: string): string {
  // The common case costs one scan.
  if (!/[^\n\x20-\x7e]/.test(text)) return text;
  return text
    .replace(/\r\n/g, '\n')
    .replace(/\t/g, '    ')
    .replace(emojiJoiner, '')
    .replace(emojiSelector, '')
    .replace(unsafe, spell);
}

/**
 * The start of a text for one line of a table or list.
 * @param columns how many columns can be seen; the rest of a long text is not looked at
 */
export function makeLine(text: string, columns: number): string {
  const start = text.slice(0, columns * 4 + 16);
  return makeVisible(start).replace(/\n/g, '⏎');
}

function spell(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x0a) return character;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
}
