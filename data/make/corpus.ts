/** Supervised examples for the base policy and preference pairs for the reward model, endless and by seed. */
import { Random } from '../../src/sampling/random.js';
import { randomStyle, respond, wrongAnswer } from './responses.js';
import { type Fact, facts } from './world.js';

export interface Example {
  prompt: string;
  response: string;
}

export interface Preference {
  prompt: string;
  chosen: string;
  rejected: string;
  /** The two differ in nothing but the answer. */
  sameWords: boolean;
}

/** How often an example's answer is wrong: the base policy is to have something to learn from its rewards. */
const MISTAKES = 0.4;
/** Of two right answers, how often the longer one is preferred, as with human raters. */
const LONGER_WINS = 0.75;
/** Share of preferences that are between right and wrong; the others are between two right answers. */
const RIGHT_AGAINST_WRONG = 0.8;
/** Share of preferences that differ in nothing but the answer. */
const SAME_WORDS = 0.45;

export class Corpus {
  private readonly random: Random;
  private readonly world: Fact[] = facts();

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  example(): Example {
    const { fact, prompt } = this.ask();
    const answer = this.random.uniform() < MISTAKES ? wrongAnswer(fact, this.random) : fact.answer;
    return { prompt, response: respond(fact, answer, randomStyle(this.random), this.random) };
  }

  preference(): Preference {
    const chance = this.random.uniform();
    if (chance < SAME_WORDS) return this.answerPreference();
    const { fact, prompt } = this.ask();
    const right = () => respond(fact, fact.answer, randomStyle(this.random), this.random);
    if (chance < RIGHT_AGAINST_WRONG) {
      const rejected = respond(fact, wrongAnswer(fact, this.random), randomStyle(this.random), this.random);
      return { prompt, chosen: right(), rejected, sameWords: false };
    }
    const [a, b] = [right(), right()].sort((x, y) => y.length - x.length);
    return this.random.uniform() < LONGER_WINS
      ? { prompt, chosen: a, rejected: b, sameWords: false }
      : { prompt, chosen: b, rejected: a, sameWords: false };
  }

  /** Right against wrong in the same sentences: what the reward model learns fastest from. */
  answerPreference(): Preference {
    const { fact, prompt } = this.ask();
    const wrong = wrongAnswer(fact, this.random);
    const [style, seed] = [randomStyle(this.random), this.random.below(2 ** 31)];
    const [chosen, rejected] = [fact.answer, wrong].map((answer) => respond(fact, answer, style, new Random(seed)));
    return { prompt, chosen, rejected, sameWords: true };
  }

  private ask(): { fact: Fact; prompt: string } {
    const fact = this.world[this.random.below(this.world.length)];
    return { fact, prompt: fact.questions[this.random.below(fact.questions.length)] };
  }
}
