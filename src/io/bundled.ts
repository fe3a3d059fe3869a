/** Files that come with Brevity, in its folder `data`. */
import { existsSync } from 'node:fs';
import path from 'node:path';

/** @param name below `data`, such as `judge/compare.txt` */
export function bundledFile(name: string): string {
  // The program runs from `dist/src`, tests from `src`.
  const roots = ['../../..', '../..'].map((up) => path.resolve(import.meta.dirname, up));
  const files = roots.map((root) => path.join(root, 'data', name));
  return files.find((file) => existsSync(file)) ?? files[0];
}
