import { describe, expect, it } from 'vitest';
import {
  type FilterFlag,
  type Filterable,
  type FilterNumber,
  type FilterPart,
  filterFlags,
  parseFilter,
} from '../../src/review/filter.js';

const row = (
  numbers: Partial<Record<FilterNumber, number>>,
  flags: readonly FilterFlag[] = [],
  text = '',
  parts: Partial<Record<FilterPart, string>> = {},
): Filterable => ({
  number: (field) => numbers[field] ?? NaN,
  flag: (flag) => flags.includes(flag),
  has: (wanted, part) => (part === null ? text : (parts[part] ?? '')).toLowerCase().includes(wanted),
});

const long = row({ dlen: 60, r: -0.5, rw: 1, k: 4 }, ['flipped', 'truncated'], 'The Capital of France');

function fits(typed: string, of = long): boolean {
  const filter = parseFilter(typed);
  if (!filter.ok) throw new Error(filter.error);
  return filter.test(of);
}

describe('parseFilter', () => {
  it.each([
    ['', true],
    ['  ', true],
    ['capital', true],
    ['CAPITAL france', true],
    ['capital Spain', false],
    ['"capital of"', true],
    ['"of capital"', false],
    ['-spain', true],
    ['-capital', false],
    ['!"of france"', false],
    ['dlen>50', true],
    ['dlen>60', false],
    ['dlen>=60', true],
    ['dlen<60', false],
    ['dlen<=60', true],
    ['dlen=60', true],
    ['dlen!=60', false],
    ['r<0 flipped', true],
    ['r<-0,4', true],
    ['R<0 FLIPPED', true],
    ['-flipped', false],
    ['-dlen>100', true],
    ['excluded', false],
    ['flipped -excluded k=4 france', true],
    // A mark in quotation marks is a word.
    ['"flipped"', false],
    // What is not there is not above, below or at anything.
    ['pen>0', false],
    ['pen<=0', false],
  ])('%j', (typed, expected) => {
    expect(fits(typed)).toBe(expected);
  });

  it.each(Object.keys(filterFlags) as FilterFlag[])('%s', (flag) => {
    expect(fits(flag, row({}, [flag]))).toBe(true);
    expect(fits(flag, row({}, [], flag))).toBe(false);
  });

  it.each<[string, string, number]>([
    ['dlen>', 'dlen> needs a number', 5],
    ['ok dlen>x', 'dlen> needs a number, not x', 8],
    ['foo>3', 'no column foo: there are r rw rl dlen wlen llen pen weight k prompt', 0],
    ['-foo>3', 'no column foo: there are r rw rl dlen wlen llen pen weight k prompt', 1],
    ['a "b c', 'the quotation mark is not closed', 2],
    ['a w:"b c', 'the quotation mark is not closed', 4],
  ])('%j cannot be read', (typed, error, at) => {
    expect(parseFilter(typed)).toEqual({ ok: false, error, at });
  });

  it.each<[string, boolean]>([
    ['w:sure', true],
    ['l:sure', false],
    ['p:"how do"', true],
    ['-w:"let me"', false],
    ['w:"let me" l:no', true],
    ['w:', false],
  ])('%j asks one part', (typed, expected) => {
    expect(fits(typed, row({}, [], 'elsewhere', { w: 'Sure, let me', l: 'No.', p: 'How do I?' }))).toBe(expected);
  });

  it('knows whether it depends on α', () => {
    const uses = (typed: string) => {
      const filter = parseFilter(typed);
      return filter.ok && filter.usesAlpha;
    };
    expect(['pen<0', 'weight>0.5 x', '-flipped'].map(uses)).toEqual([true, true, true]);
    expect(['r<0', 'dropped', '"flipped"'].map(uses)).toEqual([false, false, false]);
  });
});
