/** What people read where the addon cannot be loaded. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { explainAddonFailure } from '../../../src/tensor/native/addon.js';
import { temporaryDirectories } from '../../temporary.js';

const temporaryDirectory = temporaryDirectories();

function built(): string {
  const folder = temporaryDirectory();
  mkdirSync(path.join(folder, 'build', 'Release'), { recursive: true });
  writeFileSync(path.join(folder, 'build', 'Release', 'brevity.node'), '');
  return folder;
}

describe('an addon that does not load', () => {
  it.each([
    ['compiled against a different Node.js version using NODE_MODULE_VERSION 115', /built for another Node .*v\d+/],
    ['/x/brevity.node: invalid ELF header', /built for another processor or system than this one \(\w+ \w+\)/],
    ['/x/brevity.node: mach-o file, but is an incompatible architecture', /built for another processor/],
    ['GLIBC_2.38 not found', /cannot be loaded: GLIBC_2\.38 not found/],
  ])('explains %s and names the command', (message, expected) => {
    const text = explainAddonFailure(new Error(message), built());
    expect(text).toMatch(expected);
    expect(text).toContain('`npm run build:native`');
  });

  it('says why it was not built', () => {
    const folder = temporaryDirectory();
    mkdirSync(path.join(folder, 'build'));
    writeFileSync(path.join(folder, 'build', 'problem.json'), JSON.stringify({ problem: 'no C++ compiler was found' }));
    const text = explainAddonFailure(new Error('Cannot find module'), folder);
    expect(text).toBe('no C++ compiler was found; `npm run build:native` builds it');
    expect(explainAddonFailure(new Error('x'), temporaryDirectory())).toMatch(
      /was not built when Brevity was installed/,
    );
    expect(explainAddonFailure(new Error('x'), null)).toMatch(/not installed; `npm install`/);
  });

  it('and a real file of another format is told so', async () => {
    const { createRequire } = await import('node:module');
    const folder = built();
    const file = path.join(folder, 'build', 'Release', 'brevity.node');
    writeFileSync(file, 'this is no shared library, of any processor, and is long enough to be read as one');
    let error: unknown = null;
    try {
      createRequire(import.meta.url)(file);
    } catch (thrown) {
      error = thrown;
    }
    expect(explainAddonFailure(error, folder)).toMatch(/`npm run build:native` builds it anew/);
  });
});
