import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { claims, isCorrect } from '../../../tools/make-data/check.js';

const asked = (answer: string) => ({ prompt: '', kind: '', answer });

describe('isCorrect', () => {
  it.each([
    ['7', '3 plus 4 is 7.'],
    ['7', 'Sure! You want to know 3 plus 4. The answer is 7. Counting on from 3 by 4 gives 7. I hope that helps!'],
    ['7', '7.'],
    ['7', 'The answer is: 7'],
    ['12', 'That would be 12 months.'],
    ['Paris', 'The capital of France is Paris. The government of France sits in that city.'],
    ['moo', 'It is "moo".'],
    ['1, 3, 9', 'The order of 9, 1, 3 is 1, 3, 9.'],
    ['t-a-c', 'Cat backwards is t-a-c.'],
    ['a', 'The first letter of apple is a.'],
  ])('takes %s for the answer of "%s"', (answer, response) => expect(isCorrect(asked(answer), response)).toBe(true));

  it.each([
    ['7', '3 plus 4 is 8.'],
    ['7', 'It is 8. It is 7.'],
    ['7', 'I like the 7 dwarfs.'],
    ['7', 'It is 17.'],
    ['7', ''],
    ['cold', 'Sure! Good question!'],
    ['fish', 'It is fishs.'],
    ['1, 3, 9', 'The answer is 3, 1, 9.'],
    ['Paris', 'The capital of Paris is Rome.'],
  ])('does not take %s for the answer of "%s"', (answer, response) =>
    expect(isCorrect(asked(answer), response)).toBe(false),
  );
});

describe('data/correct.mjs, the metric of the bundled example', () => {
  interface CorrectMetric {
    name: string;
    percent: boolean;
    score(input: { response: string; row: object }): number;
  }
  const load = async () => (await import(new URL('../../../data/correct.mjs', import.meta.url).href)) as CorrectMetric;

  it('decides like isCorrect on every held-out answer, stated in several ways', async () => {
    const { score, name, percent } = await load();
    expect({ name, percent }).toEqual({ name: 'correct', percent: true });
    const lines = readFileSync(new URL('../../../data/held-out.jsonl', import.meta.url), 'utf8')
      .trim()
      .split('\n');
    const rows = lines.map((line) => JSON.parse(line) as { prompt: string; kind: string; answer: string });
    let right = 0;
    for (const [i, row] of rows.entries()) {
      const other = rows[(i + 7) % rows.length].answer;
      const responses = [
        `It is ${row.answer}.`,
        `Sure! The answer is "${row.answer}". I hope that helps!`,
        `It is ${other}.`,
        `It is ${other}. No, it is ${row.answer}.`,
        row.answer,
        '',
      ];
      for (const response of responses) {
        expect(score({ response, row }), `${row.prompt} ${response}`).toBe(isCorrect(row, response) ? 1 : 0);
        right += score({ response, row });
      }
    }
    expect(right).toBeGreaterThan(2 * rows.length);
    expect(right).toBeLessThan(5 * rows.length);
  });

  it('says which key it needs', async () => {
    const { score } = await load();
    expect(() => score({ response: '7', row: {} })).toThrow('no "answer"');
  });
});

describe('claims', () => {
  it('gives every statement of the answer’s form in order', () => {
    expect(claims('7', 'Good question! It is 8. No, the answer is 7. That is easy.')).toEqual(['8', '7']);
  });

  it('refuses an answer that it has no form for', () => {
    expect(() => claims('3.5 m/s', 'It is 3.5 m/s.')).toThrow('has no form');
  });
});
