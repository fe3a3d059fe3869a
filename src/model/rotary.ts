/** The angles of rotary position embedding: default, linear and llama3 scaling. */
import * as tf from '@tensorflow/tfjs-core';
import type { RopeConfig } from './types.js';

/**
 * Angle per position of each pair of dimensions.
 *
 * @returns dimensions/2 values; llama3 scales low frequencies as transformers' `_compute_llama3_parameters` does
 */
export function inverseFrequencies(config: RopeConfig): Float64Array {
  const half = config.dimensions / 2;
  const frequencies = Float64Array.from({ length: half }, (_, i) => config.theta ** (-(2 * i) / config.dimensions));
  if (config.type === 'linear') return frequencies.map((frequency) => frequency / config.factor);
  if (config.type === 'llama3') return frequencies.map((frequency) => llama3(frequency, config));
  return frequencies;
}

function llama3(frequency: number, config: RopeConfig): number {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_positions: original } = config;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < original / high) return frequency;
  if (wavelength > original / low) return frequency / factor;
  const smooth = (original / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/** Cosines and sines [positions, dimensions/2]; grows when longer sequences need it. */
export class RotaryTable {
  private positions = 0;
  private tables: { cos: tf.Tensor2D; sin: tf.Tensor2D } | null = null;
  private readonly frequencies: Float64Array;

  constructor(config: RopeConfig) {
    this.frequencies = inverseFrequencies(config);
  }

  /** Tables for at least this many positions; this object owns them. */
  upTo(positions: number): { cos: tf.Tensor2D; sin: tf.Tensor2D } {
    if (this.tables === null || positions > this.positions) {
      this.dispose();
      this.positions = 2 ** Math.ceil(Math.log2(Math.max(positions, 64)));
      const half = this.frequencies.length;
      const angles = Float64Array.from(
        { length: this.positions * half },
        (_, i) => Math.floor(i / half) * this.frequencies[i % half],
      );
      const table = (f: (angle: number) => number) =>
        tf.keep(tf.tensor2d(Float32Array.from(angles, f), [this.positions, half]));
      this.tables = { cos: table(Math.cos), sin: table(Math.sin) };
    }
    return this.tables;
  }

  dispose(): void {
    this.tables?.cos.dispose();
    this.tables?.sin.dispose();
    this.tables = null;
  }
}
