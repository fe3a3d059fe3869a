/** The tensor backend that a test process computes on: suites that compute run once for each (vitest.config.ts). */
import type { BackendName } from '../src/core/config/schema.js';

export const testBackend = (process.env.BREVITY_TEST_BACKEND ?? 'wasm') as BackendName;
