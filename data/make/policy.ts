/** Trains the example's base policy on the corpus: next-token loss on the responses. */
import * as tf from '@tensorflow/tfjs-core';
import { responseTokenLogProbs } from '../../src/dpo/sequences.js';
import type { LoadedModel } from '../../src/model/folder.js';
import type { Tokenizer } from '../../src/model/tokenizer.js';
import type { Corpus } from './corpus.js';
import { specials } from './folders.js';
import { train } from './training.js';

const BATCH = 64;

export function trainPolicy(model: LoadedModel, corpus: Corpus, steps: number, log: (line: string) => void): void {
  const tokenizer = model.tokenizer as Tokenizer;
  train(model, {
    steps,
    lr: 3e-3,
    log,
    loss: () => {
      const batch = Array.from({ length: BATCH }, () => {
        const { prompt, response } = corpus.example();
        return {
          prompt_ids: tokenizer.promptIds(prompt, { raw: false }),
          response_ids: [...tokenizer.encode(response), specials.indexOf('<|end|>')],
        };
      });
      const logps = responseTokenLogProbs(model, batch, false);
      return tf.mul(tf.sum(logps), -1 / logps.size) as tf.Scalar;
    },
  });
}
