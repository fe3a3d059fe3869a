/** One holder a directory: among living processes, after dead ones, and when many find the same dead one at once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Lock, type LockHolder, lockHolder } from '../../src/store/lock.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

const lockModule = new URL('../../dist/src/store/lock.js', import.meta.url).href;

/** A process that takes the lock, prints who holds it, and lives until it is killed. */
function taker(directory: string): Promise<{ child: ChildProcess; holder: number }> {
  const script = `
    import { Lock, lockHolder } from ${JSON.stringify(lockModule)};
    const directory = ${JSON.stringify(directory)};
    const lock = Lock.take(directory, 'socket');
    console.log(lock instanceof Lock ? process.pid : lock.pid);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  return new Promise((resolve) => {
    child.stdout.once('data', (text: Buffer) => resolve({ child, holder: Number(String(text)) }));
  });
}

function died(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('exit', resolve));
}

function writeLock(directory: string, changes: Partial<LockHolder>): void {
  const lock: LockHolder = {
    pid: process.pid,
    host: hostname(),
    started: null,
    since: 'then',
    socket: 's',
    ...changes,
  };
  writeFileSync(path.join(directory, 'lock'), JSON.stringify(lock));
}

it('names this process, its host and socket, and is gone once released', () => {
  const directory = fresh();
  const lock = Lock.take(directory, '/a/socket') as Lock;
  expect(lock).toBeInstanceOf(Lock);
  expect(lockHolder(directory)).toMatchObject({ pid: process.pid, host: hostname(), socket: '/a/socket' });
  expect(readdirSync(directory)).toEqual(['lock']);
  lock.release();
  expect(lockHolder(directory)).toBeNull();
  expect(existsSync(path.join(directory, 'lock'))).toBe(false);
});

it('tells a second process who holds it, until that one dies by kill -9', async () => {
  const directory = fresh();
  const { child, holder } = await taker(directory);
  expect(holder).toBe(child.pid);
  expect(Lock.take(directory, 'mine')).toMatchObject({ pid: child.pid, socket: 'socket' });
  const gone = died(child);
  child.kill('SIGKILL');
  await gone;
  expect(lockHolder(directory)).toBeNull();
  expect(Lock.take(directory, 'mine')).toBeInstanceOf(Lock);
  expect(lockHolder(directory)).toMatchObject({ pid: process.pid, socket: 'mine' });
});

it('goes to one alone of many that find it stale', async () => {
  const directory = fresh();
  writeLock(directory, { pid: 2 ** 22 + 1 });
  const takers = await Promise.all(Array.from({ length: 6 }, () => taker(directory)));
  const winners = new Set(takers.map(({ holder }) => holder));
  expect(winners.size).toBe(1);
  expect(lockHolder(directory)?.pid).toBe(takers[0].holder);
  expect(takers.map(({ child }) => child.pid)).toContain(takers[0].holder);
});

describe('a lock file', () => {
  it.runIf(existsSync('/proc/self/stat'))('of a process whose pid another one has now is stale', () => {
    const directory = fresh();
    writeLock(directory, { started: '1' });
    expect(lockHolder(directory)).toBeNull();
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    writeLock(directory, { started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] });
    expect(lockHolder(directory)?.pid).toBe(process.pid);
  });

  it('of another host counts: its processes cannot be seen from here', () => {
    const directory = fresh();
    writeLock(directory, { host: 'elsewhere', pid: 2 ** 22 + 1 });
    expect(Lock.take(directory, 'mine')).toMatchObject({ host: 'elsewhere' });
  });

  it('that a power cut emptied is nobody’s', () => {
    const directory = fresh();
    writeFileSync(path.join(directory, 'lock'), '');
    expect(Lock.take(directory, 'mine')).toBeInstanceOf(Lock);
  });
});
