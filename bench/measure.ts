/**
 * Measures one shape in a process of its own and prints one JSON line with the peer's names:
 * `node dist/bench/measure.js SHAPE [BACKEND]`. 8 pairs of 64 prompt and 2 × 128 response tokens; 64 responses of 64 tokens.
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
import { shapes, writeRandomModel } from './shapes.js';

const [shape, backend = 'auto'] = process.argv.slice(2);
if (!(shape in shapes)) throw new Error(`no shape ${shape}; there are ${Object.keys(shapes).join(', ')}`);
const [PAIRS, PROMPT, RESPONSE, STEPS, SAMPLES, NEW] = [8, 64, 128, 5, 64, 64];

const { name } = await useBackend(backend as BackendChoice);
const dir = mkdtempSync(path.join(tmpdir(), 'brevity-bench-'));
writeRandomModel(dir, shape);
const model = await loadModel(dir);
rmSync(dir, { recursive: true });
model.generation.eosTokenIds = [];

const random = new Random(1);
const ids = (length: number) => Array.from({ length }, () => random.below(model.config.vocab_size));
const pairs: PairRow[] = Array.from({ length: PAIRS }, () => ({
  prompt_ids: ids(PROMPT),
  chosen_ids: ids(RESPONSE),
  rejected_ids: ids(RESPONSE),
}));
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

const reference = { chosen: pairs.map(() => -900), rejected: pairs.map(() => -900) };
const update = updateSchema.parse({
  lr: 1e-6,
  batch_size: PAIRS,
  micro_batch: PAIRS,
  steps: STEPS + 1,
  warmup: 0,
  schedule: 'constant',
});
const speeds: number[] = [];
await updatePolicy(
  model,
  pairs,
  reference,
  { dpo: { beta: 0.1, alpha: 0.02, label_smoothing: 0 }, update, seed: 0 },
  { onStep: ({ tokens, tokens_per_second }) => speeds.push(tokens / tokens_per_second) },
);
// The first step also grows the memory.
const step = median(speeds.slice(1));

const jobs = Array.from({ length: SAMPLES }, (_, i) => ({ prompt_ids: pairs[i % PAIRS].prompt_ids, seed: i }));
const settings = {
  temperature: 0.8,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  repetition_penalty: 1,
  max_new_tokens: NEW,
  batch_size: SAMPLES,
};
let sampling = 0;
for (let run = 0; run < 2; run++) {
  const started = performance.now();
  await sampleResponses(model, jobs, settings, { onResponse: () => {} });
  sampling = (performance.now() - started) / 1000;
}

console.log(
  JSON.stringify({
    backend: name,
    shape,
    step_s: step,
    pairs_per_s: PAIRS / step,
    update_tokens_per_s: (PAIRS * 2 * (PROMPT + RESPONSE)) / step,
    sample_tokens_per_s: (SAMPLES * NEW) / sampling,
    peak_mem_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
