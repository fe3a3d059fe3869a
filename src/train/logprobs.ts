/** Log-probabilities of given responses under a model, without gradients. */
import * as tf from '@tensorflow/tfjs-core';
import { type Control, uncontrolled } from '../core/control.js';
import type { LoadedModel } from '../model/folder.js';
import { layOut, packs } from '../model/packing.js';
import { readValues } from '../tensor/memory.js';
import { UserError } from '../core/errors.js';
import { rows } from '../tensor/ops/rows.js';

export interface LogprobsOptions {
  /** Tokens computed at once, including padding. */
  microTokens?: number;
  control?: Control;
  /** Number of sequences done. */
  onProgress?(done: number): void;
  /** How errors name a sequence. */
  name?(index: number): string;
}

/** Thrown when the control says to stop; partial results are discarded. */
export class Interrupted extends Error {
  constructor(readonly verdict: 'stop' | 'abort') {
    super(`interrupted: ${verdict}`);
  }
}

/** Values at each response token of a sequence. */
export interface TokenValues {
  /** log π(token | prefix). */
  logprobs: Float32Array;
  /** log Σ_v π(v | prefix)²; null if not asked for. */
  logSquares: Float32Array | null;
}

/**
 * @returns for each sequence log π(token | prefix) of its response tokens
 * @throws UserError if a sequence does not fit the model; Interrupted if the control says so
 */
export async function responseLogprobs(
  model: LoadedModel,
  sequences: Sequence[],
  options: LogprobsOptions = {},
): Promise<Float32Array[]> {
  const values = await responseValues(model, sequences, false, options);
  return values.map(({ logprobs }) => logprobs);
}

/**
 * @param squares whether log Σ_v π(v)² is needed: one more pass over the logits
 * @throws as responseLogprobs
 */
export async function responseValues(
  model: LoadedModel,
  sequences: Sequence[],
  squares: boolean,
  options: LogprobsOptions = {},
): Promise<TokenValues[]> {
  checkSequences(model, sequences, options.name ?? ((index) => `row ${index}`));
  const { microTokens = 4096, control = uncontrolled } = options;
  const results = new Array<TokenValues>(sequences.length);
  let done = 0;
  for (const batch of batches(sequences, microTokens)) {
    const verdict = await control.point();
    if (verdict !== 'go') throw new Interrupted(verdict);
    const together = batch.map((index) => sequences[index]);
    const { logprobs, logSquares } = readTokenValues(model, together, squares);
    let offset = 0;
    for (const index of batch) {
      const end = offset + sequences[index].response_ids.length;
      results[index] = {
        logprobs: logprobs.slice(offset, end),
        logSquares: logSquares === null ? null : logSquares.slice(offset, end),
      };
      offset = end;
    }
    done += batch.length;
    options.onProgress?.(done);
  }
  return results;
}

/** The values at all response tokens of a batch, in order. */
export function readTokenValues(model: LoadedModel, batch: Sequence[], squares: boolean): TokenValues {
  const tokens = batch.reduce((count, { response_ids }) => count + response_ids.length, 0);
  const values = readValues(() => {
    const { hidden, targets } = responseStates(model, batch, false);
    const logprobs = model.transformer.tokenLogProbs(hidden, targets);
    return squares ? tf.concat1d([logprobs, model.transformer.logSumSquaredProbs(hidden)]) : logprobs;
  });
  return { logprobs: values.subarray(0, tokens), logSquares: squares ? values.subarray(tokens) : null };
}

/** WPO's mean over tokens of log π(token) - log Σ_v π(v)². */
export function confidence(logprobs: Float32Array, logSquares: Float32Array): number {
  return (sum(logprobs) - sum(logSquares)) / logprobs.length;
}

/** Indices of sequences to compute at once: about `microTokens` tokens together, at least one sequence. */
function batches(sequences: Sequence[], microTokens: number): number[][] {
  const length = (index: number) => sequences[index].prompt_ids.length + sequences[index].response_ids.length;
  const indices = sequences.map((_, index) => index);
  // When padded, sequences of similar length go together. When packed, the two sides of a pair do, so that their prompt
  // is computed once.
  const order = packs() ? indices : indices.sort((a, b) => length(b) - length(a) || a - b);
  const result: number[][] = [];
  let tokens = Infinity;
  for (const index of order) {
    const last = result.at(-1);
    const longest = last === undefined || packs() ? length(index) : length(last[0]);
    if (last !== undefined && tokens + longest <= microTokens) last.push(index);
    else {
      result.push([index]);
      tokens = 0;
    }
    tokens += longest;
  }
  return result;
}

/** Sums in float64, so that long responses lose no precision. */
export function sum(values: Float32Array): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

/** A prompt and its response, for log-probabilities on the tape. */
export interface Sequence {
  prompt_ids: number[];
  response_ids: number[];
}

/**
 * log π(token | prefix) of every response token of a batch, in order, on the tape.
 *
 * @returns [Σ response lengths]
 */
export function responseTokenLogProbs(model: LoadedModel, batch: Sequence[], checkpointing: boolean): tf.Tensor1D {
  const { hidden, targets } = responseStates(model, batch, checkpointing);
  return model.transformer.tokenLogProbs(hidden, targets);
}

/**
 * The hidden states [Σ response lengths, D] that predict a batch's response tokens, and these tokens, in order, on the
 * tape.
 */
export function responseStates(
  { transformer }: LoadedModel,
  batch: Sequence[],
  checkpointing: boolean,
): { hidden: tf.Tensor2D; targets: Int32Array } {
  // The prediction after the last token is not needed.
  const laid = layOut(
    batch.map(({ prompt_ids, response_ids }) => ({ prefix: prompt_ids, own: response_ids.slice(0, -1) })),
  );
  const predictors: number[] = [];
  const targets: number[] = [];
  batch.forEach(({ prompt_ids, response_ids }, s) => {
    response_ids.forEach((token, t) => {
      // The position before a token predicts it; the head runs on these positions only.
      predictors.push(laid.row(s, prompt_ids.length + t - 1));
      targets.push(token);
    });
  });
  const hidden = transformer.hiddenOf(laid, { checkpointing });
  return { hidden: rows(hidden, tf.tensor1d(predictors, 'int32')), targets: Int32Array.from(targets) };
}

/** @throws UserError if a sequence cannot be computed; it is named by `name(index)` */
export function checkSequences(model: LoadedModel, sequences: Sequence[], name: (index: number) => string): void {
  const { vocab_size: V, max_positions: context } = model.config;
  sequences.forEach(({ prompt_ids, response_ids }, index) => {
    const length = prompt_ids.length + response_ids.length;
    if (prompt_ids.length === 0 || response_ids.length === 0) {
      throw new UserError(
        `${name(index)} has an empty ${prompt_ids.length === 0 ? 'prompt' : 'response'}; expected at least one token of each`,
      );
    }
    if (length > context)
      throw new UserError(`${name(index)} has ${length} tokens and the model's context is ${context}`);
    const bad = [...prompt_ids, ...response_ids].find((id) => id >= V);
    if (bad !== undefined)
      throw new UserError(`${name(index)} has token id ${bad} and the model's vocabulary ends at ${V - 1}`);
  });
}
