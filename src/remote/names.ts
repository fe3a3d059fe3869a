/** Maps folders to the names under which another machine sees them: `LOCAL=REMOTE` entries of a configuration. */
import path from 'node:path';
import { createHash } from 'node:crypto';
import type { RunFiles } from '../core/runFiles.js';

/** The remote name of a local folder or file; the entry with the longest LOCAL that contains it applies. */
export function remotePath(local: string, paths: readonly string[]): string {
  const absolute = path.resolve(local);
  let best: { from: string; to: string } | null = null;
  for (const entry of paths) {
    const [left, right] = entry.split('=');
    const from = path.resolve(left);
    const inside = absolute === from || absolute.startsWith(from === '/' ? '/' : `${from}/`);
    if (inside && (best === null || from.length > best.from.length)) best = { from, to: path.posix.normalize(right) };
  }
  return best === null ? absolute : path.posix.join(best.to, path.relative(best.from, absolute));
}

/** Identifies a run on other machines: eight hexadecimal digits derived from its directory. */
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
