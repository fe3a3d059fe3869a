/** Maps a checkpoint's tensors to the model's parameters: names, shapes, layout in memory, fingerprint. */
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../core/errors.js';
import { bf16Storage, filledTensor, frozenTensor } from '../tensor/upload.js';
import { type FloatType, transposeFloats } from './floats.js';
import { namesInFile, parameterSpecs } from './parameters.js';
import type { SafetensorsReader } from './safetensors.js';
import type { ModelConfig, Parameter, ParameterSpec } from './types.js';

export interface LoadedWeights {
  /** In the order of parameterSpecs. */
  parameters: Map<string, Parameter>;
  /** sha256 over names and bytes of all tensors. */
  fingerprint: string;
  /** The type in which the file stores each parameter. */
  dtypes: Map<string, FloatType>;
}

/** Source of weights: a folder's files, or memory in benchmarks (bench/randomModel.ts). */
export type WeightSource = Pick<SafetensorsReader, 'names' | 'has' | 'entry' | 'readFloatsInto' | 'readBfloatsInto'>;

export interface WeightOptions {
  /** The weights will only be read: matrices are kept in bfloat16 if the backend can and no result changes. */
  frozen?: boolean;
  /**
   * With `frozen`: keep in bfloat16 only what loses nothing, because adapters will be merged. The caller freezes the
   * rest.
   */
  exact?: boolean;
  /** Values read so far, and their total. */
  onProgress?(done: number, total: number): void;
}

/** Whether a frozen model keeps a parameter in bfloat16. */
export function keptInBf16(
  { shape, lookup }: ParameterSpec,
  dtype: FloatType,
  { frozen = false, exact = false }: WeightOptions,
): boolean {
  const storage = bf16Storage();
  if (!frozen || storage === 'none' || shape.length !== 2) return false;
  return dtype === 'BF16' || (storage === 'products' && !lookup && !exact);
}

/**
 * Reads every tensor that the model needs, one at a time, yielding to the event loop in between.
 *
 * @throws UserError if tensors are missing (named), too many, of another shape, or not finite
 */
export async function loadWeights(
  reader: WeightSource,
  config: ModelConfig,
  dir: string,
  options: WeightOptions = {},
): Promise<LoadedWeights> {
  const sources = findTensors(reader, config, dir);
  const total = sources.reduce((sum, { spec }) => sum + tf.util.sizeFromShape(spec.shape), 0);
  const hash = createHash('sha256');
  const loaded: LoadedWeights = { parameters: new Map(), fingerprint: '', dtypes: new Map() };
  let done = 0;
  try {
    for (const { spec, name } of sources) {
      const dtype = reader.entry(name).dtype as FloatType;
      hash.update(`${spec.name} ${dtype} `);
      const how = { transposed: spec.transposed, hash };
      const tensor = keptInBf16(spec, dtype, options)
        ? frozenTensor(memoryShape(spec), (bits) => reader.readBfloatsInto(name, bits, how))
        : filledTensor(memoryShape(spec), (values) => reader.readFloatsInto(name, values, how));
      loaded.parameters.set(spec.name, { spec, variable: ownedVariable(tensor) });
      loaded.dtypes.set(spec.name, dtype);
      done += tensor.size;
      options.onProgress?.(done, total);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    for (const { variable } of loaded.parameters.values()) variable.dispose();
    throw error;
  }
  return { ...loaded, fingerprint: hash.digest('hex') };
}

/** Bytes that the weights of a checkpoint take in memory. */
export function weightBytes(
  reader: SafetensorsReader,
  config: ModelConfig,
  dir: string,
  options: WeightOptions,
): number {
  return findTensors(reader, config, dir).reduce((sum, { spec, name }) => {
    const half = keptInBf16(spec, reader.entry(name).dtype as FloatType, options);
    return sum + (half ? 2 : 4) * tf.util.sizeFromShape(spec.shape);
  }, 0);
}

/** A variable that takes over the tensor's memory, without a copy. */
export function ownedVariable(tensor: tf.Tensor): tf.Variable {
  const variable = tf.variable(tensor);
  tensor.dispose();
  return variable;
}

/**
 * The name in the checkpoint of each parameter.
 *
 * @throws UserError if tensors are missing, too many, or of another shape than config.json says
 */
export function findTensors(
  reader: WeightSource,
  config: ModelConfig,
  dir: string,
): { spec: ParameterSpec; name: string }[] {
  const found = parameterSpecs(config).map((spec) => ({
    spec,
    name: namesInFile(spec, config).find((name) => reader.has(name)),
  }));
  const missing = found.filter(({ name }) => name === undefined).map(({ spec }) => spec.name);
  if (missing.length > 0) {
    throw new UserError(
      `${dir} lacks ${missing.length} of the ${found.length} tensors of this ${config.architecture}: ${firstOf(missing)}; its config.json and weights do not belong together or the download is incomplete`,
    );
  }
  const sources = found as { spec: ParameterSpec; name: string }[];
  const used = new Set(sources.map(({ name }) => name));
  const unknown = reader.names().filter((name) => !used.has(name) && changesTheModel(name));
  if (unknown.length > 0) {
    throw new UserError(
      `${dir} holds ${unknown.length} tensors that a ${config.architecture} with this config.json does not have: ${firstOf(unknown)}; its config.json and weights do not belong together`,
    );
  }
  for (const { spec, name } of sources) {
    const { shape, file } = reader.entry(name);
    if (shape.join() !== spec.shape.join()) {
      throw new UserError(
        `tensor ${name} of ${file} has shape [${shape.join(', ')}]; config.json asks for [${spec.shape.join(', ')}]`,
      );
    }
  }
  return sources;
}

function firstOf(names: string[]): string {
  const shown = names.slice(0, 4).join(', ');
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown;
}

/**
 * Whether an unread tensor would take part in the layers, so that ignoring it would change results. Tied or unused
 * heads do not, nor do the masks and frequencies that old versions saved with the weights.
 */
function changesTheModel(name: string): boolean {
  if (/(^|\.)(attn|attention)\.(bias|masked_bias)$|\.rotary_emb\./.test(name)) return false;
  return /(^|\.)(h|layers)\.\d+\./.test(name);
}

/** A parameter's shape in memory. */
function memoryShape(spec: ParameterSpec): number[] {
  return spec.transposed ? [...spec.shape].reverse() : spec.shape;
}

/** Converts values from the layout in memory to the file's. */
export function fileValues(spec: ParameterSpec, tensor: tf.Tensor): Float32Array {
  const values = tensor.dataSync<'float32'>();
  return spec.transposed ? transposeFloats(values, spec.shape[1], spec.shape[0]) : values;
}
