/** Which rounds are a controlled comparison, the tables they make, and the rounds that a sweep needs. */
import { describe, expect, it } from 'vitest';
import {
  controlledComparisons,
  controlledTitle,
  isComparable,
  resultColumns,
  rowRemark,
  settingText,
} from '../../src/core/controlled.js';
import { changedRound, configOf } from '../../src/core/config/rounds.js';
import { configSchema } from '../../src/core/config/schema.js';
import { newRound, type RoundOverrides, type RoundState } from '../../src/core/rounds.js';
import { defaultSource, pointText, readSettings, roundOf, sweepPoints } from '../../src/core/sweep.js';

const config = configSchema.parse({
  model: '/m',
  reward: 'hf:/r',
  prompts: '/p',
  held_out: '/h',
  dpo: { alpha: 0.02, beta: 0.1 },
  update: { lr: 1e-6 },
});
const settings = { alpha: 0.02, beta: 0.1, lr: 1e-6 };
const source: RoundState = {
  ...newRound(2, 1, settings),
  stage: 'done',
  pairs: 9,
  dropped: { ties: 1, identical: 0, below_gap: 0, too_few: 0 },
  pairs_digest: 'p',
};
const base = { ...newRound(0, null, settings), stage: 'done' as const };
/** As redo-round makes one. */
function sibling(id: number, overrides: RoundOverrides, more: Partial<RoundState> = {}): RoundState {
  const changed = changedRound(config, source, { overrides }, '/', () => []);
  return { ...source, id, redo_of: 2, data_of: 2, ...changed, ...more };
}
const decided = { swapped: 1, repaired: 0, confirmed: 0, excluded: 0, ties: 0, noted: 0 };

describe('rounds that differ in settings alone', () => {
  const same = sibling(3, { dpo: { alpha: 0.05 } });
  it.each<[string, Partial<RoundState>, boolean]>([
    ['with the same pairs', {}, true],
    ['with other pairs after decisions', { pairs_digest: 'q' }, false],
    ['from other samples', { data_of: 1 }, false],
    ['of earlier versions, which had seeds of their own', { data_of: null }, false],
    ['from another policy', { parent: 0 }, false],
    ['not scored yet', { pairs: null }, false],
    ['damaged', { damaged: '`rounds.3.stage`' }, false],
    ['without a digest and decisions', { pairs_digest: null }, true],
    ['without a digest, with a note', { pairs_digest: null, decisions: { ...decided, swapped: 0, noted: 2 } }, true],
    ['without a digest, with a decision', { pairs_digest: null, decisions: decided }, false],
    ['without a digest, with other counts', { pairs_digest: null, pairs: 8 }, false],
  ])('%s', (_name, changes, expected) => {
    expect(isComparable(config, source, { ...same, ...changes })).toBe(expected);
  });

  it('may have other pairs where pairs.* differs, unless a person has decided', () => {
    const random = sibling(3, { pairs: { strategy: 'best-random' } }, { pairs_digest: 'q', pairs: 7 });
    expect(isComparable(config, source, random)).toBe(true);
    expect(isComparable(config, { ...source, decisions: decided }, random)).toBe(false);
  });
});

describe('controlledComparisons', () => {
  const alphas = [0.1, 0, 0.05].map((alpha, i) => sibling(3 + i, { dpo: { alpha } }));
  const titles = (rounds: RoundState[], of = source) =>
    controlledComparisons(config, [base, ...rounds], of).map(({ keys, rows, ...rest }) => [
      controlledTitle({ keys, ...rest }).replace(/^controlled comparison: /, ''),
      keys,
      rows.map(({ round, values }) => `${round.id}: ${values.join(' ')}`),
    ]);

  it('has one row per value, in their order, the round itself among them', () => {
    expect(titles([source, ...alphas])).toEqual([
      [
        'same samples, pairs, decisions and seeds; only α differs',
        ['dpo.alpha'],
        ['4: 0', '2: 0.02', '5: 0.05', '3: 0.1'],
      ],
    ]);
    // Seen from another row it is the same table.
    expect(titles([source, ...alphas], alphas[0])).toEqual(titles([source, ...alphas]));
  });

  it('has a table per setting, and one for a grid', () => {
    const referenced = sibling(6, { dpo: { reference: 'base' } });
    expect(titles([source, alphas[0], referenced], referenced).map(([, keys]) => keys)).toEqual([['dpo.reference']]);
    expect(titles([alphas[0], referenced], referenced).map(([, keys]) => keys)).toEqual([
      ['dpo.reference', 'dpo.alpha'],
    ]);
    expect(titles([source, alphas[0], referenced]).map(([, keys, rows]) => [keys, rows])).toEqual([
      [['dpo.reference'], ['6: base', '2: round']],
      [['dpo.alpha'], ['2: 0.02', '3: 0.1']],
    ]);
    const grid = [sibling(6, { dpo: { beta: 0.3 } }), sibling(7, { dpo: { alpha: 0.1, beta: 0.3 } })];
    expect(titles([source, alphas[0], ...grid])).toEqual([
      [
        'same samples, pairs, decisions and seeds; only α and β differ',
        ['dpo.alpha', 'dpo.beta'],
        ['2: 0.02 0.1', '6: 0.02 0.3', '3: 0.1 0.1', '7: 0.1 0.3'],
      ],
    ]);
  });

  it('names what another objective brings along, and the pairs that a strategy makes', () => {
    expect(titles([source, sibling(3, { dpo: { objective: 'simpo' } })])).toEqual([
      [
        'same samples, pairs, decisions and seeds; only objective differs, with the settings that go with it',
        ['dpo.objective', 'dpo.alpha', 'dpo.beta'],
        ['2: lr-dpo 0.02 0.1', '3: simpo 0 2.5'],
      ],
    ]);
    expect(titles([source, sibling(3, { pairs: { strategy: 'best-random' } }, { pairs_digest: 'q' })])[0][0]).toBe(
      'same samples, scores and seeds, no decisions; only strategy differs, and the pairs with it',
    );
  });

  it('is empty without another round, another setting, or for the base', () => {
    expect(titles([source])).toEqual([]);
    expect(titles([source, sibling(3, {})])).toEqual([]);
    expect(titles([source, ...alphas], base)).toEqual([]);
  });

  it('shows results as they are known', () => {
    const comparison = {
      ...{ against: 'base', prompts: 4, win_rate: 75, win_rate_standard_error: 10, kl: 1.234, kl_per_token: 0.1 },
      ...{ length_controlled_win_rate: 70, length_controlled_form: 'minimal' as const, mean_length: 7 },
      ...{ mean_length_against: 6, length_change_percent: 1, reward: 1, reward_against: 0 },
    };
    const evaluation = {
      ...{ round: 2, prompts: 4, reward: 0.5, mean_length: 7, mean_characters: 20, distinct_2: 0.5 },
      ...{ truncated_share: 0, comparisons: [comparison] },
    };
    const cells = (round: RoundState) => resultColumns([round]).map(({ heading, cell }) => [heading, cell(round)]);
    expect(cells({ ...source, evaluation })).toEqual([
      ['reward', '0.500'],
      ['length', '7.0'],
      // 1.96 · 10.
      ['win vs base', '75.0 ±19.6'],
      ['LC', '70.0'],
      ['KL', '1.23'],
    ]);
    const both = { ...evaluation, comparisons: [{ ...comparison, against: 'round-start', kl: null }, comparison] };
    expect(cells({ ...source, evaluation: both }).slice(2, 5)).toEqual([
      ['win vs start', '75.0 ±19.6'],
      ['LC', '70.0'],
      ['KL', '–'],
    ]);
    expect(rowRemark({ ...source, stage: 'update' })).toBe('at update');
    expect(rowRemark({ ...source, stopped_early: true })).toBe('update stopped early');
    expect([settingText('update.lr', 5e-7), settingText('update.lora', null)]).toEqual(['5e-7', 'none']);
  });
});

describe('--set', () => {
  it('is read as every combination, with values of their types', () => {
    expect(readSettings(['dpo.alpha=0,2e-2', 'dpo.reference=round,0.5*round+0.5*base'])).toEqual([
      { 'dpo.alpha': 0, 'dpo.reference': 'round' },
      { 'dpo.alpha': 0, 'dpo.reference': '0.5*round+0.5*base' },
      { 'dpo.alpha': 0.02, 'dpo.reference': 'round' },
      { 'dpo.alpha': 0.02, 'dpo.reference': '0.5*round+0.5*base' },
    ]);
    expect(readSettings(['update.activation_checkpointing=true', 'update.lora=null'])).toEqual([
      { 'update.activation_checkpointing': true, 'update.lora': null },
    ]);
  });

  it.each([
    [['alpha=1'], 'expected KEY=VALUE,VALUE'],
    [['dpo.alpha='], 'expected KEY=VALUE,VALUE'],
    [['dpo.alpha=1,'], 'expected KEY=VALUE,VALUE'],
    [['dpo.alpha=0.5,5e-1'], 'the value 0.5 is there twice'],
    [['dpo.alpha=1', 'dpo.alpha=2'], '--set dpo.alpha is there twice'],
  ])('refuses %j', (flags, says) => {
    expect(() => readSettings(flags)).toThrow(says);
  });

  const points = (...flags: string[]) => sweepPoints(config, source, readSettings(flags), '/home', () => []);
  it.each([
    ['sampling.temperature=1', 'sampling.temperature: cannot change where'],
    ['evaluation.temperature=1', 'evaluation.temperature: cannot change where'],
    ['dpo.alpha=-1,0.1,x', 'dpo.alpha: -1: expected a number from 0 to 100; dpo.alpha: "x"'],
    ['dpo.alfa=1', 'unknown key; did you mean alpha?'],
  ])('refuses %s', (flag, says) => {
    expect(() => points(flag)).toThrow(says);
  });

  it('makes points with the configuration of their rounds, paths absolute', () => {
    const [point] = points('dpo.reference=0.5*a+0.5*base');
    expect(point.overrides).toEqual({ dpo: { reference: '0.5*/home/a+0.5*base' } });
    expect(point.config.dpo.reference).toBe('0.5*/home/a+0.5*base');
    expect(pointText(point)).toBe('dpo.reference=0.5*a+0.5*base');
  });
});

describe('roundOf', () => {
  const points = (flag: string) => sweepPoints(config, source, readSettings([flag]), '/', () => []);
  const idOf = (rounds: RoundState[], flag: string) => roundOf(config, rounds, source, points(flag)[0])?.id ?? null;
  const redone = sibling(5, { dpo: { alpha: 0.05 } });

  it('finds the source by its own value once it is done, and siblings by their settings', () => {
    expect(idOf([source, redone], 'dpo.alpha=0.02')).toBe(2);
    expect(idOf([{ ...source, stage: 'review' }, redone], 'dpo.alpha=0.02')).toBeNull();
    expect(idOf([source, redone], 'dpo.alpha=0.05')).toBe(5);
    expect(idOf([source, redone], 'dpo.alpha=0.06')).toBeNull();
    expect(idOf([source, { ...redone, stage: 'review' }], 'dpo.alpha=0.05')).toBe(5);
    // The done one counts if there are two.
    expect(idOf([source, { ...redone, stage: 'review' }, { ...redone, id: 6 }], 'dpo.alpha=0.05')).toBe(6);
  });

  it('does not take another experiment for it', () => {
    expect(idOf([source, { ...redone, pairs_digest: 'q' }], 'dpo.alpha=0.05')).toBeNull();
    expect(idOf([source, { ...redone, redo_of: 1 }], 'dpo.alpha=0.05')).toBeNull();
    expect(idOf([source, { ...redone, redo_of: null, data_of: null }], 'dpo.alpha=0.05')).toBeNull();
    expect(idOf([source, { ...redone, damaged: 'x' }], 'dpo.alpha=0.05')).toBeNull();
  });

  it('with pairs.* takes rounds whose pairs are being made, and none with decisions', () => {
    const random = sibling(5, { pairs: { strategy: 'best-random' } }, { stage: 'score', pairs: null });
    expect(idOf([source, random], 'pairs.strategy=best-random')).toBe(5);
    const judged = { ...random, stage: 'done' as const, pairs: 3, decisions: decided };
    expect(idOf([source, judged], 'pairs.strategy=best-random')).toBeNull();
    expect(idOf([source], 'pairs.strategy=best-worst')).toBe(2);
    const own = { ...source, decisions: decided };
    expect(roundOf(config, [own], own, points('pairs.strategy=best-worst')[0])).toBeNull();
  });

  it('starts from the newest round of its own samples unless one is named', () => {
    expect(defaultSource([base, { ...source, id: 1 }, source, redone]).id).toBe(2);
    expect(() => defaultSource([base, { ...newRound(1, 0, settings) }])).toThrow('no round of this run has pairs yet');
    expect(configOf(config, redone).dpo.alpha).toBe(0.05);
  });
});
