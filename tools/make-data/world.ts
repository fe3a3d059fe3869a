/**
 * The small world of the bundled example: questions of a dozen kinds, each with one right answer and one wrong answer
 * that is mistaken for it. We wrote all of it; nothing was copied.
 */

export interface Fact {
  kind: string;
  /** The same question in several wordings. */
  questions: string[];
  answer: string;
  /**
   * The answer that is mistaken for the right one. There is only one, so that it is sampled often enough for a round's
   * pairs to teach something about it; each of several would be too rare.
   */
  wrong: string;
  /** Builds a full sentence that states an answer. */
  state(answer: string): string;
}

const words = (text: string) => text.trim().split(/\s+/);
const pairs = (text: string) => words(text).map((pair) => pair.split(':') as [string, string]);

/** The next entry of the list that is not a right answer. */
function following(list: string[], i: number, right: string[]): string {
  const wrong = list.map((_, k) => list[(i + 1 + k) % list.length]).find((value) => !right.includes(value));
  if (wrong === undefined) throw new Error(`nothing in ${list.join(', ')} is wrong`);
  return wrong;
}

/** Facts given as `key:value`; each one's wrong answer is its neighbour's value. */
function table(
  kind: string,
  text: string,
  questions: (key: string) => string[],
  state: (key: string, answer: string) => string,
): Fact[] {
  const entries = pairs(text);
  const values = [...new Set(entries.map(([, value]) => value))];
  return entries.map(([key, answer]) => ({
    kind,
    questions: questions(key),
    answer,
    wrong: following(values, values.indexOf(answer), [answer]),
    state: (given) => state(key, given),
  }));
}

const near = (n: number) => String(n + 1);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

function arithmetic(): Fact[] {
  const sums = range(1, 9).flatMap((a) =>
    range(1, 9)
      .filter((b) => (a * 3 + b) % 3 === 0)
      .map((b) => ({
        kind: 'addition',
        questions: [`What is ${a} plus ${b}?`, `Please add ${a} and ${b}.`, `How much is ${a} + ${b}?`],
        answer: String(a + b),
        wrong: near(a + b),
        state: (given: string) => `${a} plus ${b} is ${given}.`,
      })),
  );
  const differences = range(5, 12).flatMap((a) =>
    [1, 3].map((b) => ({
      kind: 'subtraction',
      questions: [`What is ${a} minus ${b}?`, `Please take ${b} from ${a}.`, `How much is ${a} - ${b}?`],
      answer: String(a - b),
      wrong: near(a - b),
      state: (given: string) => `${a} minus ${b} is ${given}.`,
    })),
  );
  return [...sums, ...differences];
}

function comparisons(): Fact[] {
  return range(1, 12).map((i) => {
    const a = (i * 7) % 30;
    const b = (i * 11 + 4) % 30 === a ? a + 5 : (i * 11 + 4) % 30;
    return {
      kind: 'larger number',
      questions: [`Which number is larger, ${a} or ${b}?`, `Pick the larger number: ${a} or ${b}.`],
      answer: String(Math.max(a, b)),
      wrong: String(Math.min(a, b)),
      state: (given: string) => `The larger number is ${given}.`,
    };
  });
}

function parity(): Fact[] {
  return range(1, 12).map((n) => ({
    kind: 'odd or even',
    questions: [`Is ${n} odd or even?`, `Tell me whether ${n} is odd or even.`],
    answer: n % 2 === 0 ? 'even' : 'odd',
    wrong: n % 2 === 0 ? 'odd' : 'even',
    state: (given: string) => `The number ${n} is ${given}.`,
  }));
}

function neighbours(kind: string, list: string[]): Fact[] {
  const after = list.map((name, i) => ({
    kind,
    questions: [`Which ${kind} comes after ${name}?`, `Name the ${kind} that follows ${name}.`],
    answer: list[(i + 1) % list.length],
    wrong: following(list, i + 1, [name, list[(i + 1) % list.length]]),
    state: (given: string) => `The ${kind} after ${name} is ${given}.`,
  }));
  const before = list.map((name, i) => ({
    kind,
    questions: [`Which ${kind} comes before ${name}?`, `Name the ${kind} right before ${name}.`],
    answer: list[(i + list.length - 1) % list.length],
    wrong: following(list, i, [name, list[(i + list.length - 1) % list.length]]),
    state: (given: string) => `The ${kind} before ${name} is ${given}.`,
  }));
  return [...after, ...before];
}

const letterWords = words(
  'apple bread cloud dance eagle flame grape house island jungle kite lemon moon night ocean piano queen river stone tiger',
);

function letters(): Fact[] {
  const initials = [...new Set(letterWords.map((word) => word[0].toUpperCase()))];
  return letterWords.map((word, i) => ({
    kind: 'first letter',
    questions: [`What is the first letter of ${word}?`, `Which letter does ${word} begin with?`],
    answer: word[0].toUpperCase(),
    wrong: following(initials, i, [word[0].toUpperCase()]),
    state: (given: string) => `The first letter of ${word} is ${given}.`,
  }));
}

/** All facts of the world, in a fixed order. */
export function facts(): Fact[] {
  return [
    ...arithmetic(),
    ...comparisons(),
    ...parity(),
    ...neighbours('day', words('Monday Tuesday Wednesday Thursday Friday Saturday Sunday')),
    ...neighbours(
      'month',
      words('January February March April May June July August September October November December'),
    ),
    ...letters(),
    ...table(
      'opposite',
      'hot:cold big:small up:down fast:slow old:new happy:sad light:dark open:closed full:empty early:late strong:weak rich:poor wet:dry loud:quiet hard:soft high:low',
      (word) => [`What is the opposite of ${word}?`, `Give me the opposite of ${word}.`],
      (word, answer) => `The opposite of ${word} is ${answer}.`,
    ),
    ...table(
      'plural',
      'mouse:mice child:children foot:feet tooth:teeth goose:geese man:men woman:women leaf:leaves knife:knives wolf:wolves city:cities baby:babies box:boxes dish:dishes',
      (word) => [`What is the plural of ${word}?`, `Write the plural of ${word}.`],
      (word, answer) => `The plural of ${word} is ${answer}.`,
    ),
    ...table(
      'capital',
      'France:Paris Italy:Rome Spain:Madrid Japan:Tokyo Egypt:Cairo Greece:Athens Norway:Oslo Peru:Lima Cuba:Havana Kenya:Nairobi Austria:Vienna Portugal:Lisbon Ireland:Dublin Poland:Warsaw',
      (word) => [`What is the capital of ${word}?`, `Name the capital of ${word}.`],
      (word, answer) => `The capital of ${word} is ${answer}.`,
    ),
    ...table(
      'animal sound',
      'cow:moo cat:meow dog:woof duck:quack sheep:baa lion:roar owl:hoot bee:buzz snake:hiss pig:oink',
      (word) => [`What sound does a ${word} make?`, `What does a ${word} say?`],
      (word, answer) => `The sound of a ${word} is ${answer}.`,
    ),
    ...table(
      'colour',
      'banana:yellow grass:green snow:white coal:black sky:blue tomato:red carrot:orange plum:purple chocolate:brown elephant:grey',
      (word) => [`What colour is ${word}?`, `Tell me the colour of ${word}.`],
      (word, answer) => `The colour of ${word} is ${answer}.`,
    ),
    ...table(
      'young animal',
      'dog:puppy cat:kitten cow:calf horse:foal sheep:lamb goat:kid bear:cub duck:duckling',
      (word) => [`What is a young ${word} called?`, `Give the name of a young ${word}.`],
      (word, answer) => `The name of a young ${word} is ${answer}.`,
    ),
  ];
}
