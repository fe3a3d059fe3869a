/** What a folder takes on the disk. */
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '../errors.js';

/** Bytes of all files in a folder and in those within it; 0 where there is none. Links count for themselves. */
export async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const sizes = await Promise.all(
    names.map((name) =>
      lstat(path.join(folder, name)).then(
        (entry) => (entry.isDirectory() ? 0 : entry.size),
        // What is removed meanwhile takes nothing.
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
