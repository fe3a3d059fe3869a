/**
 * The small files of a policy's folder: tokenizer, end-of-turn tokens, vocabulary and context. They suffice for the
 * prompts and responses of a policy that another machine computes; its weights may be absent and its architecture
 * unknown here.
 */
import path from 'node:path';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkFolder, checkKeys, readJsonObject } from './files.js';
import { isAdapterFolder, readAdapterConfig } from './peft.js';
import { Tokenizer } from './tokenizer.js';
import type { ModelConfig } from './types.js';

export interface PolicyFiles {
  dir: string;
  /** The folder of the full weights: `dir`, or the base of an adapter. */
  baseDir: string;
  config: { vocab_size: number; max_positions: number };
  /** null if the folder has none; then rows must carry token ids. */
  tokenizer: Tokenizer | null;
  generation: { eosTokenIds: number[] };
}

const count = z
  .int()
  .min(1)
  .max(2 ** 31);
const ids = z.union([z.int(), z.array(z.int())]).nullish();
/** The keys of text models; multimodal models have the same keys in `text_config`. */
const schema = z.looseObject({
  vocab_size: count,
  max_position_embeddings: count.optional(),
  n_positions: count.optional(),
  eos_token_id: ids,
});

/** @throws UserError that names the file and the invalid key */
export function readPolicyFiles(dir: string): PolicyFiles {
  checkFolder(dir);
  const baseDir = isAdapterFolder(dir) ? readAdapterConfig(dir).base : dir;
  const file = path.join(baseDir, 'config.json');
  const raw = readJsonObject(file);
  const text = typeof raw.text_config === 'object' && raw.text_config !== null ? raw.text_config : {};
  const config = checkKeys(schema, { ...raw, ...text }, file);
  const max_positions = config.max_position_embeddings ?? config.n_positions;
  if (max_positions === undefined)
    throw new UserError(`${file} has neither max_position_embeddings nor n_positions; expected the context length`);
  const tokenizer = Tokenizer.find(dir) ?? (baseDir === dir ? null : Tokenizer.find(baseDir));
  const { vocab_size } = config;
  if (tokenizer !== null && tokenizer.vocabSize > vocab_size)
    throw new UserError(
      `${path.join(dir, 'tokenizer.json')} has ${tokenizer.vocabSize} tokens and the model's vocab_size is ${vocab_size}; the tokenizer belongs to another model`,
    );
  const eos_token_ids = [config.eos_token_id ?? []].flat();
  const generation = readGenerationConfig(baseDir, { vocab_size, eos_token_ids }, tokenizer);
  return { dir, baseDir, config: { vocab_size, max_positions }, tokenizer, generation };
}

/** The tokens that end a response. */
export interface GenerationConfig {
  /** All end-of-turn tokens that generation_config.json, config.json or the tokenizer name. */
  eosTokenIds: number[];
}

const generationSchema = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });

/** @throws UserError if generation_config.json is damaged */
export function readGenerationConfig(
  dir: string,
  config: Pick<ModelConfig, 'vocab_size' | 'eos_token_ids'>,
  tokenizer: Tokenizer | null,
): GenerationConfig {
  const file = path.join(dir, 'generation_config.json');
  const declared = existsSync(file) ? checkKeys(generationSchema, readJsonObject(file), file).eos_token_id : null;
  const all = new Set([...[declared ?? []].flat(), ...config.eos_token_ids, ...(tokenizer?.endOfTurnIds ?? [])]);
  return { eosTokenIds: [...all].filter((id) => id >= 0 && id < config.vocab_size) };
}
