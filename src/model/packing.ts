/**
 * Lays out sequences for one pass of the transformer: packed without padding, a shared prefix computed once; or, if the
 * backend has no attention over packed rows, right-padded to the longest.
 */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel } from '../tensor/fused.js';
import { attention, packedAttention } from '../tensor/ops/attention.js';
import type { ModelConfig } from './types.js';
import { largest } from '../core/limits.js';

/** A sequence of tokens in two parts: a prefix that it may share with other sequences, and its own tokens. */
export interface SplitSequence {
  prefix: readonly number[];
  own: readonly number[];
}

export type Layout =
  | { kind: 'padded'; B: number; T: number }
  /** Segments in the form that `packedAttention` takes, flattened. */
  | { kind: 'packed'; segments: Int32Array };

/** Token ids [N] of the rows, each row's position in its sequence, and how rows form sequences. */
export interface Batch {
  ids: Int32Array;
  positions: Int32Array;
  layout: Layout;
  /** The row of token `t` of sequence `s`, counting its prefix. */
  row(s: number, t: number): number;
}

/** Rows [B, T], right-padded with any id: padding never influences earlier positions. */
export function paddedBatch(ids: Int32Array, [B, T]: [number, number]): Batch {
  return {
    ids,
    positions: Int32Array.from(ids, (_, i) => i % T),
    layout: { kind: 'padded', B, T },
    row: (s, t) => s * T + t,
  };
}

/** Whether the current backend attends over packed rows. */
export function packs(): boolean {
  return hasKernel('PackedAttention');
}

/** Uses the layout that the current backend computes fastest. */
export function layOut(sequences: readonly SplitSequence[]): Batch {
  return packs() ? pack(sequences) : pad(sequences);
}

function pad(sequences: readonly SplitSequence[]): Batch {
  const T = largest(sequences.map(({ prefix, own }) => prefix.length + own.length));
  const ids = new Int32Array(sequences.length * T);
  sequences.forEach(({ prefix, own }, s) => {
    ids.set(prefix, s * T);
    ids.set(own, s * T + prefix.length);
  });
  return paddedBatch(ids, [sequences.length, T]);
}

/** Finds equal prefixes anywhere in the batch. */
export function pack(sequences: readonly SplitSequence[]): Batch {
  const segments: number[] = [];
  const ids: number[] = [];
  const positions: number[] = [];
  const prefixes = new Map<string, number>();
  const append = (tokens: readonly number[], from: number) => {
    for (let t = 0; t < tokens.length; t++) {
      ids.push(tokens[t]);
      positions.push(from + t);
    }
  };
  const places = sequences.map(({ prefix, own }) => {
    const key = prefix.join(' ');
    let shared = prefixes.get(key);
    if (shared === undefined) {
      shared = ids.length;
      prefixes.set(key, shared);
      if (prefix.length > 0) segments.push(shared, prefix.length, 0, 0);
      append(prefix, 0);
    }
    const start = ids.length;
    if (own.length > 0) segments.push(start, own.length, shared, prefix.length);
    append(own, prefix.length);
    return { shared, start, length: prefix.length };
  });
  return {
    ids: Int32Array.from(ids),
    positions: Int32Array.from(positions),
    layout: { kind: 'packed', segments: Int32Array.from(segments) },
    row: (s, t) => (t < places[s].length ? places[s].shared + t : places[s].start + t - places[s].length),
  };
}

/** Attention of one layer over a batch. */
export function attend(
  q: tf.Tensor2D,
  k: tf.Tensor2D,
  v: tf.Tensor2D,
  layer: number,
  { heads: H, kv_heads: K, head_dim: d, sliding_windows }: ModelConfig,
  layout: Layout,
): tf.Tensor2D {
  const window = sliding_windows[layer] ?? 0;
  if (layout.kind === 'padded') return attention(q, k, v, { B: layout.B, T: layout.T, H, K, d, window });
  // Made anew for each layer: a checkpointed layer is recomputed after the forward pass's tensors are gone.
  const segments = tf.tensor2d(layout.segments, [layout.segments.length / 4, 4], 'int32');
  return packedAttention(q, k, v, segments, { H, K, d, window });
}
