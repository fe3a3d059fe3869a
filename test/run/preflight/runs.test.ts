/** The list of runs, over files and locks as engines leave them. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { allUses, trust } from '../../../src/io/trust.js';
import {
  RunList,
  deleteRun,
  endEngine,
  findRunDirectories,
  freeName,
  isFree,
} from '../../../src/run/preflight/runs.js';
import type { startEngine } from '../../../src/engine/launch.js';
import { Lock, lockHolder } from '../../../src/io/lock.js';
import { newRound } from '../../../src/core/rounds.js';
import { Run } from '../../../src/run/run.js';
import { dist, quickConfig } from '../../engine/runs.js';
import { temporaryDirectories } from '../../temporary.js';

const temporary = temporaryDirectories();

/** A folder with one run in its runs folder. */
function folderWithRun(name = 'mine'): { cwd: string; directory: string } {
  const cwd = temporary();
  const directory = path.join(cwd, 'runs', name);
  Run.create(directory, quickConfig(cwd));
  return { cwd, directory };
}

const only = async (cwd: string) => (await new RunList(cwd).look())[0];

describe('findRunDirectories', () => {
  it('finds the folder itself, what lies in it, in its runs folder and in others that are named; each once', () => {
    const { cwd, directory } = folderWithRun();
    const elsewhere = folderWithRun('other');
    const beside = path.join(cwd, 'beside');
    Run.create(beside, quickConfig(cwd));
    mkdirSync(path.join(cwd, 'runs/empty'));
    expect(findRunDirectories(cwd, [])).toEqual([beside, directory]);
    expect(findRunDirectories(directory, [])).toEqual([directory]);
    const more = [path.dirname(elsewhere.directory), elsewhere.directory, '/nowhere'];
    expect(findRunDirectories(cwd, more)).toEqual([beside, directory, elsewhere.directory].sort());
  });

  it('a folder that is added says how many runs it brings', () => {
    const list = new RunList(folderWithRun().cwd);
    const elsewhere = folderWithRun('other');
    expect(list.add(elsewhere.cwd)).toBe(1);
    expect(list.add(elsewhere.cwd)).toBe(0);
    expect(list.add('/nowhere')).toBe(0);
  });
});

describe('RunList', () => {
  it('tells model, rounds, stage, last reward and length; and looks again when the run has changed', async () => {
    const { cwd, directory } = folderWithRun();
    const list = new RunList(cwd);
    const [before] = await list.look();
    expect(before).toMatchObject({
      ...{ directory, problem: null, engine: { state: 'stopped' } },
      seen: { rounds: 0, reward: null, length: null, stage: 'evaluate' },
    });
    const file = path.join(directory, 'run.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as { rounds: object[]; current: number };
    const evaluation = {
      ...{ round: 1, prompts: 6, reward: 1.25, mean_length: 17.5, comparisons: [] },
      ...{ mean_characters: 60, distinct_2: 0.5, truncated_share: 0 },
    };
    const settings = { alpha: 0, beta: 0.1, lr: 1e-4 };
    json.rounds = [newRound(0, null, settings), { ...newRound(1, 0, settings), stage: 'done', evaluation }];
    json.rounds.push({ ...newRound(2, 1, settings), stage: 'review' });
    json.current = 2;
    writeFileSync(file, JSON.stringify(json));
    const [after] = await list.look();
    expect(after.seen).toMatchObject({ rounds: 2, stage: 'review', reward: 1.25, length: 17.5 });
    expect(path.basename(after.seen?.model ?? '')).toBe('model');
  });

  it('the run that changed last comes first', async () => {
    const { cwd } = folderWithRun('older');
    await new Promise((resolve) => setTimeout(resolve, 20));
    Run.create(path.join(cwd, 'runs/newer'), quickConfig(cwd));
    const names = (await new RunList(cwd).look()).map(({ directory }) => path.basename(directory));
    expect(names).toEqual(['newer', 'older']);
  });

  it.each([
    ['a newer version', '{"version": 99}', /newer Brevity \(version 99, this one reads 2\); update Brevity to open/],
    ['a torn file', '{"version": 2, "con', /is damaged .*restore it from a copy/],
    ['another file', '{"version": 2}', /is not a run that can be read \(config: /],
  ])('%s stays in the list with what is wrong', async (_name, text, problem) => {
    const { cwd, directory } = folderWithRun();
    writeFileSync(path.join(directory, 'run.json'), text);
    const entry = await only(cwd);
    expect(entry.seen).toBeNull();
    expect(entry.problem).toMatch(problem);
    expect(readFileSync(path.join(directory, 'run.json'), 'utf8')).toBe(text);
  });

  it('knows an engine that does not answer, one on another machine, and a lock that was left behind', async () => {
    const { cwd, directory } = folderWithRun();
    const lock = Lock.take(directory, path.join(cwd, 'no-socket'));
    if (!(lock instanceof Lock)) throw new Error('the lock was taken');
    const file = path.join(directory, 'lock');
    const text = readFileSync(file, 'utf8');
    expect((await only(cwd)).engine).toEqual({ state: 'silent' });
    writeFileSync(file, text.replace(hostname(), 'elsewhere'));
    expect((await only(cwd)).engine).toEqual({ state: 'elsewhere', host: 'elsewhere' });
    lock.release();
    expect((await only(cwd)).engine).toEqual({ state: 'stopped' });
    // As an engine leaves it that was killed.
    writeFileSync(file, text);
    expect((await only(cwd)).engine).toEqual({ state: 'stopped' });
    // One that starts is seen, although the lock was just found free.
    const next = Lock.take(directory, path.join(cwd, 'no-socket')) as Lock;
    expect((await only(cwd)).engine).toEqual({ state: 'silent' });
    next.release();
  });
});

describe('an engine of a run', () => {
  let running = '';
  afterEach(() => {
    const holder = running === '' ? null : lockHolder(running);
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  });

  it('is asked what it does, keeps its run from being deleted, and is ended', async () => {
    const { startEngine: start } = (await import(`${dist}engine/launch.js`)) as { startEngine: typeof startEngine };
    const { cwd, directory } = folderWithRun();
    running = directory;
    trust(directory, allUses([Run.open(directory).config]), 'named');
    await start(directory);
    // It may be too busy with its start to answer at once.
    const state = async (): Promise<string> => (await only(cwd)).engine.state;
    while ((await state()) === 'silent') await new Promise((resolve) => setTimeout(resolve, 50));
    expect(['starting', 'working', 'idle']).toContain(await state());
    expect(() => deleteRun(directory)).toThrow(/the engine of .* runs \(process \d+ on .*\); end it before deleting/);
    await endEngine(directory);
    while ((await state()) !== 'stopped') await new Promise((resolve) => setTimeout(resolve, 50));
    expect(deleteRun(directory)).toEqual([]);
    expect(existsSync(directory)).toBe(false);
  });
});

describe('deleteRun', () => {
  it("leaves what is not the run's", () => {
    const { directory } = folderWithRun();
    mkdirSync(path.join(directory, 'rounds/0001/policy'), { recursive: true });
    writeFileSync(path.join(directory, 'notes.md'), 'mine');
    writeFileSync(path.join(directory, 'engine.log'), '');
    expect(deleteRun(directory)).toEqual(['notes.md']);
    expect(existsSync(path.join(directory, 'rounds'))).toBe(false);
    expect(readFileSync(path.join(directory, 'notes.md'), 'utf8')).toBe('mine');
  });

  it('touches no folder that holds no run', () => {
    const folder = temporary();
    mkdirSync(path.join(folder, 'rounds'));
    expect(() => deleteRun(folder)).toThrow(/holds no run any more/);
    expect(existsSync(path.join(folder, 'rounds'))).toBe(true);
  });
});

it('freeName counts on from what is there', () => {
  const { cwd, directory } = folderWithRun('a');
  expect(freeName(cwd, 'b')).toBe('runs/b');
  expect(freeName(cwd, 'a')).toBe('runs/a-2');
  expect(isFree(directory)).toBe(false);
  mkdirSync(path.join(cwd, 'runs/a-2'));
  expect(isFree(path.join(cwd, 'runs/a-2'))).toBe(true);
});
