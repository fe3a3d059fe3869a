/**
 * Power cuts: every state in which the disk may be found, after each operation of a run, can be opened and holds all that
 * was acknowledged; and from there the run ends as an undisturbed one does.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RoundView } from '../../src/engine/view.js';
import { allUses, trust } from '../../src/io/trust.js';
import { Run } from '../../src/run/run.js';
import { Disk, type Operation, losses, materialize, readRecording } from './disk.js';
import { few, inPairs, randomFrom, seed } from './limits.js';
import { type Progress, atStart, checkAcknowledged, endEngine, play, remove, resultOf, tinyRun } from './scenario.js';

const folder = mkdtempSync(path.join(tmpdir(), 'brevity-cuts-'));
const run = tinyRun(folder);
const before = { 'run.json': readFileSync(path.join(run, 'run.json')) };
const recorded: Progress = atStart();
let operations: Operation[];
let undisturbed: Record<string, string>;

beforeAll(async () => {
  const log = path.join(folder, 'log');
  await play(run, recorded, { fault: { mode: 'record' }, log });
  await endEngine(run);
  undisturbed = resultOf(run);
  operations = readRecording(log);
});
afterAll(() => remove(folder));

it('replays to the directory that there is', () => {
  const disk = new Disk(before);
  for (const operation of operations) disk.do(operation);
  const found = disk.afterCut('everything', () => 0);
  const files = [...found].filter(([, content]) => content !== null).map(([name]) => name);
  const there = readdirSync(run, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !statSync(path.join(run, name)).isDirectory() && !/^engine\.|^lock$/.test(name),
  );
  expect(files.filter((name) => name !== 'lock').sort()).toEqual(there.sort());
  for (const name of there) expect(found.get(name)?.equals(readFileSync(path.join(run, name))), name).toBe(true);
});

it('loses what was not synced', () => {
  const none = () => 0;
  const disk = new Disk({});
  const at = { thread: 'main', began: 0n, ended: 0n };
  const data = Buffer.from('abcd').toString('base64');
  disk.do({ op: 'create', file: 'a', ...at });
  disk.do({ op: 'write', file: 'a', position: null, data, ...at });
  const text = (loss: (typeof losses)[number]) => disk.afterCut(loss, none).get('a')?.toString();
  expect(losses.slice(0, 4).map(text)).toEqual([undefined, '', undefined, 'abcd']);
  disk.do({ op: 'sync', file: '', ...at });
  expect(losses.slice(0, 4).map(text)).toEqual(['', '', 'abcd', 'abcd']);
  disk.do({ op: 'sync', file: 'a', ...at });
  disk.do({ op: 'rename', file: 'a', to: 'b', ...at });
  expect(text('nothing unsynced')).toBe('abcd');
  expect(disk.afterCut('names without contents', none).get('b')?.toString()).toBe('abcd');
});

interface State {
  found: Map<string, Buffer | null>;
  /** Of the client that had seen so much when the power went. */
  progress: Progress;
  where: string;
}

const hashes = new WeakMap<Buffer, string>();

function hashOf(content: Buffer): string {
  let hash = hashes.get(content);
  if (hash === undefined) hashes.set(content, (hash = createHash('sha256').update(content).digest('base64')));
  return hash;
}

/** Every state that a cut may leave, each once. */
function* states(): Generator<State> {
  const random = randomFrom(seed);
  const seen = new Set<string>();
  const disk = new Disk(before);
  for (let cut = 0; cut <= operations.length; cut++) {
    if (cut > 0) disk.do(operations[cut - 1]);
    // The client had these replies while the disk was in this state.
    const next = operations.at(cut)?.ended;
    const acknowledged = recorded.acknowledged.filter(({ at }) => next === undefined || at < next);
    const { op, file } = operations[Math.max(0, cut - 1)];
    for (const loss of losses) {
      const found = disk.afterCut(loss, random);
      const key = [...found].map(([name, content]) => `${name} ${content === null ? '' : hashOf(content)}`);
      const all = `${acknowledged.length} ${key.sort().join('\n')}`;
      if (seen.has(all)) continue;
      seen.add(all);
      yield {
        found,
        // A copy: playing on from the state adds to it.
        progress: { ...atStart(), done: acknowledged.length, acknowledged: [...acknowledged] },
        where: `power cut after operation ${cut} (${op} ${file}), of what was not synced: ${loss}; seed ${seed}`,
      };
    }
  }
}

const failedAt = (where: string, cause: unknown) =>
  new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

it(
  'every state opens, holds what was acknowledged, and whole policies of the rounds that have one',
  async () => {
    let count = 0;
    const directory = path.join(folder, 'state', 'run');
    for (const { found, progress, where } of states()) {
      if (count++ % few(40, 1) !== 0) continue;
      // Lets the test's own messages through.
      if (count % 50 === 1) await new Promise((resolve) => setImmediate(resolve));
      // Weights are compared in memory: thousands of them need not be written.
      materialize(found, directory, (name) => name.endsWith('.safetensors'));
      try {
        const opened = Run.open(directory);
        if (opened.rounds.length > 0) {
          const { review, decisions } = RoundView.read(opened, opened.current).data();
          const rounds = new Map(opened.rounds.map((each) => [each.id, each]));
          checkAcknowledged(progress, { rounds, current: opened.current, review, decisions });
        }
        for (const { id, stage } of opened.rounds)
          if (id > 0 && ['evaluate', 'done'].includes(stage)) checkPolicy(found, id);
      } catch (cause) {
        throw failedAt(where, cause);
      }
      remove(directory);
    }
    expect(count).toBeGreaterThan(1000);
  },
  few(120_000, 600_000),
);

/** As the undisturbed run has it at its end. */
function checkPolicy(found: Map<string, Buffer | null>, id: number): void {
  const policy = `rounds/000${id}/policy`;
  for (const name of readdirSync(path.join(run, policy)))
    if (found.get(`${policy}/${name}`)?.equals(readFileSync(path.join(run, policy, name))) !== true)
      throw new Error(`${policy}/${name} is not whole`);
}

it(
  'leads to the same run',
  async () => {
    const all = [...states()].length;
    const random = randomFrom(seed + 1);
    const count = few(2, 200);
    const chosen = new Set(Array.from({ length: count }, (_, i) => Math.floor(((i + random()) * all) / count)));
    let number = 0;
    let missed = 0;
    const picked = [...states()].filter(() => chosen.has(number++));
    await inPairs(picked, async ({ found, progress, where }) => {
      const home = mkdtempSync(path.join(folder, 'state-'));
      const directory = path.join(home, 'run');
      materialize(found, directory);
      trust(directory, allUses([Run.open(run).config]), 'named');
      try {
        await play(directory, progress);
        if (progress.missed.length > 0) missed++;
        else expect(resultOf(directory)).toEqual(undisturbed);
      } catch (cause) {
        throw failedAt(where, cause);
      } finally {
        await endEngine(directory);
      }
      remove(home);
    });
    expect(missed).toBeLessThanOrEqual(count / 10 + 1);
  },
  few(120_000, 7_200_000),
);
