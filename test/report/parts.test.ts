/** What reports and screens show of a mixed reward, and of its check before round 1. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { modelCard } from '../../src/report/card.js';
import { partCurves } from '../../src/report/charts.js';
import { readReport } from '../../src/report/data.js';
import { htmlReport } from '../../src/report/html.js';
import { markdownReport } from '../../src/report/markdown.js';
import type { RoundState } from '../../src/core/rounds.js';
import { Run } from '../../src/run/run.js';
import { config } from '../engine/fakes.js';
import { temporaryDirectories } from '../temporary.js';
import { finished } from '../components/fixtures.js';

const fresh = temporaryDirectories();
const evil = '<script>alert("1")</script> | \x1b]52;c;ZXZpbA==\x07';

function evaluated(id: number, parts: [string, number, number][], more: object = {}): RoundState {
  const round = finished(id, 1, 10);
  const reward_parts = parts.map(([name, weight, reward]) => ({ name, weight, reward }));
  return { ...round, evaluation: round.evaluation && { ...round.evaluation, reward_parts, ...more } };
}

const check = {
  ...{ reward: 'hf:judge', summary: 'right on 60.0 % [50.2, 69.1] of 100 rows, chance 50.0 %' },
  warnings: [`It prefers the longer response. ${evil}`],
};
const rounds = [
  evaluated(
    0,
    [
      ['hf:judge', 0.7, 1],
      [evil, -2, 30],
    ],
    { reward_check: check },
  ),
  evaluated(1, [
    ['hf:judge', 0.7, 1.5],
    [evil, -2, 20],
  ]),
];

function runOf(of: RoundState[]): Run {
  const run = Run.create(path.join(fresh(), 'run'), config);
  for (const round of of) {
    run.addRound(round);
    mkdirSync(run.files.roundDir(round.id), { recursive: true });
  }
  // As the next start reads it.
  return Run.open(run.directory);
}

describe('the report of a mixed reward', () => {
  const data = readReport(runOf(rounds));

  it('has the mean of each part, and the check of the reward with round 0', () => {
    const text = markdownReport(data);
    expect(text).toContain('0.7·hf:judge 1.000, -2·');
    expect(text).toMatch(/Round 0: .*hf:judge on the preference rows: right on 60\.0 % .* It prefers the longer/);
    const page = htmlReport(data);
    expect(page).toContain('Held-out means of the parts of the reward over the rounds');
    expect(page).toMatch(/hf:judge on the preference rows: right on 60\.0 %/);
    for (const written of [text, page]) expect(written).not.toMatch(/<script>|\x1b|\x07/);
  });

  it('draws a panel for each part', () => {
    const curves = partCurves(data.branches[0]) ?? '';
    expect(curves).toContain('0.7·hf:judge');
    expect(curves.match(/round/g)?.length).toBeGreaterThanOrEqual(2);
    expect(curves).not.toContain('<script>');
  });

  it('and the model card has them too', () => {
    const run = runOf(rounds);
    const card = modelCard({
      ...{ name: 'mine', config: run.config, adapter: false, base: 'org/base' },
      lineage: [run.round(0), run.round(1)],
    });
    expect(card).toContain('- mean of its part `hf:judge` (weight 0.7) 1.500');
  });

  it('shows nothing of parts for a single reward', () => {
    const single = readReport(runOf([finished(0, 1, 10), finished(1, 2, 12)]));
    expect(markdownReport(single)).not.toContain('reward parts');
    expect(partCurves(single.branches[0])).toBeNull();
  });
});
