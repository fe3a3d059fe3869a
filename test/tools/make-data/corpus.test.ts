import { describe, expect, it } from 'vitest';
import { isCorrect } from '../../../tools/make-data/check.js';
import { Corpus } from '../../../tools/make-data/corpus.js';
import { facts } from '../../../tools/make-data/world.js';

const answers = new Map(facts().flatMap(({ questions, answer }) => questions.map((question) => [question, answer])));
const draw = <T>(count: number, one: () => T) => Array.from({ length: count }, one);

describe('Corpus', () => {
  it('follows from its seed', () => {
    const examples = (seed: number) => {
      const corpus = new Corpus(seed);
      return draw(200, () => corpus.example());
    };
    expect(examples(1)).toEqual(examples(1));
    expect(examples(2)).not.toEqual(examples(1));
  });

  it('errs by its writer, whose length says nothing', () => {
    const corpus = new Corpus(1);
    const hasty = /^(Oh, I know|No need|That one is)|I guess|It seems/;
    const careful = /^(Let me (check|think)|I will take)|I checked|I am sure/;
    const examples = draw(6000, () => corpus.example()).map(({ prompt, response }) => ({
      right: isCorrect({ prompt, kind: '', answer: answers.get(prompt) as string }, response),
      words: response.split(' ').length,
      response,
    }));
    const by = (writer: RegExp) => examples.filter(({ response }) => writer.test(response));
    const right = (list: typeof examples) => list.filter((example) => example.right).length / list.length;
    const words = (list: typeof examples) => list.reduce((total, example) => total + example.words, 0) / list.length;
    // Four of ten answers are wrong: 0.1 of the one’s and 0.7 of the other's.
    expect(Math.abs(right(examples) - 0.6)).toBeLessThan(0.03);
    expect(Math.abs(right(by(careful)) - 0.9)).toBeLessThan(0.03);
    expect(Math.abs(right(by(hasty)) - 0.3)).toBeLessThan(0.03);
    expect(Math.abs(words(by(careful)) - words(by(hasty)))).toBeLessThan(1);
  });

  it('answers at every length', () => {
    const corpus = new Corpus(1);
    const words = draw(1000, () => corpus.example().response.split(' ').length);
    expect(Math.min(...words)).toBe(1);
    expect(Math.max(...words)).toBeGreaterThan(35);
  });

  it('makes pairs that differ in the answer alone', () => {
    const corpus = new Corpus(1);
    for (const { chosen, rejected, sameWords } of draw(500, () => corpus.answerPreference())) {
      expect(sameWords).toBe(true);
      expect(chosen).not.toBe(rejected);
      expect(chosen.split(' ').length).toBe(rejected.split(' ').length);
    }
  });

  it('states bare facts without a mistake', () => {
    const corpus = new Corpus(1);
    for (const { prompt, response } of draw(500, () => corpus.statement())) {
      expect(isCorrect({ prompt, kind: '', answer: answers.get(prompt) as string }, response), response).toBe(true);
      expect(response).toMatch(/^[^.]+\.( So the answer is [^.]+\.)?$/);
    }
  });

  it('prefers right to wrong always, whatever the length, and the longer of two right answers mostly', () => {
    const corpus = new Corpus(1);
    const bySort = { wrong: [] as boolean[], right: [] as boolean[] };
    for (const { prompt, chosen, rejected, sameWords } of draw(4000, () => corpus.preference())) {
      const row = { prompt, kind: '', answer: answers.get(prompt) as string };
      expect(isCorrect(row, chosen), chosen).toBe(true);
      if (sameWords || chosen.length === rejected.length) continue;
      bySort[isCorrect(row, rejected) ? 'right' : 'wrong'].push(chosen.length > rejected.length);
    }
    const share = (list: boolean[]) => list.filter(Boolean).length / list.length;
    expect(Math.abs(share(bySort.wrong) - 0.5)).toBeLessThan(0.06);
    expect(share(bySort.right)).toBeGreaterThan(0.6);
    expect(share(bySort.right)).toBeLessThan(0.7);
  });
});
