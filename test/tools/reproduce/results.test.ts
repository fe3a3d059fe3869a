import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { settings } from '../../../tools/reproduce/grid.js';
import { type Plan, readComplete, Results, type Run } from '../../../tools/reproduce/results.js';
import { temporaryDirectories } from '../../temporary.js';

const tried = settings({ objective: 'dpo', beta: 0.1, lr: 1e-4 });
const plan: Plan = {
  sampling: { temperature: 0.8 },
  update: { lr: 1e-4 },
  evaluation_temperature: 0.8,
  rounds: 1,
  responses: 1,
  validation_prompts: 2,
  validation_seeds: [11],
  report_seeds: [1],
  grid: [tried],
};
const run = (seed: number, of: Run['settings']): Run => ({
  part: 'report',
  seed,
  settings: of,
  rounds: [{ rewards: [1.25], lengths: [7], correct: '1', cut_off: 0 }],
  seconds: 2.5,
});

const makeDirectory = temporaryDirectories();
let folder = '';
const partial = () => path.join(folder, 'demo.partial.jsonl');

beforeEach(() => {
  folder = makeDirectory();
});

describe('Results', () => {
  it('continue where they stopped, after a torn last line too', () => {
    Results.open('demo', 'machine A', plan, folder).add(run(1, null));
    appendFileSync(partial(), '{"part":"report","se');
    const resumed = Results.open('demo', 'machine B', plan, folder);
    expect(resumed.find('report', 1, null)).toEqual(run(1, null));
    expect(resumed.find('report', 1, tried)).toBeUndefined();
    expect(resumed.find('validation', 1, null)).toBeUndefined();
    resumed.add(run(1, tried));
    expect(Results.open('demo', 'machine B', plan, folder).runs).toEqual([run(1, null), run(1, tried)]);
  });

  it('begin again if the crash came before the plan was written', () => {
    writeFileSync(partial(), '{"machi');
    Results.open('demo', 'A', plan, folder).add(run(1, null));
    expect(Results.open('demo', 'A', plan, folder).runs).toHaveLength(1);
  });

  it('do not mix runs of different plans', () => {
    Results.open('demo', 'A', plan, folder).add(run(1, null));
    const other = { ...plan, responses: 2 };
    expect(() => Results.open('demo', 'A', other, folder)).toThrow(UserError);
    expect(() => Results.open('demo', 'A', other, folder)).toThrow('repeat its flags, or delete the file');
  });

  it('become one file when complete, and the next reproduction starts anew', () => {
    const results = Results.open('demo', 'A', plan, folder);
    results.add(run(1, null));
    results.add(run(1, tried));
    results.add({ ...run(11, tried), part: 'validation' });
    const diverged: Run = {
      part: 'validation',
      seed: 12,
      settings: tried,
      rounds: [],
      failed: 'not finite',
      seconds: 1,
    };
    results.add(diverged);
    const validated = [{ settings: tried, win_rate: null, length: null, correct: null }];
    results.complete(validated);
    expect(existsSync(partial())).toBe(false);
    expect(readComplete('demo', folder)).toEqual({
      machine: 'A',
      plan,
      validated,
      // Of validation runs only the figures remain, and failures.
      runs: [run(1, null), run(1, tried), diverged],
    });
    // One run per line.
    expect(readFileSync(path.join(folder, 'demo.json'), 'utf8').match(/^\{"part"/gm)).toHaveLength(3);
    expect(Results.open('demo', 'A', plan, folder).runs).toEqual([]);
  });

  it('say what is missing or damaged', () => {
    expect(() => readComplete('demo', folder)).toThrow('run without --draw first');
    writeFileSync(path.join(folder, 'demo.json'), '{"machine": "A"}');
    expect(() => readComplete('demo', folder)).toThrow(/demo\.json: `plan`/);
  });
});
