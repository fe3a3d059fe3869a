/** log π(token) straight from hidden states: the [N, V] logits exist only a slice of rows at a time. */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel } from '../fused.js';
import { transposed } from './elementwise.js';

/** Largest slice of logits in bytes. */
const SLICE_BYTES = 64 * 2 ** 20;

/**
 * log softmax(hidden·head)[target] for each row.
 *
 * @param hidden [N, D]
 * @param head [D, V]
 * @param targets [N] int32, each below V
 * @param trainsHead whether the head's gradient will be asked for; without it a third of the backward pass is saved
 * @returns [N]
 *
 * With p the softmax, the gradient of Σ dy·logp is dlogits = dy·(onehot - p), dhidden = dlogits·headᵀ and
 * dhead = hiddenᵀ·dlogits. The logits are computed again in the backward pass.
 */
export function tokenLogProbs(
  hidden: tf.Tensor2D,
  head: tf.Tensor2D,
  targets: tf.Tensor1D,
  trainsHead = true,
): tf.Tensor1D {
  return fused(
    { hidden, head },
    (save) => {
      if (hasKernel('TokenLogProbs')) {
        const [logps, max, sum] = runKernel('TokenLogProbs', { hidden, head, targets });
        save([hidden, head, targets, max, sum]);
        return logps;
      }
      const parts = slices(hidden, head).map(([start, count]) =>
        tf.tidy(() =>
          forwardSlice(tf.matMul(tf.slice(hidden, [start, 0], [count, -1]), head), tf.slice(targets, start, count)),
        ),
      );
      const [logps, ...stats] = [0, 1, 2].map((i) =>
        parts.length === 1 ? parts[0][i] : tf.concat(parts.map((part) => part[i])),
      );
      save([hidden, head, targets, ...stats]);
      return logps;
    },
    (dy, [savedHidden, savedHead, savedTargets, max, sum]) => {
      if (hasKernel('TokenLogProbsGrad')) {
        const inputs = { hidden: savedHidden, head: savedHead, targets: savedTargets, max, sum, dy };
        const [dhidden, dhead] = runKernel('TokenLogProbsGrad', inputs, { trainsHead });
        return { hidden: () => dhidden, head: () => trained(dhead) };
      }
      const headT = tf.keep(transposed(savedHead as tf.Tensor2D));
      const dhidden: tf.Tensor[] = [];
      let dhead: tf.Tensor | undefined;
      for (const [start, count] of slices(savedHidden as tf.Tensor2D, savedHead as tf.Tensor2D)) {
        const [dh, dw] = tf.tidy((): tf.Tensor[] => {
          const part = tf.slice(savedHidden as tf.Tensor2D, [start, 0], [count, -1]);
          const dlogits = backwardSlice(
            tf.matMul(part, savedHead as tf.Tensor2D),
            [savedTargets, max, sum, dy].map((x) => tf.slice(x as tf.Tensor1D, start, count)),
          );
          if (!trainsHead) return [tf.matMul(dlogits, headT)];
          const added = tf.matMul(transposed(part), dlogits);
          return [tf.matMul(dlogits, headT), dhead === undefined ? added : tf.add(dhead, added)];
        });
        dhidden.push(dh);
        dhead?.dispose();
        dhead = dw;
      }
      headT.dispose();
      return {
        hidden: () => (dhidden.length === 1 ? dhidden[0] : tf.concat(dhidden)),
        head: () => trained(dhead),
      };
    },
  ) as tf.Tensor1D;
}

function trained(dhead: tf.Tensor | undefined): tf.Tensor {
  if (dhead === undefined) throw new Error('tokenLogProbs was told that the head is not trained');
  return dhead;
}

function slices(hidden: tf.Tensor2D, head: tf.Tensor2D): [start: number, count: number][] {
  const N = hidden.shape[0];
  const most = Math.max(1, Math.floor(SLICE_BYTES / 4 / head.shape[1]));
  const result: [number, number][] = [];
  for (let start = 0; start < N; start += most) result.push([start, Math.min(most, N - start)]);
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

/** dy·(onehot - softmax). Overwrites the logits where the backend has a kernel. */
function backwardSlice(logits: tf.Tensor2D, [targets, max, sum, dy]: tf.Tensor[]): tf.Tensor2D {
  if (hasKernel('LogSoftmaxGrad'))
    return runKernel('LogSoftmaxGrad', { logits, targets, max, sum, dy })[0] as tf.Tensor2D;
  const p = tf.div(tf.exp(tf.sub(logits, tf.reshape(max, [-1, 1]))), tf.reshape(sum, [-1, 1]));
  const onehot = tf.oneHot(targets as tf.Tensor1D, logits.shape[1]);
  return tf.mul(tf.sub(onehot, p), tf.reshape(dy, [-1, 1])) as tf.Tensor2D;
}
