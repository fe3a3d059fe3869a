/** Whether a difference exceeds the noise, in words. */
import { describe, expect, it } from 'vitest';
import { evaluationSentences, findings, promptsNeeded, winRateInterval } from '../../src/core/findings.js';
import { comparison, fullComparison, fullyEvaluated } from '../components/fixtures.js';

const texts = (...args: Parameters<typeof fullComparison>) => findings(fullComparison(...args)).map(({ text }) => text);

describe('findings', () => {
  it('state gain, loss and noise with the interval', () => {
    expect(texts('base')).toEqual([
      'the training reward rises and the second judge sees no gain: the policy may exploit the reward (over-optimization); read the prompts on which the judges differ',
      'reward +0.30 (95 % 0.18 to 0.41): exceeds the noise',
      'win rate 61.5 % (95 % 53.2 to 69.5): exceeds the noise',
      'correct +7.0 points (95 % 2.0 to 12.0): exceeds the noise',
      'second judge: win rate 48.5 % (95 % 40.0 to 57.0): within the noise',
      'length +4.6 % (95 % 1.2 to 8.1): exceeds the noise',
    ]);
    const worse = {
      reward: 1,
      reward_against: 1.5,
      judge: undefined,
      metrics: undefined,
      length_change_percent: -4,
      win_rate: 53,
      intervals: {
        reward_change: { low: -0.7, high: -0.3 },
        win_rate: { low: 46, high: 60 },
        length_change_percent: { low: -6, high: -2 },
      },
      win_rate_standard_error: 5,
    };
    // 100·(2.8016·5/5)² = 784.9, to two digits 780.
    expect(texts('base', worse)).toEqual([
      'reward -0.50 (95 % -0.70 to -0.30): a loss that exceeds the noise',
      'win rate 53.0 % (95 % 46.0 to 60.0): within the noise; about 780 prompts would show a difference of 5 points (power 80 %)',
      'length -4.0 % (95 % -6.0 to -2.0): exceeds the noise',
    ]);
    expect(findings(fullComparison('base', worse)).map(({ verdict }) => verdict)).toEqual(['loss', 'noise', 'change']);
  });

  it('make no claim from fewer than ten prompts, whose bootstrap intervals are too narrow', () => {
    const five = fullComparison('base', {
      prompts: 5,
      win_rate: 100,
      win_rate_standard_error: 0,
      intervals: { win_rate: { low: 100, high: 100 }, reward_change: { low: 1, high: 2 } },
      judge: undefined,
      metrics: undefined,
    });
    for (const { text, verdict } of findings(five)) {
      expect(verdict).toBe('unknown');
      expect(text).toMatch(/: too few prompts to tell \(fewer than 10\)$/);
    }
  });

  it('warn of over-optimization only if the reward rises beyond the noise and the judge sees no gain', () => {
    const { judge, intervals } = fullComparison('base');
    const seen = (low: number, high: number) => ({
      judge: judge && { ...judge, intervals: { ...judge.intervals, win_rate: { low, high } } },
    });
    const warns = (more: object) => findings(fullComparison('base', more)).some(({ verdict }) => verdict === 'warning');
    expect(warns(seen(40, 57))).toBe(true);
    expect(warns(seen(40, 49))).toBe(true);
    expect(warns(seen(51, 60))).toBe(false);
    expect(warns({ ...seen(40, 57), intervals: { ...intervals, reward_change: { low: -0.1, high: 0.4 } } })).toBe(
      false,
    );
    expect(findings(fullComparison('base', seen(40, 49)))[0].text).toContain('sees a loss');
  });

  it('of an old evaluation speak of the win rate alone, whose interval is 1.96 standard errors to either side', () => {
    const old = comparison('base', { win_rate: 98, win_rate_standard_error: 5 });
    expect(winRateInterval(old)).toEqual({ low: 98 - 9.8, high: 100 });
    expect(findings(old)).toEqual([
      { text: 'win rate 98.0 % (95 % 88.2 to 100.0): exceeds the noise', verdict: 'gain' },
    ]);
    expect(winRateInterval(comparison('base', { win_rate_standard_error: null }))).toBe(null);
  });

  it('say if a difference of five points would have shown', () => {
    const many = fullComparison('base', {
      prompts: 2000,
      win_rate: 50.5,
      win_rate_standard_error: 1,
      intervals: { win_rate: { low: 48.5, high: 52.5 } },
    });
    // 2000·(2.8016·1/5)² = 627.9.
    expect(promptsNeeded(many)).toBe(630);
    expect(findings(many).map(({ text }) => text)).toContain(
      'win rate 50.5 % (95 % 48.5 to 52.5): within the noise; a difference of 5 points would have shown',
    );
    expect(promptsNeeded(comparison('base', { win_rate_standard_error: 0 }))).toBe(null);
  });
});

it('an evaluation in sentences has findings by opponent, agreement, notes and what the judge reports', () => {
  const { evaluation } = fullyEvaluated(2);
  const sentences = evaluationSentences(evaluation!, ({ against }) => against);
  expect(sentences).toContain('Against base: win rate 68.0 % (95 % 53.2 to 69.5): exceeds the noise.');
  expect(sentences).toContain(
    'Against round-start: The judges give the same verdict on 57.0 % of 100 prompts (95 % 47.0 to 67.0).',
  );
  expect(sentences.slice(-2)).toEqual([
    '6 of 100 held-out prompts have no "kind"; they are listed as (none).',
    'The judge refused 2 of 400 comparisons.',
  ]);
});
