/** Where tokens lie in a packed batch, and that packed and padded batches give the same hidden states. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type LoadedModel } from '../../src/model/folder.js';
import { pack, paddedBatch } from '../../src/model/packing.js';
import { useBackend } from '../../src/tensor/backend.js';
import { goldenFolder } from '../golden.js';

describe('pack', () => {
  const batch = pack([
    { prefix: [1, 2, 3], own: [10, 11] },
    { prefix: [4], own: [12] },
    { prefix: [1, 2, 3], own: [13] },
    { prefix: [], own: [14, 15] },
    { prefix: [4], own: [] },
  ]);

  it('lays a prefix once, before what follows it', () => {
    expect([...batch.ids]).toEqual([1, 2, 3, 10, 11, 4, 12, 13, 14, 15]);
    expect([...batch.positions]).toEqual([0, 1, 2, 3, 4, 0, 1, 3, 0, 1]);
    expect(batch.layout).toEqual({
      kind: 'packed',
      // prettier-ignore
      segments: Int32Array.from([
        0, 3, 0, 0,  3, 2, 0, 3,  5, 1, 0, 0,  6, 1, 5, 1,  7, 1, 0, 3,  8, 2, 8, 0,
      ]),
    });
  });

  it('finds every token of every sequence', () => {
    expect([0, 1, 2, 3, 4].map((t) => batch.row(0, t))).toEqual([0, 1, 2, 3, 4]);
    expect([0, 3].map((t) => batch.row(2, t))).toEqual([0, 7]);
    expect(batch.row(3, 1)).toBe(9);
    expect(batch.row(4, 0)).toBe(5);
  });
});

describe('a packed batch', () => {
  let model: LoadedModel;
  beforeAll(async () => {
    await useBackend('wasm');
    model = await loadModel(`${goldenFolder}qwen3/model`);
  });
  afterAll(() => model.dispose());

  it('gives what a padded one gives', () => {
    const prompt = [5, 9, 7, 40];
    const sequences = [
      { prefix: prompt, own: [8, 30, 31] },
      { prefix: prompt, own: [50] },
    ];
    const packed = pack(sequences);
    const T = 7;
    const padded = paddedBatch(Int32Array.from([...prompt, 8, 30, 31, ...prompt, 50, 0, 0]), [2, T]);
    tf.tidy(() => {
      const [a, b] = [packed, padded].map((batch) => model.transformer.hiddenOf(batch).arraySync() as number[][]);
      sequences.forEach(({ prefix, own }, s) => {
        for (let t = 0; t < prefix.length + own.length; t++)
          a[packed.row(s, t)].forEach((value, i) => expect(value).toBeCloseTo(b[padded.row(s, t)][i], 4));
      });
    });
  });
});
