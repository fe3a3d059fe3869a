/** Removes what an update left that is not to be gone on with. Imports no tensors: the engine's main thread calls it too. */
import { rmSync } from 'node:fs';
import type { RoundState } from '../store/rounds.js';
import type { RunFiles } from '../store/run.js';
import { roundFiles } from './files.js';

export function discardUpdate({ files, round }: { files: RunFiles; round: Pick<RoundState, 'id'> }): void {
  rmSync(files.file(round.id, roundFiles.update), { recursive: true, force: true });
  for (const name of [roundFiles.metrics, roundFiles.probes, roundFiles.trainingPairs])
    rmSync(files.file(round.id, name), { force: true });
}
