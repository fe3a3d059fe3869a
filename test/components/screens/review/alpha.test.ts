/** The α panel's numbers of random rounds with random decisions, against sums over the decided pairs as defined. */
import { expect, it } from 'vitest';
import type { Decision, ReviewRow, Ruling } from '../../../../src/core/review/rows.js';
import { Random } from '../../../../src/core/seeds.js';
import { tableOf } from '../../../../components/screens/review/table.js';
import {
  flipAlpha,
  marginHistogram,
  neutralAlpha,
  panelCurves,
  panelNumbers,
} from '../../../../components/screens/review/alpha.js';

const K = 4;

function randomRound(random: Random): { rows: ReviewRow[]; decisions: Decision[] } {
  const rows = Array.from({ length: 1 + random.below(60) }, (_, prompt_index): ReviewRow => {
    const rewards = Array.from({ length: K }, () => random.below(9) / 4 - 1);
    const [best, worst] = [rewards.indexOf(Math.max(...rewards)), rewards.indexOf(Math.min(...rewards))];
    return {
      ...{ prompt_index, prompt: '', rewards, chosen_text: '', rejected_text: '' },
      lengths: Array.from({ length: K }, () => 1 + random.below(200)),
      truncated: Array.from({ length: K }, () => false),
      logps: Array.from({ length: K }, () => -1),
      automatic: best === worst ? 'ties' : { chosen: best, rejected: worst },
    };
  });
  const rulings = (): Ruling[] => {
    const chosen = random.below(K);
    return [
      { kind: 'exclude' },
      { kind: 'tie' },
      { kind: 'pair', chosen, rejected: (chosen + 1 + random.below(K - 1)) % K },
    ];
  };
  const decided = rows.filter(() => random.below(3) === 0);
  return {
    rows,
    decisions: decided.map(({ prompt_index }) => ({ prompt_index, ruling: rulings()[random.below(3)], note: '' })),
  };
}

/** What trains: the person's pair, else the rewards'; nothing for what was left out. */
function pairsOf(rows: ReviewRow[], decisions: Decision[]): { margin: number; difference: number }[] {
  return rows.flatMap(({ prompt_index, rewards, lengths, automatic }) => {
    const ruling = decisions.find((one) => one.prompt_index === prompt_index)?.ruling ?? null;
    const pair = ruling === null ? automatic : ruling.kind === 'pair' ? ruling : 'none';
    if (typeof pair === 'string') return [];
    const { chosen, rejected } = pair;
    return [{ margin: rewards[chosen] - rewards[rejected], difference: lengths[chosen] - lengths[rejected] }];
  });
}

const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
const weight = (alpha: number, difference: number): number => 1 / (1 + Math.exp(alpha * difference));
const pull = (pairs: { difference: number }[], alpha: number): number =>
  sum(pairs.map(({ difference }) => weight(alpha, difference) * difference)) /
  sum(pairs.map(({ difference }) => weight(alpha, difference)));

/** NaN is close to NaN: of nothing there is no mean. */
function expectClose(value: number, wanted: number): void {
  if (Number.isNaN(wanted)) expect(value).toBeNaN();
  else expect(value).toBeCloseTo(wanted, 9);
}

it('are those of the decided pairs', () => {
  const random = new Random(11);
  for (let round = 0; round < 200; round++) {
    const { rows, decisions } = randomRound(random);
    const [pairs, table] = [pairsOf(rows, decisions), tableOf(rows, decisions)];
    const alpha = random.below(4) === 0 ? 0 : random.uniform() / 5;
    const numbers = panelNumbers(table, alpha);
    const flipped = (at: number) =>
      pairs.filter(({ margin, difference }) => margin >= 0 && margin - at * difference < 0).length;
    const weights = (sign: number) =>
      mean(pairs.filter(({ difference }) => sign * difference > 0).map(({ difference }) => weight(alpha, difference)));
    expect(numbers.pairs).toBe(pairs.length);
    expect(numbers.flipped).toBe(flipped(alpha));
    expect(numbers.longer).toBe(pairs.filter(({ difference }) => difference > 0).length);
    expect(numbers.shorter).toBe(pairs.filter(({ difference }) => difference < 0).length);
    expectClose(numbers.mean_weight_longer, weights(1));
    expectClose(numbers.mean_weight_shorter, weights(-1));
    expectClose(numbers.length_pull, pull(pairs, alpha));
    expectClose(numbers.mean_reward_margin, mean(pairs.map(({ margin }) => margin)));
    if (pairs.length === 0) continue;
    expect(sum(marginHistogram(table, alpha, 20).counts)).toBe(pairs.length);
    const curves = panelCurves(table, alpha);
    const [point, last] = [random.below(curves.pull.length), curves.pull.length - 1];
    const at = (curves.end * point) / last;
    expect(curves.pull[point]).toBeCloseTo(pull(pairs, at), 9);
    expect(curves.flipped[point]).toBeCloseTo((100 * flipped(at)) / pairs.length, 9);
    const neutral = neutralAlpha(table);
    if (typeof neutral !== 'string') expect(Math.abs(pull(pairs, neutral.alpha))).toBeLessThan(1e-3);
    else expect(pull(pairs, 0) <= 0 || pairs.every(({ difference }) => difference >= 0)).toBe(true);
    const most = random.below(pairs.length + 1);
    expect(flipped(flipAlpha(table, most).alpha)).toBeLessThanOrEqual(most);
  }
});
