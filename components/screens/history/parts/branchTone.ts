import type { Tone } from '../../../parts/theme.js';

const tones: readonly Tone[] = ['first', 'second', 'good', 'warn'];

/** Branches are told apart by their marks too. */
export const branchTone = (branch: number): Tone => (branch < 0 ? 'plain' : tones[branch % tones.length]);
