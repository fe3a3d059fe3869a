/** What people read where the addon cannot be loaded. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AddonPackage, addonPackage, explainAddonFailure } from '../../../src/tensor/native/addon.js';
import { dist } from '../../engine/runs.js';
import { goldenFolder } from '../../golden.js';
import { temporaryDirectories } from '../../temporary.js';

const temporaryDirectory = temporaryDirectories();

/** A package without an addon. */
function unbuilt(): AddonPackage {
  const folder = temporaryDirectory();
  const file = path.join(folder, 'build', 'Release', 'brevity.node');
  mkdirSync(path.dirname(file), { recursive: true });
  return { folder, file, origin: 'compiled', rebuildCommand: 'npm run build:native' };
}

function built(content = ''): AddonPackage {
  const found = unbuilt();
  writeFileSync(found.file, content);
  return found;
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
    const found = unbuilt();
    const problem = JSON.stringify({ problem: 'no C++ compiler was found' });
    writeFileSync(path.join(found.folder, 'build', 'problem.json'), problem);
    const text = explainAddonFailure(new Error('Cannot find module'), found);
    expect(text).toBe('no C++ compiler was found; `npm run build:native` builds it');
    expect(explainAddonFailure(new Error('x'), unbuilt())).toMatch(/was not built when Brevity was installed/);
    expect(explainAddonFailure(new Error('x'), null)).toMatch(/is not installed; install Brevity again/);
  });

  it('and a real file of another format is told so', () => {
    const found = built('this is no shared library, of any processor, and is long enough to be read as one');
    let error: unknown = null;
    try {
      createRequire(import.meta.url)(found.file);
    } catch (thrown) {
      error = thrown;
    }
    expect(explainAddonFailure(error, found)).toMatch(/`npm run build:native` builds it anew/);
  });

  it.runIf(process.platform === 'linux')('one of another processor is named so; auto goes on with wasm', () => {
    const folder = temporaryDirectory();
    const foreign = path.join(folder, 'foreign.node');
    const binary = readFileSync((addonPackage() as AddonPackage).file);
    binary.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
    writeFileSync(foreign, binary);
    const row = JSON.stringify({ prompt_ids: [3, 4], response_ids: [5] }) + '\n';
    const command = (backend: string) =>
      spawnSync(
        process.execPath,
        [path.join(dist, 'cli.js'), 'logprobs', '--model', `${goldenFolder}llama-tied-gqa/model`, '--backend', backend],
        { input: row, encoding: 'utf8', env: { ...process.env, BREVITY_ADDON: foreign, BREVITY_DEVICE: undefined } },
      );
    const reason =
      /backend native cannot be used: its addon was built for another processor or system .*`npm run build:native` builds it anew/;
    const asked = command('native');
    expect(asked.stderr).toMatch(reason);
    expect(asked.status).toBe(1);
    expect(asked.stdout).toBe('');
    const automatic = command('auto');
    expect(automatic.stderr).toMatch(reason);
    expect(automatic.stderr).toContain('wasm computes instead');
    expect(automatic.status).toBe(0);
    expect((JSON.parse(automatic.stdout) as { logps: number }).logps).toBeLessThan(0);
  });
});
