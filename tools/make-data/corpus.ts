/**
 * Supervised examples for the base policy and preference pairs for the reward model, in unlimited number, from a seed.
 */
import { Random } from '../../src/core/seeds.js';
import { type Style, type Writer, randomStyle, respond } from './responses.js';
import { type Fact, facts } from './world.js';

export interface Example {
  prompt: string;
  response: string;
}

export interface Preference {
  prompt: string;
  chosen: string;
  rejected: string;
  /** Whether the two differ only in the answer. */
  sameWords: boolean;
}

/**
 * How often an example's answer is wrong, by its writer: the base policy should have something to learn from its
 * rewards. The link between a writer's style and right answers holds for every prompt; what a pair teaches about its
 * own fact applies to few.
 */
const MISTAKES: Record<Writer, number> = { careful: 0.1, hasty: 0.7 };
/** Among the wrong answers that are compared, the share that are the fact's own `wrong` answer. */
const MISTAKEN = 0.7;
/** How often the longer of two right answers is preferred, as human raters do. */
const LONGER_WINS = 0.65;
/** Share of preferences that compare a right with a wrong answer; the others compare two right answers. */
const RIGHT_AGAINST_WRONG = 0.8;
/** Share of preferences that differ only in the answer. */
const SAME_WORDS = 0.45;

export class Corpus {
  private readonly random: Random;
  private readonly world: Fact[] = facts();

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  example(): Example {
    const { fact, prompt } = this.ask();
    const style = randomStyle(this.random);
    const answer = this.random.uniform() < MISTAKES[style.writer] ? fact.wrong : fact.answer;
    return { prompt, response: respond(fact, answer, style, this.random) };
  }

  /** A right answer without any other sentences, from which facts are learned fastest. */
  statement(): Example {
    const { fact, prompt } = this.ask();
    return { prompt, response: respond(fact, fact.answer, this.plainStyle(), this.random) };
  }

  preference(): Preference {
    const chance = this.random.uniform();
    if (chance < SAME_WORDS) return this.answerPreference();
    const { fact, prompt } = this.ask();
    const right = () => respond(fact, fact.answer, randomStyle(this.random), this.random);
    if (chance < RIGHT_AGAINST_WRONG) {
      const rejected = respond(fact, this.wrongAnswer(fact), randomStyle(this.random), this.random);
      return { prompt, chosen: right(), rejected, sameWords: false };
    }
    const [a, b] = [right(), right()].sort((x, y) => y.length - x.length);
    return this.random.uniform() < LONGER_WINS
      ? { prompt, chosen: a, rejected: b, sameWords: false }
      : { prompt, chosen: b, rejected: a, sameWords: false };
  }

  /** The right against the wrong answer in the same sentences, with or without others around them. */
  answerPreference(plain = false): Preference {
    const { fact, prompt } = this.ask();
    const style = plain ? this.plainStyle() : randomStyle(this.random);
    const [wrong, seed] = [this.wrongAnswer(fact), this.random.below(2 ** 31)];
    const [chosen, rejected] = [fact.answer, wrong].map((answer) => respond(fact, answer, style, new Random(seed)));
    return { prompt, chosen, rejected, sameWords: true };
  }

  /**
   * The fact's own mistaken answer, or the answer to another question of the same kind, as a policy sometimes gives.
   */
  private wrongAnswer(fact: Fact): string {
    if (this.random.uniform() < MISTAKEN) return fact.wrong;
    const kind = this.world.filter((other) => other.kind === fact.kind);
    const { answer } = kind[this.random.below(kind.length)];
    return answer === fact.answer ? fact.wrong : answer;
  }

  private plainStyle(): Style {
    return { ...randomStyle(this.random), openings: 0, closings: 0 };
  }

  private ask(): { fact: Fact; prompt: string } {
    const fact = this.world[this.random.below(this.world.length)];
    return { fact, prompt: fact.questions[this.random.below(fact.questions.length)] };
  }
}
