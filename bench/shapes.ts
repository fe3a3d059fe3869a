/**
 * The shapes that the benchmarks compare (bench/peer/torch_lr_dpo.py has the same), and the operations that an update
 * of them takes.
 */
interface Shape {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  intermediate_size: number;
  vocab_size: number;
}

const shape = (hidden: number, layers: number, heads: number, kv: number, ff: number, vocab: number): Shape => ({
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kv,
  intermediate_size: ff,
  vocab_size: vocab,
});

/** All but `7b` have tied embeddings. */
export const shapes: Record<string, Shape> = {
  tiny: shape(128, 4, 4, 4, 384, 1024),
  '15m': shape(288, 6, 6, 6, 768, 32000),
  '135m': shape(576, 30, 9, 3, 1536, 49152),
  /** Qwen2.5-0.5B without its biases. */
  '0.5b': shape(896, 24, 14, 2, 4864, 151936),
  /** Llama-3.2-1B. */
  '1b': shape(2048, 16, 32, 8, 8192, 128256),
  /** Mistral-7B, the architecture of Storm-7B. */
  '7b': shape(4096, 32, 32, 8, 14336, 32000),
};

export const isTied = (name: string): boolean => name !== '7b';

/** The shapes that `npm run bench` compares by default; the larger ones are for a GPU. */
export const cpuShapes = ['tiny', '15m', '135m'];

export interface Work {
  pairs: number;
  prompt: number;
  response: number;
  /** Only adapters are trained: frozen matrices have no gradient of their own. */
  lora: boolean;
}

/**
 * Operations that one update step cannot avoid: a prompt once for both responses, heads at response tokens only, 2 per
 * weight forwards and 2 each for its input's and its own gradient, causal attention as half of T². Norms, adapters, and
 * what checkpointing recomputes are not counted.
 */
export function updateOperations(name: string, { pairs, prompt, response, lora }: Work): number {
  const { hidden_size: D, num_hidden_layers: L, num_attention_heads: H, ...rest } = shapes[name];
  const kv = (rest.num_key_value_heads * D) / H;
  const block = 2 * D * D + 2 * D * kv + 3 * D * rest.intermediate_size;
  const tokens = pairs * (prompt + 2 * response);
  const meetings = tokens * L * block + pairs * 2 * response * D * rest.vocab_size;
  // Query-key pairs: each response sees the prompt and itself up to its own position.
  const seen = pairs * ((prompt * prompt) / 2 + 2 * (response * prompt + (response * response) / 2));
  const attention = 4 * seen * D * L;
  return (lora ? 4 : 6) * meetings + 3 * attention;
}
