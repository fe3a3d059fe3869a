/** Records what is done to files, and makes chosen operations fail: how a test sees the order of writes and syncs. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

const recorded = ['openSync', 'writeSync', 'fsyncSync', 'fdatasyncSync', 'ftruncateSync', 'renameSync'] as const;
const alsoRecorded = ['mkdirSync', 'copyFileSync', 'rmSync'] as const;
type Name = (typeof recorded)[number] | (typeof alsoRecorded)[number];

export interface Operation {
  /** `fsync` of `fsyncSync`; `create` of an `openSync` that made the file. */
  name: string;
  /** Relative to the given directory; the random part of a temporary's name is `*`. */
  file: string;
}

/**
 * Runs `action` and lists the operations below `directory`: `write run.json.tmp-*`, `fsync .`, `rename a -> b`.
 *
 * @param failing throws the error of an operation that is to fail
 */
export function operationsOf(
  directory: string,
  action: () => void,
  failing: (line: string) => void = () => {},
): string[] {
  const lines: string[] = [];
  const paths = new Map<number, string>();
  const originals = new Map<Name, unknown>();
  const show = (file: unknown) =>
    (
      path.relative(directory, typeof file === 'number' ? (paths.get(file) ?? `fd ${file}`) : String(file)) || '.'
    ).replace(/\.tmp-[0-9a-f]{16}/g, '.tmp-*');
  const note = (line: string) => {
    if (line.includes('..')) return;
    lines.push(line);
    failing(line);
  };
  const wrap = (name: Name) => {
    const original = fs[name] as (...args: unknown[]) => unknown;
    originals.set(name, original);
    (fs as unknown as Record<string, unknown>)[name] = (...args: unknown[]) => {
      const short = name.replace('Sync', '');
      if (name === 'openSync') {
        const isNew = !fs.existsSync(String(args[0]));
        if (isNew) note(`create ${show(args[0])}`);
        const handle = original(...args) as number;
        paths.set(handle, String(args[0]));
        return handle;
      }
      if (name === 'renameSync' || name === 'copyFileSync') note(`${short} ${show(args[0])} -> ${show(args[1])}`);
      else if (name !== 'rmSync' || fs.existsSync(String(args[0]))) note(`${short} ${show(args[0])}`);
      return original(...args);
    };
  };
  for (const name of [...recorded, ...alsoRecorded]) wrap(name);
  syncBuiltinESMExports();
  try {
    action();
  } finally {
    for (const [name, original] of originals) (fs as unknown as Record<string, unknown>)[name] = original;
    syncBuiltinESMExports();
  }
  return lines;
}

export function diskFull(): never {
  throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
}

export function broken(): never {
  throw Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', syscall: 'fsync' });
}
