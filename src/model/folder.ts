/**
 * A Hugging Face model folder, read into memory and written again: weights, configuration, tokenizer, generation
 * settings. A PEFT adapter folder loads with the base model that it names.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { UserError, messageOf } from '../errors.js';
import { readModelConfig } from './config.js';
import type { FloatType } from './floats.js';
import { type GenerationConfig, readGenerationConfig } from './generation.js';
import { isAdapterFolder, readAdapter, readAdapterConfig, writeAdapter } from './peft.js';
import { SafetensorsReader, writeSafetensors } from './safetensors.js';
import { Tokenizer } from './tokenizer.js';
import { Transformer } from './transformer.js';
import type { ModelConfig } from './types.js';
import { loadWeights, weightSources } from './weights.js';

export interface LoadedModel {
  /** The folder it was read from. */
  dir: string;
  /** The folder of the full weights: `dir`, or the base of an adapter. */
  baseDir: string;
  config: ModelConfig;
  transformer: Transformer;
  /** null where the folder has none: then rows must carry token ids. */
  tokenizer: Tokenizer | null;
  generation: GenerationConfig;
  /** Changes whenever a weight does. */
  fingerprint: string;
  /** What the checkpoint stores. */
  dtype: FloatType;
  dispose(): void;
}

export interface LoadOptions {
  /** Refuse a model of the other kind. */
  task?: ModelConfig['task'];
  /** Of an adapter folder: merge it into the weights, or keep it to train on. */
  lora?: 'merge' | 'keep';
  onProgress?(done: number, total: number): void;
}

const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'vocab.json',
  'merges.txt',
  'tokenizer.model',
];

/**
 * Loads a model; a backend must be in use (tensor/backend.ts).
 *
 * @throws UserError that says what is wrong with the folder
 */
export async function loadModel(dir: string, options: LoadOptions = {}): Promise<LoadedModel> {
  if (!isAdapterFolder(dir)) return loadFull(dir, options);
  const adapter = readAdapterConfig(dir);
  const base = await loadFull(adapter.base, options);
  try {
    base.transformer.lora = readAdapter(dir, adapter, base.transformer.parameters);
    if (options.lora !== 'keep') mergeLora(base);
  } catch (error) {
    base.dispose();
    throw error;
  }
  const reader = SafetensorsReader.open(dir, 'adapter_model');
  const hash = createHash('sha256').update(base.fingerprint);
  for (const name of reader.names()) hash.update(name).update(reader.readBytes(name));
  reader.close();
  const tokenizer = existsSync(path.join(dir, 'tokenizer.json')) ? Tokenizer.load(dir) : base.tokenizer;
  return { ...base, dir, tokenizer, fingerprint: hash.digest('hex') };
}

/** For event loops that must go on between reading tensors. */
async function loadFull(dir: string, options: LoadOptions): Promise<LoadedModel> {
  const config = readModelConfig(dir);
  if (options.task !== undefined && config.task !== options.task) {
    throw new UserError(
      options.task === 'reward'
        ? `${dir} is a ${config.architecture}, which gives no reward; expected a …ForSequenceClassification`
        : `${dir} is a ${config.architecture}, which cannot answer; expected a causal language model`,
    );
  }
  const tokenizer = existsSync(path.join(dir, 'tokenizer.json')) ? Tokenizer.load(dir) : null;
  if (tokenizer !== null && tokenizer.vocabSize > config.vocab_size) {
    throw new UserError(
      `${dir}: tokenizer.json has token ids up to ${tokenizer.vocabSize - 1} and the model's vocabulary ends at ${config.vocab_size - 1}; they do not belong together`,
    );
  }
  await new Promise((resolve) => setImmediate(resolve));
  const reader = SafetensorsReader.open(dir);
  try {
    const { parameters, fingerprint, dtype } = loadWeights(reader, config, dir, options.onProgress);
    const transformer = new Transformer(config, parameters);
    const generation = readGenerationConfig(dir, config, tokenizer);
    return {
      dir,
      baseDir: dir,
      config,
      transformer,
      tokenizer,
      generation,
      fingerprint,
      dtype,
      dispose: () => transformer.dispose(),
    };
  } finally {
    reader.close();
  }
}

/** Folds the adapters into the weights: W + (alpha / rank)·A·B. The model then trains all weights again. */
export function mergeLora(model: LoadedModel): void {
  const { transformer } = model;
  const { lora } = transformer;
  if (lora === null) return;
  for (const { target, a, b } of lora.adapters.values()) {
    const variable = transformer.parameters.get(target)?.variable as tf.Variable;
    const merged = tf.tidy(() =>
      tf.add(
        variable,
        tf.mul(tf.matMul(a as tf.Tensor as tf.Tensor2D, b as tf.Tensor as tf.Tensor2D), lora.alpha / lora.rank),
      ),
    );
    variable.assign(merged);
    tf.dispose([merged, a, b]);
  }
  transformer.lora = null;
}

export interface SaveOptions {
  /** `keep`: as the folder it was loaded from. */
  dtype: 'float32' | 'float16' | 'bfloat16' | 'keep';
}

const floatTypes = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const;
const dtypeNames = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/**
 * Writes a folder that transformers loads, or a PEFT adapter where the model has adapters. The folder appears whole or
 * not at all: it is written beside and renamed, replacing one that is there.
 *
 * @throws UserError where it cannot be written; nothing half-written stays
 */
export function saveModel(model: LoadedModel, dir: string, options: SaveOptions): void {
  const temporary = `${dir}.tmp`;
  try {
    rmSync(temporary, { recursive: true, force: true });
    mkdirSync(temporary, { recursive: true });
    const { lora } = model.transformer;
    if (lora !== null) writeAdapter(temporary, lora, model.baseDir, model.config.family === 'gpt2');
    else writeFull(model, temporary, options.dtype === 'keep' ? model.dtype : floatTypes[options.dtype]);
    for (const file of tokenizerFiles) {
      const source = [model.dir, model.baseDir]
        .map((folder) => path.join(folder, file))
        .find((candidate) => existsSync(candidate));
      if (source !== undefined) copyFileSync(source, path.join(temporary, file));
    }
    rmSync(dir, { recursive: true, force: true });
    renameSync(temporary, dir);
  } catch (cause) {
    rmSync(temporary, { recursive: true, force: true });
    if (cause instanceof UserError) throw cause;
    throw new UserError(`cannot save the model to ${dir}: ${messageOf(cause)}`, { cause });
  }
}

function writeFull(model: LoadedModel, dir: string, dtype: FloatType): void {
  writeSafetensors(path.join(dir, 'model.safetensors'), weightSources(model.transformer.parameters.values(), dtype));
  const { torch_dtype: _old, ...raw } = model.config.raw;
  writeFileSync(path.join(dir, 'config.json'), JSON.stringify({ ...raw, dtype: dtypeNames[dtype] }, null, 2) + '\n');
  const generation = path.join(model.baseDir, 'generation_config.json');
  if (existsSync(generation)) copyFileSync(generation, path.join(dir, 'generation_config.json'));
}
