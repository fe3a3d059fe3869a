/**
 * Words that one text has and the other lacks: the shortest edit script over words. Spaces are ignored; punctuation
 * marks are words.
 */
import { diffArrays } from 'diff';

/** [start, end) in UTF-16 units. */
export type Range = [number, number];

/** Texts further apart than this many edits differ as a whole between their common start and end. */
const mostEdits = 1500;

const words = /[\p{L}\p{N}\p{M}_'’]+|[^\s\p{L}\p{N}]/gu;

interface Word {
  text: string;
  start: number;
}

/** @returns what `a` has that `b` lacks, and the reverse; neighbouring words are one range */
export function wordDiff(a: string, b: string): { a: Range[]; b: Range[] } {
  const [as, bs] = [wordsOf(a), wordsOf(b)];
  const [start, end] = commonEnds(as, bs);
  const [middleA, middleB] = [as.slice(start, as.length - end), bs.slice(start, bs.length - end)];
  const changes = diffArrays(middleA, middleB, {
    comparator: (left, right) => left.text === right.text,
    maxEditLength: mostEdits,
  });
  if (changes === undefined) return { a: ranges([middleA]), b: ranges([middleB]) };
  return {
    a: ranges(changes.filter(({ removed }) => removed).map(({ value }) => value)),
    b: ranges(changes.filter(({ added }) => added).map(({ value }) => value)),
  };
}

function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(words), (match) => ({ text: match[0], start: match.index }));
}

/** Number of words that both texts begin with, and end with. */
function commonEnds(a: readonly Word[], b: readonly Word[]): [number, number] {
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start].text === b[start].text) start++;
  let end = 0;
  while (end < most - start && a[a.length - 1 - end].text === b[b.length - 1 - end].text) end++;
  return [start, end];
}

/** From the first word of each stretch to the end of its last. */
function ranges(stretches: readonly (readonly Word[])[]): Range[] {
  return stretches
    .filter((stretch) => stretch.length > 0)
    .map((stretch): Range => {
      const last = stretch[stretch.length - 1];
      return [stretch[0].start, last.start + last.text.length];
    });
}
