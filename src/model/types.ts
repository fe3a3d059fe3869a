/**
 * The types of a model that the rest of Brevity uses. Shape legend, used in all comments of the project: B batch, T
 * positions, N rows (B·T or a selection of them), D hidden size, V vocabulary, H heads, K key/value heads, d head size,
 * F feed-forward size, L layers.
 */
import type * as tf from '@tensorflow/tfjs-core';

export type Family = 'llama' | 'mistral' | 'qwen2' | 'qwen3' | 'gpt2' | 'gpt_neox';

/** Rotary position embedding as config.json describes it, in either spelling. */
export interface RopeConfig {
  type: 'default' | 'linear' | 'llama3';
  theta: number;
  /** Number of the d dimensions of a head that are rotated (GPT-NeoX rotates a part). Even. */
  dimensions: number;
  /** For linear and llama3. */
  factor: number;
  /** For llama3 only. */
  low_freq_factor: number;
  high_freq_factor: number;
  original_max_positions: number;
}

/** config.json of any supported family, in one vocabulary. */
export interface ModelConfig {
  /** As in config.json's `architectures`, e.g. `LlamaForCausalLM`. */
  architecture: string;
  family: Family;
  task: 'causal-lm' | 'reward';
  vocab_size: number;
  hidden_size: number;
  layers: number;
  heads: number;
  kv_heads: number;
  head_dim: number;
  intermediate_size: number;
  /** Longest sequence in tokens. */
  max_positions: number;
  norm: 'rms' | 'layer';
  norm_eps: number;
  activation: 'silu' | 'gelu' | 'gelu_tanh' | 'relu';
  /** null: learned absolute positions (GPT-2). */
  rope: RopeConfig | null;
  tied: boolean;
  /** Biases of q, k, v / of the attention's output / of the feed-forward layers. */
  qkv_bias: boolean;
  o_bias: boolean;
  mlp_bias: boolean;
  /** RMSNorm of each head of q and k before the rotation (Qwen3). */
  qk_norm: boolean;
  /** Attention and feed-forward read the same input (GPT-NeoX). */
  parallel_residual: boolean;
  /** Positions that a query attends to, itself included; null: all. Per layer (Qwen mixes). */
  sliding_windows: (number | null)[];
  pad_token_id: number | null;
  bos_token_id: number | null;
  eos_token_ids: number[];
  /** config.json as read; saving writes it again. */
  raw: Record<string, unknown>;
}

/**
 * One tensor of the checkpoint. Memory holds linear weights as [in, out], because a product with a transposed operand
 * is 12 times slower on wasm; files hold PyTorch's [out, in] (GPT-2's Conv1D: [in, out]).
 */
export interface ParameterSpec {
  /** transformers' name, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  name: string;
  /** Shape in the file. */
  shape: number[];
  /** Whether the file holds [out, in] and memory [in, out]. */
  transposed: boolean;
  /** Set for embeddings: rows are read by index, so the values are not only operands of products. */
  lookup?: true;
}

/** A loaded tensor of the model. `variable` has the layout of memory. */
export interface Parameter {
  spec: ParameterSpec;
  variable: tf.Variable;
}

/** One adapter: W + (alpha / rank)·A·B with A [in, rank] and B [rank, out] in the layout of memory. */
export interface LoraAdapter {
  /** Name of the linear weight that it changes. */
  target: string;
  a: tf.Variable;
  b: tf.Variable;
}

export interface Lora {
  rank: number;
  alpha: number;
  targets: string[];
  adapters: Map<string, LoraAdapter>;
}
