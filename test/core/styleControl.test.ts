/** Arena-Hard's counts and style control: against its own program, and by hand. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  markdownCounts,
  styleControlledWinRate,
  type MarkdownCounts,
  type StyleFeatures,
  styleNames,
  styleOf,
  styleOfCounts,
} from '../../src/core/styleControl.js';
import { goldenFolder } from '../golden.js';

const read = (name: string): string => readFileSync(`${goldenFolder}arena-hard/${name}`, 'utf8');
const lines = <T>(name: string): T[] =>
  read(name)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);

describe('markdownCounts', () => {
  const cases = JSON.parse(read('counts.json')) as { text: string; counts: MarkdownCounts }[];
  it.each(cases)("counts $text as Arena-Hard's program does", ({ text, counts }) => {
    expect(markdownCounts(text)).toEqual(counts);
  });

  it('styleOf adds up levels and kinds', () => {
    const text = '# One\n\n### Three\n- a\n- b\n1. c\n**d** __e__ **f**\n```\n# code\n- code\n```\n';
    expect(styleOf(text, 31)).toEqual({ length: 31, headers: 2, lists: 3, bold: 3 });
  });
});

describe('styleControlledWinRate', () => {
  type Metadata = MarkdownCounts & { token_len: number };
  const styles = (name: string): StyleFeatures[] =>
    lines<{ metadata: Metadata }>(name).map(({ metadata }) => styleOfCounts(metadata, metadata.token_len));

  it("fits what Arena-Hard's program fits", () => {
    const model = styles('answers.jsonl');
    const baseline = styles('baseline.jsonl');
    const score: Record<string, number[]> = {
      'A>>B': [1, 1, 1],
      'A>B': [1],
      'A=B': [0.5],
      'B>A': [0],
      'B>>A': [0, 0, 0],
    };
    const rows = lines<{ games: { score: string }[] }>('judgments.jsonl').flatMap(({ games }, i) =>
      [...score[games[1].score], ...score[games[0].score].map((won) => 1 - won)].map((preference) => ({
        preference,
        model: model[i],
        baseline: baseline[i],
      })),
    );
    const expected = JSON.parse(read('expected.json')) as Record<
      'fit' | 'bootstrap',
      { win_rate: number; coefficients: number[]; interval: number[] }
    > & { battles: number };
    expect(rows.length).toBe(expected.battles);
    const fitted = styleControlledWinRate(rows);
    expect(fitted.win_rate_at_mean_style).toBeCloseTo(expected.fit.win_rate, 2);
    styleNames.forEach((name, k) => expect(fitted.coefficients[name]).toBeCloseTo(expected.fit.coefficients[k], 3));
    const [low, high] = expected.bootstrap.interval;
    expect(fitted.win_rate_at_mean_style).toBeGreaterThan(low);
    expect(fitted.win_rate_at_mean_style).toBeLessThan(high);
    expect(fitted.constant_features).toEqual([]);
  });

  it('takes away what length wins, at equal style only', () => {
    // (a - b)/(a + b) is 1/3 or 0, each in half of the rows; σ(1) is won where it is 1/3, and σ(0) where it is 0.
    const sigmoid1 = 1 / (1 + Math.exp(-1));
    const style = (length: number) => ({ length, headers: 0, lists: 0, bold: 0 });
    const rows = Array.from({ length: 10 }, (_, i) => ({
      preference: i % 2 === 0 ? sigmoid1 : 0.5,
      model: style(i % 2 === 0 ? 200 : 100),
      baseline: style(100),
    }));
    const fitted = styleControlledWinRate(rows);
    // At the mean, 1/6, the logit is ½; the standard deviation is √(10/9)/6.
    expect(fitted.win_rate).toBeCloseTo(50, 3);
    expect(fitted.win_rate_at_mean_style).toBeCloseTo(100 / (1 + Math.exp(-0.5)), 3);
    expect(fitted.coefficients.length).toBeCloseTo(Math.sqrt(10 / 9) / 2, 3);
    expect(fitted.constant_features).toEqual(['headers', 'lists', 'bold']);
  });

  it('stays finite with one row, with empty responses and with separable rows', () => {
    const style = (length: number, headers = 0) => ({ length, headers, lists: 0, bold: 0 });
    expect(styleControlledWinRate([{ preference: 0.5, model: style(0), baseline: style(0) }]).win_rate).toBeCloseTo(50);
    const separable = styleControlledWinRate([
      { preference: 1, model: style(20, 1), baseline: style(10) },
      { preference: 0, model: style(10), baseline: style(10) },
    ]);
    expect(Number.isFinite(separable.win_rate)).toBe(true);
    expect(() => styleControlledWinRate([])).toThrow('there are no rows');
  });
});
