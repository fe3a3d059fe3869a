/** Trains the example's reward model: Bradley-Terry on preferences, started from the base policy's weights. */
import * as tf from '@tensorflow/tfjs-core';
import type { LoadedModel } from '../../src/model/folder.js';
import type { Tokenizer } from '../../src/model/tokenizer.js';
import { rows } from '../../src/tensor/ops/rows.js';
import type { Corpus, Preference } from './corpus.js';
import { train } from './training.js';

const PAIRS = 32;

export function trainReward(model: LoadedModel, corpus: Corpus, steps: number, log: (line: string) => void): void {
  train(model, {
    steps,
    lr: 1e-3,
    log,
    loss: () => {
      const preferences = Array.from({ length: PAIRS }, () => corpus.preference());
      const scores = rewardsOf(
        model,
        preferences.flatMap(({ prompt, chosen, rejected }) => [
          [prompt, chosen],
          [prompt, rejected],
        ]),
      );
      const difference = new Float32Array(2 * PAIRS * PAIRS);
      for (let pair = 0; pair < PAIRS; pair++) {
        difference[2 * pair * PAIRS + pair] = -1;
        difference[(2 * pair + 1) * PAIRS + pair] = 1;
      }
      // -log σ(r_w - r_l) = softplus(r_l - r_w), and a small pull of all rewards to 0, where Bradley-Terry leaves them free.
      const spread = tf.sum(tf.mul(tf.reshape(scores, [-1, 1]), tf.tensor2d(difference, [2 * PAIRS, PAIRS])), 0);
      const loss = tf.mul(tf.sum(tf.softplus(spread)), 1 / PAIRS);
      return tf.add(loss, tf.mul(tf.sum(tf.mul(scores, scores)), 0.002 / PAIRS)) as tf.Scalar;
    },
  });
}

/** Rewards of (prompt, response) pairs, on the tape. */
function rewardsOf(model: LoadedModel, conversations: string[][]): tf.Tensor1D {
  const tokenizer = model.tokenizer as Tokenizer;
  const sequences = conversations.map(([prompt, response]) =>
    tokenizer.conversationIds([
      { role: 'user', content: prompt },
      { role: 'assistant', content: response },
    ]),
  );
  const T = Math.max(...sequences.map((ids) => ids.length));
  const padded = new Int32Array(sequences.length * T);
  sequences.forEach((ids, row) => padded.set(ids, row * T));
  const hidden = model.transformer.hidden(padded, [sequences.length, T]);
  const last = tf.tensor1d(
    sequences.map((ids, row) => row * T + ids.length - 1),
    'int32',
  );
  return model.transformer.rewards(rows(hidden, last));
}

/** Share of preferences that the model agrees with. */
export function rewardAccuracy(model: LoadedModel, preferences: Preference[]): number {
  let agreed = 0;
  for (let start = 0; start < preferences.length; start += PAIRS) {
    const batch = preferences.slice(start, start + PAIRS);
    const scores = tf.tidy(() =>
      rewardsOf(
        model,
        batch.flatMap(({ prompt, chosen, rejected }) => [
          [prompt, chosen],
          [prompt, rejected],
        ]),
      ).dataSync(),
    );
    batch.forEach((_, pair) => (agreed += scores[2 * pair] > scores[2 * pair + 1] ? 1 : 0));
  }
  return agreed / preferences.length;
}
