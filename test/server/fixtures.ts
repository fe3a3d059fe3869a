/** What the suite for real servers puts on them: adapters and a checkpoint trained from the served policy. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Sequence } from '../../src/train/logprobs.js';

const root = path.resolve(import.meta.dirname, '../..');
const cli = path.join(root, 'dist/src/cli.js');

/** Runs a command of the built program, and returns what it prints. */
export function brevity(args: string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`brevity ${args[0]} ended with ${status}: ${stderr.trim().split('\n').at(-1)}`);
  return stdout;
}

/** Log-probabilities of each response token under a policy, computed by our engine. */
export function ourLogprobs(policy: string, sequences: readonly Sequence[]): number[][] {
  const rows = sequences.map(({ prompt_ids, response_ids }) => JSON.stringify({ prompt_ids, response_ids }));
  return lines<{ token_logprobs: number[] }>(
    brevity(['logprobs', '--model', policy, '--threads', '1'], `${rows.join('\n')}\n`),
  ).map(({ token_logprobs }) => token_logprobs);
}

export interface Fixtures {
  /** An adapter of rank 8. */
  adapter: string;
  /** Of rank 520, above the largest --max-lora-rank of vLLM. */
  highRank: string;
  /** All weights trained. */
  checkpoint: string;
  /** As the checkpoint, with the policy's own embedding. */
  inner: string;
}

/** @param sequences chosen and rejected responses in turn, at least two */
export function makeFixtures(policy: string, folder: string, sequences: readonly Sequence[]): Fixtures {
  mkdirSync(folder, { recursive: true });
  const pairs = path.join(folder, 'pairs.jsonl');
  const rows: string[] = [];
  for (let i = 0; i + 1 < sequences.length; i += 2) {
    const [chosen, rejected] = [sequences[i], sequences[i + 1]];
    rows.push(
      JSON.stringify({
        prompt_ids: chosen.prompt_ids,
        chosen_ids: chosen.response_ids,
        rejected_ids: rejected.response_ids,
        chosen_reward: 1,
        rejected_reward: 0,
      }),
    );
  }
  writeFileSync(pairs, `${rows.join('\n')}\n`);
  const update = (name: string, options: string[]): string => {
    const out = path.join(folder, name);
    const settings = ['--epochs', '4', '--batch-size', '8', '--threads', '1'];
    if (!existsSync(out))
      brevity(['update', '--policy', policy, '--pairs', pairs, '--out', out, ...settings, ...options]);
    return out;
  };
  const adapter = update('adapter', ['--steps', '4', '--lora', '8', '--lr', '5e-3']);
  const highRank = update('adapter-of-high-rank', ['--steps', '1', '--lora', '520', '--lr', '5e-3']);
  const checkpoint = update('checkpoint', ['--steps', '4', '--lr', '2e-4']);
  const inner = path.join(folder, 'checkpoint-inner');
  if (!existsSync(inner)) {
    cpSync(checkpoint, inner, { recursive: true });
    keepEmbedding(path.join(inner, 'model.safetensors'), path.join(policy, 'model.safetensors'));
  }
  return { adapter, highRank, checkpoint, inner };
}

interface TensorEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Overwrites the embedding of a float32 checkpoint by that of a bfloat16 or float32 one. */
function keepEmbedding(file: string, original: string): void {
  const mine = safetensors(file);
  const theirs = safetensors(original);
  const name = 'model.embed_tokens.weight';
  const [from, to] = mine.entries[name].data_offsets;
  const [start, end] = theirs.entries[name].data_offsets;
  const source = theirs.data.subarray(start, end);
  const target = mine.data.subarray(from, to);
  if (theirs.entries[name].dtype === 'F32') source.copy(target);
  else if (theirs.entries[name].dtype === 'BF16')
    // A bfloat16 is the upper half of a float32.
    for (let i = 0; i < source.length / 2; i++) target.writeUInt32LE(source.readUInt16LE(2 * i) * 65_536, 4 * i);
  else throw new Error(`the embedding of ${original} is ${theirs.entries[name].dtype}; expected F32 or BF16`);
  writeFileSync(file, Buffer.concat([mine.header, mine.data]));
}

function safetensors(file: string): { header: Buffer; data: Buffer; entries: Record<string, TensorEntry> } {
  const bytes = readFileSync(file);
  const length = 8 + Number(bytes.readBigUInt64LE(0));
  const entries = JSON.parse(bytes.subarray(8, length).toString()) as Record<string, TensorEntry>;
  return { header: bytes.subarray(0, length), data: bytes.subarray(length), entries };
}

export function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
