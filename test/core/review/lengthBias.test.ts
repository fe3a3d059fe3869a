import { describe, expect, it } from 'vitest';
import { type LengthRow, lengthBias } from '../../../src/core/review/hacking.js';

const row = (rewards: number[], lengths: number[], automatic: LengthRow['automatic']): LengthRow => ({
  ...{ rewards, lengths, automatic },
});

describe('length bias', () => {
  it('goes by prompts: what differs between prompts says nothing', async () => {
    // Between the prompts the longer is rewarded better, within each the shorter.
    const rows = [
      row([1, 0], [10, 20], { chosen: 0, rejected: 1 }),
      row([11, 10], [110, 120], { chosen: 0, rejected: 1 }),
    ];
    const bias = await lengthBias(rows);
    expect(bias).toMatchObject({ within: -1, within_error: 0, prompts: 2, responses: 4, pairs: 2, longer: 0 });
    expect(bias.overall).toBeGreaterThan(0.9);
    // Deviations ±5 in length go with ∓0.5 in reward: -10 / 100 of each.
    expect(bias.slope).toBeCloseTo(-0.1, 12);
  });

  it('has the standard error of a mean', async () => {
    const rows = [
      row([0, 1, 2], [10, 20, 30], { chosen: 2, rejected: 0 }),
      row([0, 1, 2], [30, 20, 10], { chosen: 2, rejected: 0 }),
      // Nothing to be seen in it, but a pair of equal lengths.
      row([0, 1], [5, 5], { chosen: 1, rejected: 0 }),
    ];
    // ρ = 1 and -1: deviation √2, over √2.
    expect(await lengthBias(rows)).toMatchObject({ within: 0, within_error: 1, prompts: 2, longer: 1, equal: 1 });
  });

  it('says nothing where nothing differs', async () => {
    const bias = await lengthBias([row([1, 1], [5, 5], 'ties'), row([], [], 'too_few')]);
    expect(bias).toMatchObject({ prompts: 0, within: NaN, overall: NaN, slope: NaN, pairs: 0 });
    expect(await lengthBias([row([1, 2], [5, 6], { chosen: 1, rejected: 0 })])).toMatchObject({
      ...{ within: 1, within_error: NaN },
    });
  });

  it('takes rows as they are read from a file', async () => {
    async function* read() {
      yield await Promise.resolve(row([1, 0], [20, 10], { chosen: 0, rejected: 1 }));
    }
    expect(await lengthBias(read())).toMatchObject({ within: 1, longer: 1, slope: 0.1 });
  });
});
