/**
 * Reverse-mode gradients over tfjs's tape with less memory than tf.variableGrads, which keeps every intermediate
 * gradient until the whole backward pass is done. Here a node's saved tensors and its outputs' gradients are freed as
 * soon as the node has been processed.
 *
 * Also registers gradients for the few plain ops that we differentiate through, because the Node bundle of tfjs-core
 * has none. The fused ops under ops/ bring their own.
 */
import * as tf from '@tensorflow/tfjs-core';
import { isFrozen } from './upload.js';

/** A node of tfjs 4.22.0's tape (tape.ts of tfjs-core). */
interface TapeNode {
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
  saved: tf.Tensor[];
}

/** The members of tfjs's engine that drive its tape; private in its types. */
interface TapeEngine {
  startTape(): void;
  endTape(): void;
  state: { activeTape: TapeNode[] | null; gradientDepth: number };
}

/**
 * The value of f and its gradient with respect to each variable.
 *
 * @param f returns a scalar; everything it computes is recorded
 * @param variables must all influence f; the error names those that do not
 * @returns the scalar, and the gradients by variable name; the caller disposes them
 */
export function valueAndGrads(
  f: () => tf.Scalar,
  variables: tf.Variable[],
): { value: tf.Scalar; grads: Record<string, tf.Tensor> } {
  const engine = tf.engine() as unknown as TapeEngine;
  // gradientDepth > 1 would keep the tape of an enclosing gradient alive, so nested use records into the outer tape.
  const nested = engine.state.gradientDepth > 0;
  if (nested) throw new Error('valueAndGrads cannot be nested; checkpointed layers use localGrads');
  const frozen = variables.find(isFrozen);
  if (frozen !== undefined) throw new Error(`${frozen.name} is kept in bfloat16: it is frozen and has no gradient`);
  return tf.tidy(() => {
    const { value, tape } = record(f);
    const grads = backward(tape, value, tf.onesLike(value), variables);
    const missing = variables.filter((_, i) => grads[i] === null).map((variable) => variable.name);
    if (missing.length > 0) throw new Error(`no gradient reaches ${missing.join(', ')}`);
    return { value, grads: Object.fromEntries(variables.map((variable, i) => [variable.name, grads[i] as tf.Tensor])) };
  });
}

/**
 * For checkpointing: runs f again under a tape of its own, while another backward pass is under way, and returns dy's
 * gradients with respect to xs (null where f does not depend on one).
 */
export function localGrads(f: () => tf.Tensor, dy: tf.Tensor, xs: tf.Tensor[]): (tf.Tensor | null)[] {
  const { value, tape } = record(f);
  return backward(tape, value, dy, xs);
}

function record<T extends tf.Tensor>(f: () => T): { value: T; tape: TapeNode[] } {
  const engine = tf.engine() as unknown as TapeEngine;
  const outer = { tape: engine.state.activeTape, depth: engine.state.gradientDepth };
  engine.state.gradientDepth = 0;
  engine.startTape();
  try {
    const value = tf.tidy(f);
    return { value, tape: engine.state.activeTape ?? [] };
  } catch (error) {
    for (const node of engine.state.activeTape ?? []) tf.dispose(node.saved);
    throw error;
  } finally {
    engine.endTape();
    engine.state.activeTape = outer.tape;
    engine.state.gradientDepth = outer.depth;
  }
}

function backward(tape: TapeNode[], y: tf.Tensor, dy: tf.Tensor, xs: tf.Tensor[]): (tf.Tensor | null)[] {
  const wanted = new Set(xs.map((x) => x.id));
  const fromX = reachableFrom(tape, wanted);
  const gradients = new Map<number, tf.Tensor>([[y.id, dy]]);
  try {
    for (let i = tape.length - 1; i >= 0; i--) {
      const node = tape[i];
      const dys = node.outputs.map((output) => gradients.get(output.id) ?? null);
      if (fromX.has(node) && dys.some((d) => d !== null)) {
        for (const [input, dx] of nodeGradients(node, dys, fromX, wanted, tape)) accumulate(gradients, input.id, dx);
      }
      for (const output of node.outputs) {
        if (wanted.has(output.id)) continue;
        const used = gradients.get(output.id);
        gradients.delete(output.id);
        if (used !== undefined && used !== dy) used.dispose();
      }
      tf.dispose(node.saved);
      node.saved = [];
    }
  } finally {
    for (const node of tape) tf.dispose(node.saved);
  }
  return xs.map((x) => gradients.get(x.id) ?? null);
}

/** Nodes that depend on a wanted tensor. */
function reachableFrom(tape: TapeNode[], wanted: Set<number>): Set<TapeNode> {
  const tensors = new Set(wanted);
  const nodes = new Set<TapeNode>();
  for (const node of tape) {
    if (!Object.values(node.inputs).some((input) => tensors.has(input.id))) continue;
    nodes.add(node);
    for (const output of node.outputs) tensors.add(output.id);
  }
  return nodes;
}

function nodeGradients(
  node: TapeNode,
  dys: (tf.Tensor | null)[],
  fromX: Set<TapeNode>,
  wanted: Set<number>,
  tape: TapeNode[],
): [tf.Tensor, tf.Tensor][] {
  const { gradient } = node;
  if (gradient === undefined) throw new Error(`no gradient is registered for ${node.kernelName}`);
  const needed = Object.entries(node.inputs).filter(
    ([, input]) => wanted.has(input.id) || producedIn(tape, fromX, input.id),
  );
  const results = tf.tidy(() => {
    const thunks = gradient(dys);
    return needed.map(([name]) => {
      const dx = thunks[name]();
      // Some gradients return dy itself. dy is freed after this node, so its data gets a second owner.
      return dys.includes(dx) ? tf.clone(dx) : dx;
    });
  });
  return needed.map(([, input], i) => [input, results[i]]);
}

const producers = new WeakMap<TapeNode[], Set<number>>();

function producedIn(tape: TapeNode[], fromX: Set<TapeNode>, id: number): boolean {
  let ids = producers.get(tape);
  if (ids === undefined) {
    ids = new Set([...fromX].flatMap((node) => node.outputs.map((output) => output.id)));
    producers.set(tape, ids);
  }
  return ids.has(id);
}

function accumulate(gradients: Map<number, tf.Tensor>, id: number, dx: tf.Tensor): void {
  const sum = gradients.get(id);
  if (sum === undefined) {
    gradients.set(id, dx);
    return;
  }
  gradients.set(id, tf.add(sum, dx));
  sum.dispose();
  dx.dispose();
}

/** dy summed over the axes that an operand of this shape was broadcast along. */
function unbroadcast(dy: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, dy.shape);
  return tf.reshape(axes.length > 0 ? tf.sum(dy, axes) : dy, shape);
}

const plain: tf.GradConfig[] = [
  {
    kernelName: 'Add',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => unbroadcast(dy as tf.Tensor, a.shape),
      b: () => unbroadcast(dy as tf.Tensor, b.shape),
    }),
  },
  {
    kernelName: 'Sub',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => unbroadcast(dy as tf.Tensor, a.shape),
      b: () => unbroadcast(tf.neg(dy as tf.Tensor), b.shape),
    }),
  },
  {
    kernelName: 'Multiply',
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, [a, b]) => ({
      a: () => unbroadcast(tf.mul(dy as tf.Tensor, b), a.shape),
      b: () => unbroadcast(tf.mul(dy as tf.Tensor, a), b.shape),
    }),
  },
  { kernelName: 'Neg', gradFunc: (dy) => ({ x: () => tf.neg(dy as tf.Tensor) }) },
  {
    kernelName: 'Reshape',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => tf.reshape(dy as tf.Tensor, x.shape) }),
  },
  {
    kernelName: 'Sum',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x: () => {
        const axes = tf.util.parseAxisParam(attrs.axis as number | number[], x.shape);
        const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
        return tf.mul(tf.reshape(dy as tf.Tensor, kept), tf.onesLike(x));
      },
    }),
  },
  {
    kernelName: 'Softplus',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({ x: () => tf.mul(dy as tf.Tensor, tf.sigmoid(x)) }),
  },
  {
    kernelName: 'Slice',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x: () => {
        const begin = attrs.begin as number[];
        const slice = dy as tf.Tensor;
        return tf.pad(
          slice,
          begin.map((start, axis) => [start, x.shape[axis] - start - slice.shape[axis]]),
        );
      },
    }),
  },
  {
    kernelName: 'Transpose',
    gradFunc: (dy, _saved, attrs) => ({
      x: () => tf.transpose(dy as tf.Tensor, inversePermutation(attrs.perm as number[])),
    }),
  },
];

function inversePermutation(perm: number[]): number[] {
  const inverse = new Array<number>(perm.length);
  perm.forEach((from, to) => (inverse[from] = to));
  return inverse;
}

for (const config of plain) tf.registerGradient(config);
