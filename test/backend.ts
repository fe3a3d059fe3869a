/** The tensor backend that a test process computes on: suites that compute run once for each (vitest.config.ts). */
import { expect } from 'vitest';
import type { BackendName } from '../src/core/config/schema.js';

export const testBackend = (process.env.BREVITY_TEST_BACKEND ?? 'wasm') as BackendName;

/**
 * Numbers of the same rows in different batches: the same bits where the backend promises that (docs/architecture.md,
 * Determinism), else close to each other. TensorFlow divides a product by its whole shape.
 */
export function expectSameRows(actual: unknown, expected: unknown): void {
  if (testBackend !== 'tensorflow') expect(actual).toEqual(expected);
  else expectClose(actual, expected, '');
}

function expectClose(actual: unknown, expected: unknown, at: string): void {
  if (typeof expected === 'number' && typeof actual === 'number') {
    expect(Math.abs(actual - expected), at).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected)));
  } else if (expected instanceof Map && actual instanceof Map) {
    expectClose([...(actual as Map<unknown, unknown>)], [...(expected as Map<unknown, unknown>)], at);
  } else if (typeof expected === 'object' && expected !== null && typeof actual === 'object' && actual !== null) {
    expect(Object.keys(actual), at).toEqual(Object.keys(expected));
    for (const [key, value] of Object.entries(expected)) {
      expectClose((actual as Record<string, unknown>)[key], value, `${at}/${key}`);
    }
  } else {
    expect(actual, at).toEqual(expected);
  }
}
