/** Stand-ins for Python and nvidia-smi: shell scripts that print what the real ones would. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { PythonFacts } from '../../../src/core/form/python.js';

export const gpuFacts: Omit<PythonFacts, 'program' | 'trainer_folder'> = {
  version: '3.12.4',
  packages: { torch: '2.9.0', transformers: '5.12.0', accelerate: '1.14.0', peft: '0.18.0' },
  gpus: [{ name: 'NVIDIA H100 80GB HBM3', memory_mb: 81_559 }],
  trainer: '0.1.0',
  problem: null,
};

/** @returns the program's path */
export function standIn(folder: string, name: string, body: string): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** A Python that answers with these facts, after a banner. */
export function fakePython(folder: string, name: string, facts: object = gpuFacts): string {
  return standIn(folder, name, `echo "a banner"\ncat <<'END'\n${JSON.stringify(facts)}\nEND`);
}

export function fakeNvidiaSmi(folder: string): string {
  return standIn(folder, 'nvidia-smi', 'echo "NVIDIA H100 80GB HBM3, 81559 MiB, 580.65.06"');
}
