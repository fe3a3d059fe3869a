import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { surveyFolder } from '../../../src/run/preflight/folder.js';
import { bundledFile } from '../../../src/io/bundled.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();

function write(folder: string, name: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}

const config = (architecture: string): string => JSON.stringify({ architectures: [architecture], hidden_size: 8 });

it('finds models, adapters, reward models and prompts, also in subfolders; rows of samples and pairs are no prompts', () => {
  const folder = fresh();
  write(folder, 'SmolLM/config.json', config('LlamaForCausalLM'));
  write(folder, 'SmolLM/prompts.jsonl', '{"prompt": "of the model"}\n');
  write(folder, 'models/gpt/config.json', config('GPT2LMHeadModel'));
  write(folder, 'models/lora/adapter_config.json', '{}');
  write(folder, 'models/reward/config.json', config('Qwen3ForSequenceClassification'));
  write(folder, 'bert/config.json', config('BertForMaskedLM'));
  write(folder, 'prompts.jsonl', '{"prompt": "Hello?"}\n{"prompt": "Again"}\n');
  write(folder, 'data/held-out.jsonl', '{"prompt_ids": [1, 2]}\n');
  write(folder, 'samples.jsonl', '{"prompt": "Hello?", "responses": []}\n');
  write(folder, 'pairs.jsonl', '{"prompt": "Hello?", "chosen": "Hi"}\n');
  write(folder, 'broken.jsonl', 'prompt\n');
  write(folder, 'runs/mine/rounds/prompts.jsonl', '{"prompt": "of a run"}\n');
  write(folder, '.cache/config.json', config('LlamaForCausalLM'));
  symlinkSync(path.join(folder, 'SmolLM'), path.join(folder, 'linked'));
  symlinkSync(path.join(folder, 'bert'), path.join(folder, 'models/bert'));
  symlinkSync('/nowhere', path.join(folder, 'dangling.jsonl'));
  expect(surveyFolder(folder)).toEqual({
    models: ['SmolLM', 'linked', 'models/gpt', 'models/lora'],
    rewards: ['models/reward'],
    prompts: ['prompts.jsonl'],
    held_out: ['data/held-out.jsonl'],
  });
});

it('reads the bundled example, a folder that is a model itself, and one that is not there', () => {
  const data = path.dirname(bundledFile('example.json'));
  expect(surveyFolder(data)).toEqual({
    models: ['base-policy'],
    rewards: ['reward-model'],
    prompts: ['prompts.jsonl'],
    held_out: ['held-out.jsonl'],
  });
  expect(surveyFolder(path.join(data, 'base-policy')).models).toEqual(['.']);
  expect(surveyFolder('/nowhere')).toEqual({ models: [], rewards: [], prompts: [], held_out: [] });
});
