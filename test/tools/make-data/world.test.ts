import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isCorrect } from '../../../tools/make-data/check.js';
import { splitPrompts } from '../../../tools/make-data/prompts.js';
import { randomStyle, respond } from '../../../tools/make-data/responses.js';
import { facts } from '../../../tools/make-data/world.js';
import { Random } from '../../../src/core/seeds.js';

const world = facts();

describe('the world', () => {
  it('knows a dozen kinds and more', () => {
    expect(new Set(world.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(12);
  });

  it('asks every question once', () => {
    const questions = world.flatMap((fact) => fact.questions);
    expect(new Set(questions).size).toBe(questions.length);
  });

  it('takes no right answer for a wrong one', () => {
    for (const { questions, answer, wrong } of world) expect(wrong, questions[0]).not.toBe(answer);
  });

  it.each([
    ['What is 7 minus 3?', '4'],
    ['Is 12 odd or even?', 'even'],
    ['Which day comes before Monday?', 'Sunday'],
    ['Which month comes after December?', 'January'],
    ['What is the plural of goose?', 'geese'],
    ['What is the capital of Peru?', 'Lima'],
    ['What is the opposite of hot?', 'cold'],
  ])('%s %s', (question, answer) =>
    expect(world.find(({ questions }) => questions.includes(question))?.answer).toBe(answer),
  );
});

describe('responses', () => {
  it('say what the checker understands, right or wrong', () => {
    const random = new Random(3);
    for (const fact of world) {
      const row = { prompt: fact.questions[0], kind: fact.kind, answer: fact.answer };
      const given = (answer: string) => isCorrect(row, respond(fact, answer, randomStyle(random), random));
      expect(given(fact.answer), row.prompt).toBe(true);
      expect(given(fact.wrong), `${row.prompt} ${fact.wrong}`).toBe(false);
    }
  });
});

describe('prompts', () => {
  const { training, heldOut } = splitPrompts(1);

  it('are in one set only', () => {
    const prompts = [...training, ...heldOut].map(({ prompt }) => prompt);
    expect(new Set(prompts).size).toBe(prompts.length);
  });

  it('follow from their seed', () => {
    expect(splitPrompts(1)).toEqual({ training, heldOut });
    expect(splitPrompts(2).heldOut).not.toEqual(heldOut);
  });

  it.each([
    ['prompts.jsonl', training],
    ['held-out.jsonl', heldOut],
  ])('are those of %s', (file, rows) => {
    const text = readFileSync(new URL(`../../../data/${file}`, import.meta.url), 'utf8');
    expect(text).toBe(rows.map((row) => JSON.stringify(row) + '\n').join(''));
  });
});
