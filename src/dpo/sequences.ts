/** Log-probabilities of responses as the tape sees them: sequences in, one number a response token out. */
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../errors.js';
import type { LoadedModel } from '../model/folder.js';
import { layOut } from '../model/packing.js';
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
  // The last token predicts nothing that is asked for.
  const laid = layOut(
    batch.map(({ prompt_ids, response_ids }) => ({ prefix: prompt_ids, own: response_ids.slice(0, -1) })),
  );
  const predictors: number[] = [];
  const targets: number[] = [];
  batch.forEach(({ prompt_ids, response_ids }, s) => {
    response_ids.forEach((token, t) => {
      // The position before a token predicts it: the head runs on these only.
      predictors.push(laid.row(s, prompt_ids.length + t - 1));
      targets.push(token);
    });
  });
  const hidden = transformer.hiddenOf(laid, { checkpointing });
  return transformer.tokenLogProbs(rows(hidden, tf.tensor1d(predictors, 'int32')), Int32Array.from(targets));
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
