/** Describes the machine that a result was measured on. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

export interface Machine {
  date: string;
  processor: string;
  /** Those that decide the speed of products; empty where the system does not list them. */
  instruction_sets: string[];
  cores: number;
  memory_gb: number;
  node: string;
}

const decisive = ['avx2', 'fma', 'avx512f', 'avx512_bf16', 'amx_tile', 'amx_bf16', 'asimd', 'bf16', 'i8mm', 'sve'];

export function machine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0].model.trim(),
    instruction_sets: instructionSets(existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : ''),
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

/** @param cpuinfo the text of /proc/cpuinfo */
export function instructionSets(cpuinfo: string): string[] {
  const [, flags = ''] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo) ?? [];
  const known = new Set(flags.split(/\s+/));
  return decisive.filter((name) => known.has(name));
}

/** The widest vectors that the native kernels use on a machine. */
export function vectors(sets: readonly string[]): 'avx512' | 'avx2' | 'neon' | 'plain' {
  if (sets.includes('avx512f')) return 'avx512';
  if (sets.includes('avx2')) return 'avx2';
  return sets.includes('asimd') ? 'neon' : 'plain';
}
