import { describe, expect, it } from 'vitest';
import { type Extent, type Line, erased, inserted, moved, visibleLine } from '../../../components/parts/lineEditing.js';
import { widthOf } from '../../../components/parts/text.js';

/** A line with its cursor written as `|`. */
const line = (text: string): Line => ({ text: text.replace('|', ''), cursor: text.indexOf('|') });
const shown = ({ text, cursor }: Line): string => `${text.slice(0, cursor)}|${text.slice(cursor ?? text.length)}`;

it.each<[string, Extent, string]>([
  ['ab|', 'left', 'a|b'],
  ['|ab', 'left', '|ab'],
  ['ab|', 'right', 'ab|'],
  // One cluster is one step: an accent, a family, a flag.
  ['e\u0301|x', 'left', '|e\u0301x'],
  ['👨\u200d👩\u200d👧|', 'left', '|👨\u200d👩\u200d👧'],
  ['|🇯🇵日', 'right', '🇯🇵|日'],
  ['far-off too|', 'word-left', 'far-off |too'],
  ['far-off |too', 'word-left', 'far-|off too'],
  ['far-off  |', 'word-left', 'far-|off  '],
  ['|far-off', 'word-right', 'far|-off'],
  ['far|-off', 'word-right', 'far-off|'],
  ['𝒳𝒴 z|', 'word-left', '𝒳𝒴 |z'],
  ['𝒳𝒴| z', 'word-left', '|𝒳𝒴 z'],
  ['a far-off  |x', 'space-left', 'a |far-off  x'],
  ['ab c|d', 'start', '|ab cd'],
  ['ab c|d', 'end', 'ab cd|'],
])('from %s %s to %s', (from, extent, to) => {
  expect(shown(moved(line(from), extent))).toBe(to);
});

it('erases to where a move would lead, and tells what', () => {
  expect(erased(line('a far-off|x'), 'space-left')).toEqual({ line: { text: 'a x', cursor: 2 }, text: 'far-off' });
  expect(erased(line('日|本'), 'left')).toEqual({ line: { text: '本', cursor: 0 }, text: '日' });
  expect(erased(line('a|bc'), 'end')).toEqual({ line: { text: 'a', cursor: 1 }, text: 'bc' });
  expect(erased(line('|'), 'left')).toEqual({ line: { text: '', cursor: 0 }, text: '' });
});

it('inserts at the cursor, which stands at the end unless given', () => {
  expect(shown(inserted(line('a|d'), 'bc'))).toBe('abc|d');
  expect(inserted({ text: 'ab' }, 'c')).toEqual({ text: 'abc', cursor: 3 });
  expect(inserted({ text: 'ab', cursor: 99 }, 'c')).toEqual({ text: 'abc', cursor: 3 });
});

it('words of a long line are found at once', () => {
  const long = 'x'.repeat(65_536);
  expect(moved({ text: `${long} ${long}-` }, 'word-left').cursor).toBe(65_537);
});

describe('what is drawn', () => {
  const drawn = (text: string, columns: number, wrongFrom?: number): string =>
    visibleLine(line(text), columns, wrongFrom)
      .map((part) => (part.kind === 'cursor' ? `[${part.text}]` : part.kind === 'wrong' ? `{${part.text}}` : part.text))
      .join('');

  it('is the whole line if it fits, with a block behind its end or the character under the cursor', () => {
    expect(drawn('abc|', 10)).toBe('abc[█]');
    expect(drawn('a|bc', 10)).toBe('a[b]c');
    expect(drawn('|', 10)).toBe('[█]');
    expect(drawn('日|本', 5)).toBe('日[本]');
  });

  it('marks what cannot be parsed', () => {
    expect(drawn('dlen > x|', 20, 7)).toBe('dlen > {x}[█]');
    expect(drawn('dle|nn > 5', 20, 0)).toBe('{dle}[n]{n > 5}');
  });

  it('is the part around the cursor of a long line, never wider than its room', () => {
    expect(drawn('abcdefghij|', 6)).toBe('…ghij[█]');
    expect(drawn('|abcdefghij', 6)).toBe('[a]bcde…');
    expect(drawn('abcdef|ghij', 6)).toMatch(/^….*\[g\].*…$/);
    for (const text of ['日本語'.repeat(40), 'abc '.repeat(50), 'e\u0301👩'.repeat(30)]) {
      for (let cursor = 0; cursor <= text.length; cursor += 7) {
        for (const columns of [5, 20, 33]) {
          const stretches = visibleLine({ text, cursor }, columns);
          expect(widthOf(stretches.map((part) => part.text).join(''))).toBeLessThanOrEqual(columns);
          expect(stretches.filter(({ kind }) => kind === 'cursor')).toHaveLength(1);
        }
      }
    }
  });

  it('has no control characters', () => {
    expect(drawn('\x1b[2J|\x07', 20)).not.toMatch(/[\x00-\x1f]/);
  });
});
