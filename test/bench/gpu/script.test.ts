/** verify.sh before it unpacks anything: what a person can get wrong is one sentence, and exit status 2. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryDirectories } from '../../temporary.js';

const temporaryDirectory = temporaryDirectories();
let [folder, script] = ['', ''];

beforeAll(() => {
  folder = temporaryDirectory();
  script = path.join(folder, 'verify-gpu.sh');
  const text = readFileSync(path.resolve(import.meta.dirname, '../../../bench/gpu/verify.sh'), 'utf8');
  writeFileSync(script, text.replace('\n', '\nNEEDS_GLIBC=2.34 ARCHIVE_LINE=1000\n'));
});

function run(args: string[], env: Record<string, string> = {}, file = script) {
  const { status, stdout, stderr } = spawnSync('bash', [file, ...args], {
    ...{ encoding: 'utf8' as const, cwd: folder, env: { PATH: process.env.PATH ?? '', ...env } },
  });
  return { status, stdout, stderr };
}

describe.runIf(process.platform === 'linux' && process.arch === 'x64')('verify.sh', () => {
  it.each([
    [['--fast'], 'verify: unknown argument --fast; --help shows what there is\n'],
    [['--minutes', 'soon'], 'verify: --minutes is soon; expected a number such as 9\n'],
    [['--minutes'], 'verify: --minutes needs a value\n'],
    [
      ['--out', '/no/such/folder/x'],
      'verify: the results cannot be written to /no/such/folder/x; name another file with --out\n',
    ],
  ])('%j', (args, stderr) => {
    expect(run(args)).toEqual({ status: 2, stdout: '', stderr });
  });

  it('a folder for temporary files that is not there, and an archive that is not there', () => {
    expect(run([], { TMPDIR: '/no/such' }).stderr).toContain('there is no folder /no/such; set TMPDIR');
    const damaged = run([]);
    expect(damaged.status).toBe(2);
    expect(damaged.stderr).toContain('the archive cannot be unpacked');
  });

  it('programs for a newer C library', () => {
    const newer = path.join(folder, 'newer.sh');
    writeFileSync(newer, readFileSync(script, 'utf8').replace('NEEDS_GLIBC=2.34', 'NEEDS_GLIBC=9.1'));
    expect(run([], {}, newer).stderr).toContain('the programs need glibc 9.1 or newer');
  });

  it('--help shows the header', () => {
    const { status, stdout } = run(['--help']);
    expect(status).toBe(0);
    expect(stdout).toContain('--minutes N');
    expect(stdout).not.toContain('set -u');
    expect(stdout).not.toContain('NEEDS_GLIBC');
  });
});
