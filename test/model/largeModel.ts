/** A model whose reading is worth measuring. */
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readModelConfig } from '../../src/model/config.js';
import { parameterSpecs } from '../../src/model/parameters.js';
import { type RawTensor, folderWith, safetensors } from './folders.js';

/** 44 million weights, 38 % of them in the embedding as small models have it; the bfloat16 file is 88 MB of zeros. */
export function largeModel(): string {
  const dir = folderWith({
    architectures: ['LlamaForCausalLM'],
    vocab_size: 32768,
    hidden_size: 512,
    intermediate_size: 1536,
    num_hidden_layers: 8,
    num_attention_heads: 8,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
  });
  let offset = 0;
  const header: Record<string, RawTensor> = {};
  for (const { name, shape } of parameterSpecs(readModelConfig(dir))) {
    const end = offset + 2 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, end] };
    offset = end;
  }
  const file = path.join(dir, 'model.safetensors');
  const start = safetensors(header);
  writeFileSync(file, start);
  truncateSync(file, start.length + offset);
  return dir;
}
