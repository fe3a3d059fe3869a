/** Ratios to the peer and to the card, against what was aimed at; and the operations that they rest on, by hand. */
import { describe, expect, it } from 'vitest';
import { sameRewards, sameSteps } from '../../../bench/gpu/checks.js';
import { comparisons } from '../../../bench/gpu/targets.js';
import { updateOperations } from '../../../bench/shapes.js';

describe('comparisons', () => {
  it('has a row for each figure that both have; memory is to be no more', () => {
    const ours = {
      '0.5b': { pairs_per_s: 30, sample_tokens_per_s: 90, update_tflop_per_s: 400, update_peak_mem_mb: 900 },
      '1b': { pairs_per_s: 10 },
    };
    const peer = {
      '0.5b': { pairs_per_s: 20, sample_tokens_per_s: 20, update_peak_mem_mb: 1000 },
      '7b': { pairs_per_s: 1 },
    };
    expect(comparisons(ours, peer, 800)).toEqual([
      ...[{ shape: '0.5b', figure: 'pairs_per_s', ours: 30, against: 20, ratio: 1.5, target: '≥ 1.5', reached: true }],
      {
        ...{ shape: '0.5b', figure: 'sample_tokens_per_s', ours: 90, against: 20, ratio: 4.5 },
        ...{ target: '≥ 5', reached: false },
      },
      {
        ...{ shape: '0.5b', figure: 'update_peak_mem_mb', ours: 900, against: 1000, ratio: 0.9 },
        ...{ target: '≤ 1', reached: true },
      },
      {
        ...{ shape: '0.5b', figure: 'share of the matrix rate', ours: 400, against: 800, ratio: 0.5 },
        ...{ target: '≥ 0.45', reached: true },
      },
    ]);
    expect(comparisons(ours, {}, null)).toEqual([]);
  });
});

describe('updateOperations', () => {
  // tiny: D 128, 4 layers, as many kv heads as heads, F 384, V 1024.
  // A block has 2·128² + 2·128·128 + 3·128·384 = 212,992 weights; four have 851,968.
  // One pair of 2 prompt and 2 × 4 response tokens: 10 tokens meet the blocks, 8 the head of 131,072.
  const meetings = 10 * 851_968 + 8 * 131_072;
  // Seen: the prompt 2²/2 = 2; each response 4·2 + 4²/2 = 16; 34 in all, at 4·128·4 operations forwards.
  const attention = 34 * 4 * 128 * 4;
  const work = { pairs: 1, prompt: 2, response: 4, lora: false };

  it('counts 6 a weight met and attention three times', () => {
    expect(updateOperations('tiny', work)).toBe(6 * meetings + 3 * attention);
    expect(updateOperations('tiny', { ...work, pairs: 3 })).toBe(3 * (6 * meetings + 3 * attention));
  });

  it('has no gradient of frozen weights', () => {
    expect(updateOperations('tiny', { ...work, lora: true })).toBe(4 * meetings + 3 * attention);
  });
});

describe('what must be alike on both backends', () => {
  const step = { loss: 0.69, grad_norm: 0.6, 'logps/chosen': -30, 'logps/rejected': -31 };

  it('steps: as many, the first most closely, nothing that is no number', () => {
    const { steps, largest_difference } = sameSteps([step, { ...step, loss: 0.71 }], [step, step]);
    expect(steps).toBe(2);
    expect(largest_difference.loss).toBeCloseTo(0.02);
    expect(largest_difference.grad_norm).toBe(0);
    expect(() => sameSteps([{ ...step, loss: 0.71 }], [step])).toThrow(
      'loss of step 1 is 0.71; 0.69 on the native backend',
    );
    expect(() => sameSteps([{ ...step, loss: null }], [{ ...step, loss: NaN }])).toThrow('loss of step 1');
    expect(() => sameSteps([step], [step, step])).toThrow('1 steps were taken; 2 on the native backend');
    expect(() => sameSteps([], [])).toThrow('0 steps');
  });

  it('rewards: of every response, by prompt', () => {
    const [first, second] = [
      { prompt_index: 0, rewards: [1, 2] },
      { prompt_index: 1, rewards: [3, 4] },
    ];
    const near = { prompt_index: 1, rewards: [3.001, 4] };
    expect(sameRewards([near, first], [first, second])).toMatchObject({ responses: 4 });
    expect(() => sameRewards([{ prompt_index: 0, rewards: [1, 2.1] }], [first])).toThrow('reward 1 of prompt 0');
    expect(() => sameRewards([first], [first, second])).toThrow('2 responses were scored; expected 4');
    expect(() => sameRewards([{ prompt_index: 7, rewards: [1] }], [first])).toThrow('prompt 7');
  });
});
