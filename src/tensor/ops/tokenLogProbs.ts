/** log π(token) straight from hidden states: the [N, V] logits exist only for one slice of rows at a time. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';

/** Largest slice of logits, bytes. */
const SLICE_BYTES = 64 * 2 ** 20;

/** The head of a language model: [D, V], or the embedding [V, D] that it is tied to. */
export interface Head {
  weight: tf.Tensor2D;
  tied: boolean;
  /** Whether its gradient is needed; skipping it saves a third of the backward pass. */
  trained: boolean;
}

/**
 * log softmax(hidden·head)[target] for each row.
 *
 * @param hidden [N, D]
 * @param targets [N] int32, each below V
 * @returns [N]
 *
 * With p the softmax, the gradient of Σ dy·logp is dlogits = dy·(onehot - p), dhidden = dlogits·headᵀ and dhead =
 * hiddenᵀ·dlogits. The backward pass computes the logits again.
 */
export function tokenLogProbs(hidden: tf.Tensor2D, head: Head, targets: tf.Tensor1D): tf.Tensor1D {
  return hasKernel('TokenLogProbs') ? byKernel(hidden, head, targets) : inSlices(hidden, head, targets);
}

function byKernel(hidden: tf.Tensor2D, { weight, tied, trained }: Head, targets: tf.Tensor1D): tf.Tensor1D {
  return fused(
    { hidden, weight },
    (save) => {
      const [logps, max, sum] = runKernel('TokenLogProbs', { hidden, head: weight, targets }, { tied });
      save([hidden, weight, targets, max, sum]);
      return logps;
    },
    (dy, [savedHidden, savedWeight, savedTargets, max, sum]) => {
      const inputs = { hidden: savedHidden, head: savedWeight, targets: savedTargets, max, sum, dy };
      const [dhidden, dweight] = runKernel('TokenLogProbsGrad', inputs, { tied, trained });
      return { hidden: () => dhidden, weight: () => expectTrained(dweight) };
    },
  ) as tf.Tensor1D;
}

function expectTrained(dweight: tf.Tensor | undefined): tf.Tensor {
  if (dweight === undefined) throw new Error('tokenLogProbs was told that the head is not trained');
  return dweight;
}

function inSlices(hidden: tf.Tensor2D, { weight, tied, trained }: Head, targets: tf.Tensor1D): tf.Tensor1D {
  const V = weight.shape[tied ? 0 : 1];
  const logitsOf = (rows: tf.Tensor, head: tf.Tensor) => tf.matMul(rows, head, false, tied) as tf.Tensor2D;
  return fused(
    { hidden, weight },
    (save) => {
      const parts = slices(hidden.shape[0], V).map(([start, count]) =>
        tf.tidy(() =>
          forwardSlice(logitsOf(tf.slice(hidden, [start, 0], [count, -1]), weight), tf.slice(targets, start, count)),
        ),
      );
      const [logps, ...stats] = [0, 1, 2].map((i) =>
        parts.length === 1 ? parts[0][i] : tf.concat(parts.map((part) => part[i])),
      );
      save([hidden, weight, targets, ...stats]);
      return logps;
    },
    (dy, [savedHidden, savedWeight, savedTargets, max, sum]) => {
      const head = savedWeight as tf.Tensor2D;
      const dhidden: tf.Tensor[] = [];
      let dweight: tf.Tensor | undefined;
      for (const [start, count] of slices(savedHidden.shape[0], V)) {
        const [dh, dw] = tf.tidy((): tf.Tensor[] => {
          const part = tf.slice(savedHidden, [start, 0], [count, -1]);
          const dlogits = backwardSlice(
            logitsOf(part, head),
            [savedTargets, max, sum, dy].map((x) => tf.slice(x as tf.Tensor1D, start, count)),
          );
          const dh = tf.matMul(dlogits, head, false, !tied);
          if (!trained) return [dh];
          const added = tied ? tf.matMul(dlogits, part, true, false) : tf.matMul(part, dlogits, true, false);
          return [dh, dweight === undefined ? added : tf.add(dweight, added)];
        });
        dhidden.push(dh);
        dweight?.dispose();
        dweight = dw;
      }
      return {
        hidden: () => (dhidden.length === 1 ? dhidden[0] : tf.concat(dhidden)),
        weight: () => expectTrained(dweight),
      };
    },
  ) as tf.Tensor1D;
}

/**
 * log Σ_v softmax(hidden·head)[v]² for each row: the log of the probability that two draws give the same token. It has
 * no gradient.
 *
 * @param hidden [N, D]
 * @returns [N]
 *
 * With m a row's largest logit l: log Σ p² = log Σ e^{2(l - m)} - 2·log Σ e^{l - m}.
 */
export function logSumSquaredProbs(hidden: tf.Tensor2D, { weight, tied }: Head): tf.Tensor1D {
  return fused(
    { hidden },
    () => {
      const V = weight.shape[tied ? 0 : 1];
      const parts = slices(hidden.shape[0], V).map(([start, count]) =>
        tf.tidy(() => {
          const logits = tf.matMul(tf.slice(hidden, [start, 0], [count, -1]), weight, false, tied);
          const powers = tf.exp(tf.sub(logits, tf.max(logits, 1, true)));
          const logSum = tf.log(tf.sum(powers, 1));
          return tf.sub(tf.sub(tf.log(tf.sum(tf.mul(powers, powers), 1)), logSum), logSum);
        }),
      );
      return parts.length === 1 ? parts[0] : tf.concat(parts);
    },
    () => {
      throw new Error('logSumSquaredProbs has no gradient');
    },
  ) as tf.Tensor1D;
}

/** Divides N rows into slices whose logits [rows, V] are computed at once. */
function slices(N: number, V: number): [start: number, count: number][] {
  const most = Math.max(1, Math.floor(SLICE_BYTES / 4 / V));
  const result: [number, number][] = [];
  // N = 0 gives one empty slice.
  for (let start = 0; start === 0 || start < N; start += most) result.push([start, Math.min(most, N - start)]);
  return result;
}

/** Log-probabilities, row maxima and Σ exp(logit - maximum) of a slice of logits. */
function forwardSlice(logits: tf.Tensor2D, targets: tf.Tensor1D): tf.Tensor[] {
  if (hasKernel('LogSoftmaxStats')) {
    const [max, sum, at] = runKernel('LogSoftmaxStats', { logits, targets });
    return [tf.sub(tf.sub(at, max), tf.log(sum)), max, sum];
  }
  const max = tf.max(logits, 1, true);
  const sum = tf.sum(tf.exp(tf.sub(logits, max)), 1);
  const at = tf.sum(tf.mul(logits, tf.oneHot(targets, logits.shape[1])), 1);
  const flat = tf.reshape(max, [-1]);
  return [tf.sub(tf.sub(at, flat), tf.log(sum)), flat, sum];
}

/** dy·(onehot - softmax). Overwrites the logits if the backend has a kernel. */
function backwardSlice(logits: tf.Tensor2D, [targets, max, sum, dy]: tf.Tensor[]): tf.Tensor2D {
  if (hasKernel('LogSoftmaxGrad'))
    return runKernel('LogSoftmaxGrad', { logits, targets, max, sum, dy })[0] as tf.Tensor2D;
  const p = tf.div(tf.exp(tf.sub(logits, tf.reshape(max, [-1, 1]))), tf.reshape(sum, [-1, 1]));
  const onehot = tf.oneHot(targets as tf.Tensor1D, logits.shape[1]);
  return tf.mul(tf.sub(onehot, p), tf.reshape(dy, [-1, 1])) as tf.Tensor2D;
}
