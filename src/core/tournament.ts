/**
 * Which responses to one prompt a judge compares, and the rewards that follow: a response's reward is the mean of its
 * win probabilities, the P(y ≻ π) that SPPO trains on (arXiv 2405.00675, section 4), estimated on the prompt's other
 * responses. Pure.
 *
 * Leaves out Bradley-Terry strengths: they are infinite for a response that wins or loses every comparison, which is
 * the rule for few responses and hard labels.
 */

/** Indices of two responses. */
export type Match = readonly [number, number];

/**
 * Every pair of K responses, or `most` of them. The order takes all neighbours first, then responses two apart, and so
 * on around a circle, so that a limited tournament gives every response about as many matches as any other.
 *
 * @returns fewer than ceil(K/2) matches only if `most` is smaller: then some response has none
 */
export function tournamentMatches(responses: number, most: number): Match[] {
  const matches: Match[] = [];
  for (let distance = 1; 2 * distance <= responses; distance++) {
    // Opposite responses on the circle meet once.
    const count = 2 * distance === responses ? distance : responses;
    const match = (i: number): Match => {
      const other = (i + distance) % responses;
      return i < other ? [i, other] : [other, i];
    };
    const all = Array.from({ length: count }, (_, i) => match(i));
    // Neighbours in disjoint pairs first: a short list then leaves nobody out.
    if (distance === 1) matches.push(...all.filter((_, i) => i % 2 === 0), ...all.filter((_, i) => i % 2 === 1));
    else matches.push(...all);
    if (matches.length >= most) break;
  }
  return matches.slice(0, most);
}

/**
 * Mean win probability of each response over its matches; ½ without a match.
 *
 * @param preferences of each match: the probability that its first response is the better one
 */
export function winProbabilities(
  responses: number,
  matches: readonly Match[],
  preferences: ArrayLike<number>,
): number[] {
  const sums = new Float64Array(responses);
  const counts = new Uint32Array(responses);
  matches.forEach(([first, second], m) => {
    sums[first] += preferences[m];
    sums[second] += 1 - preferences[m];
    counts[first]++;
    counts[second]++;
  });
  return Array.from(sums, (sum, i) => (counts[i] === 0 ? 0.5 : sum / counts[i]));
}
