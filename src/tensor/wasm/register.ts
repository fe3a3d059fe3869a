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

/** What an exponential, root or division costs, in additions. */
const EXP = 8;

/**
 * Must be called while the wasm backend is the current one, and with the memory that withSharedMemory gives it.
 *
 * @param threads to compute with
 */
export async function registerWasmKernels(threads: number): Promise<void> {
  if (registered) return;
  registered = true;
  const wasm = await WasmKernels.attach(threads);
  const at = (tensor: tf.TensorInfo) => wasm.address(tensor);
  const like = (tensor: tf.TensorInfo) => wasm.output(tensor.shape);

  const kernels: Record<string, KernelFunction> = {
    RmsNorm({ x, w }, { eps }) {
      const y = like(x);
      wasm.call('rms_norm', sizeOf(x), at(x), at(w), at(y), x.shape[0], x.shape[1], eps);
      return y;
    },
    RmsNormGrad({ x, w, dy }, { eps }) {
      const dx = like(x);
      const dw = wasm.zeros(w.shape);
      const [N, D] = x.shape;
      const factors = wasm.scratch(N);
      wasm.call('rms_norm_grad', 2 * sizeOf(x), at(x), at(w), at(dy), at(dx), factors, N, D, eps);
      wasm.call('rms_norm_weight_grad', sizeOf(x), at(x), at(dy), factors, at(dw), N, D);
      return [dx, dw];
    },
    Rope({ x, positions, cos, sin }, { heads, sign }) {
      const [N, width] = x.shape;
      const y = like(x);
      const tensors = [x, positions, cos, sin, y].map(at);
      wasm.call('rope', sizeOf(x), ...tensors, N, heads, width / heads, 2 * cos.shape[1], sign);
      return y;
    },
    Swiglu({ gate, up }) {
      const y = like(gate);
      wasm.call('swiglu', EXP * sizeOf(gate), at(gate), at(up), at(y), sizeOf(gate));
      return y;
    },
    SwigluGrad({ gate, up, dy }) {
      const dg = like(gate);
      const du = like(gate);
      wasm.call('swiglu_grad', EXP * sizeOf(gate), at(gate), at(up), at(dy), at(dg), at(du), sizeOf(gate));
      return [dg, du];
    },
    Attention({ q, k, v }, { B, T, H, K, d, scale, window }) {
      const out = like(q);
      const stats = wasm.output([B, H, 2, T]);
      const scratch = wasm.scratch((d + 32) * T * wasm.threads.count);
      wasm.call(
        'attention',
        B * H * T * T * d,
        at(q),
        at(k),
        at(v),
        at(out),
        at(stats),
        scratch,
        B,
        T,
        H,
        K,
        d,
        scale,
        window,
      );
      return [out, stats];
    },
    AttentionGrad({ q, k, v, out, stats, dy }, { B, T, H, K, d, scale, window }) {
      const dq = like(q);
      const dk = wasm.zeros(k.shape);
      const dv = wasm.zeros(v.shape);
      const scratch = wasm.scratch((2 * d + 64) * T * wasm.threads.count);
      const tensors = [q, k, v, out, stats, dy, dq, dk, dv].map(at);
      wasm.call('attention_grad', B * H * T * T * d, ...tensors, scratch, B, T, H, K, d, scale, window);
      return [dq, dk, dv];
    },
    /** Writes k and v into the caches in place, which is safe because only this kernel reads them. */
    AttentionDecode({ q, k, v, keys, values, lengths }, { H, window }) {
      const [B, K, capacity, d] = keys.shape;
      const out = like(q);
      const scratch = wasm.scratch(capacity * wasm.threads.count);
      const tensors = [q, k, v, keys, values, lengths, out].map(at);
      // Rows are at most at their capacity; their lengths are on the device.
      wasm.call(
        'attention_decode',
        B * H * capacity * d,
        ...tensors,
        scratch,
        B,
        H,
        K,
        d,
        capacity,
        1 / Math.sqrt(d),
        window,
      );
      return out;
    },
    FillCache({ x }, { B, T, K, capacity }) {
      const d = sizeOf(x) / (B * T * K);
      const cache = wasm.output([B, K, capacity, d]);
      wasm.call('fill_cache', sizeOf(x), at(x), at(cache), B, T, K, d, capacity);
      return cache;
    },
    LogSoftmaxStats({ logits, targets }) {
      const [N, V] = logits.shape;
      const [max, sum, target] = [0, 1, 2].map(() => wasm.output([N]));
      wasm.call('log_softmax_stats', EXP * sizeOf(logits), at(logits), at(targets), at(max), at(sum), at(target), N, V);
      return [max, sum, target];
    },
    LogSoftmaxGrad({ logits, targets, max, sum, dy }) {
      const [N, V] = logits.shape;
      wasm.call('log_softmax_grad', EXP * sizeOf(logits), at(logits), at(targets), at(max), at(sum), at(dy), N, V);
      // The same data as a second tensor: tfjs counts owners.
      wasm.backend.incRef(logits.dataId);
      return { dataId: logits.dataId, shape: logits.shape, dtype: logits.dtype };
    },
    ScatterAdd({ dy, indices }, { V }) {
      const D = dy.shape[dy.shape.length - 1];
      const table = wasm.zeros([V, D]);
      wasm.call('scatter_add', sizeOf(dy), at(dy), at(indices), at(table), sizeOf(indices), D);
      return table;
    },
    AdamW({ param, grad, m, v }, { gradScale, lr, beta1, beta2, eps, weightDecay, biasCorrection1, biasCorrection2 }) {
      const outputs = [param, m, v].map(like);
      const tensors = [param, grad, m, v, ...outputs].map(at);
      wasm.call(
        'adamw',
        EXP * sizeOf(param),
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

  replaceKernel('Sum', (sum, call) => {
    const sums = sum(call);
    // tfjs's own kernel leaves its output uninitialised if there is nothing to sum.
    if (sizeOf(call.inputs.x as tf.TensorInfo) === 0 && sizeOf(sums) > 0) wasm.backend.typedArrayFromHeap(sums).fill(0);
    return sums;
  });
  // tfjs's own is 100 times slower.
  replaceKernel('GatherV2', (gather, call) => {
    const { x, indices } = call.inputs as Inputs;
    const { axis, batchDims } = call.attrs as unknown as { axis: number; batchDims: number };
    if (axis !== 0 || batchDims !== 0 || x.dtype === 'bool' || x.dtype === 'string') return gather(call);
    const D = sizeOf(x) / x.shape[0];
    const y = wasm.output([...indices.shape, ...x.shape.slice(1)], x.dtype as 'float32' | 'int32');
    wasm.call('gather_rows', sizeOf(y), at(x), at(indices), at(y), sizeOf(indices), D);
    return y;
  });
  // tfjs's own copies the data.
  replaceKernel('Identity', (_, { inputs }) => {
    const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
    wasm.backend.incRef(dataId);
    return { dataId, shape, dtype };
  });
  replaceKernel('BatchMatMul', (_, { inputs, attrs }) =>
    batchMatMul(wasm, inputs as Inputs, attrs as unknown as Transposes),
  );

  for (const [name, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName: kernelPrefix + name,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs }) => kernel(inputs as Inputs, attrs as Attrs),
    });
  }
}

/** Registers another kernel for an op of tfjs; it gets tfjs's own, too. */
function replaceKernel(kernelName: string, by: (own: OneOutput, call: Call) => tf.TensorInfo): void {
  const kernel = tf.getKernel(kernelName, 'wasm');
  if (kernel == null) throw new Error(`the wasm backend has no kernel ${kernelName}: tfjs 4.22.0 is expected`);
  tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({ ...kernel, kernelFunc: (call) => by(kernel.kernelFunc as OneOutput, call) });
}

type Call = Parameters<tf.KernelFunc>[0];
type OneOutput = (call: Call) => tf.TensorInfo;

interface Transposes {
  transposeA: boolean;
  transposeB: boolean;
}

/** Products of the last two axes; the axes before them must be equal, or one operand has none. */
function batchMatMul(wasm: WasmKernels, { a, b }: Inputs, { transposeA, transposeB }: Transposes): tf.TensorInfo {
  const [left, right] = [matrices(a, transposeA), matrices(b, transposeB)];
  if (left.cols !== right.rows) throw new Error(`no product of [${a.shape.join()}] and [${b.shape.join()}]`);
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [M, N, K] = [left.rows, right.cols, left.cols];
  const out = wasm.output([...batch, M, N]);
  if (K === 0) wasm.floats(out).fill(0);
  const of = (tensor: tf.TensorInfo, { count, rows, cols, rs, cs }: Matrices, i: number) => ({
    at: wasm.address(tensor) + (count === 1 ? 0 : i) * rows * cols * 4,
    ...{ rs, cs },
  });
  const products = tf.util.sizeFromShape(batch);
  if ((left.count !== products && left.count !== 1) || (right.count !== products && right.count !== 1)) {
    throw new Error(`products of [${a.shape.join()}] and [${b.shape.join()}] are not supported`);
  }
  for (let i = 0; i < products; i++) {
    wasm.product(of(a, left, i), of(b, right, i), wasm.address(out) + i * M * N * 4, [M, N, K]);
  }
  return out;
}

/** `count` matrices as a product reads them: rows and columns are rs and cs floats apart. */
interface Matrices {
  count: number;
  rows: number;
  cols: number;
  rs: number;
  cs: number;
}

function matrices({ shape }: tf.TensorInfo, transposed: boolean): Matrices {
  const count = tf.util.sizeFromShape(shape.slice(0, -2));
  const [rows, cols] = shape.slice(-2);
  return transposed ? { count, rows: cols, cols: rows, rs: 1, cs: cols } : { count, rows, cols, rs: cols, cs: 1 };
}
