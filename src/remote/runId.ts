/** The name under which other machines know a run. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { RunFiles } from '../store/run.js';

/** Eight hexadecimal digits that follow from the run's directory. */
export function runId(files: Pick<RunFiles, 'roundDir'>): string {
  return createHash('sha256')
    .update(path.resolve(files.roundDir(0)))
    .digest('hex')
    .slice(0, 8);
}

/** `brevity-1a2b3c4d-r0003`: a round's policy on sampling servers, or its job. */
export function remoteName(files: Pick<RunFiles, 'roundDir'>, round: number): string {
  return `brevity-${runId(files)}-r${String(round).padStart(4, '0')}`;
}
