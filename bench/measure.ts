/**
 * Measures one shape in a separate process and prints one JSON line with the peer's field names: `node
 * dist/bench/measure.js '{"shape": "15m"}'`; `Measurement` lists all settings.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type BackendChoice, type Precision, loraSchema, updateSchema } from '../src/core/config/schema.js';
import { updatePolicy } from '../src/train/update.js';
import type { PairRow } from '../src/core/rows.js';
import { Random } from '../src/core/seeds.js';
import { sampleResponses } from '../src/model/generate/sample.js';
import { useBackend } from '../src/tensor/backend.js';
import { isOutOfMemory } from '../src/tensor/memory.js';
import type { NativeBackend } from '../src/tensor/native/backend.js';
import { median } from './median.js';
import { profiled } from './profile.js';
import { randomModel } from './randomModel.js';
import { shapes, updateOperations } from './shapes.js';

export interface Measurement {
  shape: string;
  backend: BackendChoice;
  /** null: as many as the process may use. */
  threads: number | null;
  /** Precision of matrix products on `cuda`; null: its default, or another backend. */
  precision: Precision | null;
  pairs: number;
  /** Micro-batch sizes in rising order: the fastest counts. Empty: all pairs at once. */
  micro: number[];
  /** Rank of the adapters to train; 0: train all weights. */
  lora: number;
  checkpointing: boolean;
  /** Tokens of the prompt, and of each response. */
  prompt: number;
  response: number;
  /** Counted steps, after an uncounted first one that allocates the memory. */
  steps: number;
  /** Number of responses sampled together, and tokens of each; 0: none. */
  samples: number;
  new: number;
  /**
   * Whether to report also where the time went, on native devices: runs one more step, and samples some more tokens.
   */
  profile: boolean;
}

const defaults: Omit<Measurement, 'shape'> = {
  ...{ backend: 'auto', precision: null, threads: null, micro: [], lora: 0, checkpointing: false },
  ...{ pairs: 8, prompt: 64, response: 128, steps: 5, samples: 64, new: 64, profile: false },
};
const given = JSON.parse(process.argv[2] ?? '{}') as Partial<Measurement>;
const m: Measurement = { ...defaults, shape: '', ...given };
if (!(m.shape in shapes)) throw new Error(`no shape ${m.shape}; there are ${Object.keys(shapes).join(', ')}`);

const { name } = await useBackend(m.backend, m.threads, m.precision);
// With adapters the base weights are frozen, and kept in half the bytes.
const model = await randomModel(m.shape, m.lora > 0 ? 'BF16' : 'F32', m.lora > 0 || m.steps === 0);
const parameters = [...model.transformer.parameters.values()].reduce((sum, { variable }) => sum + variable.size, 0);

/** Peak memory of the process: of the GPU's memory if it computes there, else of the machine's. */
function peakMegabytes(): number {
  const bytes =
    name === 'cuda' ? (tf.backend() as NativeBackend).device.memory().peak : process.resourceUsage().maxRSS * 1024;
  return Math.round(bytes / 2 ** 20);
}

const random = new Random(1);
const ids = (length: number) => Array.from({ length }, () => random.below(model.config.vocab_size));
const pairs: PairRow[] = Array.from({ length: m.pairs }, () => ({
  prompt_ids: ids(m.prompt),
  chosen_ids: ids(m.response),
  rejected_ids: ids(m.response),
}));

interface Stepped {
  micro: number;
  seconds: number;
  cpu: number;
  peak: number;
}

/** Runs optimizer steps with this micro-batch, after one that is not counted; null if memory does not suffice. */
async function stepped(micro: number, counted: number): Promise<Stepped | null> {
  const update = updateSchema.parse({
    ...{ lr: 1e-6, batch_size: m.pairs, micro_batch: micro, steps: counted + 1, warmup: 0, schedule: 'constant' },
    activation_checkpointing: m.checkpointing,
    lora: m.lora > 0 ? loraSchema.parse({ rank: m.lora }) : null,
  });
  const reference = { chosen: pairs.map(() => -900), rejected: pairs.map(() => -900) };
  const dpo = { beta: 0.1, alpha: 0.02, label_smoothing: 0 };
  const steps: { seconds: number; cpu: number }[] = [];
  let halved = false;
  let cpu = process.cpuUsage();
  try {
    await updatePolicy(
      model,
      pairs,
      reference,
      { dpo, update, seed: 0 },
      {
        onStep({ tokens, tokens_per_second, micro_batch }) {
          halved ||= micro_batch < micro;
          const spent = process.cpuUsage(cpu);
          cpu = process.cpuUsage();
          steps.push({ seconds: tokens / tokens_per_second, cpu: (spent.user + spent.system) / 1e6 });
        },
      },
    );
  } catch (error) {
    if (isOutOfMemory(error)) return null;
    throw error;
  }
  if (halved) return null;
  const middle = (of: 'seconds' | 'cpu') => median(steps.slice(1).map((step) => step[of]));
  return { micro, seconds: middle('seconds'), cpu: middle('cpu'), peak: peakMegabytes() };
}

const tried: Stepped[] = [];
const sizes = m.micro.length > 0 ? m.micro : [m.pairs];
for (const micro of m.steps > 0 ? sizes : []) {
  const result = await stepped(micro, m.steps);
  if (result !== null) tried.push(result);
  // Larger sizes need more memory, and rarely gain once a size has been slower.
  if (result === null || result.seconds > 1.05 * tried[0].seconds) break;
}
if (m.steps > 0 && tried.length === 0) throw new Error(`memory does not suffice for ${sizes[0]} pairs at once`);
const best = [...tried].sort((a, b) => a.seconds - b.seconds).at(0);

const jobs = Array.from({ length: m.samples }, (_, i) => ({ prompt_ids: pairs[i % m.pairs].prompt_ids, seed: i }));
const settings = {
  ...{ temperature: 0.8, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 },
  ...{ max_new_tokens: m.new, batch_size: m.samples },
};
const sample = (tokens: number) =>
  sampleResponses(model, jobs, { ...settings, max_new_tokens: tokens }, { onResponse: () => {} });
let sampling = NaN;
let samplingCpu = NaN;
for (let run = 0; run < 2 && m.samples > 0; run++) {
  const started = performance.now();
  const before = process.cpuUsage();
  await sample(m.new);
  sampling = (performance.now() - started) / 1000;
  const spent = process.cpuUsage(before);
  samplingCpu = (spent.user + spent.system) / 1e6;
}
const peak = peakMegabytes();

/** Tokens of each response to profile: all steps are the same except for the length of the cache. */
const PROFILED_TOKENS = 16;
const profile = m.profile && {
  ...(best !== undefined && { update: await profiled(() => stepped(best.micro, 0)) }),
  ...(m.samples > 0 && { sampling: await profiled(() => sample(Math.min(m.new, PROFILED_TOKENS))) }),
};

console.log(
  JSON.stringify({
    ...{ backend: name, shape: m.shape, parameters },
    ...(best !== undefined && {
      micro: best.micro,
      step_s: best.seconds,
      step_cpu_s: best.cpu,
      pairs_per_s: m.pairs / best.seconds,
      update_tokens_per_s: (m.pairs * 2 * (m.prompt + m.response)) / best.seconds,
      update_tflop_per_s: updateOperations(m.shape, { ...m, lora: m.lora > 0 }) / best.seconds / 1e12,
      update_peak_mem_mb: best.peak,
      tried,
    }),
    ...(m.samples > 0 && { sample_tokens_per_s: (m.samples * m.new) / sampling, sample_cpu_s: samplingCpu }),
    peak_mem_mb: peak,
    ...(profile !== false && { profile }),
  }),
);
