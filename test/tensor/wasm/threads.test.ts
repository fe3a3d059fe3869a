import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Random } from '../../../src/core/seeds.js';
import { type Kernel, KernelThreads } from '../../../src/tensor/wasm/threads.js';

/** The part of the WebAssembly global that Node 20's types leave out. */
interface WebAssemblyGlobal {
  Memory: new (limits: object) => { buffer: SharedArrayBuffer };
  compile(binary: Uint8Array): Promise<object>;
  instantiate(module: object, imports: object): Promise<{ exports: Record<string, unknown> }>;
}
const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyGlobal }).WebAssembly;

/** Bytes of each thread's stack, and of room for its scratch. */
const BLOCK = 2 ** 20;

/** brevity.wasm on memory of its own, with tensors laid out behind the threads' stacks. */
async function kernelsOn(count: number) {
  const memory = new wasm.Memory({ initial: 512, maximum: 65_536, shared: true });
  const module = await wasm.compile(readFileSync('src/tensor/wasm/brevity.wasm'));
  const { exports } = await wasm.instantiate(module, { env: { memory } });
  const { __stack_pointer: stackPointer, ...kernels } = exports;
  let end = 0;
  const take = (bytes: number) => (end += Math.ceil(bytes / 16) * 16) - Math.ceil(bytes / 16) * 16;
  take(1024);
  const stackOf = () => take(BLOCK) + BLOCK;
  (stackPointer as { value: number }).value = stackOf();
  const threads = await KernelThreads.start(module, memory, kernels as Record<string, Kernel>, count, stackOf);
  const random = new Random(3);
  return {
    run: (kernel: string, numbers: number[]) => threads.run(kernel, numbers),
    floats(size: number, of: (value: number) => number = (value) => value) {
      const at = take(4 * size);
      new Float32Array(memory.buffer, at, size).set(Array.from({ length: size }, () => of(random.uniform() - 0.5)));
      return at;
    },
    integers(values: number[]) {
      const at = take(4 * values.length);
      new Int32Array(memory.buffer, at, values.length).set(values);
      return at;
    },
    scratch: () => take(count * BLOCK),
    read: (at: number, size: number) => Array.from(new Float32Array(memory.buffer, at, size)),
  };
}
type Kernels = Awaited<ReturnType<typeof kernelsOn>>;

const [B, T, H, K, d] = [3, 37, 4, 2, 12];
const [N, D, V] = [29, 22, 53];

/** What each kernel writes, by its arguments without scratch; sizes that no number of threads divides. */
const cases: [name: string, compute: (on: Kernels) => number[]][] = [
  ...[
    [21, 70, 300],
    [130, 5, 9],
    [1, 19, 40],
  ].flatMap(([M, n, k]) =>
    [false, true].flatMap((ofA) =>
      [false, true].map((ofB): [string, (on: Kernels) => number[]] => [
        `matmul ${M}×${n}×${k}${ofA ? ', A transposed' : ''}${ofB ? ', B transposed' : ''}`,
        (on) => {
          const [a, b, c, packed] = [on.floats(M * k), on.floats(k * n), on.floats(M * n), on.scratch()];
          const left = ofA ? [1, M] : [k, 1];
          const right = ofB ? [1, k] : [n, 1];
          on.run('matmul', [a, ...left, b, ...right, c, packed, M, n, k]);
          return on.read(c, M * n);
        },
      ]),
    ),
  ),
  [
    'rms_norm and its gradients',
    (on) => {
      const [x, w, dy, y, dx, dw] = [N * D, D, N * D, N * D, N * D, D].map((size) => on.floats(size));
      const factors = on.scratch();
      on.run('rms_norm', [x, w, y, N, D, 1e-6]);
      on.run('rms_norm_grad', [x, w, dy, dx, factors, N, D, 1e-6]);
      on.run('rms_norm_weight_grad', [x, dy, factors, dw, N, D]);
      return [...on.read(y, N * D), ...on.read(dx, N * D), ...on.read(dw, D)];
    },
  ],
  [
    'attention and its gradients',
    (on) => {
      const [q, o, dout, dq] = [1, 2, 3, 4].map(() => on.floats(B * T * H * d));
      const [k, v, dk, dv] = [1, 2, 3, 4].map(() => on.floats(B * T * K * d));
      const [stats, scratch] = [on.floats(B * H * 2 * T), on.scratch()];
      const sizes = [B, T, H, K, d, 0.3, 0];
      on.run('attention', [q, k, v, o, stats, scratch, ...sizes]);
      on.run('attention_grad', [q, k, v, o, stats, dout, dq, dk, dv, scratch, ...sizes]);
      return [o, dq]
        .flatMap((at) => on.read(at, B * T * H * d))
        .concat(...[dk, dv].map((at) => on.read(at, B * T * K * d)));
    },
  ],
  [
    'log-softmax and its gradient',
    (on) => {
      const logits = on.floats(N * V);
      const targets = on.integers(Array.from({ length: N }, (_, i) => (7 * i) % V));
      const [max, sum, at, dy] = [1, 2, 3, 4].map(() => on.floats(N));
      on.run('log_softmax_stats', [logits, targets, max, sum, at, N, V]);
      const stats = [max, sum, at].flatMap((each) => on.read(each, N));
      on.run('log_softmax_grad', [logits, targets, max, sum, dy, N, V]);
      return [...stats, ...on.read(logits, N * V)];
    },
  ],
  [
    'gather and scatter-add',
    (on) => {
      const [table, y] = [on.floats(V * D), on.floats(N * D)];
      const ids = on.integers(Array.from({ length: N }, (_, i) => (i * i) % 11));
      on.run('gather_rows', [table, ids, y, N, D]);
      on.run('scatter_add', [y, ids, table, N, D]);
      return [...on.read(y, N * D), ...on.read(table, V * D)];
    },
  ],
  [
    'swiglu, its gradient and AdamW',
    (on) => {
      const size = N * D + 3;
      const [g, u, dy, y, dg, du, p, m, p2, m2, v2] = Array.from({ length: 11 }, () => on.floats(size));
      on.run('swiglu', [g, u, y, size]);
      on.run('swiglu_grad', [g, u, dy, dg, du, size]);
      // A second moment is not negative.
      const v = on.floats(size, (value) => value * value);
      on.run('adamw', [p, y, m, v, p2, m2, v2, size, 1, 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05]);
      return [y, dg, du, p2, m2, v2].flatMap((at) => on.read(at, size));
    },
  ],
];

it.each(cases)('%s: the same bits on one, two and five threads', async (_name, compute) => {
  const alone = compute(await kernelsOn(1));
  expect(new Set(alone).size).toBeGreaterThan(alone.length / 4);
  for (const count of [2, 5]) expect(compute(await kernelsOn(count))).toEqual(alone);
});

it('is the product, summed over k in order', async () => {
  const on = await kernelsOn(2);
  const [M, n, k] = [6, 11, 5];
  const [a, b, c, packed] = [on.floats(M * k), on.floats(k * n), on.floats(M * n), on.scratch()];
  on.run('matmul', [a, k, 1, b, n, 1, c, packed, M, n, k]);
  const [A, B_] = [on.read(a, M * k), on.read(b, k * n)];
  const product = Array.from({ length: M * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let x = 0; x < k; x++) sum = Math.fround(sum + Math.fround(A[i * k + x] * B_[x * n + j]));
    return sum;
  });
  expect(on.read(c, M * n)).toEqual(product);
});

it('says which kernel failed on another thread', async () => {
  const on = await kernelsOn(2);
  // Rows of the second half are read beyond the end of the memory.
  const table = 512 * 65_536 - 64;
  expect(() => on.run('gather_rows', [table, on.integers([0, 1000]), on.floats(8), 2, 4])).toThrow(
    'a thread failed in the wasm kernel gather_rows',
  );
});
