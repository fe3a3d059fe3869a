/**
 * Reads config.json of a Hugging Face model folder, in its old and new spellings, into one vocabulary (types.ts).
 * Defaults of absent keys are those of transformers' configuration class of the family.
 *
 * Leaves out the list of tensors (parameters.ts).
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkFolder, checkKeys, readJsonObject } from './files.js';
import { readRope, ropeKeys } from './ropeConfig.js';
import type { Family, ModelConfig } from './types.js';

const architectures = new Map<string, { family: Family; task: ModelConfig['task'] }>([
  ['LlamaForCausalLM', { family: 'llama', task: 'causal-lm' }],
  ['MistralForCausalLM', { family: 'mistral', task: 'causal-lm' }],
  ['Qwen2ForCausalLM', { family: 'qwen2', task: 'causal-lm' }],
  ['Qwen3ForCausalLM', { family: 'qwen3', task: 'causal-lm' }],
  ['GPT2LMHeadModel', { family: 'gpt2', task: 'causal-lm' }],
  ['GPTNeoXForCausalLM', { family: 'gpt_neox', task: 'causal-lm' }],
  ['LlamaForSequenceClassification', { family: 'llama', task: 'reward' }],
  ['MistralForSequenceClassification', { family: 'mistral', task: 'reward' }],
  ['Qwen2ForSequenceClassification', { family: 'qwen2', task: 'reward' }],
  ['Qwen3ForSequenceClassification', { family: 'qwen3', task: 'reward' }],
]);

export const supportedArchitectures = [...architectures.keys()];

const count = z.int().min(1);
/** Far above published models, and low enough that a damaged file cannot request more memory than there is. */
const most = {
  vocabulary: count.max(2 ** 24),
  layers: count.max(1024),
  heads: count.max(4096),
  width: count.max(2 ** 22),
  positions: count.max(2 ** 27),
};

const shared = {
  architectures: z.array(z.string()).min(1),
  vocab_size: most.vocabulary,
  bos_token_id: z.int().nullish(),
  eos_token_id: z.union([z.int(), z.array(z.int())]).nullish(),
  pad_token_id: z.int().nullish(),
  tie_word_embeddings: z.boolean().optional(),
};

const llamaSchema = z.looseObject({
  ...shared,
  ...ropeKeys,
  hidden_size: most.width,
  num_hidden_layers: most.layers,
  num_attention_heads: most.heads,
  num_key_value_heads: most.heads.nullish(),
  head_dim: most.width.nullish(),
  intermediate_size: most.width,
  max_position_embeddings: most.positions,
  rms_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.enum(['silu', 'swish']).default('silu'),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  sliding_window: count.nullable().default(4096),
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.int().min(0).default(28),
  layer_types: z.array(z.enum(['full_attention', 'sliding_attention'])).nullish(),
  num_labels: count.max(2 ** 20).optional(),
  id2label: z.record(z.string(), z.string()).optional(),
});

const activations = {
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
} as const;
const activation = z.enum(Object.keys(activations) as (keyof typeof activations)[]);

const gpt2Schema = z.looseObject({
  ...shared,
  n_embd: most.width,
  n_layer: most.layers,
  n_head: most.heads,
  n_positions: most.positions,
  n_inner: most.width.nullish(),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: activation.default('gelu_new'),
  add_cross_attention: z.literal(false).default(false),
  scale_attn_weights: z.literal(true).default(true),
  scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
});

const neoxSchema = z.looseObject({
  ...shared,
  ...ropeKeys,
  hidden_size: most.width,
  num_hidden_layers: most.layers,
  num_attention_heads: most.heads,
  intermediate_size: most.width,
  max_position_embeddings: most.positions,
  layer_norm_eps: z.number().positive().default(1e-5),
  hidden_act: activation.default('gelu'),
  attention_bias: z.boolean().default(true),
  use_parallel_residual: z.boolean().default(true),
});

/**
 * @param dir a Hugging Face model folder
 * @throws UserError if the folder, its config.json or the architecture cannot be used
 */
export function readModelConfig(dir: string): ModelConfig {
  checkFolder(dir);
  const file = path.join(dir, 'config.json');
  if (!existsSync(file)) {
    throw new UserError(`model folder ${dir} has no config.json; give the path of a Hugging Face model folder`);
  }
  const raw = readJsonObject(file);
  const known = { ...readArchitecture(raw, file), raw };
  if (raw.quantization_config != null) {
    throw new UserError(`${file} describes quantized weights, which are not supported; use the unquantized model`);
  }
  switch (known.family) {
    case 'gpt2':
      return gpt2Config(checkKeys(gpt2Schema, raw, file), known, file);
    case 'gpt_neox':
      return neoxConfig(checkKeys(neoxSchema, raw, file), known, file);
    default:
      return llamaConfig(checkKeys(llamaSchema, raw, file), known, file);
  }
}

type Known = Pick<ModelConfig, 'architecture' | 'family' | 'task' | 'raw'>;

function readArchitecture(raw: Record<string, unknown>, file: string): Omit<Known, 'raw'> {
  const [architecture] = Array.isArray(raw.architectures) ? (raw.architectures as unknown[]) : [];
  const known = typeof architecture === 'string' ? architectures.get(architecture) : undefined;
  if (known === undefined) {
    const found =
      architecture === undefined
        ? 'names no architecture'
        : `is of architecture ${String(architecture)}, which is not supported`;
    throw new UserError(`${file} ${found}; supported are ${supportedArchitectures.join(', ')}`);
  }
  return { architecture: architecture as string, ...known };
}

function tokens(config: z.infer<z.ZodObject<typeof shared>>) {
  const inVocabulary = (id: number) => id >= 0 && id < config.vocab_size;
  const one = (id: number | null | undefined) => (id != null && inVocabulary(id) ? id : null);
  return {
    vocab_size: config.vocab_size,
    bos_token_id: one(config.bos_token_id),
    pad_token_id: one(config.pad_token_id),
    eos_token_ids: [config.eos_token_id ?? []].flat().filter(inVocabulary),
  };
}

/** d, for families whose heads divide the hidden size equally. */
function shareOfHead(hiddenSize: number, heads: number, file: string): number {
  if (hiddenSize % heads !== 0) {
    throw new UserError(`${file} cannot be used: ${heads} heads do not divide the hidden size ${hiddenSize}`);
  }
  return hiddenSize / heads;
}

function llamaConfig(config: z.infer<typeof llamaSchema>, known: Known, file: string): ModelConfig {
  const { family, task } = known;
  const labels = config.num_labels ?? Object.keys(config.id2label ?? { 0: '' }).length;
  if (task === 'reward' && labels !== 1) {
    throw new UserError(`${file} describes a classifier with ${labels} labels; a reward model has exactly one`);
  }
  const heads = config.num_attention_heads;
  // Mistral's default of 8 applies to an absent key only: null means as many as heads.
  const kvHeads =
    config.num_key_value_heads ?? (family === 'mistral' && !('num_key_value_heads' in known.raw) ? 8 : heads);
  const headDim = config.head_dim ?? (family === 'qwen3' ? 128 : shareOfHead(config.hidden_size, heads, file));
  if (headDim % 2 !== 0) throw new UserError(`${file} cannot be used: a head size of ${headDim} is odd`);
  if (heads % kvHeads !== 0) {
    throw new UserError(`${file} cannot be used: ${kvHeads} key/value heads do not divide ${heads} heads`);
  }
  return {
    ...known,
    ...tokens(config),
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
    rope: readRope(config, headDim, 1, file),
    tied: config.tie_word_embeddings ?? false,
    qkv_bias: family === 'qwen2' || (family !== 'mistral' && config.attention_bias),
    o_bias: (family === 'llama' || family === 'qwen3') && config.attention_bias,
    mlp_bias: family === 'llama' && config.mlp_bias,
    qk_norm: family === 'qwen3',
    parallel_residual: false,
    sliding_windows: Array.from({ length: config.num_hidden_layers }, (_, layer) =>
      slidingWindow(config, family, layer),
    ),
  };
}

/**
 * Mistral uses a sliding window in every layer; Qwen only if its config enables it, and then from max_window_layers on.
 */
function slidingWindow(config: z.infer<typeof llamaSchema>, family: Family, layer: number): number | null {
  switch (family) {
    case 'mistral':
      return config.sliding_window;
    case 'qwen2':
    case 'qwen3': {
      if (!config.use_sliding_window) return null;
      const slides = config.layer_types
        ? config.layer_types[layer] === 'sliding_attention'
        : layer >= config.max_window_layers;
      return slides ? config.sliding_window : null;
    }
    default:
      return null;
  }
}

function gpt2Config(config: z.infer<typeof gpt2Schema>, known: Known, file: string): ModelConfig {
  return {
    ...known,
    ...tokens(config),
    hidden_size: config.n_embd,
    layers: config.n_layer,
    heads: config.n_head,
    kv_heads: config.n_head,
    head_dim: shareOfHead(config.n_embd, config.n_head, file),
    intermediate_size: config.n_inner ?? 4 * config.n_embd,
    max_positions: config.n_positions,
    norm: 'layer',
    norm_eps: config.layer_norm_epsilon,
    activation: activations[config.activation_function],
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
  const headDim = shareOfHead(config.hidden_size, config.num_attention_heads, file);
  return {
    ...known,
    ...tokens(config),
    hidden_size: config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    kv_heads: config.num_attention_heads,
    head_dim: headDim,
    intermediate_size: config.intermediate_size,
    max_positions: config.max_position_embeddings,
    norm: 'layer',
    norm_eps: config.layer_norm_eps,
    activation: activations[config.hidden_act],
    rope: readRope(config, headDim, 0.25, file),
    tied: config.tie_word_embeddings ?? false,
    qkv_bias: config.attention_bias,
    o_bias: config.attention_bias,
    mlp_bias: true,
    qk_norm: false,
    parallel_residual: config.use_parallel_residual,
    sliding_windows: new Array<null>(config.num_hidden_layers).fill(null),
  };
}

/** @throws UserError unless the folder's model performs the task that it is loaded for */
export function expectTask(dir: string, { architecture, task }: ModelConfig, expected: ModelConfig['task']): void {
  if (task === expected) return;
  throw new UserError(
    expected === 'reward'
      ? `${dir} is a ${architecture}, which gives no reward; expected a sequence classifier (…ForSequenceClassification)`
      : `${dir} is a ${architecture}, which cannot answer; expected a causal language model`,
  );
}
