/** Log-probabilities of responses as the tape sees them: right-padded sequences in, one number a response token out. */
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../errors.js';
import type { LoadedModel } from '../model/folder.js';
import { rows } from '../tensor/ops/rows.js';

export interface Sequence {
  prompt_ids: number[];
  response_ids: number[];
}

/**
 * log π(token | prefix) of every response token of a batch, in order, on the tape.
 *
 * @returns [Σ response lengths]
 */
export function responseTokenLogProbs(
  { transformer }: LoadedModel,
  batch: Sequence[],
  checkpointing: boolean,
): tf.Tensor1D {
  const T = Math.max(...batch.map(({ prompt_ids, response_ids }) => prompt_ids.length + response_ids.length));
  const ids = new Int32Array(batch.length * T);
  const positions: number[] = [];
  const targets: number[] = [];
  batch.forEach(({ prompt_ids, response_ids }, row) => {
    ids.set(prompt_ids, row * T);
    ids.set(response_ids, row * T + prompt_ids.length);
    response_ids.forEach((token, t) => {
      // The position before a token predicts it: the head runs on these only.
      positions.push(row * T + prompt_ids.length + t - 1);
      targets.push(token);
    });
  });
  const hidden = transformer.hidden(ids, [batch.length, T], { checkpointing });
  return transformer.tokenLogProbs(rows(hidden, tf.tensor1d(positions, 'int32')), Int32Array.from(targets));
}

/** @throws UserError where a sequence cannot be computed, named by `name(index)` */
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
