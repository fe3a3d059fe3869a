import { describe, expect, it } from 'vitest';
import { measureInWords, measuresOf, opponentsOf } from '../../../../components/screens/evaluation/measures.js';
import { comparison, finished } from '../../fixtures.js';

describe('the table', () => {
  it.each([
    [{ win_rate: 61.5, win_rate_standard_error: 4.2 }, '▲ 61.5 % [53.3, 69.7]', '▲ 61.5 % ±8.2', 'good'],
    [{ win_rate: 38.5, win_rate_standard_error: 4.2 }, '▼ 38.5 % [30.3, 46.7]', '▼ 38.5 % ±8.2', 'bad'],
    [{ win_rate: 55, win_rate_standard_error: 4.2 }, '55.0 % [46.8, 63.2]', '55.0 % ±8.2', 'plain'],
    [{ win_rate: 100, win_rate_standard_error: null }, '100.0 %', '100.0 %', 'plain'],
  ])('says whether a win rate is more than chance: %j', (more, text, short, tone) => {
    const opponents = [
      {
        against: 'base' as const,
        name: 'vs base',
        heading: 'base',
        round: 0,
        comparison: comparison('base', more),
        evaluation: null,
      },
    ];
    const [win] = measuresOf(finished(1, 1, 40).evaluation!, opponents);
    expect(win).toEqual({ name: 'win rate, 95 %', before: [''], own: '', delta: [{ text, short, tone }] });
  });

  it('compares with start and base, which are one of a first round; with nothing of the base', () => {
    const rounds = [finished(0, 1, 40), finished(1, 1.2, 41), finished(2, 1.4, 42)];
    const of = (id: number) => opponentsOf(rounds[id], rounds).map(({ name, round }) => [name, round]);
    expect(of(2)).toEqual([
      ['vs start (1)', 1],
      ['vs base', 0],
    ]);
    expect(of(1)).toEqual([['vs base', 0]]);
    expect(of(0)).toEqual([]);
    expect(measuresOf(rounds[0].evaluation!, []).map(({ name }) => name)).toEqual([
      'reward',
      'length, tokens',
      'distinct-2',
      'truncated',
    ]);
  });

  it('is read aloud with each value and its own difference', () => {
    const rounds = [finished(0, 1, 40), finished(1, 1.2, 41), finished(2, 1.4, 42)];
    const opponents = opponentsOf(rounds[1], rounds).map((opponent) => ({
      ...opponent,
      comparison: comparison('base', { reward_against: 1, kl: 1.5, kl_per_token: 0.03 }),
    }));
    const words = measuresOf(rounds[1].evaluation!, opponents).map((measure) => measureInWords(measure, opponents));
    expect(words).toContain('reward: 1.200; base 1.000, Δ +0.200.');
    expect(words).toContain('KL, nats: vs base 1.500.');
  });

  it('has a dash where the opponent has no evaluation', () => {
    const alone = opponentsOf(finished(2, 1.4, 42), []);
    const rows = measuresOf(finished(2, 1.4, 42).evaluation!, alone);
    const distinct = rows.find(({ name }) => name === 'distinct-2');
    expect(distinct?.before).toEqual(['–', '–']);
    expect(distinct?.delta.map(({ text }) => text)).toEqual(['–', '–']);
  });
});
