/** Reading a model takes little more memory than its float32 weights. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { largeModel } from './largeModel.js';

describe('peak memory', () => {
  it('stays below 1.3 × the float32 weights', () => {
    const child = new URL('./loadInChild.ts', import.meta.url).pathname;
    const printed = execFileSync(process.execPath, ['--import', 'tsx', child, largeModel(), 'wasm', 'trained'], {
      encoding: 'utf8',
    });
    const { grown, weights } = JSON.parse(printed) as { grown: number; weights: number };
    expect(weights).toBeGreaterThan(170e6);
    expect(grown / weights).toBeGreaterThan(0.95);
    expect(grown / weights).toBeLessThan(1.3);
  });
});
