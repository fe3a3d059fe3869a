/**
 * Reads config.json of a Hugging Face model folder, in its old and new spellings, into one vocabulary (types.ts).
 *
 * Leaves out the tensors that follow from it (parameters.ts).
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError, messageOf } from '../errors.js';
import type { Family, ModelConfig, RopeConfig } from './types.js';

const families: Record<string, { family: Family; task: ModelConfig['task'] }> = {
  LlamaForCausalLM: { family: 'llama', task: 'causal-lm' },
  MistralForCausalLM: { family: 'mistral', task: 'causal-lm' },
  Qwen2ForCausalLM: { family: 'qwen2', task: 'causal-lm' },
  Qwen3ForCausalLM: { family: 'qwen3', task: 'causal-lm' },
  GPT2LMHeadModel: { family: 'gpt2', task: 'causal-lm' },
  GPTNeoXForCausalLM: { family: 'gpt_neox', task: 'causal-lm' },
  LlamaForSequenceClassification: { family: 'llama', task: 'reward' },
  MistralForSequenceClassification: { family: 'mistral', task: 'reward' },
  Qwen2ForSequenceClassification: { family: 'qwen2', task: 'reward' },
  Qwen3ForSequenceClassification: { family: 'qwen3', task: 'reward' },
};

export const supportedArchitectures = Object.keys(families);

const count = z.int().min(1);
const tokenId = z.int().min(0);

const ropeSchema = z.looseObject({
  rope_type: z.string().optional(),
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  partial_rotary_factor: z.number().positive().max(1).optional(),
  factor: z.number().positive().optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: count.optional(),
});

const shared = {
  architectures: z.array(z.string()).min(1),
  vocab_size: count,
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
  pad_token_id: z.int().nullish(),
  tie_word_embeddings: z.boolean().optional(),
};

const llamaSchema = z.looseObject({
  ...shared,
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  intermediate_size: count,
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.string().default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  sliding_window: count.nullish(),
  use_sliding_window: z.boolean().optional(),
  max_window_layers: z.int().min(0).optional(),
  layer_types: z.array(z.string()).nullish(),
  num_labels: count.optional(),
  id2label: z.record(z.string(), z.string()).optional(),
});

const gpt2Schema = z.looseObject({
  ...shared,
  n_embd: count,
  n_layer: count,
  n_head: count,
  n_positions: count,
  n_inner: count.nullish(),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: z.string().default('gelu_new'),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
});

const neoxSchema = z.looseObject({
  ...shared,
  hidden_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  intermediate_size: count,
  max_position_embeddings: count,
  layer_norm_eps: z.number().positive().default(1e-5),
  hidden_act: z.string().default('gelu'),
  attention_bias: z.boolean().default(true),
  use_parallel_residual: z.boolean().default(true),
  rotary_pct: z.number().positive().max(1).optional(),
  rotary_emb_base: z.number().positive().optional(),
  partial_rotary_factor: z.number().positive().max(1).optional(),
  rope_theta: z.number().positive().optional(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
});

/**
 * @param dir a Hugging Face model folder
 * @throws UserError where the folder, its config.json or the architecture cannot be used
 */
export function readModelConfig(dir: string): ModelConfig {
  const file = path.join(dir, 'config.json');
  checkFolder(dir, file);
  const raw = readJsonObject(file);
  const architecture = Array.isArray(raw.architectures) ? String(raw.architectures[0]) : undefined;
  const known = architecture === undefined ? undefined : families[architecture];
  if (architecture === undefined || known === undefined) {
    const found =
      architecture === undefined
        ? 'names no architecture'
        : `is of architecture ${architecture}, which is not supported`;
    throw new UserError(`${file} ${found}; supported are ${supportedArchitectures.join(', ')}`);
  }
  switch (known.family) {
    case 'gpt2':
      return gpt2Config(parse(gpt2Schema, raw, file), { architecture, ...known, raw });
    case 'gpt_neox':
      return neoxConfig(parse(neoxSchema, raw, file), { architecture, ...known, raw }, file);
    default:
      return llamaConfig(parse(llamaSchema, raw, file), { architecture, ...known, raw }, file);
  }
}

/** A JSON object from a file of a model folder; broken JSON is the user's to mend. */
export function readJsonObject(file: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    throw new UserError(`${file} is not a JSON object (${messageOf(cause).split('\n')[0]}); download it again`, {
      cause,
    });
  }
}

function checkFolder(dir: string, file: string): void {
  if (!existsSync(dir))
    throw new UserError(`model folder ${dir} does not exist; give the path of a Hugging Face model folder`);
  if (!statSync(dir).isDirectory())
    throw new UserError(`${dir} is a file; give the path of a Hugging Face model folder`);
  if (readdirSync(dir).length === 0)
    throw new UserError(`model folder ${dir} is empty; expected config.json and model.safetensors`);
  if (!existsSync(file))
    throw new UserError(`${file} does not exist; expected a Hugging Face model folder with a config.json`);
}

function parse<T>(schema: z.ZodType<T>, raw: unknown, file: string): T {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new UserError(`${file} cannot be used: ${problems.join('; ')}`);
}

type Known = Pick<ModelConfig, 'architecture' | 'family' | 'task' | 'raw'>;

function common(config: {
  bos_token_id?: number | null;
  eos_token_id?: number | number[] | null;
  pad_token_id?: number | null;
}) {
  const eos = config.eos_token_id ?? [];
  const pad = config.pad_token_id ?? null;
  return {
    bos_token_id: config.bos_token_id ?? null,
    eos_token_ids: Array.isArray(eos) ? eos : [eos],
    pad_token_id: pad !== null && pad >= 0 ? pad : null,
  };
}

function llamaConfig(config: z.infer<typeof llamaSchema>, known: Known, file: string): ModelConfig {
  const { family, task } = known;
  if (config.hidden_act !== 'silu') throw unsupported(file, 'hidden_act', config.hidden_act, 'silu');
  const labels = config.num_labels ?? Object.keys(config.id2label ?? { 0: '' }).length;
  if (task === 'reward' && labels !== 1) {
    throw new UserError(`${file} describes a classifier with ${labels} labels; a reward model has exactly one`);
  }
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? (family === 'mistral' ? 8 : heads);
  const headDim = config.head_dim ?? (family === 'qwen3' ? 128 : config.hidden_size / heads);
  if (!Number.isInteger(headDim) || headDim % 2 !== 0 || heads % kvHeads !== 0) {
    throw new UserError(
      `${file} has ${heads} heads, ${kvHeads} key/value heads and hidden size ${config.hidden_size}; key/value heads must divide heads and heads be of an even whole size`,
    );
  }
  return {
    ...known,
    ...common(config),
    vocab_size: config.vocab_size,
    hidden_size: config.hidden_size,
    layers: config.num_hidden_layers,
    heads,
    kv_heads: kvHeads,
    head_dim: headDim,
    intermediate_size: config.intermediate_size,
    max_positions: config.max_position_embeddings,
    norm: 'rms',
    norm_eps: config.rms_norm_eps,
    activation: 'silu',
    rope: ropeConfig(config, headDim, 1, config.max_position_embeddings, file),
    tied: config.tie_word_embeddings ?? false,
    qkv_bias: family === 'qwen2' || (family !== 'mistral' && config.attention_bias),
    o_bias: (family === 'llama' || family === 'qwen3') && config.attention_bias,
    mlp_bias: family === 'llama' && config.mlp_bias,
    qk_norm: family === 'qwen3',
    parallel_residual: false,
    sliding_windows: slidingWindows(config, family),
  };
}

/** Mistral slides in every layer; Qwen only where it says so, and there from max_window_layers on. */
function slidingWindows(config: z.infer<typeof llamaSchema>, family: Family): (number | null)[] {
  const window = config.sliding_window ?? null;
  return Array.from({ length: config.num_hidden_layers }, (_, layer) => {
    if (window === null || family === 'llama') return null;
    if (family === 'mistral') return window;
    if (config.use_sliding_window !== true) return null;
    if (config.layer_types != null) return config.layer_types[layer] === 'sliding_attention' ? window : null;
    return layer >= (config.max_window_layers ?? 28) ? window : null;
  });
}

function gpt2Config(config: z.infer<typeof gpt2Schema>, known: Known): ModelConfig {
  return {
    ...known,
    ...common(config),
    vocab_size: config.vocab_size,
    hidden_size: config.n_embd,
    layers: config.n_layer,
    heads: config.n_head,
    kv_heads: config.n_head,
    head_dim: config.n_embd / config.n_head,
    intermediate_size: config.n_inner ?? 4 * config.n_embd,
    max_positions: config.n_positions,
    norm: 'layer',
    norm_eps: config.layer_norm_epsilon,
    activation: activation(config.activation_function, 'config.json: activation_function'),
    rope: null,
    tied: config.tie_word_embeddings ?? true,
    qkv_bias: true,
    o_bias: true,
    mlp_bias: true,
    qk_norm: false,
    parallel_residual: false,
    sliding_windows: new Array<null>(config.n_layer).fill(null),
  };
}

function neoxConfig(config: z.infer<typeof neoxSchema>, known: Known, file: string): ModelConfig {
  const headDim = config.hidden_size / config.num_attention_heads;
  const theta = config.rope_theta ?? config.rotary_emb_base;
  const part =
    config.rope_parameters?.partial_rotary_factor ?? config.partial_rotary_factor ?? config.rotary_pct ?? 0.25;
  return {
    ...known,
    ...common(config),
    vocab_size: config.vocab_size,
    hidden_size: config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    kv_heads: config.num_attention_heads,
    head_dim: headDim,
    intermediate_size: config.intermediate_size,
    max_positions: config.max_position_embeddings,
    norm: 'layer',
    norm_eps: config.layer_norm_eps,
    activation: activation(config.hidden_act, `${file}: hidden_act`),
    rope: ropeConfig({ ...config, rope_theta: theta }, headDim, part, config.max_position_embeddings, file),
    tied: config.tie_word_embeddings ?? false,
    qkv_bias: config.attention_bias,
    o_bias: config.attention_bias,
    mlp_bias: true,
    qk_norm: false,
    parallel_residual: config.use_parallel_residual,
    sliding_windows: new Array<null>(config.num_hidden_layers).fill(null),
  };
}

function activation(name: string, where: string): ModelConfig['activation'] {
  switch (name) {
    case 'gelu':
      return 'gelu';
    case 'gelu_new':
    case 'gelu_fast':
    case 'gelu_pytorch_tanh':
      return 'gelu_tanh';
    case 'relu':
      return 'relu';
    default:
      throw unsupported(where, 'activation', name, 'gelu, gelu_new or relu');
  }
}

interface RopeSource {
  rope_theta?: number;
  rope_scaling?: z.infer<typeof ropeSchema> | null;
  rope_parameters?: z.infer<typeof ropeSchema> | null;
}

/** transformers 5 writes rope_parameters with everything in it, earlier versions rope_theta and rope_scaling. */
function ropeConfig(config: RopeSource, headDim: number, part: number, maxPositions: number, file: string): RopeConfig {
  const scaling = config.rope_parameters ?? config.rope_scaling ?? {};
  const type = scaling.rope_type ?? scaling.type ?? 'default';
  if (type !== 'default' && type !== 'linear' && type !== 'llama3') {
    throw unsupported(file, 'rope type', type, 'default, linear or llama3');
  }
  const required = (key: 'factor' | 'low_freq_factor' | 'high_freq_factor', types: string[]): number => {
    const value = scaling[key];
    if (value === undefined && types.includes(type))
      throw new UserError(`${file} has rope type ${type} without ${key}`);
    return value ?? 1;
  };
  return {
    type,
    theta: scaling.rope_theta ?? config.rope_theta ?? 10000,
    dimensions: 2 * Math.floor((headDim * part) / 2),
    factor: required('factor', ['linear', 'llama3']),
    low_freq_factor: required('low_freq_factor', ['llama3']),
    high_freq_factor: required('high_freq_factor', ['llama3']),
    original_max_positions: scaling.original_max_position_embeddings ?? maxPositions,
  };
}

function unsupported(where: string, key: string, value: string, supported: string): UserError {
  return new UserError(`${where} has ${key} "${value}", which is not supported; expected ${supported}`);
}
