import { describe, expect, it } from 'vitest';
import { comparedLines, wrapped } from '../../../components/parts/markedText.js';
import { makeVisible } from '../../../src/core/sanitize.js';
import { wrap } from '../../../components/parts/text.js';

const joined = (line: readonly { text: string }[]) => line.map(({ text }) => text).join('');
const own = (lines: readonly (readonly { text: string; own: boolean }[])[]) =>
  lines.flatMap((line) => line.filter((stretch) => stretch.own).map(({ text }) => text));

describe('two texts', () => {
  it('have the words marked that only one has', () => {
    const [left, right] = comparedLines('The red cat sat here.', 'The cat sat over there.', 80, true);
    expect(own(left)).toEqual(['red', 'here']);
    expect(own(right)).toEqual(['over there']);
    expect(own(comparedLines('a b', 'a c', 80, false)[0])).toEqual([]);
  });

  it.each([1, 7, 12, 40])('are wrapped to %i columns as any text, whatever is marked', (columns) => {
    const a = 'The colours are  red,\n\n   green and 日本語の色 👨‍👩‍👧 blue, supercalifragilistic.\ttab\x1b[2J';
    const b = 'The colours are blue,\n  and 日本の green 👩 supercalifragilisticexpialidocious. tab';
    const [left, right] = comparedLines(a, b, columns, true);
    expect(left.map(joined)).toEqual(wrap(makeVisible(a), columns));
    expect(right.map(joined)).toEqual(wrap(makeVisible(b), columns));
    expect(own(left).length).toBeGreaterThan(0);
  });

  it('mark what runs over a line break on both lines', () => {
    const [, right] = comparedLines('start end', 'start one two three end', 10, true);
    expect(right.map(joined)).toEqual(['start one', 'two three', 'end']);
    expect(own(right)).toEqual(['one', 'two three']);
  });
});

it('very long texts are cut, and it is said how much is left out', () => {
  expect(wrapped('x'.repeat(20_500), 100).at(-1)).toBe('… and 500 more characters');
});
