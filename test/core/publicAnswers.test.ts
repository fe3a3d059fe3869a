/** Answers in public formats: their exact keys, and questions that a format cannot hold. */
import { describe, expect, it } from 'vitest';
import {
  alpacaOutput,
  arenaHardAnswer,
  checkQuestions,
  conversation,
  mtBenchAnswer,
  type Question,
} from '../../src/core/publicAnswers.js';

const question: Question = {
  where: 'q.jsonl:1',
  prompt: 'Why?',
  uid: '2edbb5f36f5b42be',
  question_id: 81,
  turns: ['Why?', 'And then?'],
  dataset: 'helpful_base',
};

describe('formats', () => {
  it('AlpacaEval', () => {
    const output = { instruction: 'Why?', output: 'So.', generator: 'policy', dataset: 'helpful_base' };
    expect(alpacaOutput(question, 'So.', 'policy')).toEqual(output);
    expect(alpacaOutput({ ...question, prompt: [{ role: 'user', content: 'Why?' }] }, 'So.', 'policy')).toEqual(output);
  });

  it('Arena-Hard v2, with the metadata that its style control sums up', () => {
    const answer = arenaHardAnswer(question, '# So\n- **a**\n```\n# code\n```', 'policy', 12, 'T', 1750000000.5);
    expect(answer).toMatchObject({
      uid: '2edbb5f36f5b42be',
      model: 'policy',
      messages: [
        { role: 'user', content: 'Why?' },
        { role: 'assistant', content: { answer: '# So\n- **a**\n```\n# code\n```' } },
      ],
      tstamp: 1750000000.5,
      token_len_by: 'T',
    });
    expect(answer.ans_id).toMatch(/^[A-Za-z0-9]{22}$/);
    // The order of keys counts: Arena-Hard takes the first for the length.
    expect(JSON.stringify(answer.metadata)).toBe(
      '{"token_len":12,"header_count":{"h1":1,"h2":0,"h3":0,"h4":0,"h5":0,"h6":0},"list_count":{"ordered":0,"unordered":1},"bold_count":{"**":1,"__":0}}',
    );
  });

  it('MT-Bench, with both turns; the second turn reads the first answer', () => {
    expect(mtBenchAnswer(question, ['So.', 'Later.'], 'policy', 5)).toMatchObject({
      question_id: 81,
      model_id: 'policy',
      choices: [{ index: 0, turns: ['So.', 'Later.'] }],
      tstamp: 5,
    });
    expect(conversation(question, 0, [])).toBe('Why?');
    expect(conversation(question, 1, ['So.'])).toEqual([
      { role: 'user', content: 'Why?' },
      { role: 'assistant', content: 'So.' },
      { role: 'user', content: 'And then?' },
    ]);
  });
});

describe('checkQuestions', () => {
  const one: Question = { ...question, turns: undefined };
  it.each([
    [{ ...one, uid: undefined }, 'arena-hard', 'q.jsonl:1 has no "uid"'],
    [{ ...one, question_id: undefined }, 'mt-bench', 'q.jsonl:1 has no "question_id"'],
    [{ ...one, prompt: undefined, prompt_ids: [1] }, 'alpaca-eval', 'token ids only'],
    [{ ...one, prompt: [{ role: 'system', content: 'x' }] }, 'alpaca-eval', 'several messages or another role'],
    [question, 'jsonl', 'has 2 turns, which only --format mt-bench answers'],
  ] as const)('refuses %# for its format', (bad, format, message) => {
    expect(() => checkQuestions([bad as unknown as Question], format)).toThrow(message);
  });

  it('refuses repeated ids, but not repeated instructions', () => {
    const again = { ...one, where: 'q.jsonl:2' };
    expect(() => checkQuestions([one, again], 'arena-hard')).toThrow('q.jsonl:2 has the same "uid" as q.jsonl:1');
    expect(() => checkQuestions([one, again], 'alpaca-eval')).not.toThrow();
  });
});
