/** Estimates against numbers worked out by hand. */
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/core/config/schema.js';
import {
  estimateMemory,
  estimateTimes,
  estimateTorch,
  meanLength,
  programMemory,
  trainedParameters,
} from '../../../src/core/form/estimate.js';

const shape = { layers: 2, hidden: 10, query: 10, kv: 5, inner: 20, gated: true, vocabulary: 100, tied: true };
const loraWidths = { q_proj: 40, down_proj: 60 };
const facts = { parameters: 5000, context: 64, shape, loraWidths };
const config = configSchema.parse({
  ...{ model: 'm', reward: 'hf:r', prompts: 'p', held_out: 'h' },
  sampling: { samples_per_prompt: 4, max_new_tokens: 20, batch_size: 8 },
  update: { batch_size: 4, micro_batch: 2, epochs: 2 },
  evaluation: { max_prompts: 50 },
});
const mib = (floats: number): number => (4 * floats) / 2 ** 20;

describe('estimateMemory', () => {
  it('all weights: weights, two sets of gradients, two moments, activations of a micro-batch', () => {
    const memory = estimateMemory(facts, config, 12, 300);
    expect(memory.weights).toBeCloseTo(mib(5000), 12);
    expect(memory.reward).toBeCloseTo(mib(300), 12);
    expect(memory.gradients).toBeCloseTo(mib(10_000), 12);
    expect(memory.moments).toBeCloseTo(mib(10_000), 12);
    // 2 pairs are 4 rows of 12 + 20 positions: N = 128. A layer keeps 4·10 + 2·10 + 2·5 + 3·20 = 130 a position, two
    // layers 260, and 2·10 at the ends. Head: 3·100·10, and twice the logits of 4 rows of 20.
    expect(memory.activations).toBeCloseTo(mib(128 * (260 + 20) + 3000 + 2 * 4 * 20 * 100), 12);
    // 8 rows of 32 positions, 2 layers, keys and values of 5; two rows of logits each; the embedding turned.
    expect(memory.sampling).toBeCloseTo(mib(8 * 32 * 2 * 10 + 2 * 8 * 100 + 1000), 12);
    const { weights, reward, gradients, moments, activations } = memory;
    expect(memory.total).toBeCloseTo(programMemory + weights + reward + gradients + moments + activations, 9);
  });

  it('an adapter has gradients and moments of its own size only', () => {
    const update = { ...config.update, lora: { rank: 3, alpha: 16, targets: ['q_proj', 'down_proj', 'no_proj'] } };
    expect(trainedParameters(facts, update.lora)).toBe(3 * 40 + 3 * 60);
    const memory = estimateMemory(facts, { ...config, update }, 12, 0);
    expect(memory.moments).toBeCloseTo(mib(600), 12);
    expect(memory.weights).toBeCloseTo(mib(5300), 12);
    const halved = estimateMemory(facts, { ...config, update }, 12, 0, true);
    expect(halved.weights).toBeCloseTo(mib(2500 + 300), 12);
    expect(estimateMemory(facts, config, 12, 0, true).weights).toBeCloseTo(mib(5000), 12);
  });

  it('checkpointing keeps one layer at a time, and the context bounds the positions', () => {
    const update = { ...config.update, activation_checkpointing: true };
    const least = estimateMemory(facts, { ...config, update }, 12, 0);
    expect(least.activations).toBeCloseTo(mib(128 * (20 + 130 + 20) + 3000 + 16_000), 12);
    const long = estimateMemory(facts, config, 1000, 0);
    expect(long.sampling).toBeCloseTo(mib(8 * 64 * 20 + 1600 + 1000), 12);
  });
});

describe('estimateTimes', () => {
  const measured = {
    sample: { tokensPerSecond: 100, meanLength: 10, truncatedShare: 0 },
    score: { responsesPerSecond: 40 },
    update: { tokensPerSecond: 50 },
  };
  const counts = { prompts: 30, heldOut: 80, promptTokens: 5 };

  it('counts responses, rewards, pairs and opponents', () => {
    const times = estimateTimes(measured, counts, config);
    expect(times.sample).toBeCloseTo((30 * 4 * 10) / 100);
    expect(times.score).toBeCloseTo((30 * 4) / 40);
    // Two epochs over 30 pairs, and a forward pass of each for the reference; both sides of 5 + 10 tokens.
    expect(times.update).toBeCloseTo((2 * 15 * (60 + 30 / 3)) / 50);
    // 50 of the 80 held-out prompts: sampled, scored, and two opponents' log-probabilities.
    expect(times.evaluate).toBeCloseTo((50 * 10) / 100 + 50 / 40 + (2 * 50 * 15) / 3 / 50);
  });

  it('counts candidates and beams, and no log-probabilities of opponents then', () => {
    const of = (evaluation: object) =>
      estimateTimes(measured, counts, { ...config, evaluation: { ...config.evaluation, ...evaluation } }).evaluate;
    expect(of({ best_of: 8 })).toBeCloseTo((8 * 50 * 10) / 100 + (8 * 50) / 40);
    expect(of({ beam: 4 })).toBeCloseTo((4 * 50 * 10) / 100 + 50 / 40);
  });

  it('counts steps where they are set', () => {
    const update = { ...config.update, steps: 3 };
    expect(estimateTimes(measured, counts, { ...config, update }).update).toBeCloseTo((2 * 15 * (12 + 10)) / 50);
  });

  it('says nothing of what was not measured', () => {
    expect(estimateTimes({ ...measured, score: null, update: null }, counts, config)).toEqual({
      ...{ sample: 12, score: null, update: null, evaluate: null },
    });
  });
});

describe('estimateTorch', () => {
  const bytes = (count: number): number => count / 2 ** 20;
  // N = 128 positions as above; a layer keeps 130 values a position in bfloat16, two layers 260; logits 10 bytes each.
  const activations = bytes(2 * 128 * 260 + 128 * 100 * 10);

  it('full fine-tuning: 4 bytes of weights, 4 of gradients and 8 of moments per parameter', () => {
    const memory = estimateTorch(facts, config, 12);
    expect(memory.weights).toBeCloseTo(bytes(20_000), 12);
    expect(memory.gradients).toBeCloseTo(bytes(20_000), 12);
    expect(memory.moments).toBeCloseTo(bytes(40_000), 12);
    expect(memory.activations).toBeCloseTo(activations, 12);
    expect(memory.total).toBeCloseTo(1024 + bytes(80_000) + activations, 9);
  });

  it('LoRA: the base in bfloat16, and 16 bytes per parameter of the adapter', () => {
    const update = { ...config.update, lora: { rank: 3, alpha: 16, targets: ['q_proj', 'down_proj'] } };
    const memory = estimateTorch(facts, { ...config, update }, 12);
    expect(memory.total).toBeCloseTo(1024 + bytes(10_000 + 16 * 300) + activations, 9);
  });

  it('a 7B model: full fine-tuning does not fit into 80 GB, LoRA does', () => {
    const llama = {
      ...{ parameters: 6.74e9, context: 4096, loraWidths: { q_proj: 32 * 8192, v_proj: 32 * 8192 } },
      shape: {
        layers: 32,
        hidden: 4096,
        query: 4096,
        kv: 4096,
        inner: 11_008,
        gated: true,
        vocabulary: 32_000,
        tied: false,
      },
    };
    const update = { ...config.update, micro_batch: 1, activation_checkpointing: true };
    const sampling = { ...config.sampling, max_new_tokens: 1024 };
    const lora = { rank: 16, alpha: 16, targets: ['q_proj', 'v_proj'] };
    expect(estimateTorch(llama, { sampling, update }, 256).total).toBeGreaterThan(81_559);
    expect(estimateTorch(llama, { sampling, update: { ...update, lora } }, 256).total).toBeLessThan(24 * 1024);
  });
});

describe('meanLength', () => {
  it('is the mean of a geometric length, cut at the longest', () => {
    // p = 1/10: a response that may have 2 tokens has 1 + 9/10 in the mean.
    expect(meanLength(3, 30, 2)).toBeCloseTo(1.9);
    expect(meanLength(3, 30, 100_000)).toBeCloseTo(10);
    expect(meanLength(1, 1, 9)).toBe(1);
  });

  it('is the longest where none has ended', () => {
    expect(meanLength(0, 500, 80)).toBe(80);
    expect(meanLength(0, 0, 80)).toBe(80);
  });
});
