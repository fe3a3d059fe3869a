/**
 * Keys and values for decoding: those of the prompts, stored once or copied to each row that continues them, and those
 * of every row's new positions. Rows have their own lengths, so that prompts of different lengths decode together.
 */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../../tensor/fused.js';
import type { ModelConfig } from '../types.js';
import { largest } from '../../core/limits.js';
import { StepInput } from '../../tensor/recording.js';

export interface CacheSizes {
  /** For each row, the index in the prefill of the prompt that it continues. */
  promptOf: Int32Array;
  /** Length of each prompt, tokens. */
  promptLengths: Int32Array;
  /** Most positions that a row can add. */
  newTokens: number;
}

export class KVCache {
  /** For each row, the prompt that it continues. */
  promptOf: Int32Array;
  /** New positions held by each row. */
  taken: Int32Array;
  /** Most positions that a row can reach. */
  readonly longest: number;
  /**
   * Whether steps write into the cache's own tensors, so that a step can be recorded; otherwise each step makes new,
   * larger tensors.
   */
  readonly inPlace: boolean;
  private readonly layers: LayerCache[];

  constructor(
    config: ModelConfig,
    private readonly sizes: CacheSizes,
  ) {
    this.promptOf = sizes.promptOf;
    this.taken = new Int32Array(sizes.promptOf.length);
    this.longest = Math.min(largest(sizes.promptLengths) + sizes.newTokens, config.max_positions);
    const Layer = hasKernel('PrefixAttentionDecode')
      ? SharedPromptLayer
      : hasKernel('AttentionDecode')
        ? InPlaceLayer
        : ConcatenatedLayer;
    this.inPlace = Layer !== ConcatenatedLayer;
    this.layers = config.sliding_windows.map((window) => new Layer(config, window ?? 0, sizes));
  }

  get promptLengths(): Int32Array {
    return this.sizes.promptLengths;
  }

  /** Stores the prompts' keys and values [P·T, K·d] of one layer, right-padded. */
  fill(layer: number, k: tf.Tensor2D, v: tf.Tensor2D, T: number): void {
    this.layers[layer].fill(k, v, T);
  }

  /** Position of the next token of each row. @throws Error if a row is full */
  positions(): Int32Array {
    if (this.taken.some((taken) => taken >= this.sizes.newTokens))
      throw new Error(`the cache holds ${this.sizes.newTokens} new positions a row and one more was needed`);
    return this.taken.map((taken, row) => this.sizes.promptLengths[this.promptOf[row]] + taken);
  }

  /** Attention of one new position per row. q [B, H·d]; k, v [B, K·d]. The caller advances after all layers. */
  attend(layer: number, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, step: DecodeStep): tf.Tensor2D {
    return this.layers[layer].attend(q, k, v, step);
  }

  /** Expands per-prompt states [P, D] to one per response row [B, D]. */
  spread(prompts: tf.Tensor2D): tf.Tensor2D {
    return tf.gather(prompts, tf.tensor1d(this.promptOf, 'int32'));
  }

  /**
   * Counts the positions of the step just run. Rows that have ended but are not dropped yet do not advance, so that
   * neither the cache nor the model's context overflows.
   */
  advance(ended: (row: number) => boolean = () => false): void {
    for (let row = 0; row < this.taken.length; row++) if (!ended(row)) this.taken[row]++;
  }

  /** Keeps only these rows, in this order. */
  keep(rows: number[]): void {
    for (const layer of this.layers) layer.keep(rows);
    this.taken = Int32Array.from(rows, (row) => this.taken[row]);
    this.promptOf = Int32Array.from(rows, (row) => this.promptOf[row]);
  }

  dispose(): void {
    for (const layer of this.layers) layer.dispose();
  }
}

interface LayerCache {
  fill(k: tf.Tensor2D, v: tf.Tensor2D, T: number): void;
  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, step: DecodeStep): tf.Tensor2D;
  keep(rows: number[]): void;
  dispose(): void;
}

/** Rows of a tensor; frees the tensor. */
function select<T extends tf.Tensor>(cache: T, rows: ArrayLike<number>): T {
  const kept = tf.tidy(() => tf.keep(tf.gather(cache, tf.tensor1d(Int32Array.from(rows), 'int32'))));
  cache.dispose();
  return kept;
}

/**
 * Prompts [P, K, T, d] are stored once; each row has a cache [B, K, newTokens, d] that the backend's kernel writes in
 * place.
 */
class SharedPromptLayer implements LayerCache {
  private prompts: { keys: tf.Tensor; values: tf.Tensor } | null = null;
  private own: { keys: tf.Tensor; values: tf.Tensor } | null = null;

  constructor(
    private readonly config: ModelConfig,
    private readonly window: number,
    private readonly sizes: CacheSizes,
  ) {}

  fill(k: tf.Tensor2D, v: tf.Tensor2D, T: number): void {
    const { kv_heads: K, head_dim: d } = this.config;
    const { promptLengths, promptOf, newTokens } = this.sizes;
    const attrs = { B: promptLengths.length, T, K, capacity: T };
    const [keys, values] = [k, v].map((x) => tf.keep(runKernel('FillCache', { x }, attrs)[0]));
    this.prompts = { keys, values };
    // An op makes the zeros: tf.zeros would make them on the host and copy them.
    const empty = () => tf.keep(tf.fill([promptOf.length, K, newTokens, d], 0));
    this.own = { keys: empty(), values: empty() };
  }

  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, { taken, promptOf, promptLengths }: DecodeStep): tf.Tensor2D {
    const [prompts, own] = [this.prompts, this.own] as { keys: tf.Tensor; values: tf.Tensor }[];
    const inputs = {
      ...{ q, k, v, ...own, lengths: taken, prefixIndex: promptOf, prefixLengths: promptLengths },
      ...{ prefixKeys: prompts.keys, prefixValues: prompts.values },
    };
    const attrs = { H: this.config.heads, window: this.window };
    return runKernel('PrefixAttentionDecode', inputs, attrs)[0] as tf.Tensor2D;
  }

  keep(rows: number[]): void {
    const { keys, values } = this.own as { keys: tf.Tensor; values: tf.Tensor };
    this.own = { keys: select(keys, rows), values: select(values, rows) };
  }

  dispose(): void {
    for (const part of [this.prompts, this.own]) if (part !== null) tf.dispose([part.keys, part.values]);
  }
}

/**
 * Caches [B, K, T + newTokens, d] that the backend's kernel writes in place; each row has its own copy of its prompt.
 */
class InPlaceLayer implements LayerCache {
  private keys: tf.Tensor | null = null;
  private values: tf.Tensor | null = null;

  constructor(
    private readonly config: ModelConfig,
    private readonly window: number,
    private readonly sizes: CacheSizes,
  ) {}

  fill(k: tf.Tensor2D, v: tf.Tensor2D, T: number): void {
    const { promptLengths, promptOf, newTokens } = this.sizes;
    const attrs = { B: promptLengths.length, T, K: this.config.kv_heads, capacity: T + newTokens };
    this.keys = select(runKernel('FillCache', { x: k }, attrs)[0], promptOf);
    this.values = select(runKernel('FillCache', { x: v }, attrs)[0], promptOf);
  }

  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, { positions: lengths }: DecodeStep): tf.Tensor2D {
    const inputs = { q, k, v, keys: this.keys as tf.Tensor, values: this.values as tf.Tensor, lengths };
    return runKernel('AttentionDecode', inputs, { H: this.config.heads, window: this.window })[0] as tf.Tensor2D;
  }

  keep(rows: number[]): void {
    this.keys = select(this.keys as tf.Tensor, rows);
    this.values = select(this.values as tf.Tensor, rows);
  }

  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
  }
}

/** Plain tfjs: appends columns to [B, K, columns, d] and masks a row's padding columns. */
class ConcatenatedLayer implements LayerCache {
  private keys: tf.Tensor4D | null = null;
  private values: tf.Tensor4D | null = null;
  private promptColumns = 0;

  constructor(
    private readonly config: ModelConfig,
    private readonly window: number,
    private readonly sizes: CacheSizes,
  ) {}

  fill(k: tf.Tensor2D, v: tf.Tensor2D, T: number): void {
    const { kv_heads: K, head_dim: d } = this.config;
    const split = (x: tf.Tensor2D) =>
      select(tf.transpose(tf.reshape(x, [-1, T, K, d]), [0, 2, 1, 3]) as tf.Tensor4D, this.sizes.promptOf);
    this.promptColumns = T;
    this.keys = split(k);
    this.values = split(v);
  }

  attend(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, { positions }: DecodeStep): tf.Tensor2D {
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
    const masked = tf.add(scores, tf.reshape(this.mask(positions.dataSync<'int32'>(), columns), [B, 1, 1, columns]));
    return tf.reshape(tf.matMul(tf.softmax(masked), this.values), [B, H * d]) as tf.Tensor2D;
  }

  /** A row's prompt fills the first columns; its decoded tokens start at `promptColumns`. */
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
    this.keys = select(this.keys as tf.Tensor4D, rows);
    this.values = select(this.values as tf.Tensor4D, rows);
  }

  dispose(): void {
    this.keys?.dispose();
    this.values?.dispose();
  }
}

// Inputs of decoding steps, in tensors that are reused as long as the cache's rows stay the same.

/** The positions of a decoding step, for all layers. */
export interface DecodeStep {
  /** [B] int32: position of the new token in its sequence, and the number of new tokens before it in its row. */
  positions: tf.Tensor1D;
  taken: tf.Tensor1D;
  /** [B] and [P] int32. */
  promptOf: tf.Tensor1D;
  promptLengths: tf.Tensor1D;
}

export class DecodeInputs {
  private readonly inputs: Record<keyof DecodeStep | 'ids', StepInput>;

  constructor(private readonly cache: KVCache) {
    const ints = ({ length }: Int32Array) => new StepInput([length], 'int32');
    const { promptOf, promptLengths } = cache;
    this.inputs = {
      ...{ ids: ints(promptOf), positions: ints(promptOf), taken: ints(promptOf) },
      ...{ promptOf: ints(promptOf), promptLengths: ints(promptLengths) },
    };
    this.inputs.promptOf.write(promptOf);
    this.inputs.promptLengths.write(promptLengths);
  }

  /** Call before each step with the last token of every row. @throws Error if a row is full */
  write(ids: Int32Array): void {
    const { taken } = this.cache;
    const positions = this.cache.positions();
    this.inputs.ids.write(ids);
    this.inputs.positions.write(positions);
    this.inputs.taken.write(taken);
  }

  get ids(): tf.Tensor1D {
    return this.inputs.ids.tensor;
  }

  get step(): DecodeStep {
    const { positions, taken, promptOf, promptLengths } = this.inputs;
    return {
      ...{ positions: positions.tensor, taken: taken.tensor },
      ...{ promptOf: promptOf.tensor, promptLengths: promptLengths.tensor },
    };
  }

  dispose(): void {
    for (const input of Object.values(this.inputs)) input.dispose();
  }
}
