import { describe, expect, it } from 'vitest';
import { cut, fit, spread, widthOf, wrap } from '../../../components/parts/text.js';

describe('cut and fit', () => {
  it('count columns, not characters', () => {
    expect(widthOf('日本')).toBe(4);
    expect(cut('日本語', 5)).toBe('日本…');
    expect(cut('日本語', 4)).toBe('日…');
    expect(fit('日本', 6)).toBe('日本  ');
    expect(fit('3.1', 6, 'right')).toBe('   3.1');
  });

  it('cut nothing that fits exactly', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('日本', 4)).toBe('日本');
    expect(cut('abcd', 3)).toBe('ab…');
    expect(cut('abc', 0)).toBe('');
  });

  it('never split a cluster', () => {
    const accent = 'e\u0301';
    expect(cut(accent.repeat(5), 3)).toBe(`${accent}${accent}…`);
  });
});

it('spread puts texts at both ends', () => {
  expect(spread('ab', 'yz', 7)).toBe('ab   yz');
});

describe('wrap', () => {
  it('breaks at spaces and keeps newlines and indentation', () => {
    expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
    expect(wrap('a\n\n  b', 8)).toEqual(['a', '', '  b']);
  });

  it('breaks a word that is too long, wide characters included', () => {
    expect(wrap('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
    expect(wrap('日本語', 5)).toEqual(['日本', '語']);
  });

  it('gives lines that fit, and loses nothing but spaces at breaks', () => {
    const text = 'The 日本語 quick brown 👍🏽 fox-jumps-over-everything   lazily. '.repeat(20);
    for (const columns of [2, 7, 39]) {
      const lines = wrap(text, columns);
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
      expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    }
  });
});
