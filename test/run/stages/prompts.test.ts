/** Which prompts a round gets. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { type Config, configSchema } from '../../../src/core/config/schema.js';
import { heldOutPrompts, roundPrompts } from '../../../src/run/stages/prompts.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();

function configWith(count: number, changes: { perRound?: number; seed?: number; heldOut?: number } = {}): Config {
  const file = path.join(fresh(), 'prompts.jsonl');
  writeFileSync(file, Array.from({ length: count }, (_, i) => JSON.stringify({ prompt: `p${i}` }) + '\n').join(''));
  return configSchema.parse({
    model: '/m',
    reward: 'hf:/r',
    prompts: file,
    held_out: file,
    seed: changes.seed ?? 1,
    sampling: { prompts_per_round: changes.perRound ?? 0 },
    evaluation: { max_prompts: changes.heldOut ?? 0 },
  });
}

const indices = (config: Config, round: number) => {
  const counts = new Array<number>(round).fill(config.sampling.prompts_per_round);
  return roundPrompts(config, counts).map(({ index }) => index);
};

it('are all of them, in the file’s order, unless fewer are asked for', () => {
  expect(indices(configWith(5), 1)).toEqual([0, 1, 2, 3, 4]);
  expect(indices(configWith(5, { perRound: 9 }), 2)).toEqual([0, 1, 2, 3, 4]);
});

it('come once each before any comes again', () => {
  const config = configWith(12, { perRound: 4 });
  const rounds = [1, 2, 3].map((round) => indices(config, round));
  expect(rounds.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  // The second time in another order.
  expect([4, 5, 6].map((round) => indices(config, round)).flat()).toHaveLength(12);
  expect(indices(config, 4)).not.toEqual(rounds[0]);
});

it('are never the same prompt twice in a round, where the order begins anew within it', () => {
  for (let seed = 0; seed < 20; seed++) {
    const config = configWith(5, { perRound: 3, seed });
    for (const round of [1, 2, 3]) expect(new Set(indices(config, round)).size).toBe(3);
  }
});

it('come once a lap, also where laps meet within rounds', () => {
  for (let seed = 0; seed < 20; seed++) {
    const config = configWith(5, { perRound: 3, seed });
    // Three laps of five are five rounds of three.
    const seen = [1, 2, 3, 4, 5].flatMap((round) => indices(config, round));
    for (let index = 0; index < 5; index++) expect(seen.filter((other) => other === index)).toHaveLength(3);
    // The second lap ends within the fourth round: by then each has come twice at least.
    const four = [1, 2, 3, 4].flatMap((round) => indices(config, round));
    for (let index = 0; index < 5; index++)
      expect(four.filter((other) => other === index).length).toBeGreaterThanOrEqual(2);
  }
});

it('go on where a branch changes how many they are', () => {
  const config = configWith(12, { perRound: 4 });
  const all = [[4], [4, 2], [4, 2, 6]].flatMap((counts) => roundPrompts(config, counts).map(({ index }) => index));
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  expect(roundPrompts(config, [4, 0]).map(({ index }) => index)).toHaveLength(12);
  expect(roundPrompts(config, [4, 0, 2])).toEqual(roundPrompts(config, [4, 2]));
});

it('follow from the seed', () => {
  const [a, b] = [configWith(50, { perRound: 10 }), configWith(50, { perRound: 10, seed: 2 })];
  expect(indices(a, 1)).toEqual(indices(configWith(50, { perRound: 10 }), 1));
  expect(indices(a, 1)).not.toEqual(indices(b, 1));
});

it('that are held out are the first so many', () => {
  expect(heldOutPrompts(configWith(5, { heldOut: 2 })).map(({ prompt }) => prompt)).toEqual(['p0', 'p1']);
  expect(heldOutPrompts(configWith(5))).toHaveLength(5);
});
