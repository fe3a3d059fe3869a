/**
 * The filter language of the review table.
 *
 *     or     := and ("or" and)*
 *     and    := not (["and"] not)*                    terms side by side must all hold
 *     not    := ("not" | "-") not | "(" or ")" | term
 *     term   := mark                                  flipped, near, excluded, …
 *             | name sign number                      dlen > 50, r_w<=0.1; spaces are optional
 *             | number sign name [sign number]        10 < dlen <= 50
 *             | name ":" (number | range)             dlen:10..50, k:4, wlen:200..
 *             | [("w" | "l" | "p") ":"] text          capital, "capital city", w:"let me"
 *
 * The name of a number is its short form or its column heading. Words that are not names, marks or operators are
 * searched for as text; quotation marks turn anything into text.
 *
 * Leaves out where the values come from (components/screens/review/order.ts).
 */

/** Numbers that can be compared: the meaning of each, and its other names (headings, as drawn in Unicode and ASCII). */
export const filterNumbers = {
  r: { meaning: 'reward margin r_w - r_l', also: ['r_w-r_l', 'margin'] },
  rw: { meaning: 'reward of the chosen response', also: ['r_w'] },
  rl: { meaning: 'reward of the rejected response', also: ['r_l'] },
  dlen: { meaning: 'length difference Δ|y|', also: ['Δ|y|', 'd|y|'] },
  wlen: { meaning: 'length of the chosen response', also: ['|y_w|'] },
  llen: { meaning: 'length of the rejected response', also: ['|y_l|'] },
  lmargin: { meaning: 'length margin α·Δ|y|', also: ['α·Δ|y|', 'a.d|y|'] },
  pen: { meaning: 'length-penalized margin', also: ['penalized'] },
  weight: { meaning: 'gradient weight', also: [] },
  dissent: { meaning: "share of the reward's parts against the pair, in percent (docs/rewards.md)", also: [] },
  importance: { meaning: 'how much your decision matters, in percent (docs/review.md)', also: ['imp.'] },
  pw: { meaning: 'weight of the pair', also: [] },
  wlogp: { meaning: 'mean log π per token of the chosen response', also: ['logp_w/t'] },
  llogp: { meaning: 'mean log π per token of the rejected response', also: ['logp_l/t'] },
  k: { meaning: 'number of responses', also: [] },
  prompt: { meaning: 'number of the prompt', also: [] },
} as const satisfies Record<string, { meaning: string; also: readonly string[] }>;
export type FilterNumber = keyof typeof filterNumbers;

export const filterFlags = {
  flipped: 'flipped by the length penalty',
  against: 'chosen by the strategy for its length, against the reward',
  truncated: 'one of the pair met the length limit',
  near: 'near tie',
  decided: 'decided by a person',
  undecided: 'a pair that no person has decided',
  swapped: 'decided by a person against the rewards',
  excluded: 'excluded by a person',
  tie: 'made a tie by a person, or equal rewards',
  noted: 'has a note',
  dropped: 'gives no pair',
  pair: 'gives a pair',
  longer: 'the chosen response is longer',
  shorter: 'the chosen response is shorter',
} as const;
export type FilterFlag = keyof typeof filterFlags;

/** Prefixes such as `w:` that restrict a text to one part. */
export const filterParts = {
  w: 'the chosen response by the rewards',
  l: 'the rejected response by the rewards',
  p: 'the prompt',
} as const;
export type FilterPart = keyof typeof filterParts;

/** The syntax with its meaning, for the help and docs/keys.md. */
export const filterNotes: readonly (readonly [string, string])[] = [
  ['capital city', 'both words are in the prompt, the pair or its note'],
  ['"capital city"', 'these words side by side; quotes make text of a name'],
  ['p:text w:text l:text', 'text in the prompt, the chosen, the rejected response'],
  ['dlen > 50', 'or = != < <= >=; spaces are optional'],
  ['10 < dlen <= 50', 'both; also dlen:10..50, dlen:10.., k:4'],
  ['flipped or near', 'either; side by side or with `and`: both'],
  ['-flipped', 'not; also `not flipped`, -(flipped or near)'],
  ...Object.entries(filterFlags),
  ...Object.entries(filterNumbers).map(
    ([name, { meaning, also }]) => [name, `${meaning}${also.length === 0 ? '' : `; also ${also[0]}`}`] as const,
  ),
];

const comparisons = {
  '=': (a: number, b: number) => a === b,
  // NaN, for a value that a row does not have, satisfies no comparison.
  '!=': (a: number, b: number) => a < b || a > b,
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
} as const;
export type FilterSign = keyof typeof comparisons;

/** The values of a row that the filter reads. */
export interface Filterable {
  number(field: FilterNumber): number;
  flag(flag: FilterFlag): boolean;
  /** Whether it contains a lower-case text: in one part, or for null in the prompt, the pair's texts or the note. */
  has(text: string, part: FilterPart | null): boolean;
}

export type FilterNode =
  | { kind: 'or' | 'and'; terms: readonly FilterNode[] }
  | { kind: 'not'; term: FilterNode }
  | { kind: 'mark'; mark: FilterFlag }
  | { kind: 'number'; field: FilterNumber; sign: FilterSign; value: number }
  /** Both ends are inclusive. */
  | { kind: 'range'; field: FilterNumber; low: number; high: number }
  | { kind: 'text'; part: FilterPart | null; text: string };

export type Filter =
  | {
      ok: true;
      /** null: empty filter, every row passes. */
      node: FilterNode | null;
      test: (row: Filterable) => boolean;
      usesAlpha: boolean;
      /** Words taken as text that are one letter away from a mark or a name. */
      resembles: readonly { word: string; name: string }[];
    }
  /** `at`: index of the first character that cannot be parsed, from 0; `needs`: what is missing there. */
  | { ok: false; error: string; at: number; needs: FilterNeed | null };

/** What must follow for a filter to be complete; `end of text` is a closing quotation mark. */
export type FilterNeed = 'term' | 'name' | 'comparison' | 'number' | 'text' | 'end of text';

const ofAlpha: readonly string[] = ['lmargin', 'pen', 'weight', 'importance', 'flipped'];

export function parseFilter(typed: string): Filter {
  const parser = new Parser(typed);
  try {
    const node = parser.whole();
    return {
      ok: true,
      node,
      test: (row) => node === null || passes(node, row),
      usesAlpha: node !== null && mentions(node, ofAlpha),
      resembles: parser.resembles,
    };
  } catch (error) {
    if (error instanceof Unparsable) return { ok: false, error: error.message, at: error.at, needs: error.needs };
    throw error;
  }
}

/** Numbers that the filter compares. */
export function comparedNumbers(node: FilterNode): FilterNumber[] {
  switch (node.kind) {
    case 'or':
    case 'and':
      return node.terms.flatMap(comparedNumbers);
    case 'not':
      return comparedNumbers(node.term);
    case 'number':
    case 'range':
      return [node.field];
    default:
      return [];
  }
}

function passes(node: FilterNode, row: Filterable): boolean {
  switch (node.kind) {
    case 'or':
      return node.terms.some((term) => passes(term, row));
    case 'and':
      return node.terms.every((term) => passes(term, row));
    case 'not':
      return !passes(node.term, row);
    case 'mark':
      return row.flag(node.mark);
    case 'number':
      return comparisons[node.sign](row.number(node.field), node.value);
    case 'range': {
      const value = row.number(node.field);
      return value >= node.low && value <= node.high;
    }
    case 'text':
      return row.has(node.text.toLowerCase(), node.part);
  }
}

function mentions(node: FilterNode, names: readonly string[]): boolean {
  switch (node.kind) {
    case 'or':
    case 'and':
      return node.terms.some((term) => mentions(term, names));
    case 'not':
      return mentions(node.term, names);
    case 'mark':
      return names.includes(node.mark);
    case 'number':
    case 'range':
      return names.includes(node.field);
    case 'text':
      return false;
  }
}

/** The filter as text that parses to the same filter. */
export function printFilter(node: FilterNode): string {
  switch (node.kind) {
    case 'or':
    case 'and':
      return node.terms.map(printTerm).join(node.kind === 'or' ? ' or ' : ' ');
    case 'not':
      return `-${printTerm(node.term)}`;
    case 'mark':
      return node.mark;
    case 'number':
      return `${node.field}${node.sign}${node.value}`;
    case 'range':
      return `${node.field}:${node.low}..${node.high}`;
    case 'text':
      return `${node.part === null ? '' : `${node.part}:`}"${node.text.replace(/["\\]/g, '\\$&')}"`;
  }
}

const printTerm = (node: FilterNode): string =>
  node.kind === 'or' || node.kind === 'and' ? `(${printFilter(node)})` : printFilter(node);

class Unparsable extends Error {
  constructor(
    message: string,
    readonly at: number,
    readonly needs: FilterNeed | null,
  ) {
    super(message);
  }
}

/** All names of numbers in lower case. */
export const fieldNames: ReadonlyMap<string, FilterNumber> = new Map<string, FilterNumber>(
  (Object.keys(filterNumbers) as FilterNumber[]).flatMap((field) =>
    [field, ...filterNumbers[field].also].map((name) => [name.toLowerCase(), field] as const),
  ),
);
const flagNames = Object.keys(filterFlags);

/** Ends a name, a number or a word operator. */
const boundary = String.raw`(?=[\s()<>=≤≥≠:"]|!=|$)`;
const escaped = (text: string): string => text.replace(/[|.*+?^$(){}[\]\\]/g, '\\$&');
const patterns = {
  space: /\s+/y,
  or: new RegExp(String.raw`(?:or|\|\|?)(?=[\s()"]|$)`, 'iy'),
  and: new RegExp(String.raw`(?:and|&&?)(?=[\s()"]|$)`, 'iy'),
  not: new RegExp(String.raw`not(?=[\s()"]|$)|[-!](?!=)`, 'iy'),
  sign: /<=|>=|!=|==|[<>=≤≥≠]/y,
  number: new RegExp(String.raw`[-+−]?(?:\d+(?:[.,](?!\.)\d*)?|[.,]\d+)(?:e[-+]?\d+)?(?:(?=\.\.)|${boundary})`, 'iy'),
  dots: /\.\./y,
  // The longest name first: r_w-r_l begins with r_w.
  field: new RegExp(
    `(?:${[...fieldNames.keys()]
      .sort((a, b) => b.length - a.length)
      .map(escaped)
      .join('|')})${boundary}`,
    'iy',
  ),
  part: /[wlp]:/iy,
  open: /["“”„]/y,
};
const signs: Record<string, FilterSign> = { '==': '=', '≤': '<=', '≥': '>=', '≠': '!=' };
const mirrored: Partial<Record<FilterSign, FilterSign>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/** Limits nesting, as deeper filters would overflow the stack. */
const deepest = 100;

class Parser {
  private at = 0;
  private depth = 0;
  /** The operator that still lacks its operand. */
  private waiting = '';
  readonly resembles: { word: string; name: string }[] = [];

  constructor(private readonly typed: string) {}

  whole(): FilterNode | null {
    this.take('space');
    if (this.atEnd()) return null;
    const node = this.or();
    if (!this.atEnd()) this.fail('this `)` closes no parenthesis');
    return node;
  }

  private or(): FilterNode {
    const terms = [this.and()];
    while (this.operator('or')) terms.push(this.and());
    return terms.length === 1 ? terms[0] : { kind: 'or', terms };
  }

  private and(): FilterNode {
    const terms = [this.not()];
    for (;;) {
      if (!this.operator('and') && (this.atEnd() || this.next(')') || this.sees('or'))) break;
      terms.push(this.not());
    }
    return terms.length === 1 ? terms[0] : { kind: 'and', terms };
  }

  private not(): FilterNode {
    if (++this.depth > deepest) this.fail(`more than ${deepest} nested parentheses or negations`);
    const node = this.nested();
    this.depth--;
    return node;
  }

  private nested(): FilterNode {
    this.take('space');
    if (this.atEnd() || this.next(')') || this.sees('or') || this.sees('and')) {
      if (this.waiting !== '')
        this.fail(`expected text, a mark or a comparison after \`${this.waiting}\``, this.at, 'term');
      if (this.next(')')) this.fail('expected text, a mark or a comparison before `)`');
      this.fail(`expected text, a mark or a comparison before \`${this.word()}\``);
    }
    const between = this.numberFirst();
    if (between !== null) return this.placed(between);
    if (this.operator('not')) return { kind: 'not', term: this.not() };
    return this.next('(') ? this.parenthesis() : this.placed(this.term());
  }

  private parenthesis(): FilterNode {
    const opened = this.at++;
    this.waiting = '(';
    const node = this.or();
    this.take('space');
    if (!this.next(')')) this.fail('this `(` is not closed', opened, 'term');
    this.at++;
    this.take('space');
    return node;
  }

  /** Completes a term and skips the spaces after it. */
  private placed(node: FilterNode): FilterNode {
    this.waiting = '';
    this.take('space');
    return node;
  }

  /** `10 < dlen`, and with a second comparison `10 < dlen <= 50`; null if no comparison begins with a number. */
  private numberFirst(): FilterNode | null {
    const from = this.at;
    const typed = this.take('number');
    this.take('space');
    const sign = typed === null ? null : this.takeSign();
    if (typed === null || sign === null) {
      this.at = from;
      return null;
    }
    this.take('space');
    const name = this.take('field');
    if (name === null) this.fail(`expected a name after \`${sign}\`, like dlen`, this.at, 'name');
    const field = this.fieldOf(name);
    const value = this.valueOf(typed, from);
    const first: FilterNode = { kind: 'number', field, sign: mirrored[sign] ?? sign, value };
    const ended = this.at;
    this.take('space');
    const second = this.takeSign();
    if (second === null) {
      this.at = ended;
      return first;
    }
    const then: FilterNode = { kind: 'number', field, sign: second, value: this.number(second) };
    return { kind: 'and', terms: [first, then] };
  }

  private term(): FilterNode {
    const from = this.at;
    if (this.sees('open')) return { kind: 'text', part: null, text: this.quoted() };
    const stray = this.takeSign();
    if (stray !== null)
      this.fail(`expected a name before \`${stray}\`, like dlen; in quotation marks it is text`, from);
    const name = this.take('field');
    if (name !== null) return this.comparison(name);
    const part = this.take('part');
    if (part !== null) return this.textIn(part);
    const text = this.word();
    const ended = this.at;
    this.take('space');
    const sign = this.takeSign();
    if (sign !== null) this.fail(this.unknown(text, sign), from);
    this.at = ended;
    return this.plain(text, from);
  }

  private comparison(name: string): FilterNode {
    const field = this.fieldOf(name);
    if (this.next(':')) {
      this.at++;
      this.take('space');
      if (field === 'prompt' && !this.sees('number') && !this.sees('dots'))
        this.fail('expected a number after `prompt:`; p: searches the text of the prompt', this.at, 'number');
      return this.range(field, ':');
    }
    this.take('space');
    const sign = this.takeSign();
    if (sign === null)
      this.fail(
        `expected a comparison after \`${name}\`, like \`${name} > 0\`; in quotation marks it is text`,
        this.at,
        'comparison',
      );
    if (sign === '=') return this.range(field, sign);
    return { kind: 'number', field, sign, value: this.number(sign) };
  }

  /** After `:` or `=`: a number, or a range `a..b` with either end optional. */
  private range(field: FilterNumber, sign: string): FilterNode {
    this.take('space');
    const from = this.at;
    const low = this.sees('dots') ? null : this.number(sign);
    if (this.take('dots') === null) return { kind: 'number', field, sign: '=', value: low ?? 0 };
    const high = this.sees('number') || low === null ? this.number('..') : null;
    if (low === null) return { kind: 'number', field, sign: '<=', value: high ?? 0 };
    if (high === null) return { kind: 'number', field, sign: '>=', value: low };
    if (low > high) this.fail(`no number is in ${low}..${high}; the smaller one comes first`, from);
    return { kind: 'range', field, low, high };
  }

  private number(after: string): number {
    this.take('space');
    const from = this.at;
    const typed = this.take('number');
    if (typed !== null) return this.valueOf(typed, from);
    const text = this.word();
    return this.fail(`expected a number after \`${after}\`${text === '' ? '' : `, not \`${text}\``}`, from, 'number');
  }

  private valueOf(typed: string, at: number): number {
    // The screen shows counts as 1,234; elsewhere the comma is a decimal comma.
    if (/^[-+−]?[1-9]\d{0,2}(,\d{3})+$/.test(typed))
      this.fail(
        `\`${typed}\` may mean ${typed.replaceAll(',', '')} or ${typed.replace(',', '.')}; write one of them`,
        at,
      );
    const value = Number(typed.replace(',', '.').replace('−', '-'));
    if (!Number.isFinite(value)) this.fail(`\`${typed}\` is too large for a number`, at);
    return value + 0;
  }

  private textIn(prefix: string): FilterNode {
    const part = prefix[0].toLowerCase() as FilterPart;
    if (this.sees('open')) return { kind: 'text', part, text: this.quoted() };
    const text = this.word();
    if (text === '') this.fail(`expected text after \`${prefix}\``, this.at, 'text');
    return { kind: 'text', part, text };
  }

  private plain(text: string, at: number): FilterNode {
    const word = text.toLowerCase();
    if (flagNames.includes(word)) return { kind: 'mark', mark: word as FilterFlag };
    const keyed = /^([^:]+):[-+−]?[\d.]/.exec(word);
    const meant = keyed === null ? null : closest(keyed[1], [...fieldNames.keys()], keyed[1].length < 5 ? 1 : 2);
    if (keyed !== null && meant !== null)
      this.fail(`unknown name \`${keyed[1]}\`; did you mean ${meant}? In quotation marks it is text`, at);
    const joined = word.split(/\|\|?|&&?|,/);
    if (joined.length > 1 && joined.some((piece) => flagNames.includes(piece)))
      this.fail(`write \`or\` or \`and\` with spaces instead of \`${text}\`; in quotation marks it is text`, at);
    const name = word.length < 4 ? null : closest(word, [...flagNames, ...fieldNames.keys()], 1);
    if (name !== null) this.resembles.push({ word: text, name });
    return { kind: 'text', part: null, text };
  }

  private unknown(name: string, sign: string): string {
    const word = name.toLowerCase();
    if (word === 'marks') return `marks are named by themselves: ${flagNames.join(' ')}`;
    if (flagNames.includes(word)) return `\`${name}\` is a mark and takes no \`${sign}\``;
    const meant = closest(word, [...fieldNames.keys()], word.length < 5 ? 1 : 2);
    const names = meant === null ? `there are ${Object.keys(filterNumbers).join(' ')}` : `did you mean ${meant}?`;
    return `unknown name \`${name}\`; ${names}`;
  }

  /** Ends at a space, a sign, or the closing parenthesis of an outer group. */
  private word(): string {
    const from = this.at;
    for (let inner = 0; !this.atEnd() && !/\s/.test(this.typed[this.at]) && !this.sees('sign'); this.at++) {
      if (this.next('(')) inner++;
      else if (this.next(')') && --inner < 0) break;
    }
    return this.typed.slice(from, this.at);
  }

  /** Quoted text; a backslash escapes a quotation mark or a backslash. */
  private quoted(): string {
    const from = this.at++;
    let text = '';
    while (!this.atEnd() && !this.sees('open')) {
      const [character, after] = [this.typed[this.at], this.typed[this.at + 1]];
      const escapes = character === '\\' && (after === '"' || after === '\\');
      text += escapes ? after : character;
      this.at += escapes ? 2 : 1;
    }
    if (this.atEnd()) this.fail('the quotation mark is not closed', from, 'end of text');
    this.at++;
    if (text === '') this.fail('expected text between the quotation marks', from);
    return text;
  }

  private operator(which: 'or' | 'and' | 'not'): boolean {
    this.take('space');
    const found = this.take(which);
    if (found === null) return false;
    this.waiting = found;
    return true;
  }

  private takeSign(): FilterSign | null {
    const found = this.take('sign');
    return found === null ? null : (signs[found] ?? (found as FilterSign));
  }

  private fieldOf(name: string): FilterNumber {
    const field = fieldNames.get(name.toLowerCase());
    return field ?? this.fail(`unknown name \`${name}\``);
  }

  private atEnd(): boolean {
    return this.at >= this.typed.length;
  }

  private next(character: string): boolean {
    return this.typed[this.at] === character;
  }

  private sees(what: keyof typeof patterns): boolean {
    patterns[what].lastIndex = this.at;
    return patterns[what].test(this.typed);
  }

  private take(what: keyof typeof patterns): string | null {
    patterns[what].lastIndex = this.at;
    const found = patterns[what].exec(this.typed)?.[0] ?? null;
    this.at += found?.length ?? 0;
    return found;
  }

  private fail(message: string, at = this.at, needs: FilterNeed | null = null): never {
    throw new Unparsable(message, Math.min(at, this.typed.length), needs);
  }
}

/** The name with the fewest edits, transpositions included; null if none is within `most`. */
function closest(word: string, names: readonly string[], most: number): string | null {
  let best: string | null = null;
  let least = most + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > most) continue;
    const distance = edits(word, name);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

function edits(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => i + j));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      rows[i][j] = Math.min(
        rows[i - 1][j] + 1,
        rows[i][j - 1] + 1,
        rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? rows[i - 2][j - 2] + 1 : Infinity,
      );
    }
  }
  return rows[a.length][b.length];
}
