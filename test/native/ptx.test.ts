/** The CUDA kernels' PTX in the repository is what its sources say. `npm run test:cuda` runs the kernels in the emulator. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const folder = path.join(root, 'native/cuda');

interface Manifest {
  nvcc: string;
  architecture: string;
  sources: Record<string, string>;
  ptx: Record<string, string>;
}
const manifest = JSON.parse(readFileSync(path.join(folder, 'ptx/manifest.json'), 'utf8')) as Manifest;
const hashes = (where: string, pattern: RegExp) =>
  Object.fromEntries(
    readdirSync(where)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(path.join(where, name)))
          .digest('hex'),
      ]),
  );

describe('PTX in the repository', () => {
  it('was made from the sources as they are (else: npm run build:kernels)', () => {
    expect(hashes(folder, /\.cu$|^(axes|block|columns|cuda|mma|segments)\.h$/)).toEqual(manifest.sources);
    expect(hashes(path.join(folder, 'ptx'), /\.ptx$/)).toEqual(manifest.ptx);
  });

  it('is for the oldest card that is served, with the version that the driver check names', () => {
    for (const name of Object.keys(manifest.ptx)) {
      const text = readFileSync(path.join(folder, 'ptx', name), 'utf8');
      expect(text).toMatch(/^\.version 9\.0$/m);
      expect(text).toMatch(/^\.target sm_80$/m);
    }
  });
});
