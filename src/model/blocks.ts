/**
 * One layer of each family: Llama and its descendants, GPT-2, GPT-NeoX. A block maps hidden states [N, D] to hidden
 * states [N, D]; the caller supplies the attention (whole sequences, prefill, one token over a cache).
 */
import * as tf from '@tensorflow/tfjs-core';
import { gelu, geluTanh, relu, swiglu } from '../tensor/ops/activations.js';
import { residual, scale, view } from '../tensor/ops/elementwise.js';
import { layerNorm } from '../tensor/ops/layerNorm.js';
import { linear } from '../tensor/ops/linear.js';
import type { Readers } from '../tensor/fused.js';
import { rmsNorm } from '../tensor/ops/rmsNorm.js';
import { rope } from '../tensor/ops/rope.js';
import type { Lora, ModelConfig, Parameter } from './types.js';

/** Attention of one layer: q [N, H·d], k and v [N, K·d] → [N, H·d]. */
export type Attend = (layer: number, q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D) => tf.Tensor2D;

/** The inputs of a block besides the hidden states. */
export interface BlockContext {
  config: ModelConfig;
  parameters: Map<string, Parameter>;
  lora: Lora | null;
  /** [N] int32: the position of each row. */
  positions: tf.Tensor1D;
  rotary: { cos: tf.Tensor2D; sin: tf.Tensor2D } | null;
  attend: Attend;
}

export function block(x: tf.Tensor2D, layer: number, context: BlockContext): tf.Tensor2D {
  switch (context.config.family) {
    case 'gpt2':
      return gpt2Block(x, layer, context);
    case 'gpt_neox':
      return neoxBlock(x, layer, context);
    default:
      return llamaBlock(x, layer, context);
  }
}

function llamaBlock(x: tf.Tensor2D, layer: number, context: BlockContext): tf.Tensor2D {
  const { config } = context;
  const at = `model.layers.${layer}.`;
  const h = norm(x, `${at}input_layernorm`, context, multiplied);
  let q = project(h, `${at}self_attn.q_proj`, context);
  let k = project(h, `${at}self_attn.k_proj`, context);
  const v = project(h, `${at}self_attn.v_proj`, context);
  if (config.qk_norm) {
    q = headNorm(q, `${at}self_attn.q_norm`, context);
    k = headNorm(k, `${at}self_attn.k_norm`, context);
  }
  const attended = context.attend(layer, rotate(q, config.heads, context), rotate(k, config.kv_heads, context), v);
  const middle = residual(x, project(attended, `${at}self_attn.o_proj`, context));
  const f = norm(middle, `${at}post_attention_layernorm`, context, multiplied);
  const [gate, up] = [`${at}mlp.gate_proj`, `${at}mlp.up_proj`];
  const bare = isBare(gate, context) && isBare(up, context);
  const activated = swiglu(project(f, gate, context), project(f, up, context), multiplied, bare ? multiplied : {});
  return residual(middle, project(activated, `${at}mlp.down_proj`, context));
}

function gpt2Block(x: tf.Tensor2D, layer: number, context: BlockContext): tf.Tensor2D {
  const at = `transformer.h.${layer}.`;
  const D = context.config.hidden_size;
  const fusedQkv = project(norm(x, `${at}ln_1`, context, multiplied), `${at}attn.c_attn`, context);
  const [q, k, v] = [0, 1, 2].map((i) => tf.slice(fusedQkv, [0, i * D], [-1, D]));
  const middle = residual(x, project(context.attend(layer, q, k, v), `${at}attn.c_proj`, context));
  const h = norm(middle, `${at}ln_2`, context, multiplied);
  const f = activate(project(h, `${at}mlp.c_fc`, context), context.config);
  return residual(middle, project(f, `${at}mlp.c_proj`, context));
}

function neoxBlock(x: tf.Tensor2D, layer: number, context: BlockContext): tf.Tensor2D {
  const { config } = context;
  const at = `gpt_neox.layers.${layer}.`;
  const { heads: H, head_dim: d } = config;
  const h = norm(x, `${at}input_layernorm`, context, multiplied);
  const fusedQkv = project(h, `${at}attention.query_key_value`, context);
  // The fused projection interleaves q, k and v by head: [N, H, (q, k, v), d].
  const byHead = view<tf.Tensor3D>(fusedQkv, [-1, H, 3 * d]);
  const [q, k, v] = [0, 1, 2].map((i) => view<tf.Tensor2D>(tf.slice(byHead, [0, 0, i * d], [-1, -1, d]), [-1, H * d]));
  const attended = context.attend(layer, rotate(q, H, context), rotate(k, H, context), v);
  const fromAttention = project(attended, `${at}attention.dense`, context);
  const middle = residual(x, fromAttention);
  const input = config.parallel_residual ? x : middle;
  const f = activate(
    project(norm(input, `${at}post_attention_layernorm`, context, multiplied), `${at}mlp.dense_h_to_4h`, context),
    config,
  );
  return residual(middle, project(f, `${at}mlp.dense_4h_to_h`, context));
}

/** A parameter's variable, or null if the model has no parameter of this name. */
function parameter<T extends tf.Tensor>(name: string, { parameters }: Pick<BlockContext, 'parameters'>): T | null {
  return (parameters.get(name)?.variable ?? null) as T | null;
}

/** The inputs of linear layers are not used for anything else. */
const multiplied: Readers = { onlyMultiplied: true };

/**
 * Whether the linear layer `name` is a bare product (no bias, no adapter), so that its gradient is only read by
 * products too.
 */
const isBare = (name: string, { parameters, lora }: BlockContext): boolean =>
  !parameters.has(`${name}.bias`) && lora?.adapters.get(`${name}.weight`) === undefined;

/** The linear layer `name`, with its bias and its LoRA adapter if it has them. */
function project(x: tf.Tensor2D, name: string, context: BlockContext): tf.Tensor2D {
  const weight = parameter<tf.Tensor2D>(`${name}.weight`, context) as tf.Tensor2D;
  const y = linear(x, weight, parameter<tf.Tensor1D>(`${name}.bias`, context));
  const adapter = context.lora?.adapters.get(`${name}.weight`);
  if (context.lora === null || adapter === undefined) return y;
  const low = linear(x, adapter.a as tf.Tensor as tf.Tensor2D, null);
  const change = linear(low, adapter.b as tf.Tensor as tf.Tensor2D, null);
  return residual(y, scale(change, context.lora.alpha / context.lora.rank));
}

export function norm(
  x: tf.Tensor2D,
  name: string,
  context: Pick<BlockContext, 'config' | 'parameters'>,
  readers: Readers = {},
): tf.Tensor2D {
  const { norm: kind, norm_eps: eps } = context.config;
  const weight = parameter<tf.Tensor1D>(`${name}.weight`, context) as tf.Tensor1D;
  if (kind === 'rms') return rmsNorm(x, weight, eps, readers);
  return layerNorm(x, weight, parameter<tf.Tensor1D>(`${name}.bias`, context) as tf.Tensor1D, eps, readers);
}

/** RMSNorm of each head separately (Qwen3). */
function headNorm(x: tf.Tensor2D, name: string, context: BlockContext): tf.Tensor2D {
  const width = x.shape[1];
  const heads = view<tf.Tensor2D>(x, [-1, context.config.head_dim]);
  return view(norm(heads, name, context), [-1, width]);
}

function rotate(x: tf.Tensor2D, heads: number, { rotary, positions }: BlockContext): tf.Tensor2D {
  return rotary === null ? x : rope(x, positions, rotary.cos, rotary.sin, heads);
}

function activate(x: tf.Tensor2D, { activation }: ModelConfig): tf.Tensor2D {
  switch (activation) {
    case 'gelu':
      return gelu(x, multiplied);
    case 'gelu_tanh':
      return geluTanh(x, multiplied);
    case 'relu':
      return relu(x);
    case 'silu':
      throw new Error('a plain SiLU feed-forward layer is in no supported family');
  }
}
