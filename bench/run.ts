/** Runs a measurement (measure.ts) in a separate process. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { Measurement } from './measure.js';

export interface Measured {
  backend: string;
  parameters: number;
  step_s: number;
  step_cpu_s: number;
  pairs_per_s: number;
  update_tokens_per_s: number;
  sample_tokens_per_s: number;
  sample_cpu_s: number;
  peak_mem_mb: number;
}

export function measure(measurement: Partial<Measurement> & { shape: string }): Measured {
  const script = path.join(import.meta.dirname, 'measure.js');
  return lastLine(
    execFileSync(process.execPath, [script, JSON.stringify(measurement)], { encoding: 'utf8' }),
  ) as Measured;
}

/** Parses the last line of a program's output as JSON. */
export function lastLine(text: string): unknown {
  return JSON.parse(text.trim().split('\n').at(-1) ?? '');
}
