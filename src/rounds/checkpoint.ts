/** The state of an unfinished update on disk: one safetensors file, replaced whole. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { TrainingState } from '../dpo/update.js';
import { SafetensorsReader } from '../model/safetensors.js';
import { writeSafetensors } from '../model/safetensorsWriter.js';
import { makeDirectory, removeAll } from '../store/durable.js';

const NAME = 'state';

export function writeCheckpoint(dir: string, state: TrainingState): void {
  makeDirectory(dir);
  const tensors = [
    tensor('step', Float32Array.of(state.step)),
    tensor('micro_batch', Float32Array.of(state.microBatch)),
    ...[...state.weights].map(([name, values]) => tensor(`weight:${name}`, values)),
    ...[...state.optimizer.moments].flatMap(([name, { m, v }]) => [tensor(`m:${name}`, m), tensor(`v:${name}`, v)]),
  ];
  writeSafetensors(path.join(dir, `${NAME}.safetensors`), tensors, { format: 'brevity' });
}

/**
 * null where there is none.
 *
 * @param microBatch of an update that was interrupted before checkpoints held it
 */
export function readCheckpoint(dir: string, microBatch: number): TrainingState | null {
  if (!existsSync(path.join(dir, `${NAME}.safetensors`))) return null;
  const reader = SafetensorsReader.open(dir, NAME);
  try {
    const [step] = reader.readFloats('step');
    const names = reader
      .names()
      .filter((name) => name.startsWith('weight:'))
      .map((name) => name.slice('weight:'.length));
    return {
      step,
      microBatch: reader.names().includes('micro_batch') ? reader.readFloats('micro_batch')[0] : microBatch,
      weights: new Map(names.map((name) => [name, reader.readFloats(`weight:${name}`)])),
      optimizer: {
        steps: step,
        moments: new Map(
          names.map((name) => [name, { m: reader.readFloats(`m:${name}`), v: reader.readFloats(`v:${name}`) }]),
        ),
      },
    };
  } finally {
    reader.close();
  }
}

export function removeCheckpoint(dir: string): void {
  removeAll([dir]);
}

function tensor(name: string, values: Float32Array) {
  return { name, shape: [values.length], dtype: 'F32' as const, values: () => values };
}
