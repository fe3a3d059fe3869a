/**
 * Models of a shape with random weights that are never on disk: one block of random numbers, read repeatedly from
 * different offsets. Speed does not depend on the values, and seven billion new ones would take minutes to make.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readModelConfig } from '../src/model/config.js';
import { hasFrozen, type LoadedModel } from '../src/model/folder.js';
import { parameterSpecs } from '../src/model/parameters.js';
import { Transformer } from '../src/model/transformer.js';
import type { ModelConfig } from '../src/model/types.js';
import { loadWeights, type WeightSource } from '../src/model/weights.js';
import { Random } from '../src/core/seeds.js';
import { isTied, shapes } from './shapes.js';

/** A prime, so that rows of a matrix do not repeat. */
const BLOCK = 1_048_573;

/**
 * @param dtype the weights' type in the simulated checkpoint; with BF16 all values are bfloat16
 * @param frozen whether the weights will only be read
 */
export async function randomModel(name: string, dtype: 'F32' | 'BF16', frozen: boolean): Promise<LoadedModel> {
  const config = configOf(name);
  const source = randomWeights(config, dtype);
  const { parameters, fingerprint, dtypes } = await loadWeights(source, config, `shape ${name}`, { frozen });
  const transformer = new Transformer(config, parameters);
  return {
    ...{ dir: '', baseDir: '', merged: false, config, transformer, tokenizer: null },
    // No end-of-turn token, so that every response has its full length.
    generation: { eosTokenIds: [] },
    ...{ fingerprint, dtypes, frozen: hasFrozen(transformer), dispose: () => transformer.dispose() },
  };
}

function configOf(name: string): ModelConfig {
  const dir = mkdtempSync(path.join(tmpdir(), 'brevity-bench-'));
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...shapes[name],
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
    rope_theta: 10000,
    tie_word_embeddings: isTied(name),
    dtype: 'float32',
  };
  try {
    writeFileSync(path.join(dir, 'config.json'), JSON.stringify(config));
    return readModelConfig(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Matrices uniform around 0 with a standard deviation of 0.02, norms 1. */
function randomWeights(config: ModelConfig, dtype: 'F32' | 'BF16'): WeightSource {
  const shapeOf = new Map(parameterSpecs(config).map(({ name, shape }) => [name, shape]));
  const random = new Random(0);
  const block = Float32Array.from({ length: BLOCK }, () => (random.uniform() - 0.5) * 0.02 * Math.sqrt(12));
  const bits = new Uint32Array(block.buffer);
  if (dtype === 'BF16') for (let i = 0; i < BLOCK; i++) bits[i] &= 0xffff0000;
  const halves = Uint16Array.from(bits, (value) => value >>> 16);
  let at = 0;
  /** Repeats the block, continuing where the previous tensor ended. */
  function fillFrom<T extends Float32Array | Uint16Array>(values: T, out: T): void {
    for (let done = 0; done < out.length;) {
      const count = Math.min(BLOCK - at, out.length - done);
      out.set(values.subarray(at, at + count), done);
      at = (at + count) % BLOCK;
      done += count;
    }
  }
  return {
    names: () => [...shapeOf.keys()],
    has: (name) => shapeOf.has(name),
    entry: (name) => ({ file: 'memory', dtype, shape: shapeOf.get(name) ?? [], start: 0, end: 0 }),
    readFloatsInto(name, out) {
      if (shapeOf.get(name)?.length === 1) out.fill(1);
      else fillFrom(block, out);
    },
    readBfloatsInto: (_name, out) => fillFrom(halves, out),
  };
}
