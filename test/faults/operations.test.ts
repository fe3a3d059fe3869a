/**
 * An engine whose Nth file operation is its last, is torn, or fails: what it acknowledged is there, and the run ends as
 * an undisturbed one does.
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { few, inPairs, randomFrom, seed } from './limits.js';
import { atStart, endEngine, play, remove, resultOf, tinyRun } from './scenario.js';

const folders: string[] = [];
function fresh(): { run: string; log: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'brevity-faults-'));
  folders.push(folder);
  return { run: tinyRun(folder), log: path.join(folder, 'log') };
}

/** Operations of an undisturbed run, by thread. */
const counted: Record<'main' | 'worker', { op: string; file: string }[]> = { main: [], worker: [] };
let undisturbed: Record<string, string>;

beforeAll(async () => {
  const { run, log } = fresh();
  await play(run, atStart(), { fault: { mode: 'count' }, log });
  await endEngine(run);
  undisturbed = resultOf(run);
  for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
    const { thread, op, file } = JSON.parse(line) as { thread: 'main' | 'worker'; op: string; file: string };
    counted[thread].push({ op, file });
  }
});

afterAll(async () => {
  for (const folder of folders) {
    await endEngine(path.join(folder, 'run'));
    remove(folder);
  }
});

it('counts the operations of both threads', () => {
  for (const operations of Object.values(counted))
    for (const op of ['create', 'write', 'sync', 'rename'])
      expect(operations.map((operation) => operation.op)).toContain(op);
  expect(counted.main.filter(({ file }) => file.startsWith('run.json')).length).toBeGreaterThan(50);
});

interface Case {
  mode: 'kill' | 'tear' | 'EIO' | 'full';
  thread: 'main' | 'worker';
  n: number;
}

/** One operation of each equal part of the run. */
function cases(mode: Case['mode'], thread: Case['thread'], count: number): Case[] {
  const random = randomFrom(seed + mode.length * 31 + thread.length);
  // Only a write can be torn.
  const at = counted[thread].flatMap(({ op }, i) => (mode === 'tear' && op !== 'write' ? [] : [i + 1]));
  const parts = Math.min(count, at.length);
  return Array.from({ length: parts }, (_, part) => {
    const from = Math.floor((part * at.length) / parts);
    const to = Math.floor(((part + 1) * at.length) / parts);
    return { mode, thread, n: at[from + Math.floor(random() * (to - from))] };
  });
}

/** All combinations in the long version, each mode once in the short one. */
const combinations = [
  ['kill', 'main'],
  ['tear', 'worker'],
  ['EIO', 'worker'],
  ['full', 'main'],
  ['kill', 'worker'],
  ['tear', 'main'],
  ['EIO', 'main'],
  ['full', 'worker'],
] as const;

it.each(combinations.slice(0, few(4, 8)))(
  '%s in the %s thread',
  async (mode, thread) => {
    let missed = 0;
    await inPairs(cases(mode, thread, few(1, 60)), async ({ n }) => {
      const { run, log } = fresh();
      const progress = atStart();
      const { op, file } = counted[thread][n - 1];
      const where = `${mode} at operation ${n} of ${thread} (${op} ${file}), seed ${seed}`;
      try {
        const engines = await play(run, progress, { fault: { mode, thread, n }, log });
        const reached = mode === 'kill' || mode === 'tear' ? engines > 1 : existsSync(`${log}.failed`);
        // An update that is stopped a step earlier than in the undisturbed run has fewer operations after it.
        if (!reached) expect(n).toBeGreaterThan(0.9 * counted[thread].length);
        if (progress.missed.length > 0 || !reached) missed++;
        else expect(resultOf(run)).toEqual(undisturbed);
      } catch (cause) {
        throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      }
      await endEngine(run);
      remove(path.dirname(run));
    });
    // An update that was over before the command that was to end it came: nothing to compare.
    expect(missed).toBeLessThanOrEqual(few(1, 6));
  },
  few(180_000, 3_600_000),
);
