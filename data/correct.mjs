/**
 * A metric of the bundled example: whether a response answers its prompt correctly (1) or not (0). The held-out file has
 * the right answer of each prompt in the key `answer`.
 *
 * A claim is the text of a sentence after its last "is", "gives" and the like, or a sentence that consists of nothing
 * else, if it has the form of the right answer. A response is correct if it makes a claim and all its claims are the
 * right answer: hedging does not count.
 *
 * The rule is that of tools/make-data/check.ts, in JavaScript: a metric's module must be complete in itself.
 */
export const name = 'correct';
export const percent = true;

/** Forms of claims; the first that matches the right answer applies. */
const forms = [/^\d+$/, /^\d+(, \d+)+$/, /^[a-z]$/, /^[a-z](-[a-z])+$/, /^[a-z]+$/];

const stating = /^.*\b(?:is|are|be|gives|equals|says)\b:?\s+/;

export function score({ response, row }) {
  if (typeof row.answer !== 'string')
    throw new Error('the row of the held-out file has no "answer", which this metric compares responses with');
  const answer = row.answer.toLowerCase();
  const form = forms.find((candidate) => candidate.test(answer));
  if (form === undefined) throw new Error(`the answer "${answer}" has no form that can be looked for`);
  const sentences = response.toLowerCase().match(/[^.!?]+[.!?]*/g) ?? [];
  const claims = sentences.flatMap((sentence) => {
    const bare = sentence.replace(/["'`*]/g, '').trim();
    // "Sure!" is a sentence of one word but not a claim.
    if (!stating.test(bare) && bare.endsWith('!')) return [];
    const stated = bare.replace(stating, '').replace(/[.!?]+$/, '');
    const withoutUnit = stated.replace(/^(\d+) [a-z]+$/, '$1');
    return form.test(withoutUnit) ? [withoutUnit] : [];
  });
  return claims.length > 0 && claims.every((claim) => claim === answer) ? 1 : 0;
}
