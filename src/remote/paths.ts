/** Folders that another machine sees under another name: `LOCAL=REMOTE` entries of a configuration. */
import path from 'node:path';

/** The remote name of a local folder or file: the entry with the longest LOCAL that contains it decides. */
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
