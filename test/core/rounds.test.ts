import { describe, expect, it } from 'vitest';
import { branchesOf, branchTitle, newRound, overriddenKeys, settingOf, treeOf } from '../../src/core/rounds.js';

const settings = { alpha: 0.02, beta: 0.1, lr: 1e-6 };
const rounds = (...parents: (number | null)[]) => parents.map((parent, id) => newRound(id, parent, settings));
const drawn = (of: ReturnType<typeof rounds>) => treeOf(of).map(({ graph, round }) => `${graph}${round.id}`);

describe('the tree', () => {
  it('is one line without forks, whatever the order in which rounds are given', () => {
    expect(drawn(rounds(null, 0, 1, 2).reverse())).toEqual(['0', '1', '2', '3']);
  });

  it('draws branches between a round and the one that goes on from it', () => {
    //      0 ─ 1 ─┬─ 3 ─ 5 ─┬─ 7
    //             │         └─ (8: from 5)
    //             └─ 2 ─ 4          6 from the base
    const forked = rounds(null, 0, 1, 1, 2, 3, 0, 5, 5);
    expect(drawn(forked)).toEqual(['0', '├─6', '1', '├─3', '│ 5', '│ ├─8', '│ 7', '2', '4']);
    expect(branchesOf(forked).map(branchTitle)).toEqual([
      'rounds 0, 1, 2, 4',
      'rounds 3, 5, 7, from round 1',
      'round 6, from round 0',
      'round 8, from round 5',
    ]);
    const places = treeOf(forked).map(({ round, branch }) => [round.id, branch]);
    expect(new Map(places as [number, number][])).toEqual(
      new Map([...[0, 1, 2, 4].map((id) => [id, 0] as const), [3, 1], [5, 1], [7, 1], [6, 2], [8, 3]]),
    );
  });

  it('keeps rounds whose parent is not there', () => {
    expect(drawn(rounds(null, 0, 1).slice(1))).toEqual(['1', '2']);
    expect(drawn([])).toEqual([]);
  });
});

describe('settings', () => {
  const config = { reward: 'hf:/r', sampling: { temperature: 0.8 }, dpo: { alpha: 1, beta: 1 } };
  const round = {
    ...newRound(1, 0, settings),
    overrides: { reward: 'hf:/other', sampling: { samples_per_prompt: 8 }, update: { lora: { rank: 4 } } },
  };

  it("are the round's own, then its branch's, then the run's", () => {
    const of = (key: string) => settingOf(config, round, key);
    expect([of('dpo.alpha'), of('update.lr')]).toEqual([0.02, 1e-6]);
    expect([of('reward'), of('sampling.samples_per_prompt'), of('update.lora.rank')]).toEqual(['hf:/other', 8, 4]);
    expect([of('sampling.temperature'), of('sampling.nothing')]).toEqual([0.8, undefined]);
  });

  it('are named where a branch has changed them', () => {
    expect(overriddenKeys(round)).toEqual(['reward', 'sampling.samples_per_prompt', 'update.lora.rank']);
    expect(overriddenKeys({ overrides: {} })).toEqual([]);
  });
});
