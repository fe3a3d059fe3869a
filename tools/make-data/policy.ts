/** Trains the example's base policy on the corpus: next-token loss on the responses. */
import * as tf from '@tensorflow/tfjs-core';
import { type Sequence, responseTokenLogProbs } from '../../src/train/logprobs.js';
import type { LoadedModel } from '../../src/model/folder.js';
import type { Tokenizer } from '../../src/model/tokenizer.js';
import { Random } from '../../src/core/seeds.js';
import type { Corpus, Example } from './corpus.js';
import { specials } from './folders.js';
import { batchesByLength, train } from './training.js';

const BATCH = 64;

/**
 * Trains first on bare right answers, until the model knows the facts; then on answers of all lengths, right and wrong.
 */
export function trainPolicy(model: LoadedModel, corpus: Corpus, log: (line: string) => void): void {
  trainOn(model, () => corpus.statement(), 400, 3e-3, log);
  trainOn(model, () => corpus.example(), 380, 3e-3, log);
}

function trainOn(
  model: LoadedModel,
  draw: () => Example,
  steps: number,
  lr: number,
  log: (line: string) => void,
): void {
  const tokenizer = model.tokenizer as Tokenizer;
  const drawIds = (): Sequence => {
    const { prompt, response } = draw();
    return {
      prompt_ids: tokenizer.promptIds(prompt, { raw: false }),
      response_ids: [...tokenizer.encode(response), specials.indexOf('<|end|>')],
    };
  };
  const length = ({ prompt_ids, response_ids }: Sequence) => prompt_ids.length + response_ids.length;
  const nextBatch = batchesByLength(drawIds, BATCH, length, new Random(steps));
  train(model, {
    steps,
    lr,
    log,
    loss: () => {
      const logps = responseTokenLogProbs(model, nextBatch(), false);
      return tf.mul(tf.sum(logps), -1 / logps.size) as tf.Scalar;
    },
  });
}
