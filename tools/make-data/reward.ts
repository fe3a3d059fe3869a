/** Trains the example's reward model: Bradley-Terry on preferences, starting from the base policy's weights. */
import * as tf from '@tensorflow/tfjs-core';
import type { LoadedModel } from '../../src/model/folder.js';
import type { Tokenizer } from '../../src/model/tokenizer.js';
import { Random } from '../../src/core/seeds.js';
import { rows } from '../../src/tensor/ops/rows.js';
import { readValues } from '../../src/tensor/memory.js';
import type { Corpus, Preference } from './corpus.js';
import { batchesByLength, train } from './training.js';

const PAIRS = 32;

/**
 * Total weight of comparisons before the last token. A reward is read at the last token, but sides that differ only in
 * the answer are also compared at every position from the answer on, because the answer's own tokens tell most about
 * it.
 */
const ALONG_THE_WAY = 1;

/**
 * Trains first on bare answers that differ in nothing else, until the model knows right from wrong; then on all
 * preferences, to learn the preference for length.
 */
export function trainReward(model: LoadedModel, corpus: Corpus, log: (line: string) => void): void {
  trainOn(model, () => corpus.answerPreference(true), 240, 1.5e-3, log);
  trainOn(model, () => corpus.preference(), 170, 7e-4, log);
}

function trainOn(
  model: LoadedModel,
  draw: () => Preference,
  steps: number,
  lr: number,
  log: (line: string) => void,
): void {
  const drawSides = () => {
    const preference = draw();
    return { preference, sides: sequencesOf(model, preference) };
  };
  const longest = ({ sides: [w, l] }: { sides: [number[], number[]] }) => Math.max(w.length, l.length);
  const nextBatch = batchesByLength(drawSides, PAIRS, longest, new Random(steps));
  train(model, {
    steps,
    lr,
    log,
    loss: () => {
      const batch = nextBatch();
      const sides = batch.map((drawn) => drawn.sides);
      const { hidden, T } = hiddenOf(model, sides.flat());
      const [winners, losers, weights]: [number[], number[], number[]] = [[], [], []];
      sides.forEach(([w, l], pair) => {
        const at = (side: 0 | 1, position: number) => (2 * pair + side) * T + position;
        const compare = (i: number, j: number, weight: number) => {
          winners.push(at(0, i));
          losers.push(at(1, j));
          weights.push(weight / PAIRS);
        };
        compare(w.length - 1, l.length - 1, 1);
        if (!batch[pair].preference.sameWords) return;
        const first = w.findIndex((id, i) => id !== l[i]);
        if (first < 0) return;
        const shared = Math.min(w.length, l.length) - 1 - first;
        for (let i = first; i < first + shared; i++) compare(i, i, ALONG_THE_WAY / shared);
      });
      // -log σ(r_w - r_l) = softplus(r_l - r_w), plus a small pull of all rewards towards 0, because Bradley-Terry
      // leaves their offset free.
      const [w, l] = [winners, losers].map((positions) =>
        model.transformer.rewards(rows(hidden, tf.tensor1d(positions, 'int32'))),
      );
      const terms = tf.add(tf.softplus(tf.sub(l, w)), tf.mul(0.002, tf.add(tf.mul(w, w), tf.mul(l, l))));
      return tf.sum(tf.mul(terms, tf.tensor1d(weights))) as tf.Scalar;
    },
  });
}

/** Token ids of both sides of a preference. */
function sequencesOf(model: LoadedModel, { prompt, chosen, rejected }: Preference): [number[], number[]] {
  const ids = (response: string) =>
    (model.tokenizer as Tokenizer).conversationIds([
      { role: 'user', content: prompt },
      { role: 'assistant', content: response },
    ]);
  return [ids(chosen), ids(rejected)];
}

function hiddenOf(model: LoadedModel, sequences: number[][]): { hidden: tf.Tensor2D; T: number } {
  const T = Math.max(...sequences.map((ids) => ids.length));
  const padded = new Int32Array(sequences.length * T);
  sequences.forEach((ids, row) => padded.set(ids, row * T));
  return { hidden: model.transformer.hidden(padded, [sequences.length, T]), T };
}

/** Share of preferences that the model agrees with. */
export function rewardAccuracy(model: LoadedModel, preferences: Preference[]): number {
  let agreed = 0;
  for (let start = 0; start < preferences.length; start += PAIRS) {
    const sides = preferences.slice(start, start + PAIRS).flatMap((preference) => sequencesOf(model, preference));
    const scores = readValues(() => {
      const { hidden, T } = hiddenOf(model, sides);
      const last = sides.map((ids, row) => row * T + ids.length - 1);
      return model.transformer.rewards(rows(hidden, tf.tensor1d(last, 'int32')));
    });
    for (let pair = 0; 2 * pair < scores.length; pair++) agreed += scores[2 * pair] > scores[2 * pair + 1] ? 1 : 0;
  }
  return agreed / preferences.length;
}
