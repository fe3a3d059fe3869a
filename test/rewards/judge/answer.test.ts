/** What counts as a judge's answer, and what its log-probabilities add. */
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../../src/rewards/judge/answer.js';
import { completion, type Said } from './judgeServer.js';

const judged = (question: 'compare' | 'grade', said: Said) => readAnswer(question, completion(said)).judgement;
const compared = (content: string) => judged('compare', { content });
const graded = (content: string) => judged('grade', { content });

describe('the better response, from text', () => {
  it.each([
    'X',
    ' x\n',
    '**X**',
    '(X).',
    '"X"',
    'Response X',
    'Answer: X',
    'Answer: Response X',
    'The better response is X.',
    'Response X is better.',
    'The winner is assistant X',
    'X\n\nResponse X answers the question.',
    'X. It is shorter.',
    '**X**: it is right',
    'Y is short. X is long.\n\nVerdict: X',
    'At first [[Y]] seemed right, yet my verdict is [[X]]',
  ])('%j says X', (form) => {
    const said = (x: string, y: string) =>
      compared(form.replace(/X/g, x).replace(/Y/g, y).replace(/^ x/, ` ${x.toLowerCase()}`));
    expect(said('A', 'B')).toEqual({ kind: 'usable', value: 1, soft: false });
    expect(said('B', 'A')).toEqual({ kind: 'usable', value: 0, soft: false });
  });
  it.each(['[[C]]', 'Tie', 'Verdict: tie'])('%j is a tie', (content) => {
    expect(compared(content)).toEqual({ kind: 'usable', value: 0.5, soft: false });
  });
  it.each([
    '',
    'A good response says more.',
    'Both are fine.',
    'Response A is longer, Response B is better',
    'AB',
    'C',
    '7',
    'Because A and B are equal, I will not choose.',
  ])('%j is none', (content) => {
    expect(compared(content)).toEqual({ kind: 'unparsable' });
  });
  it.each(["I'm sorry, but I can't compare these.", 'I cannot help with that.', 'As an AI, I have no opinion.'])(
    '%j is a refusal',
    (content) => {
      expect(compared(content)).toEqual({ kind: 'refusal' });
    },
  );
  it("the API's own marks are refusals", () => {
    expect(judged('compare', { content: null, refusal: 'No.' })).toEqual({ kind: 'refusal' });
    expect(judged('compare', { content: 'A', finish_reason: 'content_filter' })).toEqual({ kind: 'refusal' });
  });
});

describe('the better response, from log-probabilities', () => {
  it('is the share of A among A and B, however the tokenizer writes them', () => {
    // A: 0.5 + 0.1 = 0.6; B: 0.2; the rest is neither.
    const alternatives = { A: 0.5, ' A': 0.1, B: 0.2, The: 0.15 };
    const judgement = judged('compare', { content: 'A', tokens: [['A', alternatives]] });
    expect(judgement).toMatchObject({ kind: 'usable', soft: true });
    expect((judgement as { value: number }).value).toBeCloseTo(0.6 / 0.8, 12);
  });
  it('is read at the token that decides, after reasoning too', () => {
    const tokens: Said['tokens'] = [
      ['B', { B: 0.9, A: 0.1 }],
      [' is', { ' is': 1 }],
      [' short.\n', { ' short.\n': 1 }],
      ['Answer', { Answer: 1 }],
      [':', { ':': 1 }],
      [' A', { ' A': 0.7, ' B': 0.3 }],
      ['<|end|>', { '<|end|>': 1 }],
    ];
    const content = 'B is short.\nAnswer: A';
    expect((judged('compare', { content, tokens }) as { value: number }).value).toBeCloseTo(0.7, 12);
    // A reasoning parser takes the reasoning out of the content, and not out of the tokens.
    expect((judged('compare', { content: 'Answer: A', tokens }) as { value: number }).value).toBeCloseTo(0.7, 12);
  });
  it('an alternative that is not listed counts as impossible', () => {
    expect(judged('compare', { content: 'B', tokens: [['B', { B: 0.5 }]] })).toEqual({
      kind: 'usable',
      value: 0,
      soft: true,
    });
  });
  it.each<[string, Said['tokens']]>([
    ['that spell another text', [['X', { X: 1 }]]],
    ['of which the deciding one is more than the letter', [['A\nbecause', { 'A\nbecause': 1 }]]],
    ['of which there are none', []],
  ])('tokens %s leave a hard label', (_name, tokens) => {
    const content = tokens?.[0]?.[0].startsWith('A') === true ? 'A\nbecause' : 'A';
    expect(judged('compare', { content, tokens })).toEqual({ kind: 'usable', value: 1, soft: false });
  });
});

describe('a grade', () => {
  it.each<[string, number]>([
    ['7', 7],
    [' 10.', 10],
    ['7.5', 7.5],
    ['7/10', 7],
    ['8 out of 10', 8],
    ['Rating: **8**', 8],
    ['The grade is 3.', 3],
    ['Rating: [[6]]', 6],
    ['7\n\nIt is right and brief.', 7],
    ['It has 3 faults.\nScore: 4', 4],
  ])('%j is %d', (content, value) => {
    expect(graded(content)).toEqual({ kind: 'usable', value, soft: false });
  });
  it.each(['', '0', '11', '100', '7 and 8', 'It is 7 words long', '-3', 'seven', 'A'])('%j is none', (content) => {
    expect(graded(content)).toEqual({ kind: 'unparsable' });
  });

  const expectation = (said: Said) => {
    const judgement = judged('grade', said);
    expect(judgement).toMatchObject({ kind: 'usable', soft: true });
    return (judgement as { value: number }).value;
  };
  it('is the expected value over the grades among the alternatives', () => {
    // (7·0.6 + 8·0.2 + 10·0.1) / 0.9
    const value = expectation({
      content: '7',
      tokens: [['7', { '7': 0.6, '8': 0.2, '10': 0.1, '0': 0.05, The: 0.05 }]],
    });
    expect(value).toBeCloseTo((4.2 + 1.6 + 1) / 0.9, 12);
  });
  it('of a tokenizer that writes digits: the token after "1" tells 1 from 10', () => {
    const one: [string, Record<string, number>] = ['1', { '1': 0.8, '9': 0.2 }];
    // P(10) = 0.8·0.75 = 0.6, P(1) = 0.2, P(9) = 0.2
    const after: [string, Record<string, number>] = ['0', { '0': 0.75, '<|end|>': 0.25 }];
    expect(expectation({ content: '10', tokens: [one, after] })).toBeCloseTo(10 * 0.6 + 0.2 + 9 * 0.2, 12);
    const ended: [string, Record<string, number>] = ['<|end|>', { '0': 0.25, '<|end|>': 0.75 }];
    expect(expectation({ content: '1', tokens: [one, ended] })).toBeCloseTo(10 * 0.2 + 0.6 + 9 * 0.2, 12);
    // Another digit was written: "1" may begin 1 or 10, and is left out.
    expect(expectation({ content: '9', tokens: [['9', { '9': 0.5, '8': 0.3, '1': 0.2 }]] })).toBeCloseTo(
      (4.5 + 2.4) / 0.8,
      12,
    );
  });
});

it('reads long answers of any form in linear time', () => {
  // Quadratic time would be hours.
  for (const piece of ['A', '7', '[[', ' ', '**', '"A', '\n', '1.'])
    for (const question of ['compare', 'grade'] as const) {
      const content = `${piece.repeat(1e6)}!`;
      const token = `A${piece.repeat(1e6)}a`;
      readAnswer(question, completion({ content, tokens: [[content, { [content]: 0.5, [token]: 0.5 }]] }));
    }
});

it('reads what servers leave out', () => {
  const bare = { choices: [{ message: { content: 'A' } }] };
  expect(readAnswer('compare', bare)).toEqual({
    judgement: { kind: 'usable', value: 1, soft: false },
    text: 'A',
    cut: false,
    listed: false,
    usage: null,
  });
  expect(() => readAnswer('compare', { choices: [] })).toThrow();
  expect(() => readAnswer('compare', { error: 'x' })).toThrow();
});
