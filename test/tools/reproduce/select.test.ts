import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { objectiveNames, unusedSettings } from '../../../src/core/objectives/index.js';
import { dataFolder, readPrompts, splitPrompts } from '../../../tools/reproduce/files.js';
import { objectivesGrid, settings } from '../../../tools/reproduce/grid.js';
import type { Candidate, Responses, Run } from '../../../tools/reproduce/results.js';
import { candidates, select, selectEach } from '../../../tools/reproduce/select.js';

const of = (alpha: number) => settings({ objective: 'lr-dpo', beta: 0.1, alpha, lr: 1e-4 });
const candidate = (alpha: number, win_rate: number | null, length: number | null): Candidate => ({
  settings: of(alpha),
  win_rate,
  length,
  correct: null,
});

describe('splitPrompts', () => {
  it('sets apart the number asked for, without overlap or loss, in order, and always the same', () => {
    const prompts = Array.from({ length: 50 }, (_, i) => i);
    const { training, validation } = splitPrompts(prompts, 12);
    expect(validation).toHaveLength(12);
    expect([...training, ...validation].sort((x, y) => x - y)).toEqual(prompts);
    expect(training).toEqual([...training].sort((x, y) => x - y));
    expect(splitPrompts(prompts, 12)).toEqual({ training, validation });
    // A tail would be a split by topic if a file is in order.
    expect(validation).not.toEqual(prompts.slice(-12));
  });

  it('of the example shares no prompt among training, validation and held-out', () => {
    const { training, validation } = splitPrompts(readPrompts(path.join(dataFolder, 'prompts.jsonl')), 80);
    const heldOut = readPrompts(path.join(dataFolder, 'held-out.jsonl'));
    expect([training.length, validation.length, heldOut.length]).toEqual([240, 80, 96]);
    const texts = [...training, ...validation, ...heldOut].map(({ prompt }) => prompt);
    expect(new Set(texts).size).toBe(416);
  });
});

describe('select', () => {
  it('takes the highest length-controlled win rate', () => {
    expect(select([candidate(0, 60, 20), candidate(0.02, 63, 40), candidate(0.04, 55, 10)])?.settings.alpha).toBe(0.02);
  });

  it('takes the shortest of those within a point of the highest', () => {
    const all = [candidate(0, 63, 40), candidate(0.02, 62, 30), candidate(0.04, 62.5, 35), candidate(0.07, 61.9, 10)];
    expect(select(all)?.settings.alpha).toBe(0.02);
  });

  it('passes over settings that failed, and takes none if all did', () => {
    expect(select([candidate(0, null, null), candidate(0.02, 40, 30)])?.settings.alpha).toBe(0.02);
    expect(select([candidate(0, null, null)])).toBeNull();
    expect(selectEach([candidate(0, null, null)])).toEqual([]);
  });

  it('selects for each objective on its own', () => {
    const dpo = settings({ objective: 'dpo', beta: 0.1, lr: 1e-4 });
    const all = [
      candidate(0.02, 70, 20),
      candidate(0.04, 80, 20),
      { settings: dpo, win_rate: 60, length: 20, correct: 50 },
    ];
    expect(selectEach(all)).toEqual([all[1], all[2]]);
  });
});

describe('candidates', () => {
  const measured = (reward: number, length: number): Responses => ({
    rewards: [reward, reward],
    lengths: [length, length],
    correct: '00',
    cut_off: 0,
  });
  const run = (part: Run['part'], seed: number, of: Run['settings'], rounds: Responses[]): Run => ({
    part,
    seed,
    settings: of,
    rounds,
    seconds: 1,
  });

  it('are judged by the last round on the validation prompts alone', () => {
    const runs = [
      run('validation', 11, null, [measured(0, 10)]),
      run('validation', 11, of(0), [measured(1, 50), measured(-1, 10)]),
      // Held-out prompts would select α = 0.
      run('report', 1, null, [measured(0, 10)]),
      run('report', 1, of(0), [measured(1, 10), measured(1, 10)]),
      run('validation', 11, of(0.02), [measured(0, 99), measured(0, 12)]),
      { ...run('validation', 11, of(0.04), []), failed: 'the loss is not finite' },
    ];
    const [lost, tied, failed] = candidates([of(0), of(0.02), of(0.04)], runs, 1);
    expect(lost.win_rate).toBeLessThan(1);
    expect(lost.length).toBe(10);
    expect(tied).toEqual({ settings: of(0.02), win_rate: expect.closeTo(50, 6), length: 12, correct: 0 });
    expect(failed).toEqual({ settings: of(0.04), win_rate: null, length: null, correct: null });
    expect(select([lost, tied, failed])).toBe(tied);
  });
});

describe('objectivesGrid', () => {
  it('has nine different settings of every objective, none of which the objective ignores', () => {
    expect(new Set(objectivesGrid.map((each) => JSON.stringify(each))).size).toBe(objectivesGrid.length);
    for (const name of objectiveNames)
      expect(
        objectivesGrid.filter(({ objective }) => objective === name),
        name,
      ).toHaveLength(9);
    for (const each of objectivesGrid) expect(unusedSettings(each)).toEqual([]);
  });
});
