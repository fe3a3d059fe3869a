/** Reads rotary embeddings from config.json: transformers 5's `rope_parameters`, or the keys before it. */
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import type { RopeConfig } from './types.js';

const positive = z.number().positive();

const parametersSchema = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: positive.optional(),
  partial_rotary_factor: positive.max(1).optional(),
  factor: positive.optional(),
  low_freq_factor: positive.optional(),
  high_freq_factor: positive.optional(),
  original_max_position_embeddings: z.int().min(1).optional(),
});

/** The keys of config.json that describe the rotation, in every family's spelling. */
export const ropeKeys = {
  rope_parameters: parametersSchema.nullish(),
  rope_scaling: parametersSchema.nullish(),
  rope_theta: positive.optional(),
  partial_rotary_factor: positive.max(1).optional(),
  // GPT-NeoX before transformers 5.
  rotary_emb_base: positive.optional(),
  rotary_pct: positive.max(1).optional(),
};

/**
 * @param headDim d
 * @param defaultPart share of d that the family rotates if config.json does not say
 * @throws UserError if the type is unsupported or lacks a required number
 */
export function readRope(
  config: z.infer<z.ZodObject<typeof ropeKeys>>,
  headDim: number,
  defaultPart: number,
  file: string,
): RopeConfig {
  const parameters = config.rope_scaling ?? config.rope_parameters ?? {};
  const type = parameters.rope_type ?? parameters.type ?? 'default';
  if (type !== 'default' && type !== 'linear' && type !== 'llama3') {
    throw new UserError(`${file} has rope type "${type}", which is not supported; expected default, linear or llama3`);
  }
  const required = <K extends keyof typeof parameters>(key: K, types: string[]): number => {
    const value = parameters[key];
    if (value === undefined && types.includes(type))
      throw new UserError(`${file} cannot be used: rope type ${type} needs ${String(key)}`);
    return (value as number | undefined) ?? 1;
  };
  const part = parameters.partial_rotary_factor ?? config.partial_rotary_factor ?? config.rotary_pct ?? defaultPart;
  if (part !== 1 && defaultPart === 1) {
    throw new UserError(`${file} rotates only a part (${part}) of each head, which is supported for GPT-NeoX alone`);
  }
  return {
    type,
    theta: parameters.rope_theta ?? config.rope_theta ?? config.rotary_emb_base ?? 10000,
    dimensions: 2 * Math.floor((headDim * part) / 2),
    factor: required('factor', ['linear', 'llama3']),
    low_freq_factor: required('low_freq_factor', ['llama3']),
    high_freq_factor: required('high_freq_factor', ['llama3']),
    original_max_positions: required('original_max_position_embeddings', ['llama3']),
  };
}
