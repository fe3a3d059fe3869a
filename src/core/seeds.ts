/**
 * Every random choice of a run is derived from its seed and from what is being chosen: the same run twice gives the
 * same responses, whatever was resumed, batched or reordered.
 */

/** The purpose of a draw, so that the same numbers give different draws elsewhere. */
export type SeedPurpose =
  'sample' | 'held-out' | 'prompts' | 'pairs' | 'update' | 'bootstrap' | 'held-out-pairs' | 'blind';

const purposes: Record<SeedPurpose, number> = {
  sample: 1,
  'held-out': 2,
  prompts: 3,
  pairs: 4,
  update: 5,
  bootstrap: 6,
  'held-out-pairs': 8,
  blind: 9,
};

/** A well-mixed 32-bit seed (murmur3's finalizer over each number in turn). */
export function deriveSeed(runSeed: number, purpose: SeedPurpose, ...numbers: number[]): number {
  let hash = 0x9e3779b9;
  for (const number of [runSeed, purposes[purpose], ...numbers]) {
    hash = mix(hash ^ mix((number >>> 0) ^ 0x85ebca6b));
    hash = (Math.imul(hash, 5) + 0xe6546b64) >>> 0;
  }
  return mix(hash);
}

/** The seed of one response. */
export function sampleSeed(runSeed: number, round: number, promptIndex: number, sample: number): number {
  return deriveSeed(runSeed, 'sample', round, promptIndex, sample);
}

/**
 * The seed of one response to a held-out prompt. The first is that of versions that sampled one response: their results
 * stay reproducible. With the best of N each response has candidates, whose first has the response's own seed.
 */
export function heldOutSeed(runSeed: number, promptIndex: number, sample: number, candidate = 0): number {
  if (candidate > 0) return deriveSeed(runSeed, 'held-out', promptIndex, sample, candidate);
  return sample === 0
    ? deriveSeed(runSeed, 'held-out', promptIndex)
    : deriveSeed(runSeed, 'held-out', promptIndex, sample);
}

function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A hash of a text's UTF-16 units from 0 to 2^53 - 1, to tell texts apart; not against people who want two alike. */
export function textHash(text: string): number {
  let [high, low] = [0x9e3779b9, 0x85ebca6b];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  return (mix(high ^ mix(low)) >>> 11) * 2 ** 32 + mix(low ^ mix(high));
}

/** A small random generator with a 32-bit seed (Mulberry32): one stream per response. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Uniform in [0, 1), from 53 random bits. */
  uniform(): number {
    return (this.bits() * 2 ** 21 + (this.bits() >>> 11)) / 2 ** 53;
  }

  /** Uniform whole number in [0, n). */
  below(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** In place (Fisher-Yates). */
  shuffle<T>(items: T[]): T[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }

  private bits(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
}
