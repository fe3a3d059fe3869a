/** Five processes contend for the lock of one directory, over and over: never do two hold it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { few } from './limits.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-races-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const lockModule = new URL('../../dist/src/io/lock.js', import.meta.url).href;

/**
 * On each line of input it tries to take the lock. Who has it creates a file that must not be there, holds on for a
 * moment, deletes it and lets go; `die` leaves the lock to the kernel. Says `held`, `refused` or `TWO`.
 */
const contender = `
  import { closeSync, openSync, rmSync } from 'node:fs';
  import { createInterface } from 'node:readline';
  import { Lock } from ${JSON.stringify(lockModule)};
  const directory = ${JSON.stringify(folder)};
  const witness = directory + '/witness';
  for await (const line of createInterface({ input: process.stdin })) {
    const lock = Lock.take(directory, 'socket');
    if (!(lock instanceof Lock)) { console.log('refused'); continue; }
    try { closeSync(openSync(witness, 'wx')); } catch { console.log('TWO'); continue; }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    rmSync(witness);
    if (line === 'die') process.kill(process.pid, 'SIGKILL');
    lock.release();
    console.log('held');
  }`;

class Contender {
  private child: ChildProcess | null = null;
  private answer: ((said: string) => void) | null = null;

  /** @returns what it said; `died` for one that held the lock to its end */
  async take(how: 'release' | 'die'): Promise<string> {
    this.child ??= this.start();
    const said = new Promise<string>((resolve) => (this.answer = resolve));
    this.child.stdin?.write(`${how}\n`);
    return said;
  }

  stop(): void {
    this.child?.kill('SIGKILL');
  }

  private start(): ChildProcess {
    const child = spawn(process.execPath, ['--input-type=module', '-e', contender], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.answer?.(line));
    child.once('exit', () => {
      this.child = null;
      this.answer?.('died');
    });
    return child;
  }
}

it(
  'one holder at a time',
  async () => {
    const rounds = few(40, 3000);
    const contenders = Array.from({ length: 5 }, () => new Contender());
    const counts: Record<string, number> = {};
    const file = path.join(folder, 'lock');
    try {
      for (let round = 0; round < rounds; round++) {
        // A fresh file, one that an engine from before flock has left, another format, or what the last round left.
        if (round % 5 === 1) rmSync(file, { force: true });
        if (round % 5 === 2)
          writeFileSync(
            file,
            JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), started: null, since: '', socket: '' }),
          );
        if (round % 5 === 3) writeFileSync(file, 'another format');
        const said = await Promise.all(contenders.map((each) => each.take(round % 4 === 0 ? 'die' : 'release')));
        for (const word of said) counts[word] = (counts[word] ?? 0) + 1;
        expect(said, `round ${round}`).not.toContain('TWO');
        expect(
          said.some((word) => word === 'held' || word === 'died'),
          `round ${round}: ${said.join(' ')}`,
        ).toBe(true);
      }
    } finally {
      for (const each of contenders) each.stop();
    }
    // Nobody is left holding it, although many were killed while they did.
    expect(existsSync(path.join(folder, 'witness'))).toBe(false);
    expect(readFileSync(file)).toBeDefined();
    expect(lockHolder(folder)).toBeNull();
    expect(counts.refused).toBeGreaterThan(rounds / 4);
    expect(counts.died).toBeGreaterThan(rounds / 5);
  },
  few(120_000, 3_600_000),
);
