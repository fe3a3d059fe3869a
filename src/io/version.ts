/** The version of this Brevity, from its package.json. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** This file is in `dist/src/io`, in `src/io` (tests), or in a bundle's `dist/src`. */
const manifest = ['../../..', '../..']
  .map((up) => path.resolve(import.meta.dirname, up, 'package.json'))
  .filter((file) => existsSync(file))
  .map((file) => JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version: string })
  .find(({ name }) => name === 'brevity-dpo');

export const brevityVersion = manifest?.version ?? 'unknown';
