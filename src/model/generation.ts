/** At which tokens a response ends. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readJsonObject } from './config.js';
import type { Tokenizer } from './tokenizer.js';
import type { ModelConfig } from './types.js';

export interface GenerationConfig {
  /** End-of-turn tokens: of generation_config.json (else config.json) and of the tokenizer. */
  eosTokenIds: number[];
}

const schema = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });

export function readGenerationConfig(dir: string, config: ModelConfig, tokenizer: Tokenizer | null): GenerationConfig {
  const file = path.join(dir, 'generation_config.json');
  const parsed = existsSync(file) ? schema.parse(readJsonObject(file)).eos_token_id : null;
  const declared = parsed == null ? config.eos_token_ids : [parsed].flat();
  const all = new Set([...declared, ...(tokenizer?.endOfTurnIds ?? [])]);
  return { eosTokenIds: [...all].filter((id) => id >= 0 && id < config.vocab_size) };
}
