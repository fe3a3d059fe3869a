/** The next token of every row of a batch: by the backend's kernel where it has one, else row by row (choose.ts). */
import * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../tensor/fused.js';
import { type Choice, type ChoiceSettings, chooseToken } from './choose.js';

export interface Chooser {
  /** Tokens of the prompt and the response so far, for the repetition penalty. */
  readonly seen: ReadonlySet<number>;
  /** The row's next random number, in [0, 1). */
  uniform(): number;
}

/**
 * @param logits computes [B, V]; it is called once
 * @param rows null for a row that nobody reads: its choice means nothing
 */
export function chooseTokens(
  logits: () => tf.Tensor2D,
  rows: readonly (Chooser | null)[],
  settings: ChoiceSettings,
): Choice[] {
  return hasKernel('SampleTokens') ? byKernel(logits, rows, settings) : byRow(logits, rows, settings);
}

function byKernel(
  logits: () => tf.Tensor2D,
  rows: readonly (Chooser | null)[],
  { temperature, top_p, top_k, min_p, repetition_penalty }: ChoiceSettings,
): Choice[] {
  const penalised = repetition_penalty === 1 ? [] : rows;
  const seen = penalised.flatMap((row) => [...(row?.seen ?? [])]);
  const seenStart = penalised.reduce<number[]>(
    (starts, row) => [...starts, starts[starts.length - 1] + (row?.seen.size ?? 0)],
    [0],
  );
  const attrs = {
    ...{ temperature, topP: top_p, topK: top_k, minP: min_p, repetitionPenalty: repetition_penalty },
    uniforms: rows.map((row) => row?.uniform() ?? 0),
  };
  const [tokens, logps] = tf.tidy(() =>
    runKernel(
      'SampleTokens',
      { logits: logits(), seen: tf.tensor1d(seen, 'int32'), seenStart: tf.tensor1d(seenStart, 'int32') },
      attrs,
    ),
  );
  const [ids, values] = [tokens.dataSync<'int32'>(), logps.dataSync<'float32'>()];
  tf.dispose([tokens, logps]);
  return rows.map((_, b) => ({ token: ids[b], logp: values[b] }));
}

function byRow(logits: () => tf.Tensor2D, rows: readonly (Chooser | null)[], settings: ChoiceSettings): Choice[] {
  const tensor = tf.tidy(logits);
  const values = tensor.dataSync<'float32'>();
  const [, V] = tensor.shape;
  tensor.dispose();
  return rows.map((row, b) =>
    row === null
      ? { token: 0, logp: 0 }
      : chooseToken(values.subarray(b * V, (b + 1) * V), settings, row.seen, row.uniform()),
  );
}
