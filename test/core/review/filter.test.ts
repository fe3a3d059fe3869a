import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type FilterFlag,
  type FilterNode,
  type Filterable,
  type FilterNumber,
  type FilterPart,
  filterFlags,
  filterNumbers,
  parseFilter,
  printFilter,
} from '../../../src/core/review/filter.js';

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
    // Spaces around the sign.
    ['dlen > 50', true],
    ['dlen >60', false],
    ['-dlen > 50', false],
    ['r < -0.4 flipped', true],
    ['dlen ≥ 60 dlen ≠ 61', true],
    // Or, and, not, parentheses.
    ['excluded or flipped', true],
    ['excluded OR near', false],
    ['near | flipped', true],
    ['flipped and near', false],
    ['flipped && truncated', true],
    ['not near', true],
    ['not (flipped or near)', false],
    ['-(near excluded)', true],
    ['near or flipped france', true],
    ['(near or flipped) spain', false],
    ['--flipped', true],
    // Headings, as drawn in Unicode and in ASCII, in any case.
    ['R_W = 1', true],
    ['r_w-r_l<0', true],
    ['Δ|y|>50', true],
    ['d|y| > 50', true],
    // Ranges.
    ['dlen:50..60', true],
    ['dlen=50..59', false],
    ['dlen:60..', true],
    ['dlen:..59', false],
    ['k:4', true],
    ['50 < dlen <= 60', true],
    ['50 < dlen < 60', false],
    ['60 >= dlen', true],
    // Parentheses and signs within a word are text.
    ['f(x)', false],
    ['"dlen > 50"', false],
    // A value that a row does not have satisfies no comparison.
    ['pen>0', false],
    ['pen<=0', false],
    ['pen!=0', false],
    ['pen:0..9', false],
  ])('%j', (typed, expected) => {
    expect(fits(typed)).toBe(expected);
  });

  it.each(Object.keys(filterFlags) as FilterFlag[])('%s', (flag) => {
    expect(fits(flag, row({}, [flag]))).toBe(true);
    expect(fits(flag, row({}, [], flag))).toBe(false);
  });

  it.each<[string, string, number]>([
    ['dlen>', 'expected a number after `>`', 5],
    ['dlen > ten', 'expected a number after `>`, not `ten`', 7],
    ['ok dlen>x', 'expected a number after `>`, not `x`', 8],
    ['dlen > 1,000', '`1,000` may mean 1000 or 1.000; write one of them', 7],
    ['dlen > 1e999', '`1e999` is too large for a number', 7],
    ['dlen:60..50', 'no number is in 60..50; the smaller one comes first', 5],
    ['dlen flipped', 'expected a comparison after `dlen`, like `dlen > 0`; in quotation marks it is text', 5],
    ['prompt:France', 'expected a number after `prompt:`; p: searches the text of the prompt', 7],
    [
      'foo>3',
      'unknown name `foo`; there are r rw rl dlen wlen llen lmargin pen weight dissent importance pw wlogp llogp k prompt',
      0,
    ],
    ['-wieght > 3', 'unknown name `wieght`; did you mean weight?', 1],
    ['dlenn:3', 'unknown name `dlenn`; did you mean dlen? In quotation marks it is text', 0],
    ['marks > 1', `marks are named by themselves: ${Object.keys(filterFlags).join(' ')}`, 0],
    ['flipped > 1', '`flipped` is a mark and takes no `>`', 0],
    ['> 3', 'expected a name before `>`, like dlen; in quotation marks it is text', 0],
    ['flipped or', 'expected text, a mark or a comparison after `or`', 10],
    ['or flipped', 'expected text, a mark or a comparison before `or`', 2],
    ['flipped or and near', 'expected text, a mark or a comparison after `or`', 11],
    ['flipped|near', 'write `or` or `and` with spaces instead of `flipped|near`; in quotation marks it is text', 0],
    ['near -', 'expected text, a mark or a comparison after `-`', 6],
    ['(flipped or near', 'this `(` is not closed', 0],
    ['flipped)', 'this `)` closes no parenthesis', 7],
    ['()', 'expected text, a mark or a comparison after `(`', 1],
    ['a "b c', 'the quotation mark is not closed', 2],
    ['a w:"b c', 'the quotation mark is not closed', 4],
    ['a ""', 'expected text between the quotation marks', 2],
    ['w:', 'expected text after `w:`', 2],
    ['('.repeat(200), 'more than 100 nested parentheses or negations', 100],
  ])('%j cannot be parsed', (typed, error, at) => {
    expect(parseFilter(typed)).toMatchObject({ ok: false, error, at });
  });

  it('names the mark or number that a word of text resembles', () => {
    const resembles = (typed: string) => {
      const filter = parseFilter(typed);
      return filter.ok ? filter.resembles : null;
    };
    expect(resembles('fliped or exclude')).toEqual([
      { word: 'fliped', name: 'flipped' },
      { word: 'exclude', name: 'excluded' },
    ]);
    expect(resembles('capital "fliped" p:fliped')).toEqual([]);
  });

  it.each<[string, boolean]>([
    ['w:sure', true],
    ['l:sure', false],
    ['p:"how do"', true],
    ['-w:"let me"', false],
    ['w:"let me" l:no', true],
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

/** Filters as the parser gives them: `and` and `or` have two terms at least, texts some letter. */
const { filter: filters } = fc.letrec<{ filter: FilterNode; term: FilterNode }>((tie) => {
  const field = fc.constantFrom(...(Object.keys(filterNumbers) as FilterNumber[]));
  const value = fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0);
  return {
    filter: fc.oneof(
      { depthSize: 'small' },
      tie('term'),
      fc.record({ kind: fc.constantFrom('and', 'or'), terms: fc.array(tie('filter'), { minLength: 2, maxLength: 4 }) }),
      fc.record({ kind: fc.constant('not'), term: tie('filter') }),
    ) as fc.Arbitrary<FilterNode>,
    term: fc.oneof(
      fc.record({ kind: fc.constant('mark'), mark: fc.constantFrom(...(Object.keys(filterFlags) as FilterFlag[])) }),
      fc.record({ kind: fc.constant('number'), field, sign: fc.constantFrom('=', '!=', '<', '<=', '>', '>='), value }),
      fc
        .tuple(field, value, value)
        .map(([name, a, b]) => ({ kind: 'range', field: name, low: Math.min(a, b), high: Math.max(a, b) })),
      fc.record({
        kind: fc.constant('text'),
        part: fc.constantFrom(null, 'w', 'l', 'p'),
        text: fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/[“”„]/.test(text)),
      }),
    ) as fc.Arbitrary<FilterNode>,
  };
});

describe('any filter', () => {
  it('is the same after it is printed and parsed', () => {
    fc.assert(
      fc.property(filters, (node) => {
        const typed = printFilter(node);
        expect(parseFilter(typed), typed).toMatchObject({ ok: true, node });
      }),
      { numRuns: 300 },
    );
  });

  it('is parsed or refused with a place in it, whatever is typed', () => {
    const pieces = fc.constantFrom(
      ...['flipped', 'dlen', 'r_w-r_l', '|y_w|', 'or', 'and', 'not', '-', '(', ')', '"', 'w:', ':', '..', ' ', '\\'],
      ...['>', '<=', '!=', '10', '-0.5', '1,000', '1e999', 'word', '…', '\u0000', '😀'],
    );
    const typed = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((some) => some.join('')),
    );
    fc.assert(
      fc.property(typed, (text) => {
        const filter = parseFilter(text);
        if (filter.ok) return void filter.test(long);
        expect(filter.error).not.toBe('');
        expect(filter.at).toBeGreaterThanOrEqual(0);
        expect(filter.at).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 1000 },
    );
  });
});
