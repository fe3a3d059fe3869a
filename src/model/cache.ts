/**
 * Keys and values of the positions decoded so far. Rows of a batch have their own lengths, so that prompts of
 * different lengths decode together.
 */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../tensor/fused.js';
import type { ModelConfig } from './types.js';

export class KVCache {
  /** Positions held, by row. */
  lengths: Int32Array;
  private layers: LayerCache[];

  constructor(
    config: ModelConfig,
    batch: number,
    /** Most positions a row can hold. */
    readonly capacity: number,
  ) {
    this.lengths = new Int32Array(batch);
    const Layer = hasKernel('AttentionDecode') ? InPlaceLayer : ConcatenatedLayer;
    this.layers = Array.from(
      { length: config.layers },
      (_, i) => new Layer(config, config.sliding_windows[i] ?? 0, capacity),
    );
  }

  get batch(): number {
    return this.lengths.length;
  }

  /** Takes the prompt's keys and values [B·T, K·d] of one layer, right-padded. */
  fill(layer: number, k: tf.Tensor2D, v: tf.Tensor2D, T: number): void {
    this.layers[layer].fill(k, v, this.batch, T);
  }

  /** Attention of one new position a row. q [B, H·d]; k, v [B, K·d]. The caller advances once all layers are done. */
  attend(layer: number, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, lengths: tf.Tensor1D): tf.Tensor2D {
    return this.layers[layer].attend(q, k, v, lengths);
  }

  advance(): void {
    for (let row = 0; row < this.batch; row++) this.lengths[row]++;
  }

  /** For rows that have ended: keeps their length within what the cache holds. */
  clampTo(length: number): void {
    for (let row = 0; row < this.batch; row++) this.lengths[row] = Math.min(this.lengths[row], length);
  }

  /** Keeps only these rows, in this order. */
  keep(rows: number[]): void {
    for (const layer of this.layers) layer.keep(rows);
    this.lengths = Int32Array.from(rows, (row) => this.lengths[row]);
  }

  dispose(): void {
    for (const layer of this.layers) layer.dispose();
  }
}

interface LayerCache {
  fill(k: tf.Tensor2D, v: tf.Tensor2D, B: number, T: number): void;
  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, lengths: tf.Tensor1D): tf.Tensor2D;
  keep(rows: number[]): void;
  dispose(): void;
}

/** Caches [B, K, capacity, d] that the backend's kernel writes in place. */
class InPlaceLayer implements LayerCache {
  private keys: tf.Tensor | null = null;
  private values: tf.Tensor | null = null;

  constructor(
    private readonly config: ModelConfig,
    private readonly window: number,
    private readonly capacity: number,
  ) {}

  fill(k: tf.Tensor2D, v: tf.Tensor2D, B: number, T: number): void {
    const attrs = { B, T, K: this.config.kv_heads, capacity: this.capacity };
    this.keys = tf.keep(runKernel('FillCache', { x: k }, attrs)[0]);
    this.values = tf.keep(runKernel('FillCache', { x: v }, attrs)[0]);
  }

  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, lengths: tf.Tensor1D): tf.Tensor2D {
    const inputs = { q, k, v, keys: this.keys as tf.Tensor, values: this.values as tf.Tensor, lengths };
    return runKernel('AttentionDecode', inputs, { H: this.config.heads, window: this.window })[0] as tf.Tensor2D;
  }

  keep(rows: number[]): void {
    const select = (cache: tf.Tensor) => {
      const kept = tf.tidy(() => tf.keep(tf.gather(cache, tf.tensor1d(rows, 'int32'))));
      cache.dispose();
      return kept;
    };
    this.keys = select(this.keys as tf.Tensor);
    this.values = select(this.values as tf.Tensor);
  }

  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
  }
}

/** Plain tfjs: columns are appended to [B, K, columns, d]; those that are padding for a row are masked. */
class ConcatenatedLayer implements LayerCache {
  private keys: tf.Tensor4D | null = null;
  private values: tf.Tensor4D | null = null;
  private promptColumns = 0;

  constructor(
    private readonly config: ModelConfig,
    private readonly window: number,
    _capacity: number,
  ) {}

  fill(k: tf.Tensor2D, v: tf.Tensor2D, B: number, T: number): void {
    const split = (x: tf.Tensor2D) =>
      tf.keep(
        tf.transpose(tf.reshape(x, [B, T, this.config.kv_heads, this.config.head_dim]), [0, 2, 1, 3]),
      ) as tf.Tensor4D;
    this.promptColumns = T;
    this.keys = split(k);
    this.values = split(v);
  }

  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, lengths: tf.Tensor1D): tf.Tensor2D {
    const { heads: H, kv_heads: K, head_dim: d } = this.config;
    const B = q.shape[0];
    const append = (cache: tf.Tensor4D, x: tf.Tensor2D) => {
      const grown = tf.keep(tf.concat([cache, tf.reshape(x, [B, K, 1, d])], 2)) as tf.Tensor4D;
      cache.dispose();
      return grown;
    };
    this.keys = append(this.keys as tf.Tensor4D, k);
    this.values = append(this.values as tf.Tensor4D, v);
    const columns = this.keys.shape[2];
    const grouped = tf.reshape(q, [B, K, H / K, d]);
    const scores = tf.mul(tf.matMul(grouped, this.keys, false, true), 1 / Math.sqrt(d));
    const masked = tf.add(scores, tf.reshape(this.mask(lengths.dataSync<'int32'>(), columns), [B, 1, 1, columns]));
    return tf.reshape(tf.matMul(tf.softmax(masked), this.values), [B, H * d]) as tf.Tensor2D;
  }

  /** A row's prompt fills the first columns, its decoded tokens those from `promptColumns` on. */
  private mask(lengths: Int32Array, columns: number): tf.Tensor2D {
    const B = lengths.length;
    const decoded = columns - this.promptColumns;
    const mask = new Float32Array(B * columns);
    for (let b = 0; b < B; b++) {
      const prompt = lengths[b] + 1 - decoded;
      const first = this.window > 0 ? lengths[b] - this.window + 1 : 0;
      for (let c = 0; c < columns; c++) {
        const position = c < this.promptColumns ? c : prompt + c - this.promptColumns;
        if ((c < this.promptColumns && c >= prompt) || position < first) mask[b * columns + c] = -1e30;
      }
    }
    return tf.tensor2d(mask, [B, columns]);
  }

  keep(rows: number[]): void {
    const select = (cache: tf.Tensor4D) => {
      const kept = tf.tidy(() => tf.keep(tf.gather(cache, tf.tensor1d(rows, 'int32'))));
      cache.dispose();
      return kept;
    };
    this.keys = select(this.keys as tf.Tensor4D);
    this.values = select(this.values as tf.Tensor4D);
  }

  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
  }
}
