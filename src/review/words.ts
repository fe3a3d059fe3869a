/**
 * Texts as words for counting: lower case; a character is a word where the script puts no spaces between words. Markup
 * counts too, as words of its own: headings, lists and bold are what reward models fall for first.
 */

export interface Word {
  text: string;
  /** One space (or nothing, between characters of such scripts) lies between it and the word before. */
  joined: boolean;
  /** Markup or an emoji: no part of a phrase. */
  mark: boolean;
}

/** What markup is called, and what is looked for to find it. */
export const marks: Record<string, { name: string; sign: string }> = {
  '#': { name: 'heading', sign: '# ' },
  '-': { name: 'list item', sign: '- ' },
  '1.': { name: 'numbered item', sign: '1. ' },
  '**': { name: 'bold', sign: '**' },
  '```': { name: 'code block', sign: '```' },
  '|': { name: 'table', sign: '|---' },
  '☺': { name: 'emoji', sign: '' },
};

const unspaced = '[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}]';
const pieces = new RegExp(
  [
    '(?<code>^[ \\t]*```)',
    '(?<heading>^#{1,6}(?= ))',
    '(?<item>^[ \\t]*[-*•](?= ))',
    '(?<number>^[ \\t]*\\d+[.)](?= ))',
    '(?<table>^\\|?[ :|-]*-{3}[ :|-]*$)',
    '(?<bold>\\*\\*)',
    '(?<emoji>(?=\\P{ASCII})\\p{Extended_Pictographic})',
    `(?<character>${unspaced})`,
    `(?<word>(?:(?!${unspaced})[\\p{L}\\p{N}]\\p{M}*)+(?:['’](?:(?!${unspaced})[\\p{L}\\p{N}]\\p{M}*)+)*)`,
  ].join('|'),
  'gmu',
);
const marked: [string, string][] = [
  ['code', '```'],
  ['heading', '#'],
  ['item', '-'],
  ['number', '1.'],
  ['table', '|'],
  ['bold', '**'],
  ['emoji', '☺'],
];

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let end = -1;
  let apart = true;
  for (const match of text.matchAll(pieces)) {
    const groups = match.groups ?? {};
    const mark = marked.find(([group]) => groups[group] !== undefined);
    if (mark !== undefined) {
      words.push({ text: mark[1], joined: false, mark: true });
      end = -1;
      continue;
    }
    const single = groups['character'] !== undefined;
    const gap = match.index - end;
    const joined = end >= 0 && (gap === 0 || (gap === 1 && text[end] === ' ' && !single && apart));
    words.push({ text: match[0].toLowerCase(), joined, mark: false });
    end = match.index + match[0].length;
    apart = !single;
  }
  return words;
}

/** Words of one phrase as they stood in the text. */
export function phraseOf(words: readonly string[]): string {
  return words.reduce((phrase, word) =>
    isUnspaced(phrase.at(-1) ?? '') || isUnspaced(word) ? phrase + word : `${phrase} ${word}`,
  );
}

const oneUnspaced = new RegExp(`^${unspaced}`, 'u');
function isUnspaced(text: string): boolean {
  return oneUnspaced.test(text);
}
