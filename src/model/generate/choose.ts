/**
 * Chooses the next token from one row of logits, on the processor: repetition penalty, temperature, top-k, top-p,
 * min-p, in the order of transformers' generate().
 */
import type * as tf from '@tensorflow/tfjs-core';
import { hasKernel, runKernel } from '../../tensor/fused.js';
import { StepInput } from '../../tensor/recording.js';

export interface ChoiceSettings {
  /** 0: greedy. */
  temperature: number;
  top_p: number;
  /** 0: all tokens. */
  top_k: number;
  min_p: number;
  /** 1: off (arXiv 1909.05858). */
  repetition_penalty: number;
}

export interface Choice {
  token: number;
  /** log π(token) of the policy itself: before penalty, temperature and truncation. */
  logp: number;
}

/**
 * @param logits [V] of one row
 * @param seen tokens of the prompt and the response so far, for the repetition penalty
 * @param uniform the row's own random number in [0, 1)
 */
export function chooseToken(
  logits: Float32Array,
  settings: ChoiceSettings,
  seen: ReadonlySet<number>,
  uniform: number,
): Choice {
  const normaliser = logSumExp(logits);
  const penalised = penalise(logits, settings.repetition_penalty, seen);
  const token = settings.temperature === 0 ? argmax(penalised) : draw(penalised, settings, uniform);
  return { token, logp: logits[token] - normaliser };
}

/** The lowest id if several values are largest. */
function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

export function logSumExp(logits: Float32Array): number {
  const max = logits[argmax(logits)];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - max);
  return max + Math.log(sum);
}

function penalise(logits: Float32Array, penalty: number, seen: ReadonlySet<number>): Float32Array {
  if (penalty === 1) return logits;
  const out = logits.slice();
  for (const token of seen) out[token] = out[token] > 0 ? out[token] / penalty : out[token] * penalty;
  return out;
}

/** Inverse transform over the kept tokens in order of their ids, so that the draw does not depend on how ties sort. */
function draw(logits: Float32Array, settings: ChoiceSettings, uniform: number): number {
  const { temperature, top_k, top_p, min_p } = settings;
  const max = logits[argmax(logits)];
  const weights = new Float64Array(logits.length);
  for (let i = 0; i < weights.length; i++) weights[i] = Math.exp((logits[i] - max) / temperature);
  if (top_k > 0 && top_k < weights.length) dropBelow(weights, kthLargest(weights, top_k));
  if (top_p < 1) dropBelow(weights, nucleusThreshold(weights, top_p));
  // The likeliest token's weight is exp(0) = 1.
  if (min_p > 0) dropBelow(weights, min_p);
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i];
  let left = uniform * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i];
    if (left < 0) return i;
  }
  return last;
}

function dropBelow(weights: Float64Array, threshold: number): void {
  for (let i = 0; i < weights.length; i++) if (weights[i] < threshold) weights[i] = 0;
}

function kthLargest(weights: Float64Array, k: number): number {
  return Float64Array.from(weights).sort()[weights.length - k];
}

/** The weight of the least likely token of the smallest set with probability top_p. */
function nucleusThreshold(weights: Float64Array, topP: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i];
  // Tokens below this weight cannot matter: together they weigh less than top_p leaves out.
  const negligible = ((1 - topP) * total) / (2 * weights.length);
  const sorted = weights.filter((weight) => weight > negligible).sort();
  let kept = 0;
  for (let i = sorted.length - 1; i >= 0; i--) {
    kept += sorted[i];
    if (kept >= topP * total) return sorted[i];
  }
  return sorted[0];
}

// The next token of every row of a batch, by the backend's kernel if it has one, else row by row.

export interface Chooser {
  /** Tokens of the prompt and the response so far, for the repetition penalty. */
  readonly seen: ReadonlySet<number>;
  /** The row's next random number, in [0, 1). */
  uniform(): number;
}

/** Chooses the tokens of a batch at each step: `prepare`, `choose`, `read`. */
export interface TokenChoice {
  /** @param rows null for a row whose choice will be ignored */
  prepare(rows: readonly (Chooser | null)[]): void;
  /** Maps logits [B, V] to the input of `read`, with ops only, so that the step can be recorded. */
  choose(logits: tf.Tensor2D): tf.Tensor[];
  read(chosen: tf.Tensor[]): Choice[];
  dispose(): void;
}

/**
 * @param B rows of the batch
 * @param mostSeen most tokens that all rows together can have seen at any choice
 */
export function tokenChoice(B: number, mostSeen: number, settings: ChoiceSettings): TokenChoice {
  return hasKernel('SampleTokens') ? new ChoiceByKernel(B, mostSeen, settings) : new ChoiceByRow(settings);
}

class ChoiceByKernel implements TokenChoice {
  /** [2·B]: float64, which TensorFlow.js has no tensors of. */
  private readonly uniforms: StepInput;
  /** With a penalty: all rows' tokens, concatenated, and the start of each row's tokens [B + 1]. */
  private readonly seen: { tokens: StepInput; starts: StepInput } | null = null;

  constructor(
    B: number,
    mostSeen: number,
    private readonly settings: ChoiceSettings,
  ) {
    this.uniforms = new StepInput([2 * B], 'float32');
    if (settings.repetition_penalty !== 1)
      this.seen = { tokens: new StepInput([mostSeen], 'int32'), starts: new StepInput([B + 1], 'int32') };
  }

  prepare(rows: readonly (Chooser | null)[]): void {
    const uniforms = Float64Array.from(rows, (row) => row?.uniform() ?? 0);
    this.uniforms.write(new Float32Array(uniforms.buffer));
    if (this.seen === null) return;
    const starts = new Int32Array(rows.length + 1);
    rows.forEach((row, b) => (starts[b + 1] = starts[b] + (row?.seen.size ?? 0)));
    this.seen.tokens.write(Int32Array.from(rows.flatMap((row) => [...(row?.seen ?? [])])));
    this.seen.starts.write(starts);
  }

  choose(logits: tf.Tensor2D): tf.Tensor[] {
    const { temperature, top_p, top_k, min_p, repetition_penalty } = this.settings;
    const attrs = { temperature, topP: top_p, topK: top_k, minP: min_p, repetitionPenalty: repetition_penalty };
    const inputs: Record<string, tf.Tensor> = { logits, uniforms: this.uniforms.tensor };
    if (this.seen !== null)
      Object.assign(inputs, { seen: this.seen.tokens.tensor, seenStart: this.seen.starts.tensor });
    return runKernel('SampleTokens', inputs, attrs);
  }

  read([tokens, logps]: tf.Tensor[]): Choice[] {
    const values = logps.dataSync<'float32'>();
    return Array.from(tokens.dataSync<'int32'>(), (token, b) => ({ token, logp: values[b] }));
  }

  dispose(): void {
    this.uniforms.dispose();
    this.seen?.tokens.dispose();
    this.seen?.starts.dispose();
  }
}

class ChoiceByRow implements TokenChoice {
  private rows: readonly (Chooser | null)[] = [];

  constructor(private readonly settings: ChoiceSettings) {}

  prepare(rows: readonly (Chooser | null)[]): void {
    this.rows = rows;
  }

  choose(logits: tf.Tensor2D): tf.Tensor[] {
    return [logits];
  }

  read([logits]: tf.Tensor[]): Choice[] {
    const values = logits.dataSync<'float32'>();
    const V = logits.shape[1] as number;
    return this.rows.map((row, b) =>
      row === null
        ? { token: 0, logp: 0 }
        : chooseToken(values.subarray(b * V, (b + 1) * V), this.settings, row.seen, row.uniform()),
    );
  }

  dispose(): void {}
}
