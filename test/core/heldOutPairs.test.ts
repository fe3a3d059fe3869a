import { describe, expect, it } from 'vitest';
import { countHeldOut, markHeldOut, pairCounts, pairsInWords, splitPairs } from '../../src/core/heldOutPairs.js';
import { heldOutPoints, metricsSchema, startMetrics } from '../../src/core/metricsRow.js';
import { isEvaluated } from '../../src/core/schedule.js';
import type { HeldOutMetrics, PairRow } from '../../src/core/rows.js';

const pair = (prompt_index: number, more: Partial<PairRow> = {}): PairRow => ({
  prompt_index,
  prompt_ids: [prompt_index + 1],
  chosen_ids: [1],
  rejected_ids: [2],
  ...more,
});
const pairs = Array.from({ length: 20 }, (_, i) => pair(i));
const heldOut = (rows: PairRow[]) => rows.filter((row) => row.held_out).map((row) => row.prompt_index);

describe('markHeldOut', () => {
  it('holds out a share by seed, and none at 0', () => {
    expect(heldOut(markHeldOut(pairs, 0.1, 1))).toHaveLength(2);
    expect(heldOut(markHeldOut(pairs, 0.25, 1))).toHaveLength(5);
    expect(heldOut(markHeldOut(pairs, 0.25, 1))).toEqual(heldOut(markHeldOut(pairs, 0.25, 1)));
    expect(heldOut(markHeldOut(pairs, 0.25, 1))).not.toEqual(heldOut(markHeldOut(pairs, 0.25, 2)));
    expect(markHeldOut(pairs, 0, 1)).toEqual(pairs);
  });

  it('replaces earlier marks', () => {
    expect(markHeldOut(markHeldOut(pairs, 0.5, 1), 0, 1)).toEqual(pairs);
    expect(markHeldOut(markHeldOut(pairs, 0.5, 2), 0.25, 1)).toEqual(markHeldOut(pairs, 0.25, 1));
  });

  it('holds out at least one prompt and leaves at least one', () => {
    expect(heldOut(markHeldOut(pairs, 0.001, 1))).toHaveLength(1);
    expect(heldOut(markHeldOut(pairs, 0.999, 1))).toHaveLength(19);
    expect(() => markHeldOut([pair(1), pair(1)], 0.1, 1)).toThrow(
      'update.held_out_share is 0.1 and all pairs are from one prompt, so none would be left to train on; set it to 0, or give pairs of more prompts',
    );
  });

  it('keeps all pairs of a prompt on one side, whatever their numbers are', () => {
    const twice = [...pairs, ...pairs.map((row, i) => ({ ...row, prompt_index: i + 100, chosen_ids: [3] }))];
    const marked = markHeldOut(twice, 0.3, 1);
    expect(splitPairs(marked).heldOut).toHaveLength(12);
    for (let i = 0; i < 20; i++) expect(marked[i].held_out).toBe(marked[i + 20].held_out);
  });

  it('hardly changes when one pair is left out', () => {
    const all = new Set(heldOut(markHeldOut(pairs, 0.5, 1)));
    for (const left of pairs) {
      const now = heldOut(
        markHeldOut(
          pairs.filter((row) => row !== left),
          0.5,
          1,
        ),
      );
      expect(now.filter((index) => !all.has(index)).length).toBeLessThanOrEqual(1);
    }
  });
});

describe('isEvaluated', () => {
  const at = (total: number, eval_steps: number) =>
    Array.from({ length: total + 1 }, (_, step) => step).filter((step) => isEvaluated(step, total, { eval_steps }));

  it('is due at the start, regularly, and at the end', () => {
    expect(at(7, 3)).toEqual([0, 3, 6, 7]);
    expect(at(7, 100)).toEqual([0, 7]);
    expect(at(95, 0)).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95]);
    expect(at(3, 0)).toEqual([0, 1, 2, 3]);
  });
});

describe('heldOutPoints', () => {
  const metrics = (loss: number): HeldOutMetrics => ({
    eval_loss: loss,
    'eval_rewards/chosen': 1,
    'eval_rewards/rejected': 2,
    'eval_rewards/margins': -1,
    'eval_rewards/accuracies': 0.5,
    'eval_logps/chosen': -10,
    'eval_logps/rejected': -11,
  });
  const step = (number: number) => ({
    ...{ step: number, total_steps: 2, epoch: 1, loss: 0.7, grad_norm: 1, learning_rate: 1e-6 },
    ...{ 'rewards/chosen': 0, 'rewards/rejected': 0, 'rewards/margins': 0, 'rewards/accuracies': 0 },
    ...{ 'logps/chosen': -9, 'logps/rejected': -9, 'lengths/chosen': 5, 'lengths/rejected': 5, 'lengths/margin': 0 },
    ...{ 'weights/mean': 0.5, tokens: 10, tokens_per_second: 5, micro_batch: 1, memory_mb: 100 },
  });

  it('reads the start from the first row, and steps without an evaluation have none', () => {
    const rows = [
      { ...step(1), ...startMetrics(metrics(0.7)) },
      { ...step(2), ...metrics(0.6) },
    ];
    expect(heldOutPoints(rows)).toEqual([
      { step: 0, ...metrics(0.7) },
      { step: 2, ...metrics(0.6) },
    ]);
    expect(rows.map((row) => metricsSchema.parse(row))).toEqual(rows);
    expect(heldOutPoints([metricsSchema.parse(step(1))])).toEqual([]);
  });
});

describe('counts of held-out pairs', () => {
  it('agree with the marks, also of prompts that occur twice', () => {
    const texts = pairs.map(({ prompt_index = 0 }) => ({ prompt_index, prompt: `prompt ${prompt_index % 12}` }));
    const marked = markHeldOut(
      texts.map(({ prompt_index }) => pair(prompt_index, { prompt_ids: [prompt_index % 12] })),
      0.25,
      3,
    );
    expect(countHeldOut(texts, { share: 0.25, seed: 3 })).toBe(heldOut(marked).length);
    expect(countHeldOut(texts, { share: 0, seed: 3 })).toBe(0);
    // No update accepts pairs of one prompt, but they can be counted.
    expect(countHeldOut([texts[0], texts[0]], { share: 0.5, seed: 3 })).toBe(0);
  });

  it('are told beside the pairs that are trained on', () => {
    expect(pairCounts({ pairs: 1340, held_out_pairs: 134 })).toBe('1,206 + 134');
    expect(pairsInWords({ pairs: 128, held_out_pairs: 16 })).toBe('112 pairs + 16 held out');
    // Rounds of earlier versions do not say.
    expect([pairCounts({ pairs: 5, held_out_pairs: null }), pairsInWords({ pairs: 1, held_out_pairs: 0 })]).toEqual([
      '5',
      '1 pair',
    ]);
    expect(pairCounts({ pairs: null, held_out_pairs: null })).toBe('–');
  });
});
