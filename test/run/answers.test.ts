/** Best of N: which candidate wins, what is kept, what is left after an interruption. */
import { describe, expect, it } from 'vitest';
import type { SampledResponse } from '../../src/core/rows.js';
import type { SamplingJob } from '../../src/model/generate/sample.js';
import type { Reward, RewardInput } from '../../src/rewards/types.js';
import { type AnswerPrompt, Answers, type Candidate, type SamplePlan, sampleAnswers } from '../../src/run/answers.js';
import type { Sampler } from '../../src/run/stages/sample.js';

const response = (seed: number): SampledResponse => ({
  ids: [seed, 0],
  text: `r${seed}`,
  logps: -1,
  token_logprobs: [-0.5, -0.5],
  finish_reason: 'stop',
});
const candidate = (sample: number, reward: number | null): Candidate => ({
  prompt_index: 0,
  sample,
  reward,
  length: 2,
  finish_reason: 'stop',
  response: response(sample),
});

describe('Answers', () => {
  it.each([[[0, 1, 2, 3]], [[3, 2, 1, 0]], [[2, 0, 3, 1]]])('takes the first of the best, added as %j', (order) => {
    const rewards = [-2, 5, 5, 1];
    const answers = new Answers(1, 4, false);
    for (const sample of order) {
      expect(answers.answer(0)).toBeNull();
      answers.add(candidate(sample, rewards[sample]));
    }
    const answer = answers.answer(0);
    expect(answer?.index).toBe(1);
    expect(answer?.response.text).toBe('r1');
    expect(answer?.candidates.map(({ reward }) => reward)).toEqual(rewards);
  });

  it('takes the best of negative rewards', () => {
    const answers = new Answers(1, 2, false);
    answers.add(candidate(0, -3));
    answers.add(candidate(1, -2));
    expect(answers.answer(0)?.index).toBe(1);
  });

  it('keeps the text of what is the best so far, or of all', () => {
    const some = new Answers(1, 3, false);
    expect([1, 0, 2].map((reward, i) => some.add(candidate(i, reward)).response?.text)).toEqual([
      'r0',
      undefined,
      'r2',
    ]);
    const all = new Answers(1, 3, true);
    expect([1, 0, 2].map((reward, i) => all.add(candidate(i, reward)).response?.text)).toEqual(['r0', 'r1', 'r2']);
  });
});

describe('sampleAnswers', () => {
  const prompts: AnswerPrompt[] = [
    { where: 'p:1', prompt: 'a', ids: [1] },
    { where: 'p:2', prompt: 'bb', ids: [1, 2] },
  ];
  const plan: SamplePlan = {
    settings: {
      ...{ temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_new_tokens: 4, batch_size: 2 },
    },
    together: 3,
    seed: (prompt, sample) => prompt * 100 + sample,
  };

  function bench(stopAfter = Infinity) {
    const calls: number[][] = [];
    const scored: RewardInput[] = [];
    let absolute: boolean | undefined;
    const sampler: Sampler = {
      policy: {} as Sampler['policy'],
      sample(jobs: SamplingJob[], _settings, hooks) {
        calls.push(jobs.map(({ seed }) => seed));
        if (calls.length > stopAfter) throw new Error('killed');
        jobs.forEach(({ seed }, job) => hooks.onResponse(job, response(seed)));
        return Promise.resolve('done');
      },
    };
    const reward: Reward = {
      spec: 'test',
      score(inputs, hooks) {
        absolute = hooks.absolute;
        scored.push(...inputs);
        inputs.forEach(({ ids }, i) => hooks.onReward(i, (ids?.at(-2) as number) % 7));
        return Promise.resolve();
      },
      dispose: () => undefined,
    };
    return { calls, scored, sampler, reward, isAbsolute: () => absolute };
  }

  it('samples in chunks, longer prompts first, and scores prompt and response as sampled', async () => {
    const { calls, scored, sampler, reward, isAbsolute } = bench();
    const answers = new Answers(2, 4, false);
    const rows: Candidate[] = [];
    const onCandidates = (some: Candidate[]) => void rows.push(...some);
    expect(await sampleAnswers(sampler, reward, prompts, answers, plan, { onCandidates })).toBe('done');
    expect(calls).toEqual([
      [100, 101, 102],
      [103, 0, 1],
      [2, 3],
    ]);
    expect(scored[0]).toEqual({ prompt: 'bb', response: 'r100', ids: [1, 2, 100, 0], prompt_tokens: 2 });
    // A prompt's candidates come in several calls, so a judge must not rank them within one.
    expect(isAbsolute()).toBe(true);
    expect(rows.length).toBe(8);
    // 103 % 7 = 5 and 3 % 7 = 3 are the largest rewards.
    expect([0, 1].map((prompt) => answers.answer(prompt)?.response.text)).toEqual(['r3', 'r103']);
  });

  it('continues with what is missing, and answers as if nothing had happened', async () => {
    const rows: Candidate[] = [];
    const onCandidates = (some: Candidate[]) => void rows.push(...some);
    const first = bench(2);
    const interrupted = sampleAnswers(first.sampler, first.reward, prompts, new Answers(2, 4, false), plan, {
      onCandidates,
    });
    await expect(interrupted).rejects.toThrow('killed');
    expect(rows.length).toBe(6);
    const second = bench();
    const answers = new Answers(2, 4, false);
    for (const row of rows) answers.add(row);
    await sampleAnswers(second.sampler, second.reward, prompts, answers, plan, { onCandidates });
    expect(second.calls).toEqual([[2, 3]]);
    expect([0, 1].map((prompt) => answers.answer(prompt)?.response.text)).toEqual(['r3', 'r103']);
  });
});
