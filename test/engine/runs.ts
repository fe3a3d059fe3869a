/** Small real runs for tests of the engine: a golden model, prompts of token ids, a reward of our own. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Config, configSchema } from '../../src/core/config/schema.js';
import { allUses, trust } from '../../src/io/trust.js';
import { Run } from '../../src/run/run.js';
import { goldenFolder } from '../golden.js';

/** What tests of processes run: `npm test` builds it first. */
export const dist = new URL('../../dist/src/', import.meta.url).pathname;

export function temporaryFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'brevity-test-'));
}

export function writePrompts(file: string, count: number): string {
  const rows = Array.from({ length: count }, (_, i) => ({
    prompt_ids: Array.from({ length: 4 + (i % 4) }, (_unused, j) => 3 + ((i * 37 + j * 11) % 250)),
  }));
  writeFileSync(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
  return file;
}

/** A configuration of a quick run; `changes` are laid over groups. */
export function quickConfig(folder: string, changes: { [K in keyof Config]?: Partial<Config[K]> } = {}): Config {
  const base = {
    model: `${goldenFolder}llama-tied-gqa/model`,
    reward: `module:${new URL('../fixtures/hash-reward.mjs', import.meta.url).pathname}`,
    prompts: writePrompts(path.join(folder, 'prompts.jsonl'), 16),
    held_out: writePrompts(path.join(folder, 'held-out.jsonl'), 6),
    backend: 'wasm',
    sampling: { samples_per_prompt: 3, max_new_tokens: 24, batch_size: 6, temperature: 2 },
    update: { lr: 1e-4, batch_size: 4, epochs: 3, checkpoint_seconds: 0 },
  };
  const merged = Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(changes)])].map((key) => {
      const [under, over] = [base[key as keyof typeof base], changes[key as keyof Config]];
      return [key, typeof over === 'object' && typeof under === 'object' ? { ...under, ...over } : (over ?? under)];
    }),
  );
  return configSchema.parse(merged);
}

export function quickRun(folder: string, changes: Parameters<typeof quickConfig>[1] = {}): string {
  const { directory, config } = Run.create(path.join(folder, 'run'), quickConfig(folder, changes));
  trust(directory, allUses([config]), 'named');
  return directory;
}

/** What a finished run holds, in an order that does not depend on how it came about; times left out. */
export function contentsOf(directory: string, rounds: number[]): Record<string, string> {
  const out: Record<string, string> = {};
  for (const round of rounds) {
    const folder = path.join(directory, 'rounds', String(round).padStart(4, '0'));
    const read = (name: string) => readFileSync(path.join(folder, name));
    for (const name of [
      'held-out-samples.jsonl',
      'held-out-scores.jsonl',
      ...(round > 0 ? ['samples.jsonl', 'scores.jsonl'] : []),
    ]) {
      out[`${round} ${name}`] = read(name).toString().trim().split('\n').sort().join('\n');
    }
    out[`${round} evaluation`] = read('evaluation.json').toString();
    if (round === 0) continue;
    out[`${round} pairs`] = read('pairs.jsonl').toString();
    out[`${round} losses`] = read('metrics.jsonl')
      .toString()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { loss: number }).loss)
      .join(' ');
    out[`${round} weights`] = read('policy/model.safetensors').toString('base64');
  }
  return out;
}

/** Waits until a process is gone. */
export async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
