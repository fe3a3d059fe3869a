/** The training loop for both models of the example: AdamW with warm-up and cosine decay, clipping, progress lines. */
import type * as tf from '@tensorflow/tfjs-core';
import { learningRate } from '../../src/core/schedule.js';
import { gradientNorms } from '../../src/train/step.js';
import type { LoadedModel } from '../../src/model/folder.js';
import { valueAndGrads } from '../../src/tensor/gradients.js';
import { AdamW } from '../../src/tensor/optimizer.js';
import type { Random } from '../../src/core/seeds.js';

export interface TrainingPlan {
  steps: number;
  lr: number;
  /** The loss of one batch, on the tape. */
  loss(step: number): tf.Scalar;
  log(line: string): void;
}

export function train(model: LoadedModel, plan: TrainingPlan): void {
  const optimizer = new AdamW({ beta1: 0.9, beta2: 0.98, eps: 1e-8, weightDecay: 0.05, decay: 'matrices' });
  const parameters = model.transformer.trainable();
  const started = performance.now();
  let smooth = Number.NaN;
  for (let step = 0; step < plan.steps; step++) {
    const { value, grads } = valueAndGrads(
      () => plan.loss(step),
      parameters.map(({ variable }) => variable),
    );
    const named = new Map(parameters.map(({ name, variable }) => [name, grads[variable.name]]));
    const loss = value.dataSync()[0];
    value.dispose();
    const { total: norm } = gradientNorms(named);
    const lr = learningRate(step, plan.steps, { lr: plan.lr, warmup: 0.05, schedule: 'cosine' });
    optimizer.step(parameters, named, lr, norm > 1 ? 1 / norm : 1);
    smooth = Number.isNaN(smooth) ? loss : 0.95 * smooth + 0.05 * loss;
    if ((step + 1) % 25 === 0) {
      const seconds = (performance.now() - started) / 1000;
      plan.log(`step ${step + 1}/${plan.steps}  loss ${smooth.toFixed(4)}  ${seconds.toFixed(0)} s`);
    }
  }
  optimizer.dispose();
}

/** Number of batches drawn at once and sorted by length: batches of similar lengths have little padding to compute. */
const GROUP = 8;

/** @returns a function that returns one batch of `size` items from `draw` per call */
export function batchesByLength<T>(
  draw: () => T,
  size: number,
  length: (item: T) => number,
  random: Random,
): () => T[] {
  const ready: T[][] = [];
  return () => {
    if (ready.length === 0) {
      const items = Array.from({ length: GROUP * size }, draw).sort((a, b) => length(a) - length(b));
      for (let start = 0; start < items.length; start += size) ready.push(items.slice(start, start + size));
      random.shuffle(ready);
    }
    return ready.pop() as T[];
  };
}
