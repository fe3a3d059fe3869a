/** At which tokens a response ends. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { checkKeys, readJsonObject } from './files.js';
import type { Tokenizer } from './tokenizer.js';
import type { ModelConfig } from './types.js';

export interface GenerationConfig {
  /** End-of-turn tokens that generation_config.json, config.json and the tokenizer name, all of them. */
  eosTokenIds: number[];
}

const schema = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });

/** @throws UserError where generation_config.json is damaged */
export function readGenerationConfig(
  dir: string,
  config: Pick<ModelConfig, 'vocab_size' | 'eos_token_ids'>,
  tokenizer: Tokenizer | null,
): GenerationConfig {
  const file = path.join(dir, 'generation_config.json');
  const declared = existsSync(file) ? checkKeys(schema, readJsonObject(file), file).eos_token_id : null;
  const all = new Set([...[declared ?? []].flat(), ...config.eos_token_ids, ...(tokenizer?.endOfTurnIds ?? [])]);
  return { eosTokenIds: [...all].filter((id) => id >= 0 && id < config.vocab_size) };
}
