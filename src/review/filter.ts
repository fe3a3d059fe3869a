/**
 * The filter language of the review table: terms with spaces between, all of which must hold.
 *
 *     capital city          both words are in the prompt, the pair's texts or the note
 *     "capital city"        the words as they stand
 *     w:"capital city"      the winner by the rewards has them; l: the loser, p: the prompt
 *     dlen>50 r<0.1         numbers: = != < <= > >=
 *     flipped truncated     marks
 *     -flipped -"sorry"     not
 *
 * Leaves out where the values come from (ui/review/filtering.ts).
 */

/** What can be compared, and what it is. */
export const filterNumbers = {
  r: 'reward margin r_w - r_l',
  rw: 'reward of the winner',
  rl: 'reward of the loser',
  dlen: 'Δ|y|',
  wlen: '|y_w|',
  llen: '|y_l|',
  pen: 'length-penalized margin',
  weight: 'gradient weight',
  k: 'number of responses',
  prompt: 'number of the prompt',
} as const;
export type FilterNumber = keyof typeof filterNumbers;

export const filterFlags = {
  flipped: 'flipped by the length penalty',
  truncated: 'winner or loser met the length limit',
  near: 'near tie',
  decided: 'a person decided',
  swapped: 'a person turned the rewards round',
  excluded: 'excluded by a person',
  tie: 'made a tie by a person, or equal rewards',
  noted: 'has a note',
  dropped: 'gives no pair',
  pair: 'gives a pair',
  longer: 'the winner is longer',
  shorter: 'the winner is shorter',
} as const;
export type FilterFlag = keyof typeof filterFlags;

/** Before words, `w:words`: where they must be. */
export const filterParts = { w: 'the winner by the rewards', l: 'the loser by the rewards', p: 'the prompt' } as const;
export type FilterPart = keyof typeof filterParts;

/** A row as the filter asks it. */
export interface Filterable {
  number(field: FilterNumber): number;
  flag(flag: FilterFlag): boolean;
  /** Whether a lower-case text is in it: in one part, or in the prompt, the pair's texts or the note. */
  has(text: string, part: FilterPart | null): boolean;
}

export type Filter =
  | { ok: true; test: (row: Filterable) => boolean; usesAlpha: boolean }
  /** `at`: the first character that cannot be read, from 0. */
  | { ok: false; error: string; at: number };

type Test = (row: Filterable) => boolean;

const comparisons: Record<string, (a: number, b: number) => boolean> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const ofAlpha: readonly string[] = ['pen', 'weight', 'flipped'];

/** Nothing typed lets everything through. */
export function parseFilter(typed: string): Filter {
  const tests: Test[] = [];
  let usesAlpha = false;
  let at = 0;
  for (;;) {
    at += /^\s*/.exec(typed.slice(at))?.[0].length ?? 0;
    if (at >= typed.length) return { ok: true, test: (row) => tests.every((test) => test(row)), usesAlpha };
    const negated = /^[-!](?=\S)/.test(typed.slice(at));
    const term = readTerm(typed, negated ? at + 1 : at);
    if ('error' in term) return { ok: false, ...term };
    usesAlpha ||= term.usesAlpha;
    tests.push(negated ? (row) => !term.test(row) : term.test);
    at = term.end;
  }
}

type Term = { test: Test; end: number; usesAlpha: boolean } | { error: string; at: number };

function readTerm(typed: string, at: number): Term {
  const part = /^([wlp]):(?=\S)/.exec(typed.slice(at));
  const from = at + (part === null ? 0 : 2);
  const where = part === null ? null : (part[1] as FilterPart);
  if (typed[from] === '"') {
    const close = typed.indexOf('"', from + 1);
    if (close < 0) return { error: 'the quotation mark is not closed', at: from };
    return contains(typed.slice(from + 1, close), close + 1, where);
  }
  const [word] = /^\S+/.exec(typed.slice(at)) ?? [''];
  const end = at + word.length;
  if (where !== null) return contains(typed.slice(from, end), end, where);
  const compared = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.*)$/.exec(word);
  if (compared === null) {
    const flag = word.toLowerCase();
    if (!Object.hasOwn(filterFlags, flag)) return contains(word, end, null);
    return { test: (row) => row.flag(flag as FilterFlag), end, usesAlpha: ofAlpha.includes(flag) };
  }
  const [, name, sign, value] = compared;
  const field = name.toLowerCase();
  if (!Object.hasOwn(filterNumbers, field))
    return { error: `no column ${name}: there are ${Object.keys(filterNumbers).join(' ')}`, at };
  const wanted = Number(value.replace(',', '.'));
  if (value === '' || Number.isNaN(wanted)) {
    const place = at + name.length + sign.length;
    return { error: `${name}${sign} needs a number${value === '' ? '' : `, not ${value}`}`, at: place };
  }
  const compare = comparisons[sign];
  const test: Test = (row) => compare(row.number(field as FilterNumber), wanted);
  return { test, end, usesAlpha: ofAlpha.includes(field) };
}

function contains(text: string, end: number, part: FilterPart | null): Term {
  const wanted = text.toLowerCase();
  return { test: (row) => row.has(wanted, part), end, usesAlpha: false };
}
