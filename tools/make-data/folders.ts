/** Writes the model folders of the example: tokenizer, configuration, and weights before training. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parameterSpecs } from '../../src/model/parameters.js';
import { readModelConfig } from '../../src/model/config.js';
import { writeSafetensors } from '../../src/model/safetensors.js';
import { Random } from '../../src/core/seeds.js';
import { type Bpe, tokenizerJson } from './bpe.js';

export const specials = ['<|pad|>', '<|user|>', '<|assistant|>', '<|end|>'];
const [pad, , , end] = specials;

/** `<|user|>…<|end|><|assistant|>…<|end|>` */
export const chatTemplate =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

export interface Shape {
  hidden_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  intermediate_size: number;
}

const writeJson = (file: string, value: unknown) => writeFileSync(file, JSON.stringify(value, null, 2) + '\n');

export function writeTokenizer(dir: string, bpe: Bpe): void {
  mkdirSync(dir, { recursive: true });
  // On one line, because nobody reads the vocabulary.
  writeFileSync(path.join(dir, 'tokenizer.json'), JSON.stringify(tokenizerJson(bpe)) + '\n');
  writeJson(path.join(dir, 'tokenizer_config.json'), {
    tokenizer_class: 'PreTrainedTokenizerFast',
    eos_token: end,
    pad_token: pad,
    clean_up_tokenization_spaces: false,
    model_max_length: 256,
    chat_template: chatTemplate,
  });
}

export function writeConfig(dir: string, shape: Shape, vocabSize: number, task: 'policy' | 'reward'): void {
  mkdirSync(dir, { recursive: true });
  writeJson(path.join(dir, 'config.json'), {
    architectures: [task === 'policy' ? 'LlamaForCausalLM' : 'LlamaForSequenceClassification'],
    model_type: 'llama',
    ...shape,
    num_key_value_heads: shape.num_attention_heads,
    vocab_size: vocabSize,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
    rope_theta: 10000,
    tie_word_embeddings: true,
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: null,
    eos_token_id: specials.indexOf(end),
    pad_token_id: specials.indexOf(pad),
    dtype: 'float32',
    ...(task === 'reward' ? { id2label: { 0: 'reward' }, label2id: { reward: 0 } } : {}),
  });
  if (task === 'policy')
    writeJson(path.join(dir, 'generation_config.json'), {
      eos_token_id: specials.indexOf(end),
      pad_token_id: specials.indexOf(pad),
    });
}

/**
 * Normal weights with a standard deviation of 0.02; the projections back into the residual stream are scaled down by
 * depth as in GPT-2; norms are 1.
 */
export function writeInitialWeights(dir: string, seed: number): void {
  const config = readModelConfig(dir);
  const random = new Random(seed);
  const tensors = parameterSpecs(config).map(({ name, shape }) => ({
    name,
    shape,
    dtype: 'F32' as const,
    values: () => {
      const size = shape.reduce((a, b) => a * b, 1);
      if (shape.length === 1) return new Float32Array(size).fill(1);
      const deviation = /o_proj|down_proj/.test(name) ? 0.02 / Math.sqrt(2 * config.layers) : 0.02;
      return Float32Array.from({ length: size }, () => deviation * normal(random));
    },
  }));
  writeSafetensors(path.join(dir, 'model.safetensors'), tensors);
}

/** A standard normal sample (Box and Muller). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}
