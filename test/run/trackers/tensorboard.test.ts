/** TensorBoard's files, read back by our own reader; `npm run test:trackers` reads them with TensorBoard. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { decodeEvent, unframe } from '../../../src/core/eventFile.js';
import type { TrackedRun } from '../../../src/core/trackers.js';
import { TensorBoard } from '../../../src/run/trackers/tensorboard.js';
import { temporaryDirectories } from '../../temporary.js';

const fresh = temporaryDirectories();
let run: { directory: string };
let folder: string;
let file: string;

beforeEach(() => {
  const base = fresh();
  run = { directory: path.join(base, 'mine') };
  folder = path.join(base, 'tb');
  file = path.join(folder, 'mine/round-0001/events.out.tfevents.brevity');
  mkdirSync(run.directory);
  writeFileSync(path.join(run.directory, 'run.json'), '{}');
});

const tracked = (losses: number[], alpha = 0.02): TrackedRun => ({
  name: 'round-0001',
  points: losses.map((loss, i) => ({ step: i + 1, values: { 'train/loss': loss } })),
  hyperparameters: { 'dpo.alpha': alpha },
});

/** As TensorBoard reads: a restart drops its step and later ones. */
function read(): [number, number][] {
  let points: [number, number][] = [];
  for (const record of unframe(readFileSync(file)).records) {
    const event = decodeEvent(record);
    if (event?.kind === 'scalars') points.push([event.step, event.values['train/loss']]);
    if (event?.kind === 'restart') points = points.filter(([step]) => step < event.step);
  }
  return points;
}

const kinds = () => unframe(readFileSync(file)).records.map((record) => decodeEvent(record)?.kind);

it('appends new steps, and nothing when called again, also by another process', async () => {
  const board = new TensorBoard(run, folder);
  await board.write(tracked([0.75]));
  await board.write(tracked([0.75, 0.5]));
  expect(kinds()).toEqual(['version', 'text', 'scalars', 'scalars']);
  const { size } = statSync(file);
  await board.write(tracked([0.75, 0.5]));
  await new TensorBoard(run, folder).write(tracked([0.75, 0.5]));
  expect(statSync(file).size).toBe(size);
  await new TensorBoard(run, folder).write(tracked([0.75, 0.5, 0.25]));
  expect(read()).toEqual([
    [1, 0.75],
    [2, 0.5],
    [3, 0.25],
  ]);
});

it('withdraws the steps of an interrupted update, and those of a discarded one', async () => {
  const board = new TensorBoard(run, folder);
  await board.write(tracked([0.75, 0.5, 0.25]));
  await board.write(tracked([0.75]));
  expect(read()).toEqual([[1, 0.75]]);
  await board.write(tracked([0.75, 0.625]));
  await new TensorBoard(run, folder).write(tracked([0.5, 0.375, 0.25]));
  expect(read()).toEqual([
    [1, 0.5],
    [2, 0.375],
    [3, 0.25],
  ]);
  await board.write(tracked([]));
});

it('cuts off what a crash left half-written', async () => {
  await new TensorBoard(run, folder).write(tracked([0.75, 0.5]));
  truncateSync(file, statSync(file).size - 3);
  await new TensorBoard(run, folder).write(tracked([0.75, 0.5, 0.25]));
  expect(read()).toEqual([
    [1, 0.75],
    [2, 0.5],
    [3, 0.25],
  ]);
  appendFileSync(file, 'garbage that is no frame of any kind');
  await new TensorBoard(run, folder).write(tracked([0.75, 0.5, 0.25, 0.125]));
  expect(read()).toHaveLength(4);
  expect(unframe(readFileSync(file)).valid).toBe(statSync(file).size);
});

it('writes changed hyper-parameters again, and no file for an update without steps', async () => {
  const board = new TensorBoard(run, folder);
  await board.write(tracked([]));
  expect(existsSync(folder)).toBe(false);
  await board.write(tracked([0.75]));
  await board.write(tracked([0.75], 0.05));
  expect(kinds()).toEqual(['version', 'text', 'scalars', 'text']);
});

it('refuses the folder of another run of the same name', async () => {
  await new TensorBoard(run, folder).write(tracked([0.75]));
  const other = { directory: path.join(fresh(), 'mine') };
  mkdirSync(other.directory);
  await expect(new TensorBoard(other, folder).write(tracked([0.5]))).rejects.toThrow(
    /has the event files of run .*mine; give run .*mine another folder, as both have the name mine$/,
  );
  expect(read()).toEqual([[1, 0.75]]);
});

it('says in a sentence that it cannot write', async () => {
  writeFileSync(folder, '');
  await expect(new TensorBoard(run, folder).write(tracked([0.75]))).rejects.toThrow(
    /^cannot create the folder .*tb\/mine: .*tb takes no new folders; name another place$/,
  );
});
