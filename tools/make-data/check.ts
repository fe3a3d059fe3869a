/**
 * Checks whether a response answers its prompt correctly. A claim is the text of a sentence after its last "is",
 * "gives" and the like, or a sentence that consists of nothing else, if it has the form of the right answer: a number,
 * a list of numbers, a letter, letters with hyphens, a word. A response is correct if it makes a claim and all its
 * claims are the right answer: hedging does not count.
 */

/** One row of prompts.jsonl and held-out.jsonl. */
export interface CheckedPrompt {
  prompt: string;
  kind: string;
  answer: string;
}

/** Forms of claims; the first that matches the right answer applies. */
const forms = [/^\d+$/, /^\d+(, \d+)+$/, /^[a-z]$/, /^[a-z](-[a-z])+$/, /^[a-z]+$/];

const stating = /^.*\b(?:is|are|be|gives|equals|says)\b:?\s+/;

/** @returns the response's claims in the form of the answer, in order, in lower case */
export function claims(answer: string, response: string): string[] {
  const form = forms.find((candidate) => candidate.test(answer.toLowerCase()));
  if (form === undefined) throw new Error(`the answer "${answer}" has no form that can be looked for`);
  const sentences = response.toLowerCase().match(/[^.!?]+[.!?]*/g) ?? [];
  return sentences.flatMap((sentence) => {
    const bare = sentence.replace(/["'`*]/g, '').trim();
    // "Sure!" is a sentence of one word but not a claim.
    if (!stating.test(bare) && bare.endsWith('!')) return [];
    const stated = bare.replace(stating, '').replace(/[.!?]+$/, '');
    const withoutUnit = stated.replace(/^(\d+) [a-z]+$/, '$1');
    return form.test(withoutUnit) ? [withoutUnit] : [];
  });
}

export function isCorrect({ answer }: CheckedPrompt, response: string): boolean {
  const stated = claims(answer, response);
  return stated.length > 0 && stated.every((claim) => claim === answer.toLowerCase());
}
