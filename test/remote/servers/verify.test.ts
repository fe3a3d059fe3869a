/** Verdicts of policy verification on made-up log-probabilities with a server's numerical noise. */
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/core/seeds.js';
import { type ProbeAnswer, verifyAgreement, verifyPolicy } from '../../../src/remote/servers/verify.js';

const SEQUENCES = 16;
const TOKENS = 60;
const random = new Random(7);
/** About normal: the sum of twelve uniforms. */
const normal = () => Array.from({ length: 12 }, () => random.uniform()).reduce((sum, value) => sum + value, -6);
const rows = (value: (sequence: number, token: number) => number) =>
  Array.from({ length: SEQUENCES }, (_, s) => Array.from({ length: TOKENS }, (_unused, t) => value(s, t)));

const old = rows(() => -2 * random.uniform() - 0.05);
/** An update that moves each token by about so much. */
const updated = (size: number) => old.map((row) => row.map((value) => value + size * normal()));

/** Each sequence twice, with noise; `weights`: what the answers come from. */
function answersFrom(weights: (answer: number) => number[][], noise: number): ProbeAnswer[] {
  return Array.from({ length: 2 * SEQUENCES }, (_, answer) => {
    const sequence = answer % SEQUENCES;
    return { sequence, logprobs: weights(answer)[sequence].map((value) => value + noise * normal()) };
  });
}
const judged = (answers: ProbeAnswer[], end: number[][], tolerance = 0.1) =>
  verifyPolicy('round 2', 'round 1', answers, { start: old, end }, tolerance);

describe('recorded weights', () => {
  const end = updated(0.08);

  it.each([0, 0.003, 0.02, 0.05])('the new ones are verified with noise of %d nats', (noise) => {
    const result = judged(
      answersFrom(() => end, noise),
      end,
    );
    expect(result).toMatchObject({ verdict: 'verified', note: null, tokens: 2 * SEQUENCES * TOKENS });
    expect(result.shift).toBeCloseTo(1, 1);
    // E|N(0, σ)| = σ·√(2/π).
    expect(result.mean).toBeCloseTo(noise * Math.sqrt(2 / Math.PI), 2);
  });

  it.each([0, 0.02, 0.05])('the old ones are found with noise of %d nats, though within the tolerance', (noise) => {
    const result = judged(
      answersFrom(() => old, noise),
      end,
      0.2,
    );
    expect(result.mean).toBeLessThan(0.2);
    expect(result.verdict).toBe('failed');
    expect(result.shift).toBeCloseTo(0, 1);
    expect(result.note).toMatch(/it seems to hold round 1 still$/);
  });

  it('the old ones are named where the update has moved a few sequences most', () => {
    const uneven = old.map((row, s) => row.map((value) => value + (s < 2 ? 0.5 : 0.02) * normal()));
    const result = judged(
      answersFrom(() => old, 0.001),
      uneven,
    );
    expect(result.mean).toBeLessThan(0.1);
    expect(result).toMatchObject({ verdict: 'failed', note: expect.stringMatching(/it seems to hold round 1 still$/) });
  });

  it('other weights are found by the tolerance', () => {
    const other = rows(() => -2 * random.uniform());
    expect(
      judged(
        answersFrom(() => other, 0.01),
        end,
      ),
    ).toMatchObject({
      verdict: 'failed',
      note: expect.stringMatching(/more than the tolerance of 0.1; it seems to hold other weights$/),
    });
  });

  it('one stale replica of eight is found in single answers', () => {
    const result = judged(
      answersFrom((answer) => (answer % 8 === 3 ? old : end), 0.01),
      end,
    );
    expect(result.verdict).toBe('failed');
    expect(result.note).toMatch(/^4 of 32 answers came from other weights than round 2: a replica/);
  });

  it('weights of which a part has not changed are found: 84% of the update', () => {
    const partly = end.map((row, s) => row.map((value, t) => 0.84 * value + 0.16 * old[s][t] + 0.002 * normal()));
    expect(
      judged(
        answersFrom(() => partly, 0),
        end,
      ),
    ).toMatchObject({
      verdict: 'failed',
      note: expect.stringMatching(/^it shows 84% of the update to round 2/),
    });
  });

  it('later weights are found: twice the update', () => {
    const later = end.map((row, s) => row.map((value, t) => 2 * value - old[s][t]));
    expect(
      judged(
        answersFrom(() => later, 0.01),
        end,
      ),
    ).toMatchObject({
      verdict: 'failed',
      note: expect.stringMatching(/200% of the update to round 2; it seems to hold later weights$/),
    });
  });

  it('a part of the weights that has not changed is found by the noise under the weights before', () => {
    // As measured of vLLM 0.32's CPU build: mean 0.014 of an update of 0.064, where it differed by 2e-7 before.
    const partly = end.map((row) => row.map((value) => value + 0.0175 * normal()));
    const answers = answersFrom(() => partly, 0);
    const verdict = (noise: number | null) =>
      verifyPolicy('round 2', 'round 1', answers, { start: old, end }, 0.1, noise);
    expect(verdict(null).verdict).toBe('verified');
    // A bfloat16 server differs by as much anyway.
    expect(verdict(0.0034).verdict).toBe('verified');
    expect(verdict(2e-7)).toMatchObject({
      verdict: 'failed',
      note: expect.stringMatching(/it seems to have taken over only a part of the weights$/),
    });
  });

  it('an update below the noise is verified by the tolerance alone, and says so', () => {
    const tiny = updated(0.0005);
    const result = judged(
      answersFrom(() => tiny, 0.05),
      tiny,
    );
    expect(result).toMatchObject({ verdict: 'verified', shift: null });
    expect(result.note).toMatch(/too small on the probe tokens to tell it from numerical differences$/);
  });

  it('no numbers at all are no proof', () => {
    const nothing = answersFrom(() => end, 0).map((answer) => ({
      ...answer,
      logprobs: answer.logprobs.map(() => NaN),
    }));
    expect(judged(nothing, end).verdict).toBe('failed');
  });
});

describe('weights of which nothing is recorded', () => {
  const other = updated(0.4);
  const agreed = (weights: number[][][]) =>
    verifyAgreement(
      'base policy',
      weights.map((rows) => answersFrom(() => rows, 0.02)),
      0.1,
    );

  it('endpoints that agree pass, and a single one says what that proves', () => {
    expect(agreed([old, old, old])).toMatchObject(
      Array.from({ length: 3 }, () => ({
        verdict: 'agreed',
        mean: null,
        note: expect.stringMatching(/all 3 endpoints/),
      })),
    );
    expect(agreed([old])[0].note).toMatch(/^nothing is recorded of the base policy yet, so only its answers/);
  });

  it('the one that differs fails, whichever it is', () => {
    for (const odd of [0, 1, 2])
      expect(agreed([0, 1, 2].map((i) => (i === odd ? other : old))).map(({ verdict }) => verdict)).toEqual(
        [0, 1, 2].map((i) => (i === odd ? 'failed' : 'agreed')),
      );
  });

  it('replicas behind one endpoint that differ fail', () => {
    const mixed = answersFrom((answer) => (answer < SEQUENCES ? old : other), 0.01);
    expect(verifyAgreement('base policy', [mixed], 0.1)[0].note).toMatch(
      /replicas behind this endpoint hold different/,
    );
  });
});
