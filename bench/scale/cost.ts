/**
 * The cost of a round at 7B and 70B on 8 and 64 GPUs: tokens of every stage over the throughputs in figures.ts. The
 * stages run one after the other on all GPUs, as in a real round.
 */
import { figures as f, round } from './figures.js';

interface Model {
  name: string;
  parameters: number;
  /** GPUs of one sampling server (tensor parallelism). */
  serverGpus: number;
  /** Tokens per second per GPU, bf16. */
  decode: number;
  prefill: number;
}

export interface Cost {
  model: string;
  gpus: number;
  update: 'full' | 'LoRA';
  endpoints: number;
  /** Seconds by stage. */
  seconds: { sample: number; score: number; reference: number; update: number; weights: number };
  total: number;
  gpuHours: number;
  dollars: number;
  /** Expected number of hardware failures during the round. */
  failures: number;
}

const models: Model[] = [
  {
    name: '7B',
    parameters: 8.03e9,
    serverGpus: 1,
    decode: f.decode8b.value,
    prefill: f.prefill8b.value * f.prefillBf16Share.value,
  },
  {
    name: '70B',
    parameters: 70.6e9,
    serverGpus: 4,
    decode: (f.decode70bFp8.value / 2) * f.decodeBf16Share.value,
    prefill: f.prefill70b.value * f.prefillBf16Share.value,
  },
];

/** bf16 weights and gradients, float32 master weights and two moments: bytes per parameter of full fine-tuning. */
export const bytesPerParameter = 2 + 2 + 4 + 4 + 4;
const memory = 80e9;

/** Tokens per second of the update on all GPUs, and whether full fine-tuning fits. */
function training(model: Model, gpus: number): { full: boolean; rate: number } {
  // Half of the memory is left for activations.
  const full = model.parameters * bytesPerParameter < (gpus * memory) / 2;
  if (model.name === '7B') return { full, rate: gpus * (gpus > 8 ? f.train8bMany : f.train8b).value };
  if (full) return { full, rate: (gpus * f.train70bMfu.value * f.peak.value) / (6 * model.parameters) };
  return { full, rate: gpus * f.lora70bFp8.value * f.loraBf16Share.value };
}

function cost(model: Model, gpus: number): Cost {
  const endpoints = gpus / model.serverGpus;
  const responses = round.prompts * round.samples;
  const { full, rate } = training(model, gpus);
  // A prompt is read once for its five responses, because the server keeps its keys and values.
  const sample =
    (responses * round.response) / (gpus * model.decode) + (round.prompts * round.prompt) / (gpus * model.prefill);
  // The reward model has 8B parameters at both sizes, and reads prompt and response.
  const reward = models[0];
  const score = (responses * (round.prompt + round.response)) / (gpus * reward.prefill);
  // One pair per prompt, one epoch; a trainer reads the prompt with each of the two responses.
  const pairTokens = round.prompts * 2 * (round.prompt + round.response);
  // The forward pass is a third of a step's operations.
  const reference = pairTokens / (3 * rate);
  const update = pairTokens / rate;
  const bytes = full ? model.parameters * 2 : model.parameters * 0.01 * 2;
  const reading = Math.max(bytes / f.fileSystem.value, (bytes * endpoints) / f.fileSystemTotal.value);
  const weights = full ? f.restart.value + reading : reading;
  const seconds = { sample, score, reference, update, weights };
  const total = sample + score + reference + update + weights;
  const gpuHours = (total * gpus) / 3600;
  return {
    model: model.name,
    gpus,
    update: full ? 'full' : 'LoRA',
    endpoints,
    seconds,
    total,
    gpuHours,
    dollars: gpuHours * f.price.value,
    failures: gpuHours / f.gpuHoursPerFailure.value,
  };
}

export const costs = (): Cost[] => models.flatMap((model) => [8, 64].map((gpus) => cost(model, gpus)));
