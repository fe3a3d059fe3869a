/** What doctor and the form say of speed: measured on the processor, expected on a GPU. */
import { describe, expect, it } from 'vitest';
import { type Candidate, fastestBackend, speedNote } from '../../src/tensor/fastest.js';

const here = (usable: string, gpu = false): Candidate[] =>
  (['cuda', 'tensorflow', 'native', 'wasm'] as const).map((name) => ({
    name,
    usable: usable.split(' ').includes(name),
    gpu: gpu && (name === 'cuda' || name === 'tensorflow') && usable.includes(name),
  }));

describe('the fastest backend', () => {
  it.each([
    ['wasm', false, 'wasm', /it alone loads/],
    ['tensorflow wasm', false, 'tensorflow', /faster than wasm in updates; native would be faster/],
    ['native wasm', false, 'native', /^measured .* against tensorflow and wasm$/],
    ['tensorflow native wasm', false, 'native', /against tensorflow, which finds no GPU here, and wasm$/],
    ['tensorflow native wasm', true, 'tensorflow', /alone computes on the GPU; expected, not measured .* small model/],
    ['tensorflow wasm', true, 'tensorflow', /alone computes on the GPU; expected, not measured on one$/],
    ['cuda native wasm', true, 'cuda', /expected, not measured: .* auto does not choose it/],
    ['cuda tensorflow native wasm', true, 'cuda', /tensorflow launches one op at a time .* expected, not measured/],
  ])('of %s (a GPU: %s) is %s', (usable, gpu, name, why) => {
    const fastest = fastestBackend(here(usable, gpu));
    expect(fastest.name).toBe(name);
    expect(fastest.why).toMatch(why);
  });
});

it('the form says what is faster than the backend in use', () => {
  expect(speedNote('native', false, false)).toBeNull();
  expect(speedNote('cuda', true, true)).toBeNull();
  expect(speedNote('native', false, true)).toMatch(/the GPU stays idle/);
  expect(speedNote('tensorflow', true, true)).toMatch(/on the GPU, where we have not measured it/);
  expect(speedNote('tensorflow', false, false)).toMatch(/on the processor, where native is faster/);
  expect(speedNote('wasm', false, false)).toMatch(/native is several times faster/);
});
