/** Reads test/golden (its README says what it is). */
import { readFileSync } from 'node:fs';

export const goldenFolder = new URL('./golden/', import.meta.url).pathname;

export const causalModels = ['llama-tied-gqa', 'llama3-rope-untied', 'mistral', 'qwen2', 'qwen3', 'gpt2', 'gpt-neox'];

export interface GoldenPair {
  prompt: number[];
  chosen: number[];
  rejected: number[];
}

export interface Golden {
  sequences: { ids: number[]; last_logits: number[]; token_logprobs: number[] }[];
  greedy: { prompt: number[]; ids: number[] };
  lr_dpo: Record<string, unknown>;
  adamw: Record<string, unknown>;
}

export function readGolden(model: string): Golden {
  return JSON.parse(readFileSync(`${goldenFolder}${model}/golden.json`, 'utf8')) as Golden;
}
