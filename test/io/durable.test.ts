/** Order of writes, syncs and renames; links that lead elsewhere; what a kill leaves behind. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import {
  buildDirectory,
  copyFile,
  makeDirectory,
  removeAll,
  removeTemporaries,
  writeFileAtomic,
  writeNewFile,
} from '../../src/io/durable.js';
import { appendJsonLines } from '../../src/io/jsonl.js';
import { temporaryDirectories } from '../temporary.js';
import { broken, diskFull, operationsOf } from './operations.js';

const fresh = temporaryDirectories();
const modeOf = (file: string) => statSync(file).mode & 0o777;

describe('a whole file', () => {
  it('is written beside the old one, synced, renamed, and its directory is synced', () => {
    const dir = fresh();
    writeFileSync(path.join(dir, 'run.json'), 'old, and longer');
    const done = operationsOf(dir, () => writeFileAtomic(path.join(dir, 'run.json'), 'new'));
    expect(done).toEqual([
      'create run.json.tmp-*',
      'write run.json.tmp-*',
      'fsync run.json.tmp-*',
      'rename run.json.tmp-* -> run.json',
      'fsync .',
    ]);
    expect(readFileSync(path.join(dir, 'run.json'), 'utf8')).toBe('new');
    expect(readdirSync(dir)).toEqual(['run.json']);
  });

  it('keeps the old content when the disk is full, and says so', () => {
    const file = path.join(fresh(), 'whole.json');
    writeFileSync(file, 'old');
    const full = () =>
      operationsOf(
        path.dirname(file),
        () => writeFileAtomic(file, 'new'),
        (line) => line.startsWith('write') && diskFull(),
      );
    expect(full).toThrow(`cannot write ${file}: the disk is full`);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(path.dirname(file))).toEqual(['whole.json']);
  });

  it('says what cannot be written', () => {
    const file = path.join(fresh(), 'taken');
    mkdirSync(file);
    expect(() => writeFileAtomic(file, 'new')).toThrow(UserError);
    expect(() => writeFileAtomic(file, 'new')).toThrow(`cannot write ${file}`);
  });

  it('never goes through a link, neither its own name nor a name that a temporary once had', () => {
    const dir = fresh();
    const victim = path.join(dir, 'victim');
    writeFileSync(victim, 'mine');
    for (const name of ['run.json', 'run.json.tmp']) symlinkSync(victim, path.join(dir, name));
    writeFileAtomic(path.join(dir, 'run.json'), 'new');
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(readFileSync(path.join(dir, 'run.json'), 'utf8')).toBe('new');
  });

  it('of a run is private; elsewhere the umask decides; a mode that was set stays', () => {
    const dir = fresh();
    const umask = process.umask();
    writeFileAtomic(path.join(dir, 'run.json'), '{}');
    writeFileAtomic(path.join(dir, 'report.md'), '', 'user');
    expect(modeOf(path.join(dir, 'run.json'))).toBe(0o600);
    expect(modeOf(path.join(dir, 'report.md'))).toBe(0o666 & ~umask);
    chmodSync(path.join(dir, 'run.json'), 0o640);
    writeFileAtomic(path.join(dir, 'run.json'), '{}');
    expect(modeOf(path.join(dir, 'run.json'))).toBe(0o640);
  });
});

describe('a path that a user gave', () => {
  it('is written through a link, which stays', () => {
    const dir = fresh();
    writeFileSync(path.join(dir, 'real.md'), 'old');
    symlinkSync('real.md', path.join(dir, 'report.md'));
    writeFileAtomic(path.join(dir, 'report.md'), 'new', 'user');
    expect(readFileSync(path.join(dir, 'real.md'), 'utf8')).toBe('new');
    expect(readdirSync(dir).sort()).toEqual(['real.md', 'report.md']);
  });

  it('may be a device, which is not replaced', () => {
    const dir = fresh();
    symlinkSync('/dev/null', path.join(dir, 'out'));
    writeFileAtomic(path.join(dir, 'out'), 'gone', 'user');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(readdirSync(dir)).toEqual(['out']);
  });

  it('loses the temporaries of killed writers once they are a day old', () => {
    const dir = fresh();
    const left = ['report.md.tmp-0123456789abcdef', 'report.md.tmp-00000000000000aa', 'other.md.tmp-0123456789abcdef'];
    for (const name of left) writeFileSync(path.join(dir, name), '');
    const yesterday = Date.now() / 1000 - 25 * 3600;
    for (const name of [left[0], left[2]]) utimesSync(path.join(dir, name), yesterday, yesterday);
    writeFileAtomic(path.join(dir, 'report.md'), '', 'user');
    expect(readdirSync(dir).sort()).toEqual([left[2], 'report.md', left[1]].sort());
  });
});

describe('rows', () => {
  it('are synced, and the directory too when the file is new to this process', () => {
    const dir = fresh();
    const file = path.join(dir, 'samples.jsonl');
    const append = () => operationsOf(dir, () => appendJsonLines(file, [{ n: 1 }]));
    const first = ['create samples.jsonl', 'write samples.jsonl', 'fdatasync samples.jsonl', 'fsync .'];
    expect(append()).toEqual(first);
    expect(append()).toEqual(first.slice(1, 3));
    removeAll([file]);
    expect(append()).toEqual(first);
    expect(modeOf(file)).toBe(0o600);
    // As left by a process that was killed before it synced the directory.
    const other = path.join(dir, 'scores.jsonl');
    writeFileSync(other, '{"n":1}\n');
    expect(operationsOf(dir, () => appendJsonLines(other, [{ n: 2 }])).at(-1)).toBe('fsync .');
  });

  it.each(['write', 'fdatasync', 'fsync'])('are not there after a failed %s, nor after a power cut', (name) => {
    const dir = fresh();
    const file = path.join(dir, 'decisions.jsonl');
    writeFileSync(file, '{"n":1}\n');
    let failed = false;
    const done: string[] = [];
    const attempt = () =>
      operationsOf(
        dir,
        () => appendJsonLines(file, [{ n: 2 }]),
        (line) => {
          done.push(line);
          if (failed || !line.startsWith(`${name} `)) return;
          failed = true;
          broken();
        },
      );
    expect(attempt).toThrow(`cannot write ${file}: EIO`);
    expect(readFileSync(file, 'utf8')).toBe('{"n":1}\n');
    expect(done.slice(-2)).toEqual(['ftruncate decisions.jsonl', 'fdatasync decisions.jsonl']);
  });

  it('are not appended through a link, to a pipe or a directory', () => {
    const dir = fresh();
    const file = path.join(dir, 'metrics.jsonl');
    symlinkSync(path.join(dir, 'victim'), file);
    expect(() => appendJsonLines(file, [{}])).toThrow(`${file} is a symbolic link`);
    expect(existsSync(path.join(dir, 'victim'))).toBe(false);
    mkdirSync(path.join(dir, 'probes.jsonl'));
    expect(() => appendJsonLines(path.join(dir, 'probes.jsonl'), [{}])).toThrow(UserError);
  });
});

describe('a directory', () => {
  it('appears whole: every file synced, then the directory, the rename, the parent', () => {
    const dir = fresh();
    const source = path.join(dir, 'tokenizer.json');
    writeFileSync(source, '{}');
    chmodSync(source, 0o444);
    const done = operationsOf(dir, () =>
      buildDirectory(path.join(dir, 'policy'), (inside) => {
        writeNewFile(path.join(inside, 'config.json'), '{}', 'run');
        copyFile(source, path.join(inside, 'tokenizer.json'));
      }),
    );
    const rename = done.indexOf('rename policy.tmp-* -> policy');
    const before = done.slice(0, rename);
    for (const name of ['policy.tmp-*/config.json', 'policy.tmp-*/tokenizer.json']) {
      const written = before.findIndex((line) => /^(write|copyFile) /.test(line) && line.endsWith(name));
      expect(before.indexOf(`fsync ${name}`)).toBeGreaterThan(written);
      expect(written).toBeGreaterThanOrEqual(0);
    }
    expect(before.at(-1)).toBe('fsync policy.tmp-*');
    expect(done.slice(rename + 1)).toEqual(['fsync policy', 'fsync .']);
    expect(readdirSync(path.join(dir, 'policy')).map((name) => modeOf(path.join(dir, 'policy', name)))).toEqual([
      0o600, 0o600,
    ]);
    expect(modeOf(path.join(dir, 'policy'))).toBe(0o700);
  });

  it('that could not be filled leaves nothing', () => {
    const dir = fresh();
    const fill = (inside: string) => {
      writeNewFile(path.join(inside, 'a'), '', 'run');
      throw new UserError('no');
    };
    expect(() => buildDirectory(path.join(dir, 'policy'), fill)).toThrow('no');
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is made with its parents, each of which is synced into its own', () => {
    const dir = fresh();
    const done = operationsOf(dir, () => makeDirectory(path.join(dir, 'rounds/0001')));
    expect(done.filter((line) => line.startsWith('fsync'))).toEqual(['fsync rounds', 'fsync .']);
    expect(operationsOf(dir, () => makeDirectory(path.join(dir, 'rounds/0001')))).toEqual([]);
  });

  it('is refused in one sentence where there can be none', () => {
    const file = path.join(fresh(), 'file');
    writeFileSync(file, '');
    expect(() => makeDirectory(file, 'user')).toThrow(`${file} is not a folder; name another place, or remove it`);
    expect(() => makeDirectory(path.join(file, 'a/b'), 'user')).toThrow(
      `cannot create the folder ${file}/a/b: ${file} takes no new folders; name another place`,
    );
  });

  it.runIf(process.platform === 'linux')(
    'is refused under /proc, where a recursive mkdir of Node never returns',
    () => {
      expect(() => makeDirectory('/proc/x/y', 'user')).toThrow(
        'cannot create the folder /proc/x/y: /proc takes no new folders; name another place',
      );
    },
  );

  it('is removed for good before anything later is written, and links in it are not followed', () => {
    const dir = fresh();
    const update = path.join(dir, 'rounds/0001/update');
    mkdirSync(update, { recursive: true });
    mkdirSync(path.join(dir, 'elsewhere'));
    writeFileSync(path.join(dir, 'elsewhere/mine'), '');
    symlinkSync(path.join(dir, 'elsewhere'), path.join(update, 'link'));
    const done = operationsOf(dir, () => removeAll([update]));
    expect(done.at(-1)).toBe('fsync rounds/0001');
    expect(existsSync(path.join(dir, 'elsewhere/mine'))).toBe(true);
    expect(existsSync(update)).toBe(false);
  });

  it('of ours loses the temporaries of a killed process, this version’s and older ones’, and nothing else', () => {
    const dir = fresh();
    const stay = ['run.json', 'notes.tmp', 'x.tmp-0123', 'tmp-0123456789abcdef'];
    const left = ['run.json.tmp-0123456789abcdef', 'run.json.tmp', 'metrics.jsonl.tmp', 'state.safetensors.tmp'];
    for (const name of [...stay, ...left]) writeFileSync(path.join(dir, name), '');
    for (const name of ['policy.saving', 'policy.tmp-0123456789abcdef']) {
      mkdirSync(path.join(dir, name));
      writeFileSync(path.join(dir, name, 'model.safetensors'), '');
    }
    removeTemporaries(dir);
    expect(readdirSync(dir).sort()).toEqual([...stay].sort());
  });
});
