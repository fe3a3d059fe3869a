/** run.json: what it keeps, what a crash or a full disk leaves of it, what cannot be opened. */
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
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
    version: 1,
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
  writeFileSync(fileOf(run), JSON.stringify({ ...data, version: 2 }));
  expect(() => Run.open(run.directory)).toThrow('newer Brevity (version 2, this one reads 1); update Brevity');
  writeFileSync(fileOf(run), JSON.stringify({ ...data, rounds: [{ id: 0, parent: null, stage: 'lunch' }] }));
  expect(() => Run.open(run.directory)).toThrow('rounds.0.stage');
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
