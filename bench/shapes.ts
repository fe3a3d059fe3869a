/** Random models of the shapes that the benchmarks compare (bench/peer/torch_lr_dpo.py has the same). */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readModelConfig } from '../src/model/config.js';
import { parameterSpecs } from '../src/model/parameters.js';
import { writeSafetensors } from '../src/model/safetensors.js';
import { Random } from '../src/sampling/random.js';

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

export const shapes: Record<string, Shape> = {
  tiny: shape(128, 4, 4, 4, 384, 1024),
  '15m': shape(288, 6, 6, 6, 768, 32000),
  '135m': shape(576, 30, 9, 3, 1536, 49152),
};

/** Writes a folder with weights uniform around 0 of deviation 0.02. */
export function writeRandomModel(dir: string, name: string): void {
  mkdirSync(dir, { recursive: true });
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...shapes[name],
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
    rope_theta: 10000,
    tie_word_embeddings: true,
    dtype: 'float32',
  };
  writeFileSync(path.join(dir, 'config.json'), JSON.stringify(config));
  const random = new Random(0);
  const tensors = parameterSpecs(readModelConfig(dir)).map(({ name: tensor, shape: size }) => ({
    name: tensor,
    shape: size,
    dtype: 'F32' as const,
    values: () => {
      const length = size.reduce((a, b) => a * b, 1);
      const wide = 0.02 * Math.sqrt(12);
      return size.length === 1
        ? new Float32Array(length).fill(1)
        : Float32Array.from({ length }, () => (random.uniform() - 0.5) * wide);
    },
  }));
  writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
}
