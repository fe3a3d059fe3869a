/** How tokens are marked by their log-probabilities. */
import { describe, expect, it } from 'vitest';
import {
  type TokenCell,
  knownMeasures,
  likelihoodInWords,
  measureOf,
  notableTokens,
  tokenLines,
} from '../../../../components/screens/review/tokens.js';

const seen = (text: string) => ({ id: 7, text, special: false });
const answer = {
  prompt_tokens: 1,
  prompt: [seen('Why')],
  response: [seen('a'), seen(' b'), seen(' c'), seen(' d')],
  // 0.607, 0.368, 0.05 and 0.0025.
  policy: [-0.5, -1, -3, -6],
  reference: [-0.5, -2.5, -2.5, -4],
};
const cells = (by: 'policy' | 'reference' | 'ratio', of = answer) =>
  tokenLines(of, 80, by)
    .slice(2)
    .flatMap((line): readonly TokenCell[] => (line === 'boundary' ? [] : line));

describe('the marks', () => {
  it('grow as tokens become less likely', () => {
    expect(cells('policy').map(({ mark }) => mark)).toEqual(['│', '▎', '▌', '█']);
    expect(cells('policy').map(({ tone }) => tone)).toEqual(['muted', 'plain', 'warn', 'bad']);
    // 0.607, 0.082, 0.082, 0.018.
    expect(cells('reference').map(({ mark }) => mark)).toEqual(['│', '▌', '▌', '▌']);
  });

  it('point to what the policy has come to prefer', () => {
    // 0, +1.5, -0.5, -2.
    expect(cells('ratio').map(({ mark }) => mark)).toEqual(['│', '▲', '-', '▼']);
  });

  it('are plain bars where nothing is known', () => {
    const unknown = { ...answer, policy: null, reference: null };
    expect(measureOf(unknown, 'policy')).toBeNull();
    expect(tokenLines(unknown, 80, 'policy').flat()).not.toContainEqual(expect.objectContaining({ mark: '█' }));
    expect(likelihoodInWords(unknown, 'policy')).toEqual(['Log-probabilities of the tokens are not known.']);
  });
});

it('a policy that is its own reference is marked by log π alone', () => {
  const same = { ...answer, reference: 'policy' as const };
  expect(knownMeasures(same)).toEqual(['policy']);
  expect(measureOf(same, 'ratio')).toBe('policy');
  expect(knownMeasures(answer)).toEqual(['policy', 'reference', 'ratio']);
});

it('tokens that stand out are listed, the least likely or the most different first', () => {
  expect(notableTokens(answer, 'policy', 2).map(({ place }) => place)).toEqual([4, 3]);
  expect(notableTokens(answer, 'ratio', 2).map(({ place, ratio }) => [place, ratio])).toEqual([
    [4, -2],
    [2, 1.5],
  ]);
  expect(likelihoodInWords(answer, 'policy')[1]).toContain('·d at 4, 0.2 %, ratio -2.00');
});
