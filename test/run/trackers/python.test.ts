/** The helper's side of W&B and trackio, with a stand-in for Python; `npm run test:trackers` runs the packages. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { TrackedRun } from '../../../src/core/trackers.js';
import { checkTrackers } from '../../../src/run/trackers/index.js';
import { PythonTracker } from '../../../src/run/trackers/python.js';
import { temporaryDirectories } from '../../temporary.js';

vi.setConfig({ testTimeout: 30_000 });
const fresh = temporaryDirectories();
let run: { directory: string };
let log: string;

beforeEach(() => {
  const base = fresh();
  run = { directory: path.join(base, 'mine') };
  mkdirSync(run.directory);
  log = path.join(base, 'log');
  writeFileSync(log, '');
  vi.stubEnv('BREVITY_PYTHON', path.join(import.meta.dirname, 'fakePython.mjs'));
  vi.stubEnv('FAKE_LOG', log);
});
afterEach(() => vi.unstubAllEnvs());

const tracked = (losses: number[], speed = 1, name = 'round-0001'): TrackedRun => ({
  name,
  points: losses.map((loss, i) => ({ step: i + 1, values: { 'train/loss': loss, 'train/tokens_per_second': speed } })),
  hyperparameters: { 'dpo.alpha': 0.02 },
});

interface Logged {
  open?: { id: string; name: string; group: string; kind: string; config: object };
  points?: { step: number; values: Record<string, number> }[];
}
const logged = () =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Logged);
const sent = () => logged().flatMap(({ points }) => points ?? []);
const opened = () => logged().flatMap(({ open }) => open ?? []);

async function write(...all: TrackedRun[]): Promise<void> {
  const tracker = new PythonTracker(run, 'trackio', { project: 'p' });
  try {
    for (const each of all) await tracker.write(each);
  } finally {
    await tracker.close();
  }
}

it('sends each point once, whatever starts again', async () => {
  await write(tracked([0.75]), tracked([0.75, 0.5]), tracked([0.75, 0.5]));
  await write(tracked([0.75, 0.5, 0.25]));
  expect(sent().map(({ step }) => step)).toEqual([1, 2, 3]);
  const [first, second] = opened();
  expect(first).toMatchObject({
    name: 'mine-round-0001',
    group: 'mine',
    kind: 'update',
    config: { 'dpo.alpha': 0.02 },
  });
  expect(second.id).toBe(first.id);
});

it('begins nothing without points', async () => {
  vi.stubEnv('FAKE_MISSING', '1');
  await write(tracked([]));
  expect(logged()).toEqual([]);
});

it('an interrupted update repeats steps, at another speed: nothing is sent twice', async () => {
  await write(tracked([0.75, 0.5, 0.25], 10));
  await write(tracked([0.75], 10), tracked([0.75, 0.5], 20), tracked([0.75, 0.5, 0.25, 0.125], 20));
  expect(sent().map(({ step }) => step)).toEqual([1, 2, 3, 4]);
});

it('a discarded update keeps its points; another one goes to a new tracker run', async () => {
  await write(tracked([0.75, 0.5]), tracked([]), tracked([0.625]), tracked([0.625, 0.375]));
  expect(opened().map(({ name }) => name)).toEqual(['mine-round-0001', 'mine-round-0001-2']);
  expect(opened()[1].id).not.toBe(opened()[0].id);
  await write(tracked([0.625, 0.375, 0.25]));
  expect(sent().map(({ values }) => values['train/loss'])).toEqual([0.75, 0.5, 0.625, 0.375, 0.25]);
});

it('does not send again what a killed engine sent without recording it', async () => {
  vi.stubEnv('FAKE_STEP', '2');
  await write(tracked([0.75, 0.5, 0.25]));
  expect(sent().map(({ step }) => step)).toEqual([3]);
  await write(tracked([0.75, 0.5, 0.25]));
  expect(sent()).toHaveLength(1);
});

it('keeps what was not sent for the next time', async () => {
  vi.stubEnv('FAKE_ERROR', 'CommError: no route to host');
  await expect(write(tracked([0.75]))).rejects.toThrow('CommError: no route to host');
  vi.stubEnv('FAKE_ERROR', undefined);
  await write(tracked([0.75]));
  expect(sent()).toHaveLength(2);
});

it('another project gets everything', async () => {
  await write(tracked([0.75]));
  const other = new PythonTracker(run, 'trackio', { project: 'other' });
  await other.write(tracked([0.75]));
  await other.close();
  expect(sent()).toHaveLength(2);
});

describe('before a run', () => {
  const check = () =>
    checkTrackers({ tensorboard: null, wandb: { project: 'p', entity: null }, trackio: null }, () => '--wandb');

  it('a package that is missing is named, with the Python that lacks it', () => {
    vi.stubEnv('FAKE_MISSING', '1');
    expect(check).toThrow(
      /^--wandb: W&B needs the Python package wandb, and .*fakePython\.mjs lacks it; install it with pip, or set BREVITY_PYTHON to a Python that has it$/,
    );
  });

  it('a missing login is reported', () => {
    expect(check).not.toThrow();
    vi.stubEnv('FAKE_PROBLEM', 'W&B has no login: run `wandb login`');
    expect(check).toThrow('--wandb: W&B cannot be used: W&B has no login: run `wandb login`');
  });

  it('a folder for event files can be created', () => {
    const folder = path.join(run.directory, 'a/b');
    const checkFolder = (tensorboard: string) =>
      checkTrackers({ tensorboard, wandb: null, trackio: null }, () => '--tensorboard');
    expect(() => checkFolder(folder)).not.toThrow();
    expect(() => checkFolder(path.join(log, 'b'))).toThrow(
      `--tensorboard: ${log} is a file; expected a folder for event files`,
    );
  });
});
