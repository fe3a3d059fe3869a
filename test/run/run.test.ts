/** run.json: what it keeps, what a crash or a full disk leaves of it, what cannot be opened. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/core/config/schema.js';
import { UserError } from '../../src/core/errors.js';
import { Run, isRun } from '../../src/run/run.js';
import { type RoundState, newRound } from '../../src/core/rounds.js';
import { temporaryDirectories } from '../temporary.js';
import { broken, diskFull, operationsOf } from '../io/operations.js';

const fresh = temporaryDirectories();
const config = configSchema.parse({ model: '/m', reward: 'hf:/r', prompts: '/p', held_out: '/h' });
const newRun = () => Run.create(path.join(fresh(), 'run'), config);
const fileOf = (run: Run) => path.join(run.directory, 'run.json');

const round: RoundState = newRound(0, null, { alpha: 0.02, beta: 0.1, lr: 1e-6 });

it('is for its user alone and gives back what was put in', () => {
  const run = newRun();
  expect(statSync(run.directory).mode & 0o777).toBe(0o700);
  expect(statSync(fileOf(run)).mode & 0o777).toBe(0o600);
  run.addRound(round);
  run.addRound({ ...round, id: 1, parent: 0, stage: 'sample' });
  run.updateRound(1, { stage: 'review', pairs: 3 }, { action: 'set', detail: { alpha: 0.5 } });
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
  rmSync(path.join(run.directory, 'rounds'));
  expect(Run.open(run.directory).rounds).toEqual([]);
});

it('refuses a directory that holds something else', () => {
  const directory = fresh();
  writeFileSync(path.join(directory, 'thesis.tex'), '');
  expect(() => Run.create(directory, config)).toThrow(`${directory} is not empty and holds no run`);
  expect(isRun(directory)).toBe(false);
  expect(() => Run.open(directory)).toThrow(`${directory} is not a run directory`);
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
    again.takeUp();
    again.updateRound(0, { stage: 'done' });
    expect(Run.open(run.directory).round(0).stage).toBe('done');
    expect(readdirSync(run.directory).sort()).toEqual(['rounds', 'run.json']);
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
  writeFileSync(
    fileOf(run),
    JSON.stringify({ ...data, config: { ...config, update: { ...config.update, steps: 4e9 } } }),
  );
  expect(() => Run.open(run.directory)).toThrow(/config\.update\.steps: .*; correct that key/);
});

describe('with damaged rounds', () => {
  /** A run of rounds 0 ← 1 ← 2 and 0 ← 3, after `edit` of what run.json holds. */
  const damaged = (edit: (rounds: Record<string, unknown>[], data: Record<string, unknown>) => void) => {
    const run = newRun();
    run.addRound({ ...round, stage: 'done' });
    for (const [id, parent] of [
      [1, 0],
      [2, 1],
      [3, 0],
    ])
      run.addRound({ ...round, id, parent, stage: 'done', name: `the ${id}` });
    const data = JSON.parse(readFileSync(fileOf(run), 'utf8')) as Record<string, unknown>;
    edit(data.rounds as Record<string, unknown>[], data);
    writeFileSync(fileOf(run), JSON.stringify(data));
    return Run.open(run.directory);
  };
  const marks = (run: Run) => Object.fromEntries(run.rounds.map(({ id, damaged: why }) => [id, why ?? 'sound']));

  it.each<[string, (round: Record<string, unknown>) => void, RegExp]>([
    ['a wrong stage', (two) => (two.stage = 'lunch'), /^`rounds\.2\.stage`: expected one of /],
    ['an evaluation with a null', (two) => (two.evaluation = { reward: null }), /^`rounds\.2\.evaluation\./],
    ['settings that are none', (two) => (two.settings = 7), /^`rounds\.2\.settings`: /],
    ['settings out of range', (two) => (two.settings = { alpha: -1, beta: 0.1, lr: 1e-6 }), /\(dpo\.alpha: /],
    [
      'overrides that no configuration takes',
      (two) => (two.overrides = { sampling: { top_p: 7 } }),
      /\(sampling\.top_p: /,
    ],
    ['no parent', (two) => (two.parent = null), /^`rounds\.2\.parent`: every round but the base policy has a parent/],
    ['a parent that is not there', (two) => (two.parent = 8), /^`rounds\.2\.parent`: there is no round 8/],
    ['itself as its parent', (two) => (two.parent = 2), /^`rounds\.2\.parent`: round 2 comes from itself/],
    ['a missing count of pairs', (two) => delete two.pairs, /^`rounds\.2\.pairs`: expected number, but it is missing$/],
    ['a negative count of pairs', (two) => (two.pairs = -1), /^`rounds\.2\.pairs`: /],
  ])('%s marks that round and no other', (_name, edit, says) => {
    const run = damaged((rounds) => edit(rounds[2]));
    expect(marks(run)).toEqual({ 0: 'sound', 1: 'sound', 2: expect.stringMatching(says) as string, 3: 'sound' });
    expect(run.problems).toEqual([`${fileOf(run)}: ${run.round(2).damaged}`]);
    expect(run.round(2).name).toBe('the 2');
    expect(run.round(2).stage).toBe('done');
    // Nothing is built on it or written to it; the others go on.
    expect(() => run.branch(2)).toThrow(`round 2 is damaged (${fileOf(run)}: \`rounds.2`);
    expect(() => run.updateRound(2, { note: 'x' })).toThrow('round 2 is damaged');
    expect(run.branch(3).map(({ id }) => id)).toEqual([3]);
  });

  it('keeps a copy before the first write, and writes what it could not read back unchanged', () => {
    const run = damaged((rounds) => {
      rounds[1].stage = 'lunch';
      rounds.push({ id: 'four', note: 'mine' });
    });
    expect(run.problems).toHaveLength(2);
    const before = readFileSync(fileOf(run), 'utf8');
    expect(existsSync(`${fileOf(run)}.damaged`)).toBe(false);
    run.updateRound(3, { note: 'on we go' });
    expect(readFileSync(`${fileOf(run)}.damaged`, 'utf8')).toBe(before);
    const { rounds } = JSON.parse(readFileSync(fileOf(run), 'utf8')) as { rounds: Record<string, unknown>[] };
    expect(rounds.map(({ id, stage, note }) => [id, stage, note])).toEqual([
      [0, 'done', ''],
      [1, 'lunch', ''],
      [2, 'done', ''],
      [3, 'done', 'on we go'],
      ['four', undefined, 'mine'],
    ]);
    const again = Run.open(run.directory);
    expect(() => again.branch(2)).toThrow('round 1 is damaged');
    again.updateRound(3, { note: '' });
    expect(existsSync(`${fileOf(run)}.damaged-2`)).toBe(true);
  });

  it('a cycle of parents ends, and the rounds outside it stay usable', () => {
    const run = damaged((rounds) => (rounds[1].parent = 2));
    expect(marks(run)).toEqual({
      0: 'sound',
      1: '`rounds.1.parent`: round 1 comes from itself by way of round 2',
      2: '`rounds.2.parent`: round 2 comes from itself by way of round 1',
      3: 'sound',
    });
    expect(run.descendants(0).map(({ id }) => id)).toEqual([0, 3]);
    expect(run.nextId()).toBe(4);
  });

  it('an id that is there twice marks both, and both are kept', () => {
    const run = damaged((rounds) => rounds.push({ ...rounds[2], name: 'the other 2' }));
    expect(run.round(2).damaged).toBe('`rounds.4.id`: round 2 is there twice');
    run.updateRound(3, { note: 'x' });
    const { rounds } = JSON.parse(readFileSync(fileOf(run), 'utf8')) as { rounds: { name: string }[] };
    expect(rounds.map(({ name }) => name)).toEqual(['', 'the 1', 'the 2', 'the other 2', 'the 3']);
    run.deleteRounds([2], 3);
    expect(Run.open(run.directory).problems).toEqual([]);
  });

  it('a current round that is not there, a list of deleted rounds that are, and a journal that is none do no harm', () => {
    const run = damaged((_rounds, data) => Object.assign(data, { current: 9, deleted: [1, 7], journal: 'lost' }));
    expect(run.problems.map((problem) => problem.slice(fileOf(run).length + 2))).toEqual([
      '`current`: there is no round 9',
      '`deleted`: round 1 is listed as deleted and is there',
      expect.stringMatching(/^`journal`: /),
    ]);
    expect(run.current).toBe(3);
    run.removeDeleted();
    expect(existsSync(run.files.roundDir(1))).toBe(true);
    run.updateRound(3, { verdict: 'accepted' }, { action: 'judge' });
    expect(Run.open(run.directory).nextId()).toBe(8);
  });
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
    run.select(3);
    expect(Run.open(run.directory).current).toBe(3);
    expect(() => run.select(9)).toThrow('has no round 9');
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

/** `change` on a disk on which the first operation that matches fails. */
const onBadDisk = (run: Run, matching: RegExp, fail: () => never, change: () => void) => () => {
  let failed = false;
  operationsOf(run.directory, change, (line) => {
    if (failed || !matching.test(line)) return;
    failed = true;
    fail();
  });
};

it('counts nothing that a full disk did not take', () => {
  const run = newRun();
  run.addRound(round);
  const full = (change: () => void) => onBadDisk(run, /^write run\.json/, diskFull, change);
  expect(full(() => run.updateRound(0, { stage: 'done' }))).toThrow('the disk is full');
  expect(run.round(0).stage).toBe('evaluate');
  expect(full(() => run.addRound({ ...round, id: 1, parent: 0 }))).toThrow('the disk is full');
  expect(run.rounds).toHaveLength(1);
  run.updateRound(0, { stage: 'done' });
  expect(Run.open(run.directory).rounds).toEqual([{ ...round, stage: 'done' }]);
});

it('takes a change back that was refused after run.json had been replaced', () => {
  const run = newRun();
  run.addRound(round);
  const change = () => run.updateRound(0, { name: 'short' });
  expect(onBadDisk(run, /^fsync \.$/, broken, change)).toThrow('EIO');
  expect(Run.open(run.directory).round(0).name).toBe('');
});

it('asks before every write whether the run may still be written', () => {
  const { directory } = newRun();
  let lost = false;
  const beforeWrite = () => {
    if (lost) throw new UserError('another engine has the run');
  };
  const run = Run.open(directory, { beforeWrite });
  run.addRound(round);
  lost = true;
  expect(() => run.updateRound(0, { stage: 'done' })).toThrow('another engine has the run');
  expect(run.round(0).stage).toBe('evaluate');
  expect(Run.open(directory).round(0).stage).toBe('evaluate');
});

describe('on the disk when the call returns', () => {
  it('is the run’s directory with run.json, and the parents that were created', () => {
    const parent = fresh();
    const done = operationsOf(parent, () => Run.create(path.join(parent, 'runs/mine'), config));
    expect(done.filter((line) => /^(fsync|rename)/.test(line))).toEqual([
      'fsync runs',
      'fsync .',
      'fsync runs/mine/run.json.tmp-*',
      'rename runs/mine/run.json.tmp-* -> runs/mine/run.json',
      'fsync runs/mine',
    ]);
  });

  it('is a round’s folder before run.json names it', () => {
    const run = newRun();
    const done = operationsOf(run.directory, () => run.addRound(round));
    expect(done.filter((line) => /^(fsync|rename)/.test(line))).toEqual([
      'fsync rounds',
      'fsync .',
      'fsync run.json.tmp-*',
      'rename run.json.tmp-* -> run.json',
      'fsync .',
    ]);
  });

  it('is what a killed engine wrote into an unfinished round and may not have synced', () => {
    const run = newRun();
    run.addRound({ ...round, stage: 'done' });
    run.addRound({ ...round, id: 1, parent: 0, stage: 'sample' });
    for (const id of [0, 1]) writeFileSync(run.files.file(id, 'samples.jsonl'), '{"prompt_index":0}\n');
    const done = operationsOf(run.directory, () => run.takeUp());
    expect(done.filter((line) => line.startsWith('fsync'))).toEqual([
      'fsync rounds/0001/samples.jsonl',
      'fsync rounds/0001',
      'fsync rounds',
      'fsync .',
    ]);
  });
});

describe('in a directory from somebody else', () => {
  const elsewhere = () => {
    const folder = path.join(fresh(), 'elsewhere');
    mkdirSync(path.join(folder, '0001'), { recursive: true });
    writeFileSync(path.join(folder, '0001/mine'), '');
    return folder;
  };
  const withRounds = () => {
    const run = newRun();
    run.addRound(round);
    run.addRound({ ...round, id: 1, parent: 0 });
    return run;
  };

  it.each([
    'rounds',
    'rounds/0001',
    'rounds/0001/policy',
    'rounds/0001/update',
    'rounds/0001/metrics.jsonl',
    'engine.log',
  ])('a link at %s is refused and nothing is written through it', (name) => {
    const run = withRounds();
    const target = elsewhere();
    rmSync(path.join(run.directory, name), { recursive: true, force: true });
    symlinkSync(target, path.join(run.directory, name));
    expect(() => Run.open(run.directory)).toThrow(`${path.join(run.directory, name)} is a symbolic link`);
    expect(readdirSync(target)).toEqual(['0001']);
  });

  it('a run.json that is a link is refused, but the directory may be reached through one', () => {
    const run = withRounds();
    const link = path.join(fresh(), 'link');
    symlinkSync(run.directory, link);
    expect(Run.open(link).rounds).toHaveLength(2);
    renameSync(fileOf(run), path.join(run.directory, 'real.json'));
    symlinkSync('real.json', fileOf(run));
    expect(() => Run.open(run.directory)).toThrow('run.json is a symbolic link');
  });

  it('a directory in place of a file is refused, and a file in place of a directory', () => {
    const run = withRounds();
    mkdirSync(run.files.file(1, 'samples.jsonl'));
    expect(() => Run.open(run.directory)).toThrow(/samples\.jsonl is not a file/);
    rmSync(run.files.file(1, 'samples.jsonl'), { recursive: true });
    writeFileSync(run.files.policyDir(1), '');
    expect(() => Run.open(run.directory)).toThrow(/policy is not a directory/);
  });

  it.each([
    [[1], '`deleted`: round 1 is listed as deleted and is there'],
    [['../..'], 'deleted.0'],
    [[-1], 'deleted.0'],
    [[1.5], 'deleted.0'],
  ])('deleted rounds %j are not believed: their folders stay', (deleted, sentence) => {
    const run = withRounds();
    const data = JSON.parse(readFileSync(fileOf(run), 'utf8')) as Record<string, unknown>;
    writeFileSync(fileOf(run), JSON.stringify({ ...data, deleted }));
    const opened = Run.open(run.directory);
    opened.takeUp();
    expect(opened.problems.join()).toContain(sentence);
    expect(existsSync(run.files.roundDir(1))).toBe(true);
  });
});
