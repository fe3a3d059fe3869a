/** Between a checkpoint's tensors and the model's parameters: names, shapes, memory's layout, the fingerprint. */
import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../errors.js';
import { type FloatType, transposeFloats } from './floats.js';
import { namesInFile, parameterSpecs } from './parameters.js';
import type { SafetensorsReader, TensorSource } from './safetensors.js';
import type { ModelConfig, Parameter, ParameterSpec } from './types.js';

export interface LoadedWeights {
  parameters: Map<string, Parameter>;
  /** sha256 over names and bytes of all tensors, in the model's order. */
  fingerprint: string;
  /** What the file stores. */
  dtype: FloatType;
}

/**
 * Reads every tensor the model needs, one at a time.
 *
 * @throws UserError where tensors are missing (named), of another shape, or not finite
 */
export function loadWeights(
  reader: SafetensorsReader,
  config: ModelConfig,
  dir: string,
  onProgress?: (done: number, total: number) => void,
): LoadedWeights {
  const specs = parameterSpecs(config);
  const sources = specs.map((spec) => ({ spec, name: namesInFile(spec, config).find((name) => reader.has(name)) }));
  const missing = sources.filter(({ name }) => name === undefined).map(({ spec }) => spec.name);
  if (missing.length > 0) {
    const shown = missing.slice(0, 4).join(', ');
    const more = missing.length > 4 ? ` and ${missing.length - 4} more` : '';
    throw new UserError(
      `${dir} lacks tensors that a ${config.architecture} needs: ${shown}${more}; download the model again`,
    );
  }
  const hash = createHash('sha256');
  const parameters = new Map<string, Parameter>();
  try {
    for (const [i, { spec, name }] of sources.entries()) {
      const source = name as string;
      checkShape(reader, source, spec);
      const bytes = reader.readBytes(source);
      hash.update(spec.name).update(bytes);
      const values = reader.readFloats(source, bytes);
      parameters.set(spec.name, { spec, variable: toVariable(values, spec) });
      onProgress?.(i + 1, sources.length);
    }
  } catch (error) {
    for (const { variable } of parameters.values()) variable.dispose();
    throw error;
  }
  const dtype = reader.dtype(sources[0].name as string) as FloatType;
  return { parameters, fingerprint: hash.digest('hex'), dtype };
}

function checkShape(reader: SafetensorsReader, name: string, spec: ParameterSpec): void {
  const shape = reader.shape(name);
  if (shape.length === spec.shape.length && shape.every((size, i) => size === spec.shape[i])) return;
  throw new UserError(
    `tensor ${name} of ${reader.file(name)} has shape [${shape.join(', ')}]; config.json asks for [${spec.shape.join(', ')}]`,
  );
}

/** Memory's shape of a parameter. */
export function memoryShape(spec: ParameterSpec): number[] {
  return spec.transposed ? [...spec.shape].reverse() : spec.shape;
}

/** The file's values → a variable in memory's layout. */
export function toVariable(values: Float32Array, spec: ParameterSpec): tf.Variable {
  const laidOut = spec.transposed ? transposeFloats(values, spec.shape[0], spec.shape[1]) : values;
  return tf.tidy(() => tf.variable(tf.tensor(laidOut, memoryShape(spec), 'float32')));
}

/** A parameter → the file's layout. */
export function fileValues({ spec, variable }: Parameter): Float32Array {
  const values = variable.dataSync<'float32'>();
  return spec.transposed ? transposeFloats(values, spec.shape[1], spec.shape[0]) : values;
}

/** The parameters as a checkpoint stores them. */
export function weightSources(parameters: Iterable<Parameter>, dtype: FloatType): TensorSource[] {
  return [...parameters].map((parameter) => ({
    name: parameter.spec.name,
    shape: parameter.spec.shape,
    dtype,
    values: () => fileValues(parameter),
  }));
}
