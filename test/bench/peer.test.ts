/** What counts as a peer, and what a result says about its processor. */
import { describe, expect, it } from 'vitest';
import { instructionSets, vectors } from '../../bench/machine.js';
import { tooOld } from '../../bench/peer.js';

describe('the oldest torch that we compare with', () => {
  it('is 2.8', () => {
    expect(tooOld('2.8.0')).toBeNull();
    expect(tooOld('2.14.1+cu130')).toBeNull();
    expect(tooOld('3.0.0')).toBeNull();
  });

  it('refuses what is older, and says what to do', () => {
    expect(tooOld('1.13.0a0')).toBe(
      'torch 1.13.0a0, which users no longer install; expected 2.8 or newer: pip install torch, and name its Python in PYTHON',
    );
    expect(tooOld('2.7.9')).not.toBeNull();
  });
});

describe('instruction sets', () => {
  it('are those of /proc/cpuinfo that decide the speed of products', () => {
    expect(instructionSets('model name\t: X\nflags\t\t: fpu sse2 avx2 fma avx512f avx512_bf16\n')).toEqual([
      'avx2',
      'fma',
      'avx512f',
      'avx512_bf16',
    ]);
    expect(instructionSets('Features\t: fp asimd bf16\n')).toEqual(['asimd', 'bf16']);
    expect(instructionSets('')).toEqual([]);
  });

  it('name the widest vectors of the native kernels', () => {
    expect(vectors(['avx2', 'fma', 'avx512f'])).toBe('avx512');
    expect(vectors(['avx2', 'fma'])).toBe('avx2');
    expect(vectors(['asimd', 'bf16'])).toBe('neon');
    expect(vectors([])).toBe('plain');
  });
});
