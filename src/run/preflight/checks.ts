/**
 * Checks a model folder and prompts without reading weights. Runs in a separate process (taskProcess.ts): a tokenizer
 * of 150,000 tokens takes a second to read and would block the screen.
 */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../core/errors.js';
import { expectTask, readModelConfig } from '../../model/config.js';
import { checkFolder } from '../../model/files.js';
import { readGenerationConfig } from '../../model/policyFiles.js';
import { parameterSpecs } from '../../model/parameters.js';
import { isAdapterFolder, readAdapterConfig } from '../../model/peft.js';
import { SafetensorsReader } from '../../model/safetensors.js';
import { Tokenizer } from '../../model/tokenizer.js';
import type { ModelConfig } from '../../model/types.js';
import { findTensors } from '../../model/weights.js';
import { type PromptEntry, readPrompts } from '../../io/prompts.js';
import type { ModelFacts, PromptFacts } from '../../core/form/facts.js';
import { largest } from '../../core/limits.js';

/**
 * @param elsewhere other machines sample and train: the weights need not be here
 * @throws UserError that loading the folder would throw
 */
export function checkModel(dir: string, task: ModelConfig['task'] = 'causal-lm', elsewhere = false): ModelFacts {
  checkFolder(dir);
  const base = isAdapterFolder(dir) ? readAdapterConfig(dir).base : dir;
  const config = readModelConfig(base);
  expectTask(base, config, task);
  const tokenizer = tokenizerOf(dir, base, config);
  readGenerationConfig(base, config, tokenizer);
  const stored = elsewhere && !hasWeights(base) ? noWeights : storedWeights(base, config);
  const specs = parameterSpecs(config);
  const matrices = specs
    .filter(({ name, shape }) => shape.length === 2 && /\.\d+\./.test(name))
    .map(({ name, shape }) => ({ layer: name.split('.').at(-2) as string, sum: shape[0] + shape[1] }));
  return {
    architecture: config.architecture,
    parameters: stored.parameters ?? specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    context: config.max_positions,
    dtype: stored.dtype,
    bytes: stored.bytes,
    tokenizer: tokenizer !== null,
    chatTemplate: tokenizer?.hasChatTemplate ?? false,
    adapter: base === dir ? null : path.basename(base),
    shape: {
      layers: config.layers,
      hidden: config.hidden_size,
      query: config.heads * config.head_dim,
      kv: config.kv_heads * config.head_dim,
      inner: config.intermediate_size,
      gated: config.activation === 'silu',
      vocabulary: config.vocab_size,
      tied: config.tied,
    },
    loraWidths: sumsByLayer(matrices),
  };
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

const noWeights = { parameters: null, dtype: 'weights elsewhere', bytes: 0 };

const hasWeights = (base: string): boolean =>
  readdirSync(base).some((name) => /\.safetensors(\.index\.json)?$/.test(name));

function storedWeights(base: string, config: ModelConfig): { parameters: number | null; dtype: string; bytes: number } {
  const reader = SafetensorsReader.open(base);
  try {
    const sources = findTensors(reader, config, base);
    const files = [...new Set(sources.map(({ name }) => reader.entry(name).file))];
    return {
      parameters: sources.reduce((sum, { spec }) => sum + sizeOf(spec.shape), 0),
      dtype: [...new Set(sources.map(({ name }) => reader.entry(name).dtype))].join(' and '),
      bytes: files.reduce((sum, file) => sum + statSync(file).size, 0),
    };
  } finally {
    reader.close();
  }
}

function sumsByLayer(matrices: { layer: string; sum: number }[]): Record<string, number> {
  const out: Record<string, number> = {};
  for (const { layer, sum } of matrices) out[layer] = (out[layer] ?? 0) + sum;
  return out;
}

function tokenizerOf(dir: string, base: string, config: ModelConfig): Tokenizer | null {
  const tokenizer = Tokenizer.find(dir) ?? (base === dir ? null : Tokenizer.find(base));
  if (tokenizer !== null && tokenizer.vocabSize > config.vocab_size)
    throw new UserError(
      `${path.join(dir, 'tokenizer.json')} has ${tokenizer.vocabSize} tokens and the model's vocab_size is ${config.vocab_size}; the tokenizer belongs to another model`,
    );
  return tokenizer;
}

/**
 * Counts prompts and, if the model's tokenizer can be read, their tokens. Problems of the model are reported by its own
 * field.
 *
 * @throws UserError that names the line of an unusable prompt
 */
export function checkPrompts(file: string, model: string, raw: boolean): PromptFacts {
  const prompts = readPrompts(file);
  const tokens = lengthsOf(prompts, model, raw);
  if (tokens === null) return { prompts: prompts.length, longest: null, mean: null, context: null };
  const { lengths, context } = tokens;
  const longest = largest(lengths);
  if (longest >= context) {
    const { where } = prompts[lengths.indexOf(longest)];
    throw new UserError(
      `${where}: the prompt has ${longest} tokens and the context of the model is ${context}; shorten or remove it`,
    );
  }
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return { prompts: prompts.length, longest, mean, context };
}

/** null if the model cannot be read, or has no tokenizer for text prompts. */
function lengthsOf(prompts: PromptEntry[], dir: string, raw: boolean): { lengths: number[]; context: number } | null {
  let config: ModelConfig;
  let tokenizer: Tokenizer | null;
  try {
    const base = isAdapterFolder(dir) ? readAdapterConfig(dir).base : dir;
    config = readModelConfig(base);
    tokenizer = tokenizerOf(dir, base, config);
  } catch {
    return null;
  }
  const lengths = prompts.map(({ where, prompt, prompt_ids }) => {
    const bad = prompt_ids?.find((id) => id >= config.vocab_size);
    if (bad !== undefined)
      throw new UserError(
        `${where}: token id ${bad} is outside the vocabulary of the model, which ends at ${config.vocab_size - 1}`,
      );
    if (prompt_ids !== undefined || prompt === undefined) return (prompt_ids ?? []).length;
    if (tokenizer === null)
      throw new UserError(`${where}: ${dir} has no tokenizer.json, so prompts must come as "prompt_ids"`);
    if (typeof prompt !== 'string' && !tokenizer.hasChatTemplate)
      throw new UserError(`${where}: the tokenizer of ${dir} has no chat template, so prompts must be text`);
    return tokenizer.promptIds(prompt, { raw }).length;
  });
  return { lengths, context: config.max_positions };
}
