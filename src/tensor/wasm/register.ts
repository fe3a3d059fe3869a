/**
 * Registers the functions of kernels.c as tfjs kernels of the wasm backend, one per fused op of ../ops. A kernel
 * computes the same function as the composite that it replaces (test/tensor/ops.test.ts).
 */
import * as tf from '@tensorflow/tfjs-core';
import { kernelPrefix } from '../fused.js';
import { WasmKernels } from './module.js';

type Inputs = Record<string, tf.TensorInfo>;
type Attrs = Record<string, number>;
type KernelFunction = (inputs: Inputs, attrs: Attrs) => tf.TensorInfo | tf.TensorInfo[];

const sizeOf = (tensor: tf.TensorInfo) => tf.util.sizeFromShape(tensor.shape);

let registered = false;

/** Must be called while the wasm backend is the current one. */
export async function registerWasmKernels(): Promise<void> {
  if (registered) return;
  registered = true;
  const wasm = await WasmKernels.attach();
  const at = (tensor: tf.TensorInfo) => wasm.address(tensor);
  const like = (tensor: tf.TensorInfo) => wasm.output(tensor.shape);

  const kernels: Record<string, KernelFunction> = {
    Transpose2D({ x }) {
      const [rows, cols] = x.shape;
      const y = wasm.output([cols, rows]);
      wasm.call('transpose2d', at(x), at(y), rows, cols);
      return y;
    },
    RmsNorm({ x, w }, { eps }) {
      const y = like(x);
      wasm.call('rms_norm', at(x), at(w), at(y), x.shape[0], x.shape[1], eps);
      return y;
    },
    RmsNormGrad({ x, w, dy }, { eps }) {
      const dx = like(x);
      const dw = wasm.zeros(w.shape);
      wasm.call('rms_norm_grad', at(x), at(w), at(dy), at(dx), at(dw), x.shape[0], x.shape[1], eps);
      return [dx, dw];
    },
    Rope({ x, positions, cos, sin }, { heads, sign }) {
      const [N, width] = x.shape;
      const y = like(x);
      wasm.call('rope', at(x), at(positions), at(cos), at(sin), at(y), N, heads, width / heads, 2 * cos.shape[1], sign);
      return y;
    },
    Swiglu({ gate, up }) {
      const y = like(gate);
      wasm.call('swiglu', at(gate), at(up), at(y), sizeOf(gate));
      return y;
    },
    SwigluGrad({ gate, up, dy }) {
      const dg = like(gate);
      const du = like(gate);
      wasm.call('swiglu_grad', at(gate), at(up), at(dy), at(dg), at(du), sizeOf(gate));
      return [dg, du];
    },
    Attention({ q, k, v }, { B, T, H, K, d, scale, window }) {
      const out = like(q);
      const stats = wasm.output([B, H, 2, T]);
      const scratch = wasm.scratch((d + 32) * T);
      wasm.call('attention', at(q), at(k), at(v), at(out), at(stats), scratch, B, T, H, K, d, scale, window);
      return [out, stats];
    },
    AttentionGrad({ q, k, v, out, stats, dy }, { B, T, H, K, d, scale, window }) {
      const dq = like(q);
      const dk = wasm.zeros(k.shape);
      const dv = wasm.zeros(v.shape);
      const scratch = wasm.scratch((2 * d + 64) * T);
      const tensors = [q, k, v, out, stats, dy, dq, dk, dv].map(at);
      wasm.call('attention_grad', ...tensors, scratch, B, T, H, K, d, scale, window);
      return [dq, dk, dv];
    },
    /** Writes k and v into the caches in place, which is safe because only this kernel reads them. */
    AttentionDecode({ q, k, v, keys, values, lengths }, { H, window }) {
      const [B, K, capacity, d] = keys.shape;
      const out = like(q);
      const scratch = wasm.scratch(capacity);
      const tensors = [q, k, v, keys, values, lengths, out].map(at);
      wasm.call('attention_decode', ...tensors, scratch, B, H, K, d, capacity, 1 / Math.sqrt(d), window);
      return out;
    },
    FillCache({ x }, { B, T, K, capacity }) {
      const d = sizeOf(x) / (B * T * K);
      const cache = wasm.output([B, K, capacity, d]);
      wasm.call('fill_cache', at(x), at(cache), B, T, K, d, capacity);
      return cache;
    },
    LogSoftmaxStats({ logits, targets }) {
      const [N, V] = logits.shape;
      const [max, sum, target] = [0, 1, 2].map(() => wasm.output([N]));
      wasm.call('log_softmax_stats', at(logits), at(targets), at(max), at(sum), at(target), N, V);
      return [max, sum, target];
    },
    LogSoftmaxGrad({ logits, targets, max, sum, dy }) {
      const [N, V] = logits.shape;
      wasm.call('log_softmax_grad', at(logits), at(targets), at(max), at(sum), at(dy), N, V);
      // The same data as a second tensor: tfjs counts owners.
      wasm.backend.incRef(logits.dataId);
      return { dataId: logits.dataId, shape: logits.shape, dtype: logits.dtype };
    },
    ScatterAdd({ dy, indices }, { V }) {
      const D = dy.shape[dy.shape.length - 1];
      const table = wasm.zeros([V, D]);
      wasm.call('scatter_add', at(dy), at(indices), at(table), sizeOf(indices), D);
      return table;
    },
    AdamW({ param, grad, m, v }, { gradScale, lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2 }) {
      const outputs = [param, m, v].map(like);
      const tensors = [param, grad, m, v, ...outputs].map(at);
      wasm.call(
        'adamw',
        ...tensors,
        sizeOf(param),
        gradScale,
        lr,
        beta1,
        beta2,
        eps,
        weightDecay,
        biasCorrection1,
        biasCorrection2,
      );
      return outputs;
    },
  };

  // tfjs's own kernels leave their output uninitialised if there is nothing to sum.
  for (const kernelName of ['Sum', 'BatchMatMul']) {
    const kernel = tf.getKernel(kernelName, 'wasm');
    if (kernel == null) throw new Error(`the wasm backend has no kernel ${kernelName}: tfjs 4.22.0 is expected`);
    tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({
      ...kernel,
      kernelFunc(call) {
        const sums = kernel.kernelFunc(call) as tf.TensorInfo;
        const nothing = Object.values(call.inputs).some((input) => sizeOf(input as tf.TensorInfo) === 0);
        if (nothing && sizeOf(sums) > 0) wasm.backend.typedArrayFromHeap(sums).fill(0);
        return sums;
      },
    });
  }

  for (const [name, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName: kernelPrefix + name,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs }) => kernel(inputs as Inputs, attrs as Attrs),
    });
  }
}
