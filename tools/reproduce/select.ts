/** The selection rule: which settings of a grid are reported, decided on the validation prompts alone. */
import { mean } from '../../src/core/winRate.js';
import { lengthControlled, pool } from './summary.js';
import type { Candidate, Run, Settings } from './results.js';

/** Percentage points within which length-controlled win rates count as tied. */
export const TIE = 1;

export const selectionRule =
  'highest length-controlled win rate by the reward against the base on the validation prompts, pooled over the ' +
  `validation seeds; within ${TIE} point of the highest, the setting with the shortest responses`;

/** @returns null if every setting failed */
export function select(candidates: readonly Candidate[]): Candidate | null {
  const finished = candidates.filter(
    (candidate): candidate is Candidate & { win_rate: number; length: number } => candidate.win_rate !== null,
  );
  const best = finished.reduce((high, { win_rate }) => Math.max(high, win_rate), -Infinity);
  const tied = finished.filter(({ win_rate }) => win_rate >= best - TIE);
  return tied.reduce<(typeof tied)[number] | null>(
    (shortest, each) => (shortest === null || each.length < shortest.length ? each : shortest),
    null,
  );
}

/** The selected setting of each objective; objectives whose settings all failed are left out. */
export function selectEach(all: readonly Candidate[]): Candidate[] {
  const names = [...new Set(all.map(({ settings }) => settings.objective))];
  return names.flatMap((name) => select(all.filter(({ settings }) => settings.objective === name)) ?? []);
}

/** Each setting's figures on the validation prompts after the last round. A setting that failed under any seed failed. */
export function candidates(grid: readonly Settings[], runs: readonly Run[], responses: number): Candidate[] {
  return grid.map((settings) => {
    const pooled = pool(runs, 'validation', settings, responses);
    if (pooled === null) return { settings, win_rate: null, length: null, correct: null };
    const rows = pooled[pooled.length - 1].flat();
    return {
      settings,
      win_rate: lengthControlled(rows),
      length: mean(rows.map((row) => row.length)),
      correct: 100 * mean(rows.map((row) => row.correct)),
    };
  });
}
