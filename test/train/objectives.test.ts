/** Losses and gradients of every objective against PyTorch (test/golden/README.md). */
import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { updateSchema } from '../../src/core/config/schema.js';
import { type LossSettings, objectiveNames, objectives } from '../../src/core/objectives/index.js';
import { winProbabilities } from '../../src/core/objectives/sppo.js';
import type { PairRow } from '../../src/core/rows.js';
import { type LoadedModel, loadModel } from '../../src/model/folder.js';
import { useBackend } from '../../src/tensor/backend.js';
import { dryRun } from '../../src/train/dryRun.js';
import { responseLogprobs } from '../../src/train/logprobs.js';
import { pairSides, type ReferenceLogps, referenceSums } from '../../src/train/step.js';
import { updatePolicy } from '../../src/train/update.js';
import { testBackend } from '../backend.js';
import { goldenFolder, type GoldenPair, readGolden } from '../golden.js';

/** Settings that a case leaves out are neutral. */
type GoldenCase = Partial<LossSettings> &
  Pick<LossSettings, 'objective' | 'beta'> & {
    name: string;
    /** Absent: those of `llama-tied-gqa`. */
    pairs?: 'sampled';
    weights?: number[];
    losses: number[];
    loss: number;
    grad_norm: number;
    grad_norms: Record<string, number>;
  };
interface Golden {
  /** Of all responses to each pair's prompt: the first is chosen, the last rejected. */
  rewards: number[][];
  win_probabilities: number[][];
  sampled_pairs: GoldenPair[];
  cases: GoldenCase[];
}

const golden = JSON.parse(readFileSync(`${goldenFolder}objectives.json`, 'utf8')) as Golden;
const folder = `${goldenFolder}llama-tied-gqa`;
const update = updateSchema.parse({ micro_batch: 3 });

/** With the columns that SPPO reads. */
const toRows = (pairs: GoldenPair[], weights?: number[]): PairRow[] =>
  pairs.map(({ prompt, chosen, rejected }, i) => ({
    prompt_ids: prompt,
    chosen_ids: chosen,
    rejected_ids: rejected,
    weight: weights?.[i],
    chosen_win_probability: golden.win_probabilities[i][0],
    rejected_win_probability: golden.win_probabilities[i][4],
  }));

const pairsOf = ({ pairs, weights }: GoldenCase): PairRow[] =>
  toRows(
    pairs === 'sampled' ? golden.sampled_pairs : (readGolden('llama-tied-gqa').lr_dpo.pairs as GoldenPair[]),
    weights,
  );

let policy: LoadedModel;
let reference: LoadedModel;
beforeAll(async () => {
  await useBackend(testBackend);
  policy = await loadModel(`${folder}/policy`);
  reference = await loadModel(`${folder}/model`);
});
afterAll(() => {
  policy.dispose();
  reference.dispose();
});

async function referenceOf(pairs: PairRow[], { objective }: GoldenCase): Promise<ReferenceLogps | null> {
  if (!objectives[objective].reference) return null;
  return referenceSums(pairs, await responseLogprobs(reference, pairSides(pairs)));
}

describe('PyTorch', () => {
  it('has every objective', () => {
    const named = new Set(golden.cases.map(({ objective }) => objective));
    expect(objectiveNames.filter((name) => !named.has(name))).toEqual([]);
  });

  it('win probabilities', () => {
    golden.rewards.forEach((rewards, i) =>
      winProbabilities(rewards).forEach((probability, k) =>
        expect(probability).toBeCloseTo(golden.win_probabilities[i][k], 12),
      ),
    );
  });

  it.each(golden.cases)('$name: losses and gradients', async (given) => {
    const pairs = pairsOf(given);
    const result = await dryRun(policy, pairs, await referenceOf(pairs, given), {
      dpo: { alpha: 0, ...given },
      update,
      seed: 0,
    });
    const { pairs: rows, total } = result;
    tf.dispose([...result.grads.values()]);
    // Losses of SPPO are in the ten thousands, those of pairs that WPO hardly weights below 1e-12.
    const scale = given.losses.reduce((sum, loss) => sum + Math.abs(loss), 0) / given.losses.length;
    given.losses.forEach((loss, i) =>
      expect(Math.abs(rows[i].loss - loss) / Math.max(Math.abs(loss), scale), `loss ${i}`).toBeLessThan(1e-4),
    );
    expect(Math.abs(total.loss / given.loss - 1)).toBeLessThan(1e-4);
    expect(Math.abs(total.grad_norm / given.grad_norm - 1)).toBeLessThan(2e-4);
    for (const [tensor, norm] of Object.entries(given.grad_norms))
      expect(Math.abs(total.grad_norms[tensor] - norm) / Math.max(norm, given.grad_norm / 100), tensor).toBeLessThan(
        1e-3,
      );
    const { reference: compares } = objectives[given.objective];
    expect(rows.every(({ ref_chosen_logps }) => (ref_chosen_logps !== null) === compares)).toBe(true);
  });
});

it('an update with SimPO, which has no reference policy, lowers its loss', async () => {
  const trained = await loadModel(`${folder}/policy`);
  const given = golden.cases.find(({ name }) => name === 'SimPO, Llama-3-Instruct') as GoldenCase;
  const dpo = { objective: given.objective, beta: given.beta, alpha: 0, gamma_ratio: given.gamma_ratio ?? 0 };
  const losses: number[] = [];
  await updatePolicy(
    trained,
    pairsOf(given),
    null,
    { dpo, update: updateSchema.parse({ lr: 1e-4, batch_size: 4, epochs: 3, warmup: 0 }), seed: 0 },
    { onStep: ({ loss }) => losses.push(loss) },
  );
  trained.dispose();
  expect(losses).toHaveLength(3);
  expect(Math.abs(losses[0] / given.loss - 1)).toBeLessThan(1e-4);
  expect(losses[2]).toBeLessThan(losses[0]);
});
