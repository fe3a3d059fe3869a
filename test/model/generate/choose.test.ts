/** Choosing a token, by hand. */
import { describe, expect, it } from 'vitest';
import { chooseToken } from '../../../src/model/generate/choose.js';
import { Random } from '../../../src/core/seeds.js';

const plain = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 };
/** Probabilities 0.1, 0.2, 0.3, 0.4. */
const logits = Float32Array.from([0.1, 0.2, 0.3, 0.4], Math.log);
const none = new Set<number>();
const drawn = (settings: Partial<typeof plain>, uniforms: number[], seen: ReadonlySet<number> = none) =>
  uniforms.map((u) => chooseToken(logits, { ...plain, ...settings }, seen, u).token);

describe('chooseToken', () => {
  it('inverts the cumulative distribution in the order of ids', () => {
    expect(drawn({}, [0, 0.099, 0.101, 0.299, 0.301, 0.599, 0.601, 0.999])).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
  });
  it('reports the log-probability of the policy itself', () => {
    expect(chooseToken(logits, { ...plain, temperature: 0.1, top_k: 1 }, none, 0.5).logp).toBeCloseTo(Math.log(0.4), 5);
  });
  it('top-k keeps the k likeliest', () => {
    expect(drawn({ top_k: 2 }, [0, 0.42, 0.44, 0.99])).toEqual([2, 2, 3, 3]);
  });
  it('top-p keeps the smallest set that reaches it', () => {
    // 0.4 + 0.3 reaches 0.6; 0.4 alone does not.
    expect(drawn({ top_p: 0.6 }, [0, 0.42, 0.44])).toEqual([2, 2, 3]);
    expect(drawn({ top_p: 0.75 }, [0])).toEqual([1]);
  });
  it('min-p drops what is below its share of the likeliest', () => {
    // 0.6·0.4 = 0.24: ids 2 and 3 stay.
    expect(drawn({ min_p: 0.6 }, [0, 0.99])).toEqual([2, 3]);
  });
  it('temperature sharpens', () => {
    // Squared weights 1, 4, 9, 16 of 30 at temperature ½.
    expect(drawn({ temperature: 0.5 }, [0.03, 0.04, 0.16, 0.17, 0.46, 0.47])).toEqual([0, 1, 1, 2, 2, 3]);
  });
  it('greedy takes the lowest id among equals', () => {
    expect(chooseToken(Float32Array.from([1, 3, 3]), { ...plain, temperature: 0 }, none, 0.9).token).toBe(1);
  });
  it('the repetition penalty divides positive and multiplies negative logits of what was seen', () => {
    const two = Float32Array.from([2, 1.9, -1]);
    expect(chooseToken(two, { ...plain, temperature: 0, repetition_penalty: 1.2 }, new Set([0]), 0).token).toBe(1);
    const negative = Float32Array.from([-1, -1.1]);
    expect(chooseToken(negative, { ...plain, temperature: 0, repetition_penalty: 1.2 }, new Set([0]), 0).token).toBe(1);
  });
});

describe('Random', () => {
  it('is uniform and repeats', () => {
    const random = new Random(5);
    const values = Array.from({ length: 20000 }, () => random.uniform());
    expect(values.reduce((a, b) => a + b) / values.length).toBeCloseTo(0.5, 1);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
    const again = new Random(5);
    expect(again.uniform()).toBe(values[0]);
  });
  it('shuffles all items', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = new Random(1).shuffle([...items]);
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
  });
});
