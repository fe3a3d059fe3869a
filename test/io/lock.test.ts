/** One holder per directory: among living processes, after killed ones, and whatever the lock file says. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Lock, type LockHolder, checkLock, heldMessage, lockHolder, readHolder } from '../../src/io/lock.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const children: ChildProcess[] = [];
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const lockModule = new URL('../../dist/src/io/lock.js', import.meta.url).href;

/** A process that takes the lock, prints who holds it, runs `then`, and lives until it is killed. */
function taker(directory: string, then = ''): Promise<{ child: ChildProcess; holder: number; said: string }> {
  const script = `
    import { Lock } from ${JSON.stringify(lockModule)};
    const lock = Lock.take(${JSON.stringify(directory)}, 'socket');
    let said = '';
    ${then}
    console.log(lock instanceof Lock ? process.pid : lock.pid, said);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return new Promise((resolve) => {
    child.stdout.once('data', (text: Buffer) => {
      const [holder, said] = String(text).trim().split(' ');
      resolve({ child, holder: Number(holder), said });
    });
  });
}

function killed(child: ChildProcess): Promise<unknown> {
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  return exit;
}

function taken(directory: string): Lock {
  const lock = Lock.take(directory, 'mine');
  if (!(lock instanceof Lock)) throw new Error(`held by ${lock.pid}`);
  return lock;
}

const lockFile = (directory: string) => path.join(directory, 'lock');

/** A lock file as engines before flock wrote it, which held by its existence. */
function writeEarlier(directory: string, changes: Partial<LockHolder>): void {
  const lock = { pid: process.pid, host: hostname(), started: null, since: 'then', socket: 's', ...changes };
  writeFileSync(lockFile(directory), JSON.stringify(lock));
}

const unusedPid = 2 ** 22 + 1;

it('names this process, its host and socket; released, the file stays and is empty', () => {
  const directory = fresh();
  const lock = Lock.take(directory, '/a/socket') as Lock;
  expect(lock).toBeInstanceOf(Lock);
  const me = { pid: process.pid, host: hostname(), socket: '/a/socket', version: 2 };
  expect(lockHolder(directory)).toMatchObject(me);
  expect(readHolder(directory)).toMatchObject(me);
  expect(Lock.take(directory, 'second')).toMatchObject(me);
  lock.release();
  expect(lockHolder(directory)).toBeNull();
  expect(readFileSync(lockFile(directory), 'utf8')).toBe('');
  taken(directory).release();
  expect(readdirSync(directory)).toEqual(['lock']);
});

it('tells a second process who holds it, until that one dies by kill -9', async () => {
  const directory = fresh();
  const { child, holder } = await taker(directory);
  expect(holder).toBe(child.pid);
  expect(Lock.take(directory, 'mine')).toMatchObject({ pid: child.pid, socket: 'socket' });
  await killed(child);
  // The file still names it.
  expect(readHolder(directory)?.pid).toBe(child.pid);
  expect(lockHolder(directory)).toBeNull();
  const lock = taken(directory);
  expect(lockHolder(directory)).toMatchObject({ pid: process.pid, socket: 'mine' });
  lock.release();
});

it('dies with its process although programs and threads that it started live on', async () => {
  const directory = fresh();
  const { child, said } = await taker(
    directory,
    `const { spawn } = await import('node:child_process');
     const { Worker } = await import('node:worker_threads');
     const program = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
     const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
     await new Promise((resolve) => worker.once('online', resolve));
     said = String(program.pid);`,
  );
  expect(lockHolder(directory)?.pid).toBe(child.pid);
  await killed(child);
  try {
    process.kill(Number(said), 0);
    expect(lockHolder(directory)).toBeNull();
  } finally {
    process.kill(Number(said), 'SIGKILL');
  }
});

it('goes to one of many that contend for it', async () => {
  const directory = fresh();
  writeEarlier(directory, { pid: unusedPid });
  const takers = await Promise.all(Array.from({ length: 6 }, () => taker(directory)));
  expect(new Set(takers.map(({ holder }) => holder)).size).toBe(1);
  expect(lockHolder(directory)?.pid).toBe(takers[0].holder);
  expect(takers.map(({ child }) => child.pid)).toContain(takers[0].holder);
});

it('a holder notices that its directory was deleted and made anew, and leaves the next one’s lock alone', () => {
  const directory = path.join(fresh(), 'run');
  mkdirSync(directory);
  const first = taken(directory);
  checkLock(first.witness);
  rmSync(directory, { recursive: true });
  expect(() => checkLock(first.witness)).toThrow(
    `${lockFile(directory)} was deleted or replaced while this engine ran`,
  );
  mkdirSync(directory);
  const second = taken(directory);
  expect(() => checkLock(first.witness)).toThrow('was deleted or replaced');
  first.release();
  expect(lockHolder(directory)?.pid).toBe(process.pid);
  checkLock(second.witness);
  renameSync(directory, `${directory}-moved`);
  expect(() => checkLock(second.witness)).toThrow('was deleted or replaced');
  expect(lockHolder(`${directory}-moved`)?.pid).toBe(process.pid);
  second.release();
});

describe('what the file says does not decide', () => {
  it.each([
    ['nothing', ''],
    ['no JSON', 'pid 12'],
    ['another format', '{"version": 7, "owner": "me"}'],
    ['a name with a process that lives', JSON.stringify({ ...holderNamed(process.pid), version: 2 })],
    ['a name on another host', JSON.stringify({ ...holderNamed(1), host: 'elsewhere', version: 2 })],
  ])('%s: nobody holds it', (_name, text) => {
    const directory = fresh();
    writeFileSync(lockFile(directory), text);
    expect(lockHolder(directory)).toBeNull();
    taken(directory).release();
  });

  it('a name in another format, or on another host, is held while the lock is', async () => {
    const directory = fresh();
    const { child } = await taker(directory);
    const text = readFileSync(lockFile(directory), 'utf8');
    writeFileSync(lockFile(directory), text.replace(hostname(), 'elsewhere'));
    expect(Lock.take(directory, 'mine')).toMatchObject({ pid: child.pid, host: 'elsewhere' });
    writeFileSync(lockFile(directory), 'nonsense');
    expect(() => Lock.take(directory, 'mine')).toThrow(
      /lock is locked by a process that has not written its name; find/,
    );
  });
});

function holderNamed(pid: number) {
  return { pid, host: hostname(), started: null, since: 'then', socket: 's' };
}

describe('an engine from before flock', () => {
  it('is respected while its process lives', () => {
    const directory = fresh();
    writeEarlier(directory, {});
    expect(lockHolder(directory)?.pid).toBe(process.pid);
    expect(Lock.take(directory, 'mine')).toMatchObject({ pid: process.pid, since: 'then' });
    writeEarlier(directory, { pid: unusedPid });
    expect(lockHolder(directory)).toBeNull();
    taken(directory).release();
  });

  it.runIf(existsSync('/proc/self/stat'))('is gone if another process has its pid now', () => {
    const directory = fresh();
    writeEarlier(directory, { started: '1' });
    expect(lockHolder(directory)).toBeNull();
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    writeEarlier(directory, { started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] });
    expect(lockHolder(directory)?.pid).toBe(process.pid);
  });

  it('on another host counts, and the sentence says what to do if it no longer runs', () => {
    const directory = fresh();
    writeEarlier(directory, { host: 'elsewhere', pid: 77 });
    const holder = Lock.take(directory, 'mine') as LockHolder;
    expect(holder).toMatchObject({ host: 'elsewhere' });
    expect(heldMessage(directory, holder)).toBe(
      `${directory} is held by an engine on another host (process 77 on elsewhere since then; this is ${hostname()}), started by an earlier Brevity: end it there, or, if it no longer runs, delete ${lockFile(directory)}`,
    );
  });
});

/** Runs with only these programs in PATH, given as shell scripts or names of real ones. */
function onlyPrograms(programs: Record<string, string | true>): void {
  const folder = fresh();
  for (const [name, script] of Object.entries(programs)) {
    const file = path.join(folder, name);
    if (script === true) symlinkSync(spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim(), file);
    else {
      writeFileSync(file, `#!/bin/sh\n${script}\n`);
      chmodSync(file, 0o755);
    }
  }
  vi.stubEnv('PATH', folder);
}

const isThere = (program: string) => spawnSync(program, ['--version']).error === undefined;

describe('the program that locks', () => {
  it.each(['flock', 'perl', 'python3'].filter(isThere))('may be %s', async (program) => {
    const directory = fresh();
    const { child } = await taker(directory);
    onlyPrograms(program === 'python3' ? { python3: `exec ${realPython()} "$@"` } : { [program]: true });
    expect(Lock.take(directory, 'mine')).toMatchObject({ pid: child.pid });
    await killed(child);
    const lock = taken(directory);
    expect(lockHolder(directory)?.pid).toBe(process.pid);
    vi.unstubAllEnvs();
    expect((await taker(directory)).holder).toBe(process.pid);
    lock.release();
  });

  it('is missing: nothing is locked in silence', () => {
    onlyPrograms({});
    expect(() => Lock.take(fresh(), 'mine')).toThrow(
      /lock cannot be locked: none of the programs flock, perl, python3 was found in PATH; install one/,
    );
  });

  it('is told by the file system that it has no locks', () => {
    onlyPrograms({ flock: 'echo "flock: 3: No locks available" >&2; exit 71' });
    expect(() => Lock.take(fresh(), 'mine')).toThrow(
      /lock cannot be locked \(flock: 3: No locks available\); a run must lie on a file system that supports file locks/,
    );
  });

  it('gets a lock that excludes nobody', () => {
    onlyPrograms({ flock: 'exit 0' });
    const directory = fresh();
    expect(() => Lock.take(directory, 'mine')).toThrow(`the file system of ${directory} does not enforce file locks`);
  });

  it('meets a lock of another program for a moment', () => {
    const directory = fresh();
    // As while lockHolder looks: the first attempt at an exclusive lock fails, a shared one does not.
    const real = spawnSync('which', ['flock'], { encoding: 'utf8' }).stdout.trim();
    const met = path.join(directory, 'met');
    onlyPrograms({ flock: `if [ "$2" = -x ] && [ ! -e ${met} ]; then : > ${met}; exit 1; fi; exec ${real} "$@"` });
    taken(directory).release();
    expect(existsSync(met)).toBe(true);
  });
});

const realPython = () =>
  spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).stdout.trim();

describe('a lock file that cannot be written', () => {
  it('is a symbolic link', () => {
    const directory = fresh();
    const elsewhere = path.join(fresh(), 'file');
    writeFileSync(elsewhere, 'mine');
    symlinkSync(elsewhere, lockFile(directory));
    expect(() => Lock.take(directory, 'mine')).toThrow(
      /lock is a symbolic link, which Brevity does not follow in a run directory/,
    );
    expect(readFileSync(elsewhere, 'utf8')).toBe('mine');
  });

  it('lies in a directory that does not exist', () => {
    const directory = path.join(fresh(), 'nothing');
    expect(() => Lock.take(directory, 'mine')).toThrow(`cannot write ${lockFile(directory)}: ENOENT`);
  });
});
