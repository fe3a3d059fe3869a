/** Lists the tensors of a model with a given configuration, by transformers' names and in the file's shapes. */
import type { ModelConfig, ParameterSpec } from './types.js';

export function parameterSpecs(config: ModelConfig): ParameterSpec[] {
  switch (config.family) {
    case 'gpt2':
      return gpt2Specs(config);
    case 'gpt_neox':
      return neoxSpecs(config);
    default:
      return llamaSpecs(config);
  }
}

const plain = (name: string, ...shape: number[]): ParameterSpec => ({ name, shape, transposed: false });
const embedding = (name: string, rows: number, width: number): ParameterSpec => ({
  ...plain(name, rows, width),
  lookup: true,
});
const matrix = (name: string, out: number, input: number): ParameterSpec => ({
  name,
  shape: [out, input],
  transposed: true,
});

/** A linear layer's weight [out, in] and its bias, if it has one. */
const linear = (name: string, out: number, input: number, bias: boolean): ParameterSpec[] => [
  matrix(`${name}.weight`, out, input),
  ...(bias ? [plain(`${name}.bias`, out)] : []),
];
const layerNorm = (name: string, D: number) => [plain(`${name}.weight`, D), plain(`${name}.bias`, D)];
const layers = (config: ModelConfig, specs: (layer: number) => ParameterSpec[]) =>
  Array.from({ length: config.layers }, (_, layer) => specs(layer)).flat();

function llamaSpecs(config: ModelConfig): ParameterSpec[] {
  const { hidden_size: D, intermediate_size: F, vocab_size: V, head_dim: d } = config;
  const [qWidth, kvWidth] = [config.heads * d, config.kv_heads * d];
  return [
    embedding('model.embed_tokens.weight', V, D),
    ...layers(config, (layer) => {
      const at = `model.layers.${layer}`;
      return [
        plain(`${at}.input_layernorm.weight`, D),
        ...linear(`${at}.self_attn.q_proj`, qWidth, D, config.qkv_bias),
        ...linear(`${at}.self_attn.k_proj`, kvWidth, D, config.qkv_bias),
        ...linear(`${at}.self_attn.v_proj`, kvWidth, D, config.qkv_bias),
        ...linear(`${at}.self_attn.o_proj`, D, qWidth, config.o_bias),
        ...(config.qk_norm
          ? [plain(`${at}.self_attn.q_norm.weight`, d), plain(`${at}.self_attn.k_norm.weight`, d)]
          : []),
        plain(`${at}.post_attention_layernorm.weight`, D),
        ...linear(`${at}.mlp.gate_proj`, F, D, config.mlp_bias),
        ...linear(`${at}.mlp.up_proj`, F, D, config.mlp_bias),
        ...linear(`${at}.mlp.down_proj`, D, F, config.mlp_bias),
      ];
    }),
    plain('model.norm.weight', D),
    ...head(config, 'lm_head.weight'),
  ];
}

/** GPT-2's Conv1D already holds [in, out]: only an untied head is transposed. */
function gpt2Specs(config: ModelConfig): ParameterSpec[] {
  const { hidden_size: D, intermediate_size: F, vocab_size: V } = config;
  const conv = (name: string, input: number, out: number) => [
    plain(`${name}.weight`, input, out),
    plain(`${name}.bias`, out),
  ];
  return [
    embedding('transformer.wte.weight', V, D),
    embedding('transformer.wpe.weight', config.max_positions, D),
    ...layers(config, (layer) => {
      const at = `transformer.h.${layer}`;
      return [
        ...layerNorm(`${at}.ln_1`, D),
        ...conv(`${at}.attn.c_attn`, D, 3 * D),
        ...conv(`${at}.attn.c_proj`, D, D),
        ...layerNorm(`${at}.ln_2`, D),
        ...conv(`${at}.mlp.c_fc`, D, F),
        ...conv(`${at}.mlp.c_proj`, F, D),
      ];
    }),
    ...layerNorm('transformer.ln_f', D),
    ...head(config, 'lm_head.weight'),
  ];
}

function neoxSpecs(config: ModelConfig): ParameterSpec[] {
  const { hidden_size: D, intermediate_size: F, vocab_size: V } = config;
  return [
    embedding('gpt_neox.embed_in.weight', V, D),
    ...layers(config, (layer) => {
      const at = `gpt_neox.layers.${layer}`;
      return [
        ...layerNorm(`${at}.input_layernorm`, D),
        ...layerNorm(`${at}.post_attention_layernorm`, D),
        ...linear(`${at}.attention.query_key_value`, 3 * D, D, config.qkv_bias),
        ...linear(`${at}.attention.dense`, D, D, config.o_bias),
        ...linear(`${at}.mlp.dense_h_to_4h`, F, D, config.mlp_bias),
        ...linear(`${at}.mlp.dense_4h_to_h`, D, F, config.mlp_bias),
      ];
    }),
    ...layerNorm('gpt_neox.final_layer_norm', D),
    ...head(config, 'embed_out.weight'),
  ];
}

function head(config: ModelConfig, name: string): ParameterSpec[] {
  if (config.task === 'reward') return [matrix('score.weight', 1, config.hidden_size)];
  return config.tied ? [] : [matrix(name, config.vocab_size, config.hidden_size)];
}

/**
 * Names under which a checkpoint may hold a tensor, transformers' own first: the original GPT-2 files have no
 * `transformer.` prefix.
 */
export function namesInFile(spec: ParameterSpec, config: ModelConfig): string[] {
  return config.family === 'gpt2' ? [spec.name, spec.name.replace(/^transformer\./, '')] : [spec.name];
}
