import { describe, expect, it } from 'vitest';
import { labelledRow, labelledRowSchema, refuseRepeatedTies } from '../../../src/core/rewardCheck/rows.js';

const read = (row: unknown) => labelledRow(labelledRowSchema.parse(row), 'rows.jsonl:3');
const user = { role: 'user', content: 'p' };
const said = (content: string) => ({ role: 'assistant', content });

describe('labelledRow', () => {
  it("reads RewardBench 2's rows", () => {
    const row = {
      ...{ id: '12', prompt: 'p', chosen: ['a'], rejected: ['b', 'c', 'd'], subset: 'Focus', models: ['m'] },
      ...{ num_correct: 1, num_incorrect: 3, total_completions: 4, additional_metadata: null },
    };
    expect(read(row)).toEqual({
      ...{ where: 'rows.jsonl:3', prompt: 'p', chosen: ['a'], rejected: ['b', 'c', 'd'], subset: 'Focus', ties: null },
    });
    const ties = read({ ...row, id: 'ref:7', subset: 'ties' });
    expect(ties.ties).toEqual({ kind: 'ref', question: 7 });
  });

  it('reads plain pairs, and messages as TRL has them', () => {
    expect(read({ prompt: 'p', chosen: 'a', rejected: 'b' })).toMatchObject({ chosen: ['a'], subset: '(none)' });
    expect(read({ prompt: 'p', chosen: 'a', rejected: 'b', subset: '' }).subset).toBe('(none)');
    expect(read({ prompt: [user], chosen: [said('a')], rejected: [said('b')] })).toMatchObject({
      ...{ prompt: [user], chosen: ['a'], rejected: ['b'] },
    });
    // The prompt only within the conversations.
    expect(read({ chosen: [user, said('a')], rejected: [user, said('b')] })).toMatchObject({
      ...{ prompt: [user], chosen: ['a'], rejected: ['b'] },
    });
  });

  it.each([
    [{ chosen: 'a', rejected: 'b' }, '`prompt` is missing or empty'],
    [{ prompt: 'p', chosen: [], rejected: 'b' }, '`chosen` has no response; expected at least one text'],
    [{ prompt: 'p', chosen: 'a', rejected: ['b', ' '] }, '`rejected`, response 2, is empty'],
    [
      { prompt: 'p', chosen: ['a'], rejected: ['b'], num_correct: 2 },
      '`num_correct` is 2, but `chosen` has 1 and `rejected` 1 responses',
    ],
    [{ prompt: 'p', chosen: ['a'], rejected: ['b'], subset: 'Ties', id: '4' }, '`id` is "4"; rows of the Ties subset'],
    [{ prompt: 'p', chosen: ['a'], rejected: ['b'], subset: 'Ties', id: 'tied:4' }, 'needs at least two texts'],
  ])('refuses %j', (row, message) => {
    expect(() => read(row)).toThrow(`rows.jsonl:3: `);
    expect(() => read(row)).toThrow(message);
  });

  it('refuses a question of the Ties subset that occurs twice', () => {
    const row = { ...read({ prompt: 'p', chosen: ['a'], rejected: ['b'], subset: 'Ties', id: 'ref:1' }) };
    expect(() => refuseRepeatedTies([row, { ...row, where: 'rows.jsonl:9' }])).toThrow(
      'rows.jsonl:9: `id` ref:1 is also that of rows.jsonl:3; remove one of them',
    );
  });
});
