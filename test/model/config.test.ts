import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModelConfig, supportedArchitectures } from '../../src/model/config.js';
import { UserError } from '../../src/core/errors.js';
import { copyOf, folderWith, temporaryFolder, writeFile } from './folders.js';

const llama = {
  architectures: ['LlamaForCausalLM'],
  vocab_size: 100,
  hidden_size: 64,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  intermediate_size: 160,
  max_position_embeddings: 512,
};
const gpt2 = {
  architectures: ['GPT2LMHeadModel'],
  vocab_size: 100,
  n_embd: 64,
  n_layer: 2,
  n_head: 4,
  n_positions: 32,
};
const neox = { ...llama, architectures: ['GPTNeoXForCausalLM'] };
const of = (architecture: string) => ({ ...llama, architectures: [architecture], num_attention_heads: 8 });

const read = (config: Record<string, unknown>) => readModelConfig(folderWith(config));

/** The message of the UserError that reading this config.json ends in. */
function problem(config: Record<string, unknown>): string {
  const dir = folderWith(config);
  try {
    readModelConfig(dir);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toContain(path.join(dir, 'config.json'));
    return (error as UserError).message;
  }
  throw new Error('this config.json was read without complaint');
}

describe('spellings', () => {
  it('llama3 scaling: rope_scaling with rope_theta, or rope_parameters', () => {
    const scaling = {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    };
    const expected = {
      type: 'llama3',
      theta: 500000,
      dimensions: 16,
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_positions: 64,
    };
    for (const keys of [
      { rope_theta: 500000, rope_scaling: { rope_type: 'llama3', ...scaling } },
      { rope_theta: 500000, rope_scaling: { type: 'llama3', ...scaling } },
      { rope_parameters: { rope_type: 'llama3', rope_theta: 500000, ...scaling } },
    ]) {
      expect(read({ ...llama, ...keys }).rope).toEqual(expected);
    }
  });

  it('plain rotation: rope_theta, null rope_scaling, or neither', () => {
    expect(read({ ...llama, rope_theta: 1e6, rope_scaling: null }).rope).toMatchObject({ type: 'default', theta: 1e6 });
    expect(read(llama).rope).toMatchObject({ type: 'default', theta: 10000, dimensions: 16 });
    expect(read({ ...llama, rope_scaling: { type: 'linear', factor: 2 } }).rope).toMatchObject({
      type: 'linear',
      factor: 2,
    });
  });

  it("GPT-NeoX's part of each head: rotary_pct and rotary_emb_base, or rope_parameters", () => {
    const before = { ...neox, rotary_pct: 0.5, rotary_emb_base: 20000 };
    const since = { ...neox, rope_parameters: { rope_theta: 20000, partial_rotary_factor: 0.5, rope_type: 'default' } };
    for (const config of [before, since])
      expect(read(config).rope).toMatchObject({ theta: 20000, dimensions: 8, type: 'default' });
    expect(read(neox).rope).toMatchObject({ theta: 10000, dimensions: 4 });
  });

  it('end tokens: one, several, none, or outside the vocabulary', () => {
    expect(read({ ...llama, eos_token_id: 2 }).eos_token_ids).toEqual([2]);
    expect(read({ ...llama, eos_token_id: [2, 7] }).eos_token_ids).toEqual([2, 7]);
    expect(read({ ...llama, eos_token_id: null }).eos_token_ids).toEqual([]);
    expect(read({ ...llama, eos_token_id: [2, 100], pad_token_id: -1 })).toMatchObject({
      eos_token_ids: [2],
      pad_token_id: null,
    });
  });
});

describe("defaults are the family's", () => {
  it('key/value heads', () => {
    expect(read(llama).kv_heads).toBe(4);
    expect(read({ ...of('MistralForCausalLM'), num_attention_heads: 16 }).kv_heads).toBe(8);
    expect(read({ ...llama, num_key_value_heads: 2 }).kv_heads).toBe(2);
    expect(read({ ...of('MistralForCausalLM'), num_attention_heads: 16, num_key_value_heads: null }).kv_heads).toBe(16);
  });

  it('head size', () => {
    expect(read(llama).head_dim).toBe(16);
    expect(read({ ...llama, head_dim: 32 }).head_dim).toBe(32);
    expect(read(of('Qwen3ForCausalLM')).head_dim).toBe(128);
  });

  it('tied embeddings', () => {
    expect(
      [llama, of('MistralForCausalLM'), of('Qwen2ForCausalLM'), of('Qwen3ForCausalLM'), gpt2, neox].map(
        (config) => read(config).tied,
      ),
    ).toEqual([false, false, false, false, true, false]);
    expect(read({ ...gpt2, tie_word_embeddings: false }).tied).toBe(false);
  });

  it('biases', () => {
    const biases = (config: Record<string, unknown>) => {
      const { qkv_bias, o_bias, mlp_bias } = read(config);
      return [qkv_bias, o_bias, mlp_bias];
    };
    expect(biases(llama)).toEqual([false, false, false]);
    expect(biases({ ...llama, attention_bias: true })).toEqual([true, true, false]);
    expect(biases({ ...llama, mlp_bias: true })).toEqual([false, false, true]);
    expect(biases(of('Qwen2ForCausalLM'))).toEqual([true, false, false]);
    expect(biases(of('Qwen3ForCausalLM'))).toEqual([false, false, false]);
    expect(biases(gpt2)).toEqual([true, true, true]);
    expect(biases({ ...neox, attention_bias: false })).toEqual([false, false, true]);
  });

  it('feed-forward size and activation of GPT-2', () => {
    expect(read({ ...gpt2, n_inner: null })).toMatchObject({ intermediate_size: 256, activation: 'gelu_tanh' });
    expect(read({ ...gpt2, n_inner: 99, activation_function: 'relu' })).toMatchObject({
      intermediate_size: 99,
      activation: 'relu',
    });
  });

  it('sliding windows', () => {
    const windows = (config: Record<string, unknown>) => read(config).sliding_windows;
    const mistral = of('MistralForCausalLM');
    expect(windows({ ...mistral })).toEqual([4096, 4096, 4096]);
    expect(windows({ ...mistral, sliding_window: null })).toEqual([null, null, null]);
    const qwen = { ...of('Qwen2ForCausalLM'), sliding_window: 128, max_window_layers: 2 };
    expect(windows(qwen)).toEqual([null, null, null]);
    expect(windows({ ...qwen, use_sliding_window: true })).toEqual([null, null, 128]);
    const layer_types = ['sliding_attention', 'full_attention', 'sliding_attention'];
    expect(windows({ ...qwen, use_sliding_window: true, layer_types })).toEqual([128, null, 128]);
    expect(windows({ ...llama, sliding_window: 128 })).toEqual([null, null, null]);
  });
});

describe('what cannot be used', () => {
  it('names the architecture and those that are supported', () => {
    const message = problem({ ...llama, architectures: ['MixtralForCausalLM'] });
    expect(message).toContain('MixtralForCausalLM');
    expect(supportedArchitectures.length).toBe(10);
    for (const name of supportedArchitectures) expect(message).toContain(name);
    expect(problem({ ...llama, architectures: undefined })).toContain('names no architecture');
    expect(problem({ ...llama, architectures: ['constructor'] })).toContain('not supported');
  });

  it('names every key that is missing or of the wrong kind', () => {
    const message = problem({ ...llama, hidden_size: undefined, num_hidden_layers: '3', vocab_size: 0 });
    expect(message).toContain('hidden_size is missing');
    expect(message).toMatch(/num_hidden_layers: .*number/);
    expect(message).toMatch(/vocab_size: /);
    expect(problem({ ...gpt2, n_head: undefined })).toContain('n_head is missing');
  });

  it.each([
    ['a rope type', { ...llama, rope_scaling: { rope_type: 'yarn', factor: 4 } }, /yarn.*default, linear or llama3/],
    ['the old spelling of one', { ...llama, rope_scaling: { type: 'dynamic', factor: 4 } }, /dynamic/],
    ['a rope type without its numbers', { ...llama, rope_scaling: { type: 'linear' } }, /linear needs factor/],
    [
      'llama3 without the original length',
      { ...llama, rope_scaling: { type: 'llama3', factor: 8, low_freq_factor: 1, high_freq_factor: 4 } },
      /original_max_position_embeddings/,
    ],
    ['a part of each head outside GPT-NeoX', { ...llama, partial_rotary_factor: 0.5 }, /0\.5/],
    ['an activation', { ...llama, hidden_act: 'gelu' }, /hidden_act/],
    ['an activation of GPT-2', { ...gpt2, activation_function: 'quick_gelu' }, /activation_function/],
    [
      'scaled attention of GPT-2',
      { ...gpt2, scale_attn_by_inverse_layer_idx: true },
      /scale_attn_by_inverse_layer_idx/,
    ],
    ['kinds of layers', { ...of('Qwen3ForCausalLM'), layer_types: ['chunked_attention'] }, /layer_types\.0/],
    ['heads that do not divide', { ...llama, num_attention_heads: 5 }, /5 heads.*64/],
    ['key/value heads that do not divide', { ...llama, num_key_value_heads: 3 }, /3 key\/value heads.*4 heads/],
    ['2^31 layers', { ...llama, num_hidden_layers: 2 ** 31 }, /num_hidden_layers: .*1024/],
    ['2^31 layers of GPT-2', { ...gpt2, n_layer: 2 ** 31 }, /n_layer: .*1024/],
    ['a vocabulary of 10^12', { ...neox, vocab_size: 1e12 }, /vocab_size: .*16777216/],
    ['heads wider than memory', { ...of('Qwen3ForCausalLM'), head_dim: 2 ** 40 }, /head_dim: /],
    [
      'a hundred thousand wrong layers',
      { ...of('Qwen3ForCausalLM'), layer_types: new Array(100_000).fill('x') },
      /layer_types\.9: [^;]*; and 99990 more$/,
    ],
    ['quantized weights', { ...llama, quantization_config: { quant_method: 'gptq' } }, /quantized/],
    [
      'a classifier of two labels',
      { ...of('LlamaForSequenceClassification'), id2label: { 0: 'A', 1: 'B' } },
      /2 labels.*one/,
    ],
  ])('%s', (_, config, expected) => {
    expect(problem(config)).toMatch(expected);
  });

  it('a folder that is missing, empty, a file, or without config.json', () => {
    const dir = temporaryFolder();
    expect(() => readModelConfig(path.join(dir, 'nowhere'))).toThrow(/nowhere does not exist/);
    expect(() => readModelConfig(dir)).toThrow(/is empty; expected config.json/);
    writeFile(dir, 'README.md', 'hello');
    expect(() => readModelConfig(dir)).toThrow(/has no config.json/);
    expect(() => readModelConfig(path.join(dir, 'README.md'))).toThrow(/is a file/);
  });

  it('config.json that is not a JSON object', () => {
    const dir = copyOf('qwen3');
    for (const text of ['{"hidden_size": 64,', '[]', '']) {
      writeFile(dir, 'config.json', text);
      expect(() => readModelConfig(dir)).toThrow(/config\.json is not a JSON object/);
    }
  });
});
