/** Where the time of a piece of work goes, op by op, on native devices; on a GPU, its own time. */
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../src/tensor/native/backend.js';

export interface WorkProfile {
  /** From the first op's start to the last one's end. */
  seconds: number;
  /** Share of it in which no op ran: JavaScript, or a GPU waiting for its next launch. */
  between: number;
  ops: { op: string; count: number; ms: number; share: number }[];
}

/** Number of ops that are listed one by one. */
const MOST = 25;

export async function profiled(work: () => Promise<unknown>): Promise<WorkProfile> {
  const { device } = tf.backend() as NativeBackend;
  device.startProfile();
  await work();
  const { seconds, ops } = device.endProfile();
  const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
  const share = (part: number) => rounded(part / seconds, 4);
  return {
    seconds: rounded(seconds, 4),
    between: share(seconds - ops.reduce((sum, op) => sum + op.seconds, 0)),
    ops: ops
      .slice(0, MOST)
      .map(({ op, count, seconds: taken }) => ({ op, count, ms: rounded(taken * 1000, 3), share: share(taken) })),
  };
}
