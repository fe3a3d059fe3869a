/**
 * Finds stock phrases: words and phrases of up to five words that are over-represented in chosen responses, and phrases
 * that chosen responses repeat. Counts level by level: a phrase can be frequent only if its first and last words but
 * one are (Agrawal & Srikant, "Fast algorithms for mining association rules", 1994), which keeps 20,000 pairs within
 * memory.
 *
 * Leaves out who requests it, and when (engine/queries.ts, cli/reviewSession.ts).
 */
import { type Contrast, zScore } from '../statistics.js';

export interface Phrases {
  /** Number of pairs read: an even sample if not all fit in memory. */
  read: number;
  /** Phrases over-represented in chosen responses, highest z first. */
  phrases: Contrast[];
  /**
   * Four-word sequences that a chosen response contains at least three times, with the number of chosen and rejected
   * responses that do so.
   */
  repeated: Contrast[];
  /** Mean share of a response's four-word sequences that repeat an earlier one; NaN if every response is too short. */
  repetition: { chosen: number; rejected: number };
}

export interface Texts {
  chosen: string;
  rejected: string;
}

const LONGEST = 5;
/** Least number of responses with a phrase; fewer prove nothing. */
const LEAST = 5;
/** Least ẑ: of thousands of tested phrases, some look significant by chance. */
const TELLING = 3;
const LISTED = 60;
const REPEATS = 3;
/** Characters of all texts: about two hundred megabytes of counts. */
const MOST_CHARACTERS = 60e6;

/** Yields to the event loop every few milliseconds. */
export async function phrasesOf(given: readonly Texts[]): Promise<Phrases> {
  const slices = new Slices();
  const pairs = evenly(given);
  const corpus = new Corpus();
  const repeats = new Repeats();
  for (const { chosen, rejected } of pairs) {
    for (const [side, text] of [chosen, rejected].entries()) {
      corpus.add(text, side);
      repeats.add(corpus, side);
      await slices.between();
    }
  }
  const least = Math.max(LEAST, Math.ceil(pairs.length / 200));
  const candidates: Candidate[] = [];
  for (let level = 1; level <= LONGEST; level++) {
    if (level > 1 && !(await corpus.lengthen(level, least, slices))) break;
    for (const candidate of corpus.telling(level, least)) candidates.push(candidate);
    await slices.between();
  }
  return {
    read: pairs.length,
    phrases: mostTelling(candidates),
    repeated: repeats.most(pairs.length),
    repetition: repeats.means(),
  };
}

function evenly(pairs: readonly Texts[]): readonly Texts[] {
  const characters = pairs.reduce((sum, { chosen, rejected }) => sum + chosen.length + rejected.length, 0);
  if (characters <= MOST_CHARACTERS) return pairs;
  const kept = Math.max(1, Math.floor((pairs.length * MOST_CHARACTERS) / characters));
  return Array.from({ length: kept }, (_, i) => pairs[Math.floor((i * pairs.length) / kept)]);
}

interface Candidate extends Contrast {
  /** The words with a space before and after each; markup is a separate word. */
  spaced: string;
}

interface Document {
  side: number;
  words: Int32Array;
  /** 1: a phrase can continue from the previous word to this one. */
  joined: Uint8Array;
  /** The frequent phrase of the current level that starts at each word; -1 without one. */
  starts: Int32Array;
}

/** Texts as word ids, and the number of chosen and rejected responses with each phrase of one level. */
class Corpus {
  readonly words: string[] = [];
  private readonly ids = new Map<string, number>();
  private readonly isMark: boolean[] = [];
  private readonly documents: Document[] = [];
  /** Distinct words per response, summed over chosen and over rejected responses. */
  private readonly all = [0, 0];
  private counts: [number[], number[]] = [[], []];
  /** The words of each phrase of the current level. */
  private phrases: number[][] = [];

  /** The text that was added last, without its markup. */
  last(): Pick<Document, 'words' | 'joined'> {
    const { words, joined } = this.documents[this.documents.length - 1];
    const isText = (_: number, i: number): boolean => !this.isMark[words[i]];
    return { words: words.filter(isText), joined: joined.filter(isText) };
  }

  add(text: string, side: number): void {
    const words = wordsOf(text);
    const ids = Int32Array.from(words, (word) => this.idOf(word.text, word.mark));
    const joined = Uint8Array.from(words, (word) => (word.joined ? 1 : 0));
    for (const id of new Set(ids)) {
      this.counts[side][id]++;
      this.all[side]++;
    }
    this.documents.push({ side, words: ids, joined, starts: ids.slice() });
  }

  private idOf(text: string, mark: boolean): number {
    // Distinguishes markup from a word that looks like it.
    const key = mark ? ` ${text}` : text;
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.words.length;
      this.ids.set(key, id);
      this.words.push(text);
      this.isMark.push(mark);
      this.phrases.push([id]);
      this.counts[0].push(0);
      this.counts[1].push(0);
    }
    return id;
  }

  /** Extends phrases by one word. @returns whether there are any */
  async lengthen(level: number, least: number, slices: Slices): Promise<boolean> {
    const [chosen, rejected] = this.counts;
    const before = this.phrases;
    const isFrequent = (phrase: number): boolean => phrase >= 0 && chosen[phrase] + rejected[phrase] >= least;
    const found = new Map<number, number>();
    const phrases: number[][] = [];
    const counts: [number[], number[]] = [[], []];
    const seen: number[] = [];
    for (const [at, { side, words, joined, starts }] of this.documents.entries()) {
      for (let i = 0; i < words.length; i++) {
        const [head, tail] = [starts[i], i + 1 < words.length && joined[i + 1] === 1 ? starts[i + 1] : -1];
        // Read before it is overwritten: place i + 1 still holds the shorter phrase.
        starts[i] = -1;
        if (!isFrequent(head) || !isFrequent(tail)) continue;
        const key = head * before.length + tail;
        let phrase = found.get(key);
        if (phrase === undefined) {
          phrase = phrases.length;
          found.set(key, phrase);
          phrases.push([...before[head], words[i + level - 1]]);
          counts[0].push(0);
          counts[1].push(0);
          seen.push(-1);
        }
        starts[i] = phrase;
        if (seen[phrase] === at) continue;
        seen[phrase] = at;
        counts[side][phrase]++;
      }
      await slices.between();
    }
    this.phrases = phrases;
    this.counts = counts;
    return phrases.length > 0;
  }

  /** Numbers and single letters, which come from lists and abbreviations. */
  private saysNothing(word: number): boolean {
    return !this.isMark[word] && /^(\p{N}+|[a-z])$/u.test(this.words[word]);
  }

  telling(level: number, least: number): Candidate[] {
    const [chosen, rejected] = this.counts;
    return this.phrases.flatMap((phrase, i): Candidate[] => {
      if (chosen[i] < least || (level === 1 && this.saysNothing(phrase[0]))) return [];
      const z = zScore(chosen[i], this.all[0], rejected[i], this.all[1]);
      if (z < TELLING) return [];
      const words = phrase.map((id) => this.words[id]);
      const text = level === 1 && this.isMark[phrase[0]] ? marks[words[0]].name : phraseOf(words);
      return [{ text, spaced: ` ${words.join(' ')} `, chosen: chosen[i], rejected: rejected[i], z }];
    });
  }
}

/** Of nested phrases, keeps the longer one if nearly as many responses have it. */
function mostTelling(candidates: readonly Candidate[]): Contrast[] {
  const kept: Candidate[] = [];
  const byZ = [...candidates].sort((a, b) => b.z - a.z).slice(0, 10 * LISTED);
  const within = (part: Candidate, whole: Candidate): boolean =>
    part.spaced.length < whole.spaced.length && whole.spaced.includes(part.spaced);
  const said = byZ.filter((part) => !byZ.some((whole) => within(part, whole) && whole.chosen >= 0.7 * part.chosen));
  for (const candidate of said) {
    const told = kept.some(
      (other) =>
        (within(candidate, other) && other.chosen >= 0.5 * candidate.chosen) ||
        (within(other, candidate) && candidate.chosen >= 0.3 * other.chosen),
    );
    if (!told) kept.push(candidate);
    if (kept.length === LISTED) break;
  }
  return kept.map(({ text, chosen, rejected, z }) => ({ text, chosen, rejected, z }));
}

/**
 * Four-word sequences that a response repeats: seq-rep-4 (Welleck et al., "Neural text generation with unlikelihood
 * training", arXiv 1908.04319), over words.
 */
class Repeats {
  private readonly phrases = new Map<string, [number, number]>();
  private readonly sums = [0, 0];
  private readonly texts = [0, 0];

  add(corpus: Corpus, side: number): void {
    const { words, joined } = corpus.last();
    const sequences = words.length - 3;
    if (sequences < 1) return;
    // Gives pairs of words their own numbers, so that two of them make one exact key.
    const couples = new Map<number, number>();
    const couple = Int32Array.from({ length: words.length - 1 }, (_, i) =>
      remembered(couples, words[i] * 2 ** 26 + words[i + 1]),
    );
    const times = new Map<number, { at: number; count: number }>();
    for (let i = 0; i < sequences; i++) {
      const key = couple[i] * 2 ** 26 + couple[i + 2];
      const known = times.get(key);
      if (known === undefined) times.set(key, { at: i, count: 1 });
      else known.count++;
    }
    this.sums[side] += 1 - times.size / sequences;
    this.texts[side]++;
    for (const { at, count } of times.values()) {
      // Only a sequence that appears in the text exactly as shown here can be searched for.
      if (count < REPEATS || joined[at + 1] + joined[at + 2] + joined[at + 3] < 3) continue;
      const phrase = phraseOf(Array.from(words.subarray(at, at + 4), (id) => corpus.words[id]));
      const counts = this.phrases.get(phrase) ?? [0, 0];
      counts[side]++;
      this.phrases.set(phrase, counts);
    }
  }

  means(): { chosen: number; rejected: number } {
    return { chosen: this.sums[0] / this.texts[0], rejected: this.sums[1] / this.texts[1] };
  }

  /**
   * Sequences that several chosen responses repeat, and more of them than rejected responses; most chosen responses
   * first.
   */
  most(pairs: number): Contrast[] {
    return [...this.phrases]
      .filter(([, [chosen, rejected]]) => chosen > Math.max(1, rejected))
      .map(([text, [chosen, rejected]]) => ({ text, chosen, rejected, z: zScore(chosen, pairs, rejected, pairs) }))
      .sort((a, b) => b.chosen - a.chosen || b.z - a.z)
      .slice(0, LISTED);
  }
}

function remembered(numbers: Map<number, number>, key: number): number {
  let found = numbers.get(key);
  if (found === undefined) numbers.set(key, (found = numbers.size));
  return found;
}

// Splits texts into lower-case words; in scripts without spaces each character is a word. Markup becomes separate
// words, since headings, lists and bold are what reward models fall for first.

export interface Word {
  text: string;
  /** One space (or none, between characters of such scripts) separates it from the previous word. */
  joined: boolean;
  /** Markup or an emoji; not part of any phrase. */
  mark: boolean;
}

/** The name of each markup, and the text to search for. */
export const marks: Record<string, { name: string; sign: string }> = {
  '#': { name: 'heading', sign: '# ' },
  '-': { name: 'list item', sign: '- ' },
  '1.': { name: 'numbered item', sign: '1. ' },
  '**': { name: 'bold', sign: '**' },
  '```': { name: 'code block', sign: '```' },
  '|': { name: 'table', sign: '|---' },
  '☺': { name: 'emoji', sign: '' },
};

const unspaced = '[\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}]';
const pieces = new RegExp(
  [
    '(?<code>^[ \\t]*```)',
    '(?<heading>^#{1,6}(?= ))',
    '(?<item>^[ \\t]*[-*•](?= ))',
    '(?<number>^[ \\t]*\\d+[.)](?= ))',
    '(?<table>^\\|?[ :|-]*-{3}[ :|-]*$)',
    '(?<bold>\\*\\*)',
    '(?<emoji>(?=\\P{ASCII})\\p{Extended_Pictographic})',
    `(?<character>${unspaced})`,
    `(?<word>(?:(?!${unspaced})[\\p{L}\\p{N}]\\p{M}*)+(?:['’](?:(?!${unspaced})[\\p{L}\\p{N}]\\p{M}*)+)*)`,
  ].join('|'),
  'gmu',
);
const marked: [string, string][] = [
  ['code', '```'],
  ['heading', '#'],
  ['item', '-'],
  ['number', '1.'],
  ['table', '|'],
  ['bold', '**'],
  ['emoji', '☺'],
];

export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let end = -1;
  let apart = true;
  for (const match of text.matchAll(pieces)) {
    const groups = match.groups ?? {};
    const mark = marked.find(([group]) => groups[group] !== undefined);
    if (mark !== undefined) {
      words.push({ text: mark[1], joined: false, mark: true });
      end = -1;
      continue;
    }
    const single = groups['character'] !== undefined;
    const gap = match.index - end;
    const joined = end >= 0 && (gap === 0 || (gap === 1 && text[end] === ' ' && !single && apart));
    words.push({ text: match[0].toLowerCase(), joined, mark: false });
    end = match.index + match[0].length;
    apart = !single;
  }
  return words;
}

/** Joins the words of a phrase as they appeared in the text. */
export function phraseOf(words: readonly string[]): string {
  return words.reduce((phrase, word) =>
    isUnspaced(phrase.at(-1) ?? '') || isUnspaced(word) ? phrase + word : `${phrase} ${word}`,
  );
}

const oneUnspaced = new RegExp(`^${unspaced}`, 'u');
function isUnspaced(text: string): boolean {
  return oneUnspaced.test(text);
}

const SLICE_MILLISECONDS = 6;

/** Cuts long counting into short slices, so that keys and sockets on the same thread wait for one slice at most. */
export class Slices {
  private started = performance.now();

  /** Called between steps of well under a millisecond: yields once the slice has lasted long enough. */
  async between(): Promise<void> {
    if (performance.now() - this.started < SLICE_MILLISECONDS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.started = performance.now();
  }
}
