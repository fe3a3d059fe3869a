/** The simulated servers, the queue over them in virtual time, and the cost of a round, against numbers derived by hand. */
import { describe, expect, it } from 'vitest';
import { costs } from '../../bench/scale/cost.js';
import { type Scenario, simulate } from '../../bench/scale/simulate.js';

const scenario: Scenario = {
  ...{ endpoints: 1, speed: { throughput: 60, single: 50, slots: 2 }, concurrency: 2, responses: 1 },
  ...{ lengths: 'equal', longest: 100, client: 0, latency: 0, slow: 0, failureEvery: Infinity, restart: 60 },
  ...{ unavailable: 0, balance: 'queue', seed: 1 },
};

describe('a simulated round', () => {
  it('generates one response at the speed of a single stream', async () => {
    // 100 tokens at 50 per second; the endpoint could have generated 120 in 2 s.
    const { seconds, efficiency } = await simulate(scenario);
    expect(seconds).toBeCloseTo(2, 6);
    expect(efficiency).toBeCloseTo(100 / 120, 6);
  });

  it('shares the throughput among running responses, and queues the third', async () => {
    // Two at 30 tokens per second end at 3.33 s; the third runs alone for 2 s.
    const { seconds } = await simulate({ ...scenario, responses: 3, concurrency: 3 });
    expect(seconds).toBeCloseTo(100 / 30 + 2, 6);
  });

  it('takes the time of the client’s thread into account', async () => {
    // Four responses arrive in pairs at 3.33 s and 6.67 s; each takes 1 s, and the last two wait for each other.
    const { seconds, clientBusy } = await simulate({ ...scenario, responses: 4, client: 1 });
    expect(seconds).toBeCloseTo(clientBusy === 0 ? NaN : 4 / clientBusy, 6);
    expect(seconds).toBeGreaterThan(200 / 30 + 1);
  });

  it('gives a slow endpoint less: shares fixed beforehand wait for it', async () => {
    const slow = { ...scenario, endpoints: 4, responses: 80, slow: 0.25 };
    const balanced = await simulate(slow);
    const fixed = await simulate({ ...slow, balance: 'static' });
    // 20 responses in pairs at a quarter of 60 tokens per second.
    expect(fixed.seconds).toBeCloseTo(2000 / 15, 4);
    expect(balanced.seconds).toBeLessThan(fixed.seconds / 2);
  });

  it('samples again what a dying endpoint loses', async () => {
    const result = await simulate({ ...scenario, endpoints: 3, responses: 200, failureEvery: 40, restart: 10 });
    expect(result.failures).toBeGreaterThan(0);
    expect(result.retried).toBeGreaterThan(0);
    expect(result.wasted).toBeGreaterThan(0);
    expect(result.efficiency).toBeLessThan(result.efficiencyWhileUp);
  });
});

describe('the cost of a round', () => {
  it('follows from tokens and throughputs', () => {
    const [small] = costs();
    // 102.4 M tokens at 8 × 12,553 per second, and 5.12 M prompt tokens at 8 × 27,600.
    expect(small.seconds.sample).toBeCloseTo(102.4e6 / (8 * 12_553) + 5.12e6 / (8 * 27_600), 3);
    // 20,000 pairs of 2 × 1,280 tokens at 8 × 6,667 per second.
    expect(small.seconds.update).toBeCloseTo(51.2e6 / (8 * 6_667), 3);
    expect(costs().map(({ model, gpus, update }) => [model, gpus, update])).toEqual([
      ['7B', 8, 'full'],
      ['7B', 64, 'full'],
      ['70B', 8, 'LoRA'],
      ['70B', 64, 'full'],
    ]);
  });
});
