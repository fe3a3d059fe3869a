/**
 * What can be typed next into a filter: names and operators that complete the word at the cursor, and what is expected
 * there in words. The grammar is filter.ts's: whatever it says is missing before the word is what is suggested.
 */
import { compact } from '../format.js';
import {
  type FilterFlag,
  type FilterNeed,
  type FilterNumber,
  type FilterPart,
  fieldNames,
  filterFlags,
  filterNumbers,
  filterParts,
  parseFilter,
} from './filter.js';

export interface FilterSuggestions {
  /** What they replace in the text, as UTF-16 units. */
  from: number;
  to: number;
  items: readonly { text: string; help: string }[];
  /** What is expected at the cursor. */
  expected: string;
}

type Item = FilterSuggestions['items'][number];

const names: readonly Item[] = [
  ...(Object.keys(filterFlags) as FilterFlag[]).map((flag) => ({ text: `${flag} `, help: filterFlags[flag] })),
  ...(Object.keys(filterNumbers) as FilterNumber[]).map((name) => ({
    text: `${name} `,
    help: filterNumbers[name].meaning,
  })),
  ...(Object.keys(filterParts) as FilterPart[]).map((part) => ({
    text: `${part}:`,
    help: `text in ${filterParts[part]}`,
  })),
];
const joins: readonly Item[] = [
  { text: 'or ', help: 'either of both' },
  { text: 'and ', help: 'both; side by side means the same' },
];
const not: Item = { text: 'not ', help: 'the opposite of what follows; also -' };
const signs: readonly Item[] = [
  { text: '> ', help: 'greater than' },
  { text: '>= ', help: 'at least' },
  { text: '< ', help: 'less than' },
  { text: '<= ', help: 'at most' },
  { text: '= ', help: 'equal to, or in a range such as 10..50' },
  { text: '!= ', help: 'not equal to' },
];

/** The word at the cursor; a minus before it negates. */
const word = /[^\s()<>=≤≥≠:!"\u201c\u201d\u201e-]*$/;
/** A number's name and its sign just before the cursor, the start of a range included. */
const compared = /([^\s()<>=≤≥≠]+?)\s*(?:<=|>=|!=|==|[<>=≤≥≠:])\s*(?:\S*\.\.)?$/;

/** @param rangeOf smallest and largest value of a number in the round; null if no row has one */
export function suggestFilter(
  typed: string,
  cursor: number,
  rangeOf: (name: FilterNumber) => readonly [number, number] | null,
): FilterSuggestions {
  const before = typed.slice(0, cursor);
  const begun = word.exec(before)?.[0] ?? '';
  const from = before.length - begun.length;
  const stem = before.slice(0, from);
  const at = (items: readonly Item[], expected: string): FilterSuggestions => ({ from, to: cursor, items, expected });
  switch (needOf(stem)) {
    case 'end of text':
      return at([], 'the text, then a quotation mark');
    case 'text':
      return at([], 'a word, or several in quotation marks');
    case 'number':
      return at([], `a number${rangeText(stem, rangeOf)}`);
    case 'comparison':
      return at(begun === '' ? signs : [], 'a comparison such as > 0, or a range such as = 10..50');
    case 'name':
      return at(
        starting(
          begun,
          names.filter(({ text }) => text.trim() in filterNumbers),
        ),
        'the name of a number, such as dlen',
      );
    case 'term':
      return at(...terms(begun, [...names, not]));
    case null:
      return at(...terms(begun, stem.trim() === '' ? [...names, not] : [...joins, ...names, not]));
  }
}

/** What is missing after a text; null: nothing, so another term may follow. */
function needOf(stem: string): FilterNeed | null {
  const filter = parseFilter(stem);
  return filter.ok ? null : filter.needs;
}

function terms(begun: string, items: readonly Item[]): [items: readonly Item[], expected: string] {
  const lower = begun.toLowerCase();
  const known = names.find(({ text }) => text.trim() === lower);
  const more = starting(begun, items);
  if (known !== undefined) return [more, `${lower}: ${known.help}`];
  const expected = 'text, a mark such as flipped, or a comparison such as dlen > 50';
  return [more, begun !== '' && more.length === 0 ? `text: rows that contain “${begun}”` : expected];
}

/** Those that the word begins, the word itself left out. */
function starting(begun: string, items: readonly Item[]): Item[] {
  const lower = begun.toLowerCase();
  return items.filter(({ text }) => text.startsWith(lower) && text.trim() !== lower);
}

function rangeText(stem: string, rangeOf: (name: FilterNumber) => readonly [number, number] | null): string {
  const name = fieldNames.get(compared.exec(stem)?.[1].toLowerCase() ?? '');
  const range = name === undefined ? null : rangeOf(name);
  return name === undefined || range === null
    ? ''
    : `; ${name} is from ${compact(range[0])} to ${compact(range[1])} here`;
}
