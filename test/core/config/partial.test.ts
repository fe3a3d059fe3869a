/** What values a key takes in words, laying configurations over each other, and guessing a misspelt key. */
import { describe, expect, it } from 'vitest';
import { expected, mergeConfigs, nearest } from '../../../src/core/config/partial.js';
import { configSchema, dpoSchema, samplingSchema, updateSchema } from '../../../src/core/config/schema.js';

describe('expected', () => {
  it.each([
    [samplingSchema.shape.samples_per_prompt, 'a whole number from 2 to 1024'],
    [samplingSchema.shape.top_k, 'a whole number from 0 to 16777216'],
    [updateSchema.shape.clip, 'a number of 0 or more'],
    [dpoSchema.shape.label_smoothing, 'a number of 0 or more and below 0.5'],
    [samplingSchema.shape.raw, 'true or false'],
    [configSchema.shape.threads, 'a whole number from 1 to 256, or null'],
    [configSchema.shape.precision, 'one of bf16, tf32, fp32, or null'],
    [configSchema.shape.model, 'text'],
    [configSchema.shape.dpo, 'an object of settings'],
  ])('describes %#', (schema, words) => {
    expect(expected(schema)).toBe(words);
  });
});

describe('helpers', () => {
  it('lays one over the other, group by group', () => {
    expect(mergeConfigs({ a: 1, dpo: { alpha: 1, beta: 2 } }, { dpo: { alpha: 3 }, b: undefined })).toEqual({
      a: 1,
      dpo: { alpha: 3, beta: 2 },
    });
  });
  it('finds the key that was meant', () => {
    expect(nearest('bta', ['beta', 'alpha'])).toBe('beta');
    expect(nearest('gamma', ['beta', 'alpha'])).toBeNull();
  });
});
