/** Describes the machine that a result was measured on. */
import { availableParallelism, cpus, totalmem } from 'node:os';

export function machine(): { date: string; processor: string; cores: number; memory_gb: number; node: string } {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0].model.trim(),
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}
