/** The feed-forward nonlinearities: SwiGLU (arXiv 2002.05202) and the two forms of GELU (arXiv 1606.08415). */
import * as tf from '@tensorflow/tfjs-core';
import { fused, hasKernel, runKernel, type Readers } from '../fused.js';

/**
 * silu(gate)·up, silu(g) = g·σ(g). Both [N, F].
 *
 * @param ofGradients how the gradients of gate and up will be read
 */
export function swiglu(
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
  readers: Readers = {},
  ofGradients: Readers = {},
): tf.Tensor2D {
  return fused(
    { gate, up },
    (save) => {
      save([gate, up]);
      if (hasKernel('Swiglu')) return runKernel('Swiglu', { gate, up }, { ...readers })[0];
      return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up);
    },
    (dy, [g, u]) => {
      if (hasKernel('SwigluGrad')) {
        const [dg, du] = runKernel('SwigluGrad', { gate: g, up: u, dy }, { ...ofGradients });
        return { gate: () => dg, up: () => du };
      }
      const s = tf.sigmoid(g);
      return {
        gate: () => tf.mul(tf.mul(dy, u), tf.mul(s, tf.add(1, tf.mul(g, tf.sub(1, s))))),
        up: () => tf.mul(dy, tf.mul(g, s)),
      };
    },
  ) as tf.Tensor2D;
}

/** x·Φ(x) with the exact Gaussian distribution function. */
export function gelu(x: tf.Tensor2D, readers: Readers = {}): tf.Tensor2D {
  const cdf = (v: tf.Tensor) => tf.mul(0.5, tf.add(1, tf.erf(tf.mul(v, Math.SQRT1_2))));
  return fused(
    { x },
    (save) => {
      save([x]);
      return hasKernel('Gelu') ? runKernel('Gelu', { x }, { ...readers })[0] : tf.mul(x, cdf(x));
    },
    (dy, [v]) => ({
      x: () => {
        if (hasKernel('GeluGrad')) return runKernel('GeluGrad', { x: v, dy })[0];
        const density = tf.mul(1 / Math.sqrt(2 * Math.PI), tf.exp(tf.mul(-0.5, tf.square(v))));
        return tf.mul(dy, tf.add(cdf(v), tf.mul(v, density)));
      },
    }),
  ) as tf.Tensor2D;
}

/** GELU's tanh approximation ("gelu_new"): ½x(1 + tanh(√(2/π)(x + 0.044715x³))). */
export function geluTanh(x: tf.Tensor2D, readers: Readers = {}): tf.Tensor2D {
  const c = Math.sqrt(2 / Math.PI);
  const tanhOf = (v: tf.Tensor) => tf.tanh(tf.mul(c, tf.add(v, tf.mul(0.044715, tf.mul(v, tf.square(v))))));
  return fused(
    { x },
    (save) => {
      save([x]);
      if (hasKernel('GeluTanh')) return runKernel('GeluTanh', { x }, { ...readers })[0];
      return tf.mul(tf.mul(0.5, x), tf.add(1, tanhOf(x)));
    },
    (dy, [v]) => ({
      x: () => {
        if (hasKernel('GeluTanhGrad')) return runKernel('GeluTanhGrad', { x: v, dy })[0];
        const t = tanhOf(v);
        const inner = tf.mul(c, tf.add(1, tf.mul(3 * 0.044715, tf.square(v))));
        const slope = tf.mul(tf.mul(tf.mul(0.5, v), tf.sub(1, tf.square(t))), inner);
        return tf.mul(dy, tf.add(tf.mul(0.5, tf.add(1, t)), slope));
      },
    }),
  ) as tf.Tensor2D;
}

/** max(x, 0). */
export function relu(x: tf.Tensor2D): tf.Tensor2D {
  return fused(
    { x },
    (save) => {
      save([x]);
      return tf.relu(x);
    },
    (dy, [v]) => ({ x: () => tf.mul(dy, tf.step(v)) }),
  ) as tf.Tensor2D;
}
