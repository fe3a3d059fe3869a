/** A model's adapters in its weights, and what of the weights stays frozen. */
import * as tf from '@tensorflow/tfjs-core';
import { bf16Storage, frozenOf, isFrozen } from '../tensor/upload.js';
import type { FloatType } from './floats.js';
import type { LoadedModel } from './folder.js';
import type { Transformer } from './transformer.js';
import type { Parameter } from './types.js';
import { type WeightOptions, keptInBf16 } from './weights.js';

/**
 * Folds the adapters into the weights: W + (alpha / rank)·A·B. The model then trains all weights again, unless it is
 * frozen: then the sum, computed in float32, stays so or is kept in bfloat16 where every product rounds it anyway.
 */
export function mergeLora(model: LoadedModel): void {
  const { transformer } = model;
  if (transformer.lora === null) return;
  for (const { target, a, b } of transformer.lora.adapters.values()) {
    const parameter = transformer.parameters.get(target) as Parameter;
    const frozen = isFrozen(parameter.variable);
    if (frozen) expectUnrounded(parameter, model, false);
    tf.tidy(() => {
      const sum = adapted(parameter, model);
      parameter.variable.assign(frozen && bf16Storage() === 'products' ? frozenOf(sum) : sum);
    });
    tf.dispose([a, b]);
  }
  transformer.lora = null;
  model.merged = true;
}

/** After adapters were merged: keeps in bfloat16 what was left in float32 for that. */
export function freezeRest(model: LoadedModel, options: WeightOptions): void {
  for (const { spec, variable } of model.transformer.parameters.values()) {
    if (isFrozen(variable) || bf16Storage() !== 'products') continue;
    if (keptInBf16(spec, model.dtypes.get(spec.name) as FloatType, options))
      tf.tidy(() => variable.assign(frozenOf(variable)));
  }
  model.frozen = hasFrozen(model.transformer);
}

export const hasFrozen = ({ parameters }: Transformer): boolean =>
  [...parameters.values()].some(({ variable }) => isFrozen(variable));

/** @throws Error where a frozen parameter has fewer digits than its file, or than the sum that it is */
export function expectUnrounded({ spec }: Parameter, { dir, dtypes }: LoadedModel, merged: boolean): void {
  if (!merged && dtypes.get(spec.name) === 'BF16') return;
  throw new Error(`${spec.name} was rounded to bfloat16 for reading only; load ${dir} unfrozen`);
}

/** A parameter with its adapter in it, in memory's layout. */
export function adapted({ spec, variable }: Parameter, { transformer: { lora } }: LoadedModel): tf.Tensor {
  const adapter = lora?.adapters.get(spec.name);
  if (lora === null || adapter === undefined) return variable;
  const { a, b } = adapter as unknown as { a: tf.Tensor2D; b: tf.Tensor2D };
  return tf.add(variable, tf.mul(tf.matMul(a, b), lora.alpha / lora.rank));
}
