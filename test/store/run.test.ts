/** run.json: what it keeps, what a crash or a full disk leaves of it, what cannot be opened. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';
import { UserError } from '../../src/errors.js';
import { Run, isRun } from '../../src/store/run.js';
import { type RoundState, newRound } from '../../src/store/rounds.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
const config = configSchema.parse({ model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h' });
const newRun = () => Run.create(path.join(fresh(), 'run'), config);
const fileOf = (run: Run) => path.join(run.directory, 'run.json');

const round: RoundState = newRound(0, null, { alpha: 0.02, beta: 0.1, lr: 1e-6 });

it('is for its user alone and gives back what was put in', () => {
  const run = newRun();
  expect(statSync(run.directory).mode & 0o777).toBe(0o700);
  run.addRound(round);
  run.addRound({ ...round, id: 1, parent: 0, stage: 'sample' });
  run.updateRound(1, { stage: 'review', pairs: 3 });
  run.record(1, 'set', { alpha: 0.5 });
  const again = Run.open(run.directory);
  expect(again.config).toEqual(config);
  expect(again.rounds).toEqual([round, { ...round, id: 1, parent: 0, stage: 'review', pairs: 3 }]);
  expect(JSON.parse(readFileSync(fileOf(run), 'utf8'))).toMatchObject({
    version: 2,
    journal: [{ round: 1, action: 'set', detail: { alpha: 0.5 } }],
  });
});

it('names a round’s files by four digits; the base’s policy is the configured model', () => {
  const { files, directory } = newRun();
  expect(files.file(3, 'pairs.jsonl')).toBe(path.join(directory, 'rounds/0003/pairs.jsonl'));
  expect(files.policyDir(3)).toBe(path.join(directory, 'rounds/0003/policy'));
  expect(files.policyDir(0)).toBe('/m');
});

it('has the folder of every round that it names', () => {
  const run = newRun();
  writeFileSync(path.join(run.directory, 'rounds'), 'in the way');
  expect(() => run.addRound(round)).toThrow();
  expect(run.rounds).toEqual([]);
  expect(Run.open(run.directory).rounds).toEqual([]);
});

it('refuses a directory that holds something else', () => {
  const directory = fresh();
  writeFileSync(path.join(directory, 'thesis.tex'), '');
  expect(() => Run.create(directory, config)).toThrow(`${directory} is not empty and holds no run`);
  expect(isRun(directory)).toBe(false);
  expect(() => Run.open(directory)).toThrow(`${directory} holds no run`);
});

it('names the rounds there are to who asks for another', () => {
  const run = newRun();
  run.addRound(round);
  expect(() => run.round(4)).toThrow(`has no round 4; it has 0`);
});

describe('after a crash', () => {
  it('a half-written replacement does no harm', () => {
    const run = newRun();
    run.addRound(round);
    writeFileSync(`${fileOf(run)}.tmp`, readFileSync(fileOf(run), 'utf8').slice(0, 100));
    const again = Run.open(run.directory);
    again.updateRound(0, { stage: 'done' });
    expect(Run.open(run.directory).round(0).stage).toBe('done');
    expect(existsSync(`${fileOf(run)}.tmp`)).toBe(false);
  });

  it('a half run.json is one sentence that says what to do', () => {
    const run = newRun();
    writeFileSync(fileOf(run), readFileSync(fileOf(run), 'utf8').slice(0, 100));
    expect(() => Run.open(run.directory)).toThrow(UserError);
    expect(() => Run.open(run.directory)).toThrow(/run\.json is damaged \(.*\); restore it from a copy/);
  });
});

it('says that a newer Brevity is needed, or which key is wrong', () => {
  const run = newRun();
  const data = JSON.parse(readFileSync(fileOf(run), 'utf8')) as Record<string, unknown>;
  writeFileSync(fileOf(run), JSON.stringify({ ...data, version: 3 }));
  expect(() => Run.open(run.directory)).toThrow('newer Brevity (version 3, this one reads 2); update Brevity');
  writeFileSync(fileOf(run), JSON.stringify({ ...data, rounds: [{ id: 0, parent: null, stage: 'lunch' }] }));
  expect(() => Run.open(run.directory)).toThrow('rounds.0.stage');
});

it('reads a run from before there were branches', () => {
  const run = newRun();
  const { id, parent, stage, settings, pairs, dropped, seconds, steps, stopped_early, evaluation, started_at } = round;
  const then = { id, parent, stage, settings, pairs, dropped, seconds, steps, stopped_early, evaluation, started_at };
  const rounds = [then, { ...then, id: 1, parent: 0, stage: 'done' }];
  writeFileSync(fileOf(run), JSON.stringify({ version: 1, config, rounds, journal: [] }));
  const old = Run.open(run.directory);
  expect(old.rounds).toEqual([round, { ...round, id: 1, parent: 0, stage: 'done' }]);
  expect(old.current).toBe(1);
  old.updateRound(1, { name: 'short' });
  expect(JSON.parse(readFileSync(fileOf(run), 'utf8'))).toMatchObject({ version: 2, rounds: [{}, { name: 'short' }] });
});

describe('a tree of rounds', () => {
  const tree = () => {
    const run = newRun();
    for (const [id, parent] of [
      [0, null],
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 2],
      [5, 1],
    ] as const)
      run.addRound({ ...round, id, parent });
    return run;
  };

  it('knows the way to a round and what came from one', () => {
    const run = tree();
    expect(run.branch(4).map(({ id }) => id)).toEqual([1, 2, 4]);
    expect(run.branch(0)).toEqual([]);
    expect(run.descendants(1).map(({ id }) => id)).toEqual([1, 2, 4, 5]);
  });

  it('keeps the round that is worked on', () => {
    const run = tree();
    expect(run.current).toBe(5);
    run.current = 3;
    expect(Run.open(run.directory).current).toBe(3);
    expect(() => (run.current = 9)).toThrow('has no round 9');
  });

  it('forgets rounds with their files and never gives their ids again', () => {
    const run = tree();
    run.deleteRounds([2, 4, 5], 1);
    expect(run.rounds.map(({ id }) => id)).toEqual([0, 1, 3]);
    expect(run.current).toBe(1);
    expect(existsSync(run.files.roundDir(4))).toBe(false);
    const again = Run.open(run.directory);
    expect(again.nextId()).toBe(6);
    // As after a crash before all files were gone.
    mkdirSync(run.files.roundDir(5));
    again.removeDeleted();
    expect(existsSync(run.files.roundDir(5))).toBe(false);
  });

  it('takes no folder that holds files of a round it does not know', () => {
    const run = tree();
    mkdirSync(run.files.roundDir(6));
    expect(run.nextId()).toBe(6);
    writeFileSync(path.join(run.files.roundDir(6), 'samples.jsonl'), '');
    expect(run.nextId()).toBe(7);
  });
});

it.runIf(existsSync('/dev/full'))('counts nothing that a full disk did not take', () => {
  const run = newRun();
  run.addRound(round);
  const full = () => symlinkSync('/dev/full', `${fileOf(run)}.tmp`);
  full();
  expect(() => run.updateRound(0, { stage: 'done' })).toThrow('the disk is full');
  expect(run.round(0).stage).toBe('evaluate');
  full();
  expect(() => run.addRound({ ...round, id: 1, parent: 0 })).toThrow('the disk is full');
  expect(run.rounds).toHaveLength(1);
  rmSync(`${fileOf(run)}.tmp`, { force: true });
  run.updateRound(0, { stage: 'done' });
  expect(Run.open(run.directory).rounds).toEqual([{ ...round, stage: 'done' }]);
});
