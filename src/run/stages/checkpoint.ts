/**
 * The checkpoint of an unfinished update: one safetensors file, replaced atomically. The row of a step whose held-out pairs
 * were still being evaluated lies beside it, and counts only for the checkpoint of its step.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../../core/errors.js';
import type { TrainingState } from '../../train/update.js';
import { SafetensorsReader, writeSafetensors } from '../../model/safetensors.js';
import { makeDirectory, removeAll } from '../../io/durable.js';
import { readJsonLines, writeJsonLines } from '../../io/jsonl.js';
import { metricsSchema } from '../../core/metricsRow.js';

const NAME = 'state';
const UNFINISHED = 'unfinished.jsonl';

export function writeCheckpoint(dir: string, state: TrainingState): void {
  makeDirectory(dir);
  if (state.unfinished !== undefined) writeJsonLines(path.join(dir, UNFINISHED), [state.unfinished]);
  const tensors = [
    tensor('step', Float32Array.of(state.step)),
    tensor('micro_batch', Float32Array.of(state.microBatch)),
    ...[...state.weights].map(([name, values]) => tensor(`weight:${name}`, values)),
    ...[...state.optimizer.moments].flatMap(([name, { m, v }]) => [tensor(`m:${name}`, m), tensor(`v:${name}`, v)]),
  ];
  writeSafetensors(path.join(dir, `${NAME}.safetensors`), tensors, { format: 'brevity' });
}

/**
 * null without a checkpoint.
 *
 * @param microBatch for checkpoints of earlier versions, which did not store it
 * @throws UserError if the file is damaged
 */
export function readCheckpoint(dir: string, microBatch: number): TrainingState | null {
  const file = path.join(dir, `${NAME}.safetensors`);
  if (!existsSync(file)) return null;
  const reader = SafetensorsReader.open(dir, NAME);
  const damaged = (what: string) =>
    new UserError(`${file} is damaged: ${what}; abort the update, which removes it, and launch it again`);
  const read = (name: string): Float32Array => {
    if (!reader.has(name)) throw damaged(`it lacks ${name}`);
    return reader.readFloats(name);
  };
  const count = (name: string, least: number): number => {
    const values = read(name);
    if (values.length === 1 && Number.isInteger(values[0]) && values[0] >= least) return values[0];
    throw damaged(`${name} is [${values.slice(0, 4).join(', ')}]`);
  };
  try {
    const step = count('step', 0);
    const names = reader
      .names()
      .filter((name) => name.startsWith('weight:'))
      .map((name) => name.slice('weight:'.length));
    const weights = new Map(names.map((name) => [name, read(`weight:${name}`)]));
    const moments = new Map(names.map((name) => [name, { m: read(`m:${name}`), v: read(`v:${name}`) }]));
    for (const [name, { m, v }] of moments)
      if (m.length !== weights.get(name)?.length || v.length !== m.length)
        throw damaged(`its tensors of ${name} differ in size`);
    const rows = readJsonLines(path.join(dir, UNFINISHED), metricsSchema, { missing: 'empty' });
    const unfinished = rows.find((row) => row.step === step);
    return {
      ...(unfinished !== undefined && { unfinished }),
      step,
      microBatch: reader.has('micro_batch') ? count('micro_batch', 1) : microBatch,
      weights,
      optimizer: { steps: step, moments },
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
