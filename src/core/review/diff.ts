/**
 * Words that one text has and the other lacks: the shortest edit script over words (Myers, "An O(ND) difference
 * algorithm and its variations", 1986, the greedy form). Spaces do not count; punctuation marks are words.
 */

/** [start, end) in UTF-16 units. */
export type Range = [number, number];

/** Texts further apart than this many words are told apart as a whole between their common start and end. */
const mostEdits = 1500;

const words = /[\p{L}\p{N}\p{M}_'’]+|[^\s\p{L}\p{N}]/gu;

interface Word {
  text: string;
  start: number;
}

/** @returns what `a` has that `b` lacks, and the other way round; neighbouring words are one range */
export function wordDiff(a: string, b: string): { a: Range[]; b: Range[] } {
  const [as, bs] = [wordsOf(a), wordsOf(b)];
  let start = 0;
  while (start < as.length && start < bs.length && as[start].text === bs[start].text) start++;
  let end = 0;
  while (
    end < as.length - start &&
    end < bs.length - start &&
    as[as.length - 1 - end].text === bs[bs.length - 1 - end].text
  )
    end++;
  const [middleA, middleB] = [as.slice(start, as.length - end), bs.slice(start, bs.length - end)];
  const same = common(middleA, middleB);
  return { a: ranges(middleA, same?.a ?? new Set()), b: ranges(middleB, same?.b ?? new Set()) };
}

function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(words), (match) => ({ text: match[0], start: match.index }));
}

/** Places of a longest common subsequence in both; null where the texts are too far apart to look for it. */
function common(a: Word[], b: Word[]): { a: Set<number>; b: Set<number> } | null {
  const most = Math.min(mostEdits, a.length + b.length);
  // furthest[k + most + 1]: how far along `a` the best path with x - y = k has come.
  const furthest = new Int32Array(2 * most + 3);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits++) {
    trace.push(furthest.slice(most - edits, most + edits + 3));
    for (let k = -edits; k <= edits; k += 2) {
      const at = k + most + 1;
      let x = goesDown(furthest, at, k, edits) ? furthest[at + 1] : furthest[at - 1] + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x].text === b[y].text) [x, y] = [x + 1, y + 1];
      furthest[at] = x;
      if (x >= a.length && y >= b.length) return walkBack(a.length, b.length, trace);
    }
  }
  return null;
}

/** Whether the path to diagonal k takes its last edit from `b`. */
function goesDown(furthest: Int32Array, at: number, k: number, edits: number): boolean {
  return k === -edits || (k !== edits && furthest[at - 1] < furthest[at + 1]);
}

function walkBack(n: number, m: number, trace: Int32Array[]): { a: Set<number>; b: Set<number> } {
  const same = { a: new Set<number>(), b: new Set<number>() };
  let [x, y] = [n, m];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const k = x - y;
    // The kept stretch begins at diagonal -edits - 1.
    const at = k + edits + 1;
    const before = goesDown(trace[edits], at, k, edits) ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : trace[edits][before + edits + 1];
    const fromY = edits === 0 ? 0 : fromX - before;
    while (x > fromX && y > fromY) {
      same.a.add(--x);
      same.b.add(--y);
    }
    [x, y] = [fromX, fromY];
  }
  return same;
}

function ranges(all: Word[], same: Set<number>): Range[] {
  const out: Range[] = [];
  all.forEach(({ text, start }, i) => {
    if (same.has(i)) return;
    const last = out.at(-1);
    if (last !== undefined && i > 0 && !same.has(i - 1)) last[1] = start + text.length;
    else out.push([start, start + text.length]);
  });
  return out;
}
