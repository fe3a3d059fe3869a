/**
 * Reads a Hugging Face model folder into memory and writes it again: weights, configuration, tokenizer, generation
 * settings. A PEFT adapter folder loads with the base model that it names.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../core/errors.js';
import { buildDirectory, copyFile, removeOldTemporaries, type WriteTarget, writeNewFile } from '../io/durable.js';
import { isOutOfMemory } from '../tensor/memory.js';
import { bf16Storage, frozenOf, isFrozen } from '../tensor/upload.js';
import { expectTask, readModelConfig } from './config.js';
import { checkFolder } from './files.js';
import type { FloatType } from './floats.js';
import { readGenerationConfig, type GenerationConfig } from './policyFiles.js';
import { adapterFiles, isAdapterFolder, readAdapter, readAdapterConfig, writeAdapter } from './peft.js';
import { SafetensorsReader, writeSafetensors } from './safetensors.js';
import { Tokenizer, tokenizerFiles } from './tokenizer.js';
import { Transformer } from './transformer.js';
import type { ModelConfig, Parameter } from './types.js';
import { fileValues, keptInBf16, loadWeights, type WeightOptions, weightBytes } from './weights.js';

export interface LoadedModel {
  /** The folder that it was read from. */
  dir: string;
  /** The folder of the full weights: `dir`, or the base of an adapter. */
  baseDir: string;
  /**
   * Whether an adapter was merged. Then no folder holds these weights, and a new adapter would have no base on disk.
   */
  merged: boolean;
  config: ModelConfig;
  transformer: Transformer;
  /** null if the folder has none; then rows must carry token ids. */
  tokenizer: Tokenizer | null;
  generation: GenerationConfig;
  /** Hash of the files' weights, the adapter's included: changes if any weight does. Training does not update it. */
  fingerprint: string;
  /** The type in which the checkpoint stores each parameter. */
  dtypes: Map<string, FloatType>;
  /** Whether some weights are kept in bfloat16; those cannot be trained. */
  frozen: boolean;
  dispose(): void;
}

export interface LoadOptions extends WeightOptions {
  /** The expected task; a model for another task is refused. */
  task?: ModelConfig['task'];
  /** For an adapter folder: merge it into the weights (the default), or keep it to train on. */
  lora?: 'merge' | 'keep';
}

/**
 * Loads a model; a backend must be in use (tensor/backend.ts).
 *
 * @throws UserError that says what is wrong with the folder
 */
export async function loadModel(dir: string, options: LoadOptions = {}): Promise<LoadedModel> {
  checkFolder(dir);
  if (!isAdapterFolder(dir)) return loadFull(dir, options);
  const adapter = readAdapterConfig(dir);
  const merges = options.lora !== 'keep';
  const base = await loadFull(adapter.base, { ...options, exact: merges });
  try {
    const hash = createHash('sha256').update(base.fingerprint);
    base.transformer.lora = readAdapter(dir, adapter, base.transformer.parameters, hash);
    const tokenizer = findTokenizer(dir, base.config) ?? base.tokenizer;
    const generation = readGenerationConfig(adapter.base, base.config, tokenizer);
    const model = { ...base, dir, tokenizer, generation, fingerprint: hash.digest('hex') };
    if (merges) {
      mergeLora(model);
      freezeRest(model, options);
    }
    return model;
  } catch (error) {
    base.dispose();
    throw error;
  }
}

async function loadFull(dir: string, options: LoadOptions): Promise<LoadedModel> {
  const config = readModelConfig(dir);
  if (options.task !== undefined) expectTask(dir, config, options.task);
  const tokenizer = findTokenizer(dir, config);
  const generation = readGenerationConfig(dir, config, tokenizer);
  const reader = SafetensorsReader.open(dir);
  try {
    const { parameters, fingerprint, dtypes } = await loadWeights(reader, config, dir, options);
    const transformer = new Transformer(config, parameters);
    return {
      dir,
      baseDir: dir,
      merged: false,
      config,
      transformer,
      tokenizer,
      generation,
      fingerprint,
      dtypes,
      frozen: hasFrozen(transformer),
      dispose: () => transformer.dispose(),
    };
  } catch (cause) {
    if (!isOutOfMemory(cause)) throw cause;
    const bytes = weightBytes(reader, config, dir, options);
    throw new UserError(
      `${dir} needs ${(bytes / 2 ** 30).toFixed(1)} GiB for its weights, which the ${tf.getBackend()} backend could not allocate; use a smaller model or another backend`,
      { cause },
    );
  } finally {
    reader.close();
  }
}

export function findTokenizer(dir: string, config: ModelConfig): Tokenizer | null {
  const tokenizer = Tokenizer.find(dir);
  if (tokenizer !== null && tokenizer.vocabSize > config.vocab_size) {
    throw new UserError(
      `${path.join(dir, 'tokenizer.json')} has ${tokenizer.vocabSize} tokens and the model's vocab_size is ${config.vocab_size}; the tokenizer belongs to another model`,
    );
  }
  return tokenizer;
}

/**
 * A parameter's values as the file holds them, unrounded. Must not run inside tf.tidy, which would walk through every
 * number (tensor/memory.ts).
 */
function savedValues(parameter: Parameter, model: LoadedModel): Float32Array {
  if (isFrozen(parameter.variable)) expectUnrounded(parameter, model, model.merged);
  const tensor = tf.tidy(() => adapted(parameter, model));
  const values = fileValues(parameter.spec, tensor);
  if (tensor !== parameter.variable) tensor.dispose();
  return values;
}

export interface SaveOptions {
  /** `keep`: the type of the folder that it was loaded from. */
  dtype: 'float32' | 'float16' | 'bfloat16' | 'keep';
  /** Who owns the directory it is written to; a user by default. */
  place?: WriteTarget;
}

const floatTypes = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const;
const dtypeNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/**
 * Writes a folder that transformers loads, or a PEFT adapter if the model has adapters whose base is on disk. A new
 * folder appears whole or not at all. In an existing folder the files of the earlier model are replaced or removed, and
 * all others stay. Everything is synchronous, so that no training step runs in between.
 *
 * @throws UserError if it cannot be written; no partial files stay
 */
export async function saveModel(
  model: LoadedModel,
  dir: string,
  { dtype, place = 'user' }: SaveOptions,
): Promise<void> {
  const target = path.resolve(dir);
  const { lora } = model.transformer;
  const adapter = lora !== null && !model.merged ? lora : null;
  if (adapter !== null && existsSync(target) && realpathSync(target) === realpathSync(model.baseDir))
    throw new UserError(`an adapter cannot be saved into its base's folder ${target}; choose another`);
  if (place === 'user') removeOldTemporaries(target);
  buildDirectory(
    target,
    (temporary) => {
      if (adapter === null) writeFull(model, temporary, dtype, place);
      else writeAdapter(temporary, adapter, model.baseDir, model.config, place);
      copyFiles(tokenizerFiles, model, temporary, place);
    },
    place,
    move,
  );
}

function writeFull(model: LoadedModel, dir: string, dtype: SaveOptions['dtype'], place: WriteTarget): void {
  const parameters = [...model.transformer.parameters.values()];
  const dtypeOf = ({ spec }: Parameter) =>
    dtype === 'keep' ? (model.dtypes.get(spec.name) as FloatType) : floatTypes[dtype];
  const tensors = parameters.map((parameter) => ({
    name: parameter.spec.name,
    shape: parameter.spec.shape,
    dtype: dtypeOf(parameter),
    values: () => savedValues(parameter, model),
  }));
  writeSafetensors(path.join(dir, 'model.safetensors'), tensors, undefined, place);
  writeConfig(model.config, dtypeOf(parameters[0]), dir, place);
  copyFiles(['generation_config.json'], model, dir, place);
}

/** Writes config.json, with the type of the weights beside it. */
export function writeConfig({ raw }: ModelConfig, dtype: FloatType, dir: string, place: WriteTarget): void {
  // Older transformers read only torch_dtype, so the key that the folder came with is kept.
  const key = 'torch_dtype' in raw ? 'torch_dtype' : 'dtype';
  const config = { ...raw, [key]: dtypeNames[dtype] };
  writeNewFile(path.join(dir, 'config.json'), JSON.stringify(config, null, 2) + '\n', place);
}

/** Copies those of the files that exist, from the first of the model's folders that has the first file. */
export function copyFiles(
  files: string[],
  { dir, baseDir }: Pick<LoadedModel, 'dir' | 'baseDir'>,
  to: string,
  place: WriteTarget,
): void {
  const source = [dir, baseDir].find((folder) => existsSync(path.join(folder, files[0])));
  if (source === undefined) return;
  const present = files.filter((file) => existsSync(path.join(source, file)));
  for (const file of present) copyFile(path.join(source, file), path.join(to, file), place);
}

function move(from: string, to: string): void {
  if (!existsSync(to)) {
    renameSync(from, to);
    return;
  }
  const written = readdirSync(from);
  for (const file of written) renameSync(path.join(from, file), path.join(to, file));
  const ofModels = ['config.json', 'generation_config.json', ...adapterFiles, ...tokenizerFiles];
  const stale = (file: string) =>
    ofModels.includes(file) || /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/.test(file);
  for (const file of readdirSync(to)) if (stale(file) && !written.includes(file)) rmSync(path.join(to, file));
  rmSync(from, { recursive: true });
}

// Adapters: merging them into the weights, and which weights stay frozen.

/**
 * Merges the adapters into the weights: W + (alpha / rank)·A·B. Afterwards all weights are trained again, unless the
 * model is frozen: then the sum, computed in float32, stays float32, or is kept in bfloat16 if every product rounds it
 * anyway.
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

/** After adapters were merged: converts to bfloat16 the frozen weights that were kept in float32 for the merge. */
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

/** @throws Error if a frozen parameter has lost precision against its file or against the merged sum */
export function expectUnrounded({ spec }: Parameter, { dir, dtypes }: LoadedModel, merged: boolean): void {
  if (!merged && dtypes.get(spec.name) === 'BF16') return;
  throw new Error(`${spec.name} was rounded to bfloat16 for reading only; load ${dir} unfrozen`);
}

/** A parameter with its adapter added, in the layout of memory. */
export function adapted({ spec, variable }: Parameter, { transformer: { lora } }: LoadedModel): tf.Tensor {
  const adapter = lora?.adapters.get(spec.name);
  if (lora === null || adapter === undefined) return variable;
  const { a, b } = adapter as unknown as { a: tf.Tensor2D; b: tf.Tensor2D };
  return tf.add(variable, tf.mul(tf.matMul(a, b), lora.alpha / lora.rank));
}
