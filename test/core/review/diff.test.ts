import { describe, expect, it } from 'vitest';
import { wordDiff } from '../../../src/core/review/diff.js';

const shown = (text: string, ranges: [number, number][]) => ranges.map(([start, end]) => text.slice(start, end));

function differing(a: string, b: string): [string[], string[]] {
  const diff = wordDiff(a, b);
  return [shown(a, diff.a), shown(b, diff.b)];
}

describe('wordDiff', () => {
  it.each<[string, string, string[], string[]]>([
    ['', '', [], []],
    ['the same', 'the  same\n', [], []],
    ['a cat sat', 'a dog sat', ['cat'], ['dog']],
    ['one two three', 'one three', ['two'], []],
    ['', 'all of it', [], ['all of it']],
    ['It is 4.', 'It is 5!', ['4.'], ['5!']],
    ['日本 is far', '日本 is near', ['far'], ['near']],
  ])('%j against %j', (a, b, onlyA, onlyB) => {
    expect(differing(a, b)).toEqual([onlyA, onlyB]);
  });

  it('finds the most that is common', () => {
    // Of A B C A B B A and C B A B A C at most four letters are common in order: three and two are left.
    const [inA, inB] = differing('a b c a b b a', 'c b a b a c').map((parts) => parts.join(' ').split(' '));
    expect([inA.length, inB.length]).toEqual([3, 2]);
  });

  it('what is left without the differences is the same in both', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 200; round++) {
      const text = () => Array.from({ length: random(30) }, () => 'abcd'[random(4)]).join(' ');
      const [a, b] = [text(), text()];
      const { a: inA, b: inB } = wordDiff(a, b);
      expect(without(a, inA)).toEqual(without(b, inB));
    }
  });

  it('gives up on texts that have hardly anything in common', () => {
    const a = Array.from({ length: 3000 }, (_, i) => `a${i}`).join(' ');
    const b = Array.from({ length: 3000 }, (_, i) => `b${i}`).join(' ');
    expect(wordDiff(`same ${a} end`, `same ${b} end`)).toEqual({ a: [[5, 5 + a.length]], b: [[5, 5 + b.length]] });
  });
});

function without(text: string, ranges: [number, number][]): string[] {
  const kept = [...text].filter((_, i) => !ranges.some(([start, end]) => start <= i && i < end)).join('');
  return kept.split(/\s+/).filter((word) => word !== '');
}
