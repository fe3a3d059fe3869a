/**
 * Measures one shape in a process of its own and prints one JSON line with the peer's names:
 * `node dist/bench/measure.js '{"shape": "15m"}'`; what else can be said stands in `Measurement`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BackendChoice, updateSchema } from '../src/config/schema.js';
import { updatePolicy } from '../src/dpo/update.js';
import { loadModel } from '../src/model/folder.js';
import type { PairRow } from '../src/rows.js';
import { Random } from '../src/sampling/random.js';
import { sampleResponses } from '../src/sampling/sample.js';
import { useBackend } from '../src/tensor/backend.js';
import { median } from './median.js';
import { shapes, writeRandomModel } from './shapes.js';

export interface Measurement {
  shape: string;
  backend: BackendChoice;
  /** null: as many as the process may use. */
  threads: number | null;
  pairs: number;
  /** Tokens of the prompt, and of each response. */
  prompt: number;
  response: number;
  /** Counted steps, after one that is not: it grows the memory. */
  steps: number;
  /** Responses sampled together, and tokens of each; 0: none. */
  samples: number;
  new: number;
}

const defaults: Omit<Measurement, 'shape'> = {
  ...{ backend: 'auto', threads: null, pairs: 8, prompt: 64, response: 128, steps: 5, samples: 64, new: 64 },
};
const given = JSON.parse(process.argv[2] ?? '{}') as Partial<Measurement>;
const m: Measurement = { ...defaults, shape: '', ...given };
if (!(m.shape in shapes)) throw new Error(`no shape ${m.shape}; there are ${Object.keys(shapes).join(', ')}`);

const { name } = await useBackend(m.backend, m.threads);
const dir = mkdtempSync(path.join(tmpdir(), 'brevity-bench-'));
writeRandomModel(dir, m.shape);
const model = await loadModel(dir);
rmSync(dir, { recursive: true });
model.generation.eosTokenIds = [];
const parameters = [...model.transformer.parameters.values()].reduce((sum, { variable }) => sum + variable.size, 0);

const random = new Random(1);
const ids = (length: number) => Array.from({ length }, () => random.below(model.config.vocab_size));
const pairs: PairRow[] = Array.from({ length: m.pairs }, () => ({
  prompt_ids: ids(m.prompt),
  chosen_ids: ids(m.response),
  rejected_ids: ids(m.response),
}));

const steps: { seconds: number; cpu: number }[] = [];
if (m.steps > 0) {
  const update = updateSchema.parse({
    ...{ lr: 1e-6, batch_size: m.pairs, micro_batch: m.pairs, steps: m.steps + 1, warmup: 0, schedule: 'constant' },
  });
  const reference = { chosen: pairs.map(() => -900), rejected: pairs.map(() => -900) };
  const dpo = { beta: 0.1, alpha: 0.02, label_smoothing: 0 };
  let cpu = process.cpuUsage();
  await updatePolicy(
    model,
    pairs,
    reference,
    { dpo, update, seed: 0 },
    {
      onStep({ tokens, tokens_per_second }) {
        const spent = process.cpuUsage(cpu);
        cpu = process.cpuUsage();
        steps.push({ seconds: tokens / tokens_per_second, cpu: (spent.user + spent.system) / 1e6 });
      },
    },
  );
}
const counted = steps.slice(1);
const step = median(counted.map(({ seconds }) => seconds));

const jobs = Array.from({ length: m.samples }, (_, i) => ({ prompt_ids: pairs[i % m.pairs].prompt_ids, seed: i }));
const settings = {
  ...{ temperature: 0.8, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 },
  ...{ max_new_tokens: m.new, batch_size: m.samples },
};
let sampling = NaN;
for (let run = 0; run < 2 && m.samples > 0; run++) {
  const started = performance.now();
  await sampleResponses(model, jobs, settings, { onResponse: () => {} });
  sampling = (performance.now() - started) / 1000;
}

console.log(
  JSON.stringify({
    ...{ backend: name, shape: m.shape, parameters },
    ...(m.steps > 0 && {
      step_s: step,
      step_cpu_s: median(counted.map(({ cpu }) => cpu)),
      pairs_per_s: m.pairs / step,
      update_tokens_per_s: (m.pairs * 2 * (m.prompt + m.response)) / step,
    }),
    ...(m.samples > 0 && { sample_tokens_per_s: (m.samples * m.new) / sampling }),
    peak_mem_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
