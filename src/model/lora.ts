/** Low-rank adapters (arXiv 2106.09685): W + (alpha / rank)·A·B in the layout of memory. */
import * as tf from '@tensorflow/tfjs-core';
import type { LoraConfig } from '../core/config/schema.js';
import { UserError } from '../core/errors.js';
import type { Lora, LoraAdapter, Parameter } from './types.js';

/**
 * Adapters for every linear layer whose last name is among the targets. A is uniform in ±1/√in as in PEFT, B is zero.
 *
 * @throws UserError if a target names no layer of the model
 */
export function createLora(parameters: Map<string, Parameter>, options: LoraConfig, seed: number): Lora {
  const adapters = new Map<string, LoraAdapter>();
  for (const target of options.targets) {
    const weights = [...parameters.values()].filter(
      ({ spec }) => layerName(spec.name) === target && spec.shape.length === 2,
    );
    if (weights.length === 0) {
      throw new UserError(
        `lora.targets names ${target}, which is no linear layer of this model; it has ${linearLayers(parameters).join(', ')}`,
        { exitCode: 2 },
      );
    }
    for (const { spec, variable } of weights) {
      const [inSize, outSize] = variable.shape;
      const bound = 1 / Math.sqrt(inSize);
      const a = tf.tidy(() =>
        tf.variable(tf.randomUniform([inSize, options.rank], -bound, bound, 'float32', seed + adapters.size)),
      );
      const b = tf.tidy(() => tf.variable(tf.zeros([options.rank, outSize])));
      adapters.set(spec.name, { target: spec.name, a, b });
    }
  }
  return { rank: options.rank, alpha: options.alpha, targets: options.targets, adapters };
}

/** `model.layers.0.self_attn.q_proj.weight` → `q_proj`. */
function layerName(parameter: string): string {
  return parameter.split('.').at(-2) ?? '';
}

function linearLayers(parameters: Map<string, Parameter>): string[] {
  const inBlocks = [...parameters.values()].filter(({ spec }) => spec.shape.length === 2 && /\.\d+\./.test(spec.name));
  return [...new Set(inBlocks.map(({ spec }) => layerName(spec.name)))];
}
