/**
 * Limits on data from outside (files, sockets, servers, people), and helpers that work for 200,000 rows.
 * docs/security.md lists every limit with its test. Ranges of single keys are in the schemas.
 */

/** Largest magnitude of a reward. Differences, sums and squares of a run's rewards stay finite. */
export const MAX_REWARD = 1e30;
/** Largest token id: ids are int32 on every backend. */
export const MAX_TOKEN_ID = 2 ** 31 - 1;
/** Largest weight of a pair that a person may set. */
export const MAX_PAIR_WEIGHT = 1000;
/** Bytes of one line of a JSON-lines file. */
export const MAX_LINE = 64 * 2 ** 20;
/** Bytes of a file that is read whole: run.json, configurations, the small files of a model folder. */
export const MAX_FILE = 256 * 2 ** 20;
/** Nesting of JSON. Code that walks a value recursively, JSON.stringify included, overflows the stack at some depth. */
export const MAX_DEPTH = 64;
/** Characters of a round's name. */
export const MAX_NAME = 80;
/** Characters of a round's note, and of a note on a pair. */
export const MAX_NOTE = 2000;
/** Bytes of one line that the engine accepts from a client. */
export const MAX_REQUEST = 2 ** 20;
/** Bytes of one line that a client accepts from the engine: a snapshot holds the pairs of a round. */
export const MAX_EVENT = 256 * 2 ** 20;
/** Bytes of a reward server's answer, after decompression. */
export const MAX_ANSWER = 16 * 2 ** 20;

/** "64 MB". */
export const megabytes = (bytes: number): string => `${bytes / 2 ** 20} MB`;

/** Math.max over all values, without its limit of about 100,000 arguments. -Infinity for no values. */
export function largest(values: Iterable<number>): number {
  let most = -Infinity;
  for (const value of values) most = Math.max(most, value);
  return most;
}

/** Math.min over all values. Infinity for no values. */
export function smallest(values: Iterable<number>): number {
  let least = Infinity;
  for (const value of values) least = Math.min(least, value);
  return least;
}

/** Editors on Windows put a byte order mark before JSON, which JSON.parse refuses. */
export function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** @throws SyntaxError if the text is not JSON or is nested deeper than MAX_DEPTH */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (mayBeDeep(text) && depthOf(text) > MAX_DEPTH)
    throw new SyntaxError(`it is nested more than ${MAX_DEPTH} levels deep`);
  return value;
}

/** Whether there are enough brackets to be too deep. Most rows have few, so the slower count is rarely needed. */
function mayBeDeep(text: string): boolean {
  let brackets = 0;
  for (const bracket of ['[', '{'])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (++brackets > MAX_DEPTH) return true;
  return false;
}

/** Nesting depth of valid JSON. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return deepest;
}
