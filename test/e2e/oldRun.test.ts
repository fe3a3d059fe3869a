/** A run that Brevity 0.1.0 made opens with everything in it, and goes on. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { pairRowSchema } from '../../src/core/rows.js';
import { roundFiles } from '../../src/core/runFiles.js';
import { readJsonLines } from '../../src/io/jsonl.js';
import { Run } from '../../src/run/run.js';
import { readReview, readDecisionState } from '../../src/run/stages/reviewFiles.js';
import { trainingPairs } from '../../src/run/stages/update.js';
import { dist, temporaryFolder } from '../engine/runs.js';

const data = path.resolve(import.meta.dirname, '../../data');
const directory = path.join(temporaryFolder(), 'run');

beforeAll(() => {
  cpSync(path.resolve(import.meta.dirname, '../fixtures/run-0.1.0'), directory, { recursive: true });
  const file = path.join(directory, 'run.json');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('{data}', data).replaceAll('{run}', directory));
  for (const round of ['0001', '0002'])
    cpSync(path.join(data, 'base-policy'), path.join(directory, 'rounds', round, 'policy'), { recursive: true });
});

it('opens with its rounds, decisions and figures', () => {
  const run = Run.open(directory);
  expect(run.rounds.map(({ id, stage }) => [id, stage])).toEqual([
    [0, 'done'],
    [1, 'done'],
    [2, 'done'],
  ]);
  expect(run.round(2).settings.alpha).toBe(0.05);
  const review = readReview(run.files, 2);
  const { decisions } = readDecisionState(run.files, 2, review);
  expect(decisions.get(0)).toMatchObject({ ruling: { kind: 'exclude' }, note: 'too similar' });
  expect(decisions.get(1)?.ruling).toEqual({ kind: 'pair', chosen: 0, rejected: 1 });
});

it('trains on the pairs that 0.1.0 kept in training-pairs.jsonl, which are now those of pairs.jsonl', () => {
  const run = Run.open(directory);
  const kept = readJsonLines(run.files.file(2, roundFiles.formerTrainingPairs), pairRowSchema);
  const round = { ...run.round(2) };
  expect(trainingPairs({ config: run.config, files: run.files, round })).toEqual(kept);
  expect(readJsonLines(run.files.file(2, roundFiles.pairs), pairRowSchema)).toEqual(kept);
});

it('goes on with the next round', () => {
  const args = [`${dist}cli.js`, 'auto', directory, '--rounds', '3'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
  expect(stderr).not.toMatch(/cannot|damaged/);
  expect(status).toBe(0);
  expect(Run.open(directory).round(3)).toMatchObject({ stage: 'done', parent: 2 });
  expect(existsSync(path.join(directory, 'rounds/0003/training-pairs.jsonl'))).toBe(false);
}, 180_000);
