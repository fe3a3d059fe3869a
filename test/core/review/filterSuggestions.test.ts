import { describe, expect, it } from 'vitest';
import { filterFlags, filterNumbers, parseFilter } from '../../../src/core/review/filter.js';
import { suggestFilter } from '../../../src/core/review/filterSuggestions.js';

const range = () => [-33, 100] as const;
/** Suggestions at the `|` of a text. */
const at = (text: string) => suggestFilter(text.replace('|', ''), text.indexOf('|'), range);
const names = (text: string): string[] => at(text).items.map((item) => item.text.trim());

describe('names', () => {
  it('are those that the word begins, in any place where a term may stand', () => {
    expect(names('d|')).toEqual(['decided', 'dropped', 'dlen', 'dissent']);
    for (const before of ['', 'flipped or ', '-', '(', 'near and not ', 'dlen > 5 '])
      expect(names(`${before}fl|`), before).toEqual(['flipped']);
    expect(names('DLE|')).toEqual(['dlen']);
    expect(names('zzz|')).toEqual([]);
    expect(at('zzz|').expected).toBe('text: rows that contain “zzz”');
  });

  it('replace the word before the cursor only', () => {
    const { from, to } = at('near or fl| and tie');
    expect([from, to]).toEqual([8, 10]);
  });

  it('are all of them, with operators once there is a term', () => {
    const all = [...Object.keys(filterFlags), ...Object.keys(filterNumbers)];
    expect(names('|')).toEqual([...all, 'w:', 'l:', 'p:', 'not']);
    expect(names('flipped |').slice(0, 2)).toEqual(['or', 'and']);
    expect(names('flipped o|')).toEqual(['or']);
    expect(names('or|')).toEqual([]);
  });

  it('that are complete are explained', () => {
    expect(at('near|').expected).toBe('near: near tie');
    expect(names('r|')).toEqual(['rw', 'rl']);
    expect(at('r|').expected).toBe('r: reward margin r_w - r_l');
  });

  it('of numbers alone may follow a number and a sign', () => {
    expect(names('10 < d|')).toEqual(['dlen', 'dissent']);
  });
});

it('a name asks for a comparison, a sign for a number with its range', () => {
  expect(names('dlen |')).toEqual(['>', '>=', '<', '<=', '=', '!=']);
  for (const text of ['dlen >|', 'dlen > |', 'wlen<=|', 'dlen:|', 'dlen: 5..|'])
    expect(at(text).expected, text).toMatch(/^a number; (dlen|wlen) is from -33.0 to 100 here$/);
  expect(suggestFilter('pw > ', 5, () => null).expected).toBe('a number');
});

it('text is text', () => {
  expect(at('"fl|').expected).toBe('the text, then a quotation mark');
  expect(names('"fl|')).toEqual([]);
  expect(names('w:fl|')).toEqual([]);
  expect(at('w:|').expected).toBe('a word, or several in quotation marks');
});

it('what is inserted parses, or asks for what follows', () => {
  for (const before of ['', 'flipped ', 'not ', '(near or ', '10 < ']) {
    const { from, items } = suggestFilter(before, before.length, range);
    for (const { text } of items) {
      const filter = parseFilter(before.slice(0, from) + text);
      expect(filter.ok || filter.needs !== null, before + text).toBe(true);
    }
  }
});
