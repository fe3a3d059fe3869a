/**
 * Estimates the cost of a round before it runs: memory from the model's shape and the settings, time from speeds of a
 * short measurement (run/preflight/measure.ts). Pure.
 */
import type { Config } from '../config/schema.js';
import { evaluationCount, totalSteps } from '../schedule.js';
import type { Measurement, ModelFacts } from './facts.js';

const floatBytes = 4;
const mebi = 2 ** 20;

/** Node, TensorFlow.js and its kernels without any model, measured on wasm, in MiB. */
export const programMemory = 150;

/** The most that one wasm memory can hold, MiB. */
export const wasmLimit = 4096;

/** All in MiB. */
export interface MemoryEstimate {
  weights: number;
  reward: number;
  gradients: number;
  /** AdamW's first and second moments. */
  moments: number;
  /** Activations that a micro-batch's forward pass keeps for the backward pass. */
  activations: number;
  /** Keys and values of the responses that are sampled together, and their logits. */
  sampling: number;
  /** The peak: sampling or updating, whichever takes more, and the program itself. */
  total: number;
}

export type MemorySettings = Pick<Config, 'sampling' | 'update'>;

/**
 * Counts the float32 values that the tape of model/blocks.ts saves. D hidden size, Q and K widths of queries and keys,
 * F inner size, V vocabulary, L layers, N positions of a micro-batch.
 *
 * @param promptTokens of the longest prompt
 * @param rewardParameters of the reward models, which stay loaded
 * @param halved frozen weights are kept in bfloat16 (tensor/upload.ts)
 */
export function estimateMemory(
  facts: Pick<ModelFacts, 'parameters' | 'context' | 'shape' | 'loraWidths'>,
  { sampling, update }: MemorySettings,
  promptTokens: number,
  rewardParameters: number,
  halved = false,
): MemoryEstimate {
  const { layers: L, hidden: D, query: Q, kv: K, inner: F, gated, vocabulary: V, tied } = facts.shape;
  const trained = trainedParameters(facts, update.lora);
  const positions = Math.min(facts.context, promptTokens + sampling.max_new_tokens);
  const pairs = Math.min(update.micro_batch, update.batch_size);
  const N = 2 * pairs * positions;
  // x, its norm, the residual between the sublayers and its norm; q, attention's output; k, v; gate, up and their
  // product (or input and output).
  const perLayer = 4 * D + 2 * Q + 2 * K + (gated ? 3 : 2) * F;
  const kept = update.activation_checkpointing ? L * D + perLayer : L * perLayer;
  // The head's transpose, its gradient in parts and, if the head is the embedding, its transposed copy; logits in
  // slices.
  const head = (tied ? 3 : 2) * V * D + 2 * Math.min((64 * mebi) / floatBytes, 2 * pairs * sampling.max_new_tokens * V);
  // A second set while a micro-batch's gradients are added to the earlier ones.
  const gradients = trained * (update.batch_size > update.micro_batch ? 2 : 1);
  const cache = sampling.batch_size * positions * L * 2 * K + 2 * sampling.batch_size * V + (tied ? V * D : 0);
  const inMebi = (floats: number): number => (floats * floatBytes) / mebi;
  const estimate = {
    weights: inMebi(update.lora === null ? facts.parameters : facts.parameters * (halved ? 0.5 : 1) + trained),
    reward: inMebi(rewardParameters),
    gradients: inMebi(gradients),
    moments: inMebi(2 * trained),
    activations: inMebi(N * (kept + 2 * D) + head),
    sampling: inMebi(cache),
  };
  const { weights, reward, moments, activations } = estimate;
  const updating = estimate.gradients + moments + activations;
  return { ...estimate, total: programMemory + weights + reward + Math.max(updating, estimate.sampling) };
}

/** Parameters that an update changes: all, or rank·(in + out) for each linear layer that gets an adapter. */
export function trainedParameters(
  { parameters, loraWidths }: Pick<ModelFacts, 'parameters' | 'loraWidths'>,
  lora: Config['update']['lora'],
): number {
  if (lora === null) return parameters;
  return lora.targets.reduce((sum, target) => sum + lora.rank * (loraWidths[target] ?? 0), 0);
}

/** Seconds per stage of one round; null if the speed is unknown. */
export interface TimeEstimate {
  sample: number | null;
  score: number | null;
  update: number | null;
  evaluate: number | null;
}

export interface Counts {
  /** Of one round. */
  prompts: number;
  heldOut: number;
  /** Mean tokens of a prompt. */
  promptTokens: number;
}

/** A forward pass is a third of the work of a forward and a backward pass. */
const forwardShare = 1 / 3;
/** The round's start and the base: each needs log-probabilities of the held-out responses. */
const opponents = 2;

/** An upper bound: it counts all pairs that a prompt may have, although some prompts give none. */
export function estimateTimes(
  { sample, score, update }: Pick<Measurement, 'sample' | 'score' | 'update'>,
  counts: Counts,
  config: Pick<Config, 'sampling' | 'pairs' | 'update' | 'evaluation'>,
): TimeEstimate {
  const length = sample?.meanLength ?? config.sampling.max_new_tokens;
  const responses = counts.prompts * config.sampling.samples_per_prompt;
  const heldOut =
    config.evaluation.max_prompts === 0 ? counts.heldOut : Math.min(counts.heldOut, config.evaluation.max_prompts);
  const sequence = counts.promptTokens + length;
  const { steps, epochs, batch_size, held_out_share } = config.update;
  const { strategy, per_prompt } = config.pairs;
  const samples = config.sampling.samples_per_prompt;
  const most = strategy === 'best-random' ? samples - 1 : Math.floor(samples / 2);
  const pairs = counts.prompts * Math.min(per_prompt, most);
  const heldOutPairs = held_out_share === 0 ? 0 : Math.max(1, Math.round(held_out_share * pairs));
  const trainedPairs = Math.max(1, pairs - heldOutPairs);
  const trained = steps > 0 ? steps * batch_size : trainedPairs * epochs;
  const evaluatedPairs = heldOutPairs * evaluationCount(totalSteps(trainedPairs, config.update), config.update);
  const of = (tokens: number, speed: number | undefined): number | null =>
    speed === undefined ? null : tokens / speed;
  const evaluated = heldOut * config.evaluation.responses;
  const { best_of, beam } = config.evaluation;
  const sampling = of(evaluated * best_of * beam * length, sample?.tokensPerSecond);
  const scoring = of(evaluated * best_of, score?.responsesPerSecond);
  // Without plain samples there is no KL to estimate.
  const judged = best_of * beam === 1 ? evaluated : 0;
  const judging = of(forwardShare * opponents * judged * sequence, update?.tokensPerSecond);
  return {
    sample: of(responses * length, sample?.tokensPerSecond),
    score: of(responses, score?.responsesPerSecond),
    update: of(2 * sequence * (trained + forwardShare * (pairs + evaluatedPairs)), update?.tokensPerSecond),
    evaluate: sampling === null || scoring === null || judging === null ? null : sampling + scoring + judging,
  };
}

/**
 * Mean length of responses from a measurement that was cut short, after `ended` responses had ended within `tokens`
 * tokens of all started ones. With the chance p = ended / tokens that a token is the last, a response of at most M
 * tokens has a mean length of (1 - (1 - p)^M) / p. The mean of the ended responses alone would be biased: short ones
 * end first.
 */
export function meanLength(ended: number, tokens: number, most: number): number {
  if (tokens === 0 || ended === 0) return most;
  const p = ended / tokens;
  return (1 - (1 - p) ** most) / p;
}

/** GPU memory that trainer/ needs in PyTorch, in MiB for one GPU. */
export interface TorchEstimate {
  weights: number;
  gradients: number;
  moments: number;
  activations: number;
  total: number;
}

/** The CUDA context and the libraries' workspaces, MiB: our allowance. */
const cudaMemory = 1024;

/**
 * Memory of an update with trainer/ on one GPU, with bfloat16 autocast. Full fine-tuning: 4 bytes per parameter for
 * float32 weights, 4 for gradients, 8 for AdamW's moments. LoRA: 2 for the frozen base in bfloat16, and the same 16 for
 * the adapter. Activations in bfloat16 by the widths of `estimateMemory`; logits of the responses' positions in
 * bfloat16, in float32, and their gradient. Several GPUs under DDP take this each; FSDP divides weights, gradients and
 * moments among them.
 *
 * @param promptTokens of the longest prompt
 */
export function estimateTorch(
  facts: Pick<ModelFacts, 'parameters' | 'context' | 'shape' | 'loraWidths'>,
  { sampling, update }: MemorySettings,
  promptTokens: number,
): TorchEstimate {
  const { layers: L, hidden: D, query: Q, kv: K, inner: F, gated, vocabulary: V } = facts.shape;
  const trained = trainedParameters(facts, update.lora);
  const positions = Math.min(facts.context, promptTokens + sampling.max_new_tokens);
  const pairs = Math.min(update.micro_batch, update.batch_size);
  const N = 2 * pairs * positions; // sequences of a micro-batch, padded to the longest
  const perLayer = 4 * D + 2 * Q + 2 * K + (gated ? 3 : 2) * F;
  const kept = update.activation_checkpointing ? L * D + perLayer : L * perLayer;
  const inMebi = (bytes: number): number => bytes / mebi;
  const weights = inMebi(update.lora === null ? 4 * facts.parameters : 2 * facts.parameters + 4 * trained);
  const gradients = inMebi(4 * trained);
  const moments = inMebi(8 * trained);
  const activations = inMebi(2 * N * kept + N * V * (2 + 4 + 4));
  return { weights, gradients, moments, activations, total: cudaMemory + weights + gradients + moments + activations };
}
