import { describe, expect, it } from 'vitest';
import { objectivesGrid, settings } from '../../../tools/reproduce/grid.js';
import { plotAlphas, plotObjectives } from '../../../tools/reproduce/plot.js';
import { pointsOf } from '../../../tools/reproduce/report.js';
import type { Complete, Plan, Responses, Run, Settings } from '../../../tools/reproduce/results.js';
import { candidates, select, selectEach } from '../../../tools/reproduce/select.js';
import { alphaReport, gridEdges, objectivesReport } from '../../../tools/reproduce/tables.js';

const lrDpo = (alpha: number) => settings({ objective: 'lr-dpo', beta: 0.1, alpha, lr: 2e-4 });

/** Two prompts, one response to each. */
const responses = (reward: number, length: number, correct: string): Responses => ({
  rewards: [reward, reward],
  lengths: [length, length],
  correct,
  cut_off: length > 30 ? 1 : 0,
});

type RunRow = [part: Run['part'], settings: Settings | null, rounds: Responses[], failed?: string];

function complete(grid: Settings[], rounds: number, runs: RunRow[]): Complete {
  const plan: Plan = {
    sampling: {},
    update: {},
    evaluation_temperature: 0.8,
    rounds,
    responses: 1,
    validation_prompts: 2,
    validation_seeds: [11],
    report_seeds: [1],
    grid,
  };
  const all = runs.map(([part, of, each, failed]): Run => ({
    part,
    seed: part === 'report' ? 1 : 11,
    settings: of,
    rounds: each,
    ...(failed === undefined ? {} : { failed }),
    seconds: 1,
  }));
  const made: Complete = { machine: 'a machine', plan, validated: candidates(grid, all, 1), runs: all };
  // As read from a file: equal settings are not the same object.
  return JSON.parse(JSON.stringify(made)) as Complete;
}

describe('the report on α', () => {
  const grid = [lrDpo(0), lrDpo(0.07)];
  const sweep = complete(grid, 2, [
    ['validation', null, [responses(0, 20, '00')]],
    ['validation', grid[0], [responses(1, 30, '11'), responses(1, 40, '11')]],
    ['validation', grid[1], [responses(1, 20, '11'), responses(1, 20, '11')]],
    ['report', null, [responses(0.5, 20, '01')]],
    ['report', grid[0], [responses(1, 25, '11'), responses(2, 40, '11')]],
    ['report', grid[1], [responses(1, 20, '11'), responses(1.5, 19, '01')]],
  ]);
  const { points, prompts } = pointsOf(sweep);
  const text = alphaReport(sweep, select(sweep.validated), points, prompts);

  it('has the base once, without win rates, then every round of every α', () => {
    const [first] = text.split('\n\n');
    const rows = first.split('\n').map((line) => line.split(' | ')[0]);
    expect(rows.slice(2)).toEqual([
      '| base',
      '| α = 0, round 1',
      '| α = 0, round 2',
      '| α = 0.07, round 1',
      '| α = 0.07, round 2',
    ]);
    expect(first).toContain(
      '| base | 0.50 (0.50 to 0.50) | 50.0 (0.0 to 100.0) | 20.0 (20.0 to 20.0) |  |  |  | 0.0 |',
    );
    // One of two responses was cut off.
    expect(first).toMatch(/α = 0, round 2 \| 2\.00 .* \| 50\.0 \|/);
  });

  it('says which α the validation prompts selected, and the difference it makes', () => {
    // All win on the validation prompts, so both controlled win rates are near 100 and the shorter responses decide.
    expect(text).toMatch(/α = 0\.07 \(selected\) \| 100\.0 \| 20\.0 \| 100\.0 \|/);
    expect(text).toContain('After round 2, α = 0.07 minus α = 0:');
    expect(text).toContain('- reward: −0.50 (−0.50 to −0.50)\n');
    expect(text).toContain('- tokens: −21.0 (−21.0 to −21.0)');
    expect(text).toContain('- correct, %: −50.0 (−100.0 to 0.0), within the noise');
  });

  it('states the rule, the prompts and the seeds', () => {
    expect(text).toContain('Rule: highest length-controlled win rate');
    expect(text).toContain('2 prompts, 1 responses to each, seeds 1; a machine.');
  });

  it('is drawn with a line from the base for each α in three panels', () => {
    const svg = plotAlphas(points);
    expect(svg.match(/<polyline /g)).toHaveLength(6);
    expect(svg.match(/<circle /g)).toHaveLength(18);
    expect(svg).not.toContain('NaN');
  });
});

describe('the report on objectives', () => {
  const sppo = settings({ objective: 'sppo', beta: 0.01, lr: 1e-4 });
  const grid = [lrDpo(0.02), lrDpo(0.04), sppo];
  const runs: RunRow[] = [
    ['validation', null, [responses(0, 20, '00')]],
    ['validation', grid[0], [responses(-1, 20, '11')]],
    ['validation', grid[1], [responses(1, 20, '11')]],
    ['validation', sppo, [], 'the loss is not finite'],
    ['report', null, [responses(0.5, 20, '01')]],
    ['report', grid[1], [responses(1, 25, '11')]],
  ];
  const results = complete(grid, 1, runs);
  const { points, prompts } = pointsOf(results);
  const text = objectivesReport(results, selectEach(results.validated), points, prompts);

  it('reports what was selected, and says which objectives failed', () => {
    expect(text).toMatch(/\| lr-dpo: β 0\.1, α 0\.04, lr 2e-4 \| 1\.00 /);
    expect(text).not.toMatch(/\| lr-dpo: β 0\.1, α 0\.02, lr 2e-4 \| [^|]*\([^|]*\|/);
    expect(text).toContain('Failed with every setting: sppo.');
    expect(text).toMatch(/\| sppo: β 0\.01, lr 1e-4 \| failed \|/);
  });

  it('is drawn with a row per objective', () => {
    const svg = plotObjectives(points);
    expect(svg).toContain('>lr-dpo<');
    expect(svg).not.toContain('>sppo<');
    expect(svg.match(/<circle /g)).toHaveLength(4);
    expect(svg).not.toContain('NaN');
  });
});

describe('gridEdges', () => {
  it('names the values beyond which nothing was tried', () => {
    const grid = objectivesGrid.filter(({ objective }) => objective === 'dpo');
    const dpo = (beta: number, lr: number) => settings({ objective: 'dpo', beta, lr });
    expect(gridEdges(dpo(0.1, 2e-4), grid)).toEqual([]);
    expect(gridEdges(dpo(0.3, 1e-4), grid)).toEqual(['β highest', 'lr lowest']);
  });
});
