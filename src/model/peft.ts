/** LoRA adapters in PEFT's layout: adapter_config.json and adapter_model.safetensors. */
import type { Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { type WriteTarget, writeNewFile } from '../io/durable.js';
import { filledTensor } from '../tensor/upload.js';
import { checkKeys, readJsonObject } from './files.js';
import { transposeFloats } from './floats.js';
import { SafetensorsReader, type TensorSource, writeSafetensors } from './safetensors.js';
import type { Lora, LoraAdapter, ModelConfig, Parameter, ParameterSpec } from './types.js';
import { ownedVariable } from './weights.js';

export const adapterFiles = ['adapter_config.json', 'adapter_model.safetensors'];

const absent = z.union([z.null(), z.literal(false), z.strictObject({}), z.tuple([])]).optional();

/** Options that change the arithmetic in ways that `Lora` does not support must be absent. */
const schema = z.looseObject({
  peft_type: z.literal('LORA'),
  base_model_name_or_path: z.string().min(1),
  r: z.int().min(1).max(65_536),
  lora_alpha: z.number().positive(),
  bias: z.literal('none').default('none'),
  use_dora: absent,
  use_rslora: absent,
  lora_bias: absent,
  rank_pattern: absent,
  alpha_pattern: absent,
  modules_to_save: absent,
  layer_replication: absent,
});

export interface AdapterConfig {
  rank: number;
  alpha: number;
  /** Folder of the adapter's base model. */
  base: string;
}

export function isAdapterFolder(dir: string): boolean {
  return existsSync(path.join(dir, 'adapter_config.json'));
}

/**
 * The base's path is absolute, or relative to the adapter's folder or, like PEFT's, to the working directory.
 *
 * @throws UserError if the adapter is not plain LoRA or its base is not on this machine
 */
export function readAdapterConfig(dir: string): AdapterConfig {
  const file = path.join(dir, 'adapter_config.json');
  const config = checkKeys(schema, readJsonObject(file), file);
  const named = config.base_model_name_or_path;
  const base = [path.resolve(dir, named), path.resolve(named)].find((folder) => existsSync(folder));
  if (base === undefined) {
    throw new UserError(
      `${file} names the base model ${named}, which is no folder on this machine; put its path into base_model_name_or_path`,
    );
  }
  return { rank: config.r, alpha: config.lora_alpha, base };
}

/**
 * Reads an adapter's matrices for these parameters.
 *
 * @param hash is updated with everything that changes the model's outputs
 * @throws UserError if the matrices do not fit the base model
 */
export function readAdapter(
  dir: string,
  { rank, alpha }: AdapterConfig,
  parameters: Map<string, Parameter>,
  hash: Hash,
): Lora {
  const reader = SafetensorsReader.open(dir, 'adapter_model');
  const adapters = new Map<string, LoraAdapter>();
  try {
    hash.update(`${alpha / rank} `);
    // In the file's order: training iterates over adapters in this map's order, which decides how sums round.
    for (const name of reader.names()) {
      const match = /^base_model\.model\.(.+)\.lora_([AB])\.weight$/.exec(name);
      const target = `${match?.[1]}.weight`;
      const parameter = parameters.get(target);
      if (match === null || parameter === undefined) {
        throw new UserError(
          `tensor ${name} of ${reader.entry(name).file} adapts nothing that the base model has; expected base_model.model.LAYER.lora_A.weight and lora_B.weight of its linear layers`,
        );
      }
      if (match[2] === 'B') continue;
      const [input, output] = parameter.variable.shape;
      const a = readMatrix(reader, name, [rank, input], hash);
      try {
        const b = readMatrix(reader, name.replace('.lora_A.', '.lora_B.'), [output, rank], hash);
        adapters.set(target, { target, a, b });
      } catch (error) {
        a.dispose();
        throw error;
      }
    }
    if (adapters.size === 0) throw new UserError(`${dir} holds no LoRA matrices`);
  } catch (error) {
    for (const { a, b } of adapters.values()) [a, b].forEach((variable) => variable.dispose());
    throw error;
  } finally {
    reader.close();
  }
  const targets = [...adapters.keys()].map((target) => target.split('.').at(-2) as string);
  return { rank, alpha, targets: [...new Set(targets)], adapters };
}

/** Checks that the adapter has a matrix of this shape. @throws UserError that names the tensor */
function expectMatrix(reader: SafetensorsReader, name: string, [rows, cols]: [number, number]): void {
  if (!reader.has(name)) throw new UserError(`an adapter lacks tensor ${name}: it is incomplete`);
  const { file, shape } = reader.entry(name);
  if (shape.join() !== `${rows},${cols}`) {
    throw new UserError(
      `tensor ${name} of ${file} has shape [${shape.join(', ')}]; the base model and the adapter's rank ask for [${rows}, ${cols}]`,
    );
  }
}

/** A matrix of the file, transposed into the layout of memory. */
function readMatrix(reader: SafetensorsReader, name: string, [rows, cols]: [number, number], hash: Hash): tf.Variable {
  expectMatrix(reader, name, [rows, cols]);
  const { dtype } = reader.entry(name);
  hash.update(`${name} ${dtype} `);
  return ownedVariable(
    filledTensor([cols, rows], (values) => reader.readFloatsInto(name, values, { transposed: true, hash })),
  );
}

/** An adapter whose matrices are added to one weight at a time, without a backend. */
export class AdapterReader {
  private constructor(
    private readonly reader: SafetensorsReader,
    private readonly config: AdapterConfig,
  ) {}

  /**
   * @param specs of the base model
   * @throws UserError if the adapter is not plain LoRA or does not fit its base
   */
  static open(dir: string, config: AdapterConfig, specs: readonly ParameterSpec[]): AdapterReader {
    const reader = SafetensorsReader.open(dir, 'adapter_model');
    const known = new Set(specs.map(({ name }) => name));
    const strange = reader.names().find((name) => !known.has(targetOf(name)));
    if (strange !== undefined) {
      const { file } = reader.entry(strange);
      reader.close();
      throw new UserError(`tensor ${strange} of ${file} adapts nothing that the base model has`);
    }
    return new AdapterReader(reader, config);
  }

  /** Adds (alpha / rank)·B·A to a weight in the file's layout; does nothing to weights without an adapter. */
  addTo({ name, shape, transposed }: ParameterSpec, values: Float32Array): void {
    const { reader, config } = this;
    const layer = `base_model.model.${name.replace(/\.weight$/, '')}`;
    const [nameOfA, nameOfB] = [`${layer}.lora_A.weight`, `${layer}.lora_B.weight`];
    if (!reader.has(nameOfA) && !reader.has(nameOfB)) return;
    const { rank, alpha } = config;
    const [output, input] = transposed ? shape : [shape[1], shape[0]];
    expectMatrix(reader, nameOfA, [rank, input]);
    expectMatrix(reader, nameOfB, [output, rank]);
    const a = reader.readFloats(nameOfA);
    const b = reader.readFloats(nameOfB);
    const row = new Float64Array(input);
    // GPT-2's Conv1D holds [in, out].
    const [stepO, stepI] = transposed ? [input, 1] : [1, output];
    for (let o = 0; o < output; o++) {
      row.fill(0);
      for (let r = 0; r < rank; r++) {
        const factor = (alpha / rank) * b[o * rank + r];
        for (let i = 0; i < input; i++) row[i] += factor * a[r * input + i];
      }
      for (let i = 0; i < input; i++) values[o * stepO + i * stepI] += row[i];
    }
  }

  close(): void {
    this.reader.close();
  }
}

/** The weight that an adapter's tensor changes; not a name of any weight if the tensor has another form. */
function targetOf(name: string): string {
  return `${/^base_model\.model\.(.+)\.lora_[AB]\.weight$/.exec(name)?.[1]}.weight`;
}

/**
 * Writes an adapter that PEFT loads, as float32.
 *
 * @param dir empty
 * @param base folder of the model that it adapts, saved as an absolute path
 */
export function writeAdapter(dir: string, lora: Lora, base: string, config: ModelConfig, place: WriteTarget): void {
  const tensors = [...lora.adapters.values()].flatMap(({ target, a, b }) => {
    const layer = `base_model.model.${target.replace(/\.weight$/, '')}`;
    return [matrixSource(`${layer}.lora_A.weight`, a), matrixSource(`${layer}.lora_B.weight`, b)];
  });
  writeSafetensors(path.join(dir, 'adapter_model.safetensors'), tensors, undefined, place);
  const written = {
    peft_type: 'LORA',
    task_type: config.task === 'reward' ? 'SEQ_CLS' : 'CAUSAL_LM',
    base_model_name_or_path: path.resolve(base),
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: 0,
    target_modules: lora.targets,
    bias: 'none',
    // GPT-2's Conv1D holds [in, out].
    fan_in_fan_out: config.family === 'gpt2',
    inference_mode: true,
  };
  writeNewFile(path.join(dir, 'adapter_config.json'), JSON.stringify(written, null, 2) + '\n', place);
}

function matrixSource(name: string, variable: tf.Variable): TensorSource {
  const [rows, cols] = variable.shape;
  return {
    name,
    shape: [cols, rows],
    dtype: 'F32',
    values: () => transposeFloats(variable.dataSync<'float32'>(), rows, cols),
  };
}
