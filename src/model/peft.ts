/** LoRA adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors. */
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { readJsonObject } from './config.js';
import { transposeFloats } from './floats.js';
import { SafetensorsReader, type TensorSource, writeSafetensors } from './safetensors.js';
import type { Lora, LoraAdapter, Parameter } from './types.js';

const schema = z.looseObject({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().min(1),
  r: z.int().min(1),
  lora_alpha: z.number().positive(),
  target_modules: z.union([z.string(), z.array(z.string())]),
  use_dora: z.literal(false).nullish(),
  use_rslora: z.literal(false).nullish(),
});

export interface AdapterConfig {
  rank: number;
  alpha: number;
  targets: string[];
  /** Folder of the model that the adapter changes. */
  base: string;
}

export function isAdapterFolder(dir: string): boolean {
  return existsSync(path.join(dir, 'adapter_config.json'));
}

/** @throws UserError where it is no plain LoRA or its base is not on this machine */
export function readAdapterConfig(dir: string): AdapterConfig {
  const file = path.join(dir, 'adapter_config.json');
  const parsed = schema.safeParse(readJsonObject(file));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${file} is no plain LoRA adapter (${issue.path.join('.')}: ${issue.message})`);
  }
  const { base_model_name_or_path: named, r, lora_alpha, target_modules } = parsed.data;
  const base = [path.resolve(dir, named), path.resolve(named)].find((folder) => existsSync(folder));
  if (base === undefined) {
    throw new UserError(
      `${file} names the base model ${named}, which is no folder on this machine; put its path into base_model_name_or_path`,
    );
  }
  return { rank: r, alpha: lora_alpha, targets: [target_modules].flat(), base };
}

/** Reads the adapter's matrices for these parameters. */
export function readAdapter(dir: string, config: AdapterConfig, parameters: Map<string, Parameter>): Lora {
  const reader = SafetensorsReader.open(dir, 'adapter_model');
  try {
    const adapters = new Map<string, LoraAdapter>();
    for (const name of reader.names()) {
      const match = /^base_model\.model\.(.+)\.lora_A\.(?:default\.)?weight$/.exec(name);
      if (match === null) continue;
      const target = `${match[1]}.weight`;
      const parameter = parameters.get(target);
      const other = name.replace('.lora_A.', '.lora_B.');
      if (parameter === undefined || !reader.has(other)) {
        throw new UserError(
          `${reader.file(name)} adapts ${match[1]}, ${parameter === undefined ? 'which the base model does not have' : 'but lacks its lora_B'}`,
        );
      }
      const [input, out] = parameter.variable.shape;
      adapters.set(target, {
        target,
        a: matrix(reader, name, [config.rank, input]),
        b: matrix(reader, other, [out, config.rank]),
      });
    }
    if (adapters.size === 0) throw new UserError(`${dir} holds no LoRA matrices`);
    return { rank: config.rank, alpha: config.alpha, targets: config.targets, adapters };
  } finally {
    reader.close();
  }
}

/** A matrix of the file, transposed into memory's layout. */
function matrix(reader: SafetensorsReader, name: string, [rows, cols]: [number, number]): tf.Variable {
  const shape = reader.shape(name);
  if (shape[0] !== rows || shape[1] !== cols) {
    throw new UserError(
      `tensor ${name} of ${reader.file(name)} has shape [${shape.join(', ')}]; expected [${rows}, ${cols}]`,
    );
  }
  const values = transposeFloats(reader.readFloats(name), rows, cols);
  return tf.tidy(() => tf.variable(tf.tensor2d(values, [cols, rows])));
}

/**
 * Writes a PEFT adapter folder.
 *
 * @param base folder of the model it adapts, kept as an absolute path
 */
export function writeAdapter(dir: string, lora: Lora, base: string, fanInFanOut: boolean): void {
  const tensors: TensorSource[] = [...lora.adapters.values()].flatMap(({ target, a, b }) => {
    const module = `base_model.model.${target.replace(/\.weight$/, '')}`;
    const source = (name: string, variable: tf.Variable): TensorSource => ({
      name: `${module}.${name}.weight`,
      shape: [...variable.shape].reverse(),
      dtype: 'F32',
      values: () => transposeFloats(variable.dataSync<'float32'>(), variable.shape[0], variable.shape[1] as number),
    });
    return [source('lora_A', a), source('lora_B', b)];
  });
  writeSafetensors(path.join(dir, 'adapter_model.safetensors'), tensors);
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: path.resolve(base),
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    target_modules: lora.targets,
    bias: 'none',
    fan_in_fan_out: fanInFanOut,
    inference_mode: true,
  };
  writeFileSync(path.join(dir, 'adapter_config.json'), JSON.stringify(config, null, 2) + '\n');
}
