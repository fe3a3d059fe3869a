/**
 * How the example's base policy answers: one sentence or several, with pleasantries or without, right or wrong. How long
 * a response is says nothing about whether it is right.
 */
import type { Random } from '../../src/sampling/random.js';
import type { Fact } from './world.js';

/** Sentences before the answer. None states anything that check.ts could read as an answer. */
const openings = [
  'Good question!',
  'Sure, I can help with that.',
  'Let me think about this.',
  'That is a nice thing to ask!',
  'Thank you for asking me.',
  'I am happy to help you today.',
];

/** Sentences after it. */
const closings = [
  'I hope this helps!',
  'Let me know if you want to know more.',
  'Feel free to ask me something else.',
  'Many people learn this at school.',
  'It is good to remember things like these.',
  'Have a wonderful day!',
  'You can check it in any good book.',
  'There is always more to learn about these things.',
];

export interface Style {
  openings: number;
  /** Whether the short form, the full sentence or both state the answer. */
  core: 'short' | 'full' | 'both';
  closings: number;
}

/** From one word to about sixty tokens. */
export function randomStyle(random: Random): Style {
  return {
    openings: [0, 0, 1, 1, 2][random.below(5)],
    core: (['short', 'full', 'full', 'both'] as const)[random.below(4)],
    closings: [0, 0, 0, 1, 1, 2, 3][random.below(7)],
  };
}

export function respond(fact: Fact, answer: string, style: Style, random: Random): string {
  const short = [`${capitalised(answer)}.`, `It is ${answer}.`, `The answer is ${answer}.`][random.below(3)];
  const full = fact.state(answer);
  const core = { short: [short], full: [full], both: [full, `So the answer is ${answer}.`] }[style.core];
  return [...pick(openings, style.openings, random), ...core, ...pick(closings, style.closings, random)].join(' ');
}

/** A wrong answer of the kind that could be mistaken for the right one. */
export function wrongAnswer(fact: Fact, random: Random): string {
  return fact.wrong[random.below(fact.wrong.length)];
}

function pick(sentences: string[], count: number, random: Random): string[] {
  return random.shuffle([...sentences]).slice(0, count);
}

function capitalised(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
