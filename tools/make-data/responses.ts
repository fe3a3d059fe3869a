/**
 * Writes responses like those of the example's base policy: one sentence or several, with or without pleasantries,
 * right or wrong. A response's length is independent of whether it is right.
 */
import type { Random } from '../../src/core/seeds.js';
import type { Fact } from './world.js';

/**
 * The style of a response's writer. The careful one checks before answering and is mostly right, the hasty one guesses
 * (corpus.ts says how often each is wrong); both write equally long responses.
 */
export type Writer = 'careful' | 'hasty';

/** Sentences before the answer. None contains a statement that check.ts could read as an answer. */
const openings: Record<Writer, string[]> = {
  careful: ['Let me check this first.', 'Let me think about this.', 'I will take my time here.'],
  hasty: ['Oh, I know that one!', 'No need to think here.', 'That one is so easy!'],
};

/** Possible beginnings of a statement of the answer. */
const leads: Record<Writer, string[]> = {
  careful: ['', 'I checked:', 'I am sure that'],
  hasty: ['', 'I guess that', 'It seems that'],
};

/** Sentences after the answer. */
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
  writer: Writer;
  openings: number;
  /** Whether the answer is stated in the short form, the full sentence or both. */
  core: 'short' | 'full' | 'both';
  closings: number;
}

/** From one word to about sixty tokens. */
export function randomStyle(random: Random): Style {
  return {
    writer: (['careful', 'hasty'] as const)[random.below(2)],
    openings: [0, 0, 1, 1, 2][random.below(5)],
    core: (['short', 'full', 'full', 'both'] as const)[random.below(4)],
    closings: [0, 0, 0, 1, 1, 2, 3][random.below(7)],
  };
}

export function respond(fact: Fact, answer: string, style: Style, random: Random): string {
  const lead = leads[style.writer][random.below(leads[style.writer].length)];
  const led = (statement: string) => (lead === '' ? statement : `${lead} ${lowered(statement)}`);
  const short = [`${capitalised(answer)}.`, led(`It is ${answer}.`), led(`The answer is ${answer}.`)][random.below(3)];
  const full = led(fact.state(answer));
  const core = { short: [short], full: [full], both: [full, `So the answer is ${answer}.`] }[style.core];
  const before = pick(openings[style.writer], style.openings, random);
  return [...before, ...core, ...pick(closings, style.closings, random)].join(' ');
}

function pick(sentences: string[], count: number, random: Random): string[] {
  return random.shuffle([...sentences]).slice(0, count);
}

function lowered(text: string): string {
  return text[0].toLowerCase() + text.slice(1);
}

function capitalised(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
