/** Limits that hold with more rows than a call takes arguments. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { pairsSchema } from '../../src/core/config/schema.js';
import { makePairs } from '../../src/core/pairs.js';
import { UserError } from '../../src/core/errors.js';
import { largest, smallest } from '../../src/core/limits.js';
import { readScoredFile } from '../../src/run/reviewFile.js';
import { lengthBias } from '../../src/core/review/hacking.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const many = 200_000;

it('finds extremes of as many values as there are', () => {
  const values = Array.from({ length: many }, (_, i) => (i * 7919) % many);
  expect([largest(values), smallest(values)]).toEqual([many - 1, 0]);
  expect([largest([]), smallest([])]).toEqual([-Infinity, Infinity]);
  expect(largest([1, NaN])).toBeNaN();
});

it('takes 200,000 responses to one prompt', async () => {
  const rewards = Array.from({ length: many }, (_, i) => (i * 7919) % many);
  const responses = rewards.map((_, i) => ({
    ...{ ids: [i], text: '', logps: 0, token_logprobs: [], finish_reason: 'stop' as const },
  }));
  const { pairs } = makePairs(
    [{ prompt_index: 0, prompt_ids: [1], responses }],
    [{ prompt_index: 0, rewards }],
    pairsSchema.parse({}),
    0,
  );
  expect(pairs[0]).toMatchObject({ chosen_reward: many - 1, rejected_reward: 0 });
  const file = path.join(fresh(), 'scored.jsonl');
  writeFileSync(file, JSON.stringify({ prompt: 'p', responses: rewards.map((reward) => ({ text: 't', reward })) }));
  expect(readScoredFile(file, null).rows[0].rewards).toHaveLength(many);
  const bias = await lengthBias([{ rewards, lengths: rewards, automatic: 'ties' }]);
  expect(bias.responses).toBe(many);
});

it('no source passes a list of any length as arguments', () => {
  const spread = /\b(Math\.(max|min)|String\.from(CharCode|CodePoint))\(\s*\.\.\./;
  const offending = ['src', 'components'].flatMap((root) => {
    const folder = new URL(`../../${root}/`, import.meta.url).pathname;
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /\.tsx?$/.test(name) && spread.test(readFileSync(path.join(folder, name), 'utf8')),
    );
  });
  expect(offending).toEqual([]);
});

it('keeps an error to a length that can be read', () => {
  expect(new UserError('x'.repeat(1e6)).message).toHaveLength(8001);
});
