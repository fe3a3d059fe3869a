/** What a first look tells, on models whose shapes are known. */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkModel, checkPrompts } from '../../../src/run/preflight/checks.js';
import { goldenFolder } from '../../golden.js';
import { temporaryDirectories } from '../../temporary.js';

const temporary = temporaryDirectories();
const llama = `${goldenFolder}llama-tied-gqa/model`;
const basePolicy = new URL('../../../data/base-policy', import.meta.url).pathname;
const rewardModel = new URL('../../../data/reward-model', import.meta.url).pathname;

function promptsFile(...rows: (object | string)[]): string {
  const file = path.join(temporary(), 'prompts.jsonl');
  writeFileSync(file, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row)) + '\n').join(''));
  return file;
}

describe('checkModel', () => {
  it('tells architecture, parameters, context, storage and shape', () => {
    const facts = checkModel(llama);
    // Embedding 260·64; a layer: q and o 64·64, k and v 64·32, three of 64·160, two norms; the last norm.
    expect(facts.parameters).toBe(260 * 64 + 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160 + 2 * 64) + 64);
    expect(facts).toMatchObject({
      ...{ architecture: 'LlamaForCausalLM', context: 512, dtype: 'F32', tokenizer: false, chatTemplate: false },
      ...{ adapter: null, bytes: 413_968 },
      shape: { layers: 2, hidden: 64, query: 64, kv: 32, inner: 160, gated: true, vocabulary: 260, tied: true },
      loraWidths: { q_proj: 2 * 128, k_proj: 2 * 96, o_proj: 2 * 128, gate_proj: 2 * 224, down_proj: 2 * 224 },
    });
  });

  it('finds the tokenizer and its chat template', () => {
    expect(checkModel(basePolicy)).toMatchObject({ tokenizer: true, chatTemplate: true, dtype: 'BF16' });
  });

  it.each(['gpt2', 'gpt-neox', 'mistral', 'qwen2', 'qwen3', 'llama3-rope-untied'])('reads %s', (name) => {
    const { parameters, shape, loraWidths } = checkModel(`${goldenFolder}${name}/model`);
    expect(parameters).toBeGreaterThan(0);
    expect(shape.layers).toBe(2);
    expect(Object.values(loraWidths).every((width) => width > 0)).toBe(true);
  });

  it('a reward model is no policy, and a policy no reward model', () => {
    expect(() => checkModel(rewardModel)).toThrow(/which cannot answer; expected a causal language model/);
    expect(() => checkModel(llama, 'reward')).toThrow(/which gives no reward; expected a sequence classifier/);
    expect(checkModel(rewardModel, 'reward').parameters).toBeGreaterThan(0);
  });

  it('says what a folder lacks', () => {
    const folder = path.join(temporary(), 'model');
    expect(() => checkModel(folder)).toThrow(/model/);
    cpSync(llama, folder, { recursive: true });
    rmSync(path.join(folder, 'model.safetensors'));
    expect(() => checkModel(folder)).toThrow(/safetensors/);
  });

  it('a tokenizer of another model is found out', () => {
    const folder = path.join(temporary(), 'model');
    cpSync(llama, folder, { recursive: true });
    cpSync(path.join(basePolicy, 'tokenizer.json'), path.join(folder, 'tokenizer.json'));
    expect(() => checkModel(folder)).toThrow(/the tokenizer belongs to another model/);
  });
});

describe('checkPrompts', () => {
  it('counts prompts and their tokens', () => {
    const file = promptsFile({ prompt_ids: [1, 2, 3] }, { prompt_ids: [1] });
    expect(checkPrompts(file, llama, false)).toEqual({ prompts: 2, longest: 3, mean: 2, context: 512 });
  });

  it("counts texts with the policy's tokenizer; a chat template adds to them", () => {
    const file = promptsFile({ prompt: 'Which month comes after May?' });
    const raw = checkPrompts(file, basePolicy, true).longest ?? 0;
    expect(checkPrompts(file, basePolicy, false).longest).toBeGreaterThan(raw);
  });

  it('without a model that can be read it counts only prompts', () => {
    const file = promptsFile({ prompt: 'a' }, { prompt: 'b' });
    expect(checkPrompts(file, '/nowhere', false)).toEqual({ prompts: 2, longest: null, mean: null, context: null });
  });

  it.each<[string, (object | string)[], string, RegExp]>([
    ['broken JSON', [{ prompt: 'a' }, '{"prompt": '], basePolicy, /prompts\.jsonl:2/],
    ['an empty prompt', [{ prompt: ' ' }], basePolicy, /prompts\.jsonl:1: .*the prompt is empty/],
    ['an unknown token', [{ prompt_ids: [1] }, { prompt_ids: [260] }], llama, /:2: token id 260 is outside .* 259/],
    ['a prompt too long', [{ prompt_ids: Array(512).fill(1) }], llama, /:1: the prompt has 512 tokens .* 512; shorten/],
    ['text without tokenizer', [{ prompt: 'a' }], llama, /:1: .* has no tokenizer\.json, so prompts must come as/],
    ['nothing', [], llama, /holds no prompts/],
  ])('%s is named with its line', (_name, rows, model, problem) => {
    expect(() => checkPrompts(promptsFile(...rows), model, false)).toThrow(problem);
  });
});
