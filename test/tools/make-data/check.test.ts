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

describe('claims', () => {
  it('gives every statement of the answer’s form in order', () => {
    expect(claims('7', 'Good question! It is 8. No, the answer is 7. That is easy.')).toEqual(['8', '7']);
  });

  it('refuses an answer that it has no form for', () => {
    expect(() => claims('3.5 m/s', 'It is 3.5 m/s.')).toThrow('has no form');
  });
});
