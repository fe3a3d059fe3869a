/** The α panel at 20,000 pairs: the time to compute all its numbers at an α that was not computed before. */
import { median } from '../median.js';
import { readScoredFile } from '../../src/run/reviewFile.js';
import { tableOf } from '../../components/screens/review/table.js';
import {
  flipAlpha,
  marginHistogram,
  neutralAlpha,
  panelCurves,
  panelNumbers,
  scaleOf,
} from '../../components/screens/review/alpha.js';

export interface PanelTimes {
  pairs: number;
  /** Median milliseconds for numbers, curves and histogram, as after every step of α. */
  move: number;
  /** The first computation for a table, which includes α's scale and the curves over it. */
  first: number;
  /** The keys for the length-neutral α and for the largest α that flips at most 100 pairs. */
  neutral: number;
  flips: number;
}

export function panelTimes(file: string, runs: number): PanelTimes {
  const { rows } = readScoredFile(file, null);
  const bins = 39;
  const times: Record<'move' | 'first' | 'neutral' | 'flips', number[]> = {
    move: [],
    first: [],
    neutral: [],
    flips: [],
  };
  const timed = (into: number[], work: () => unknown): void => {
    const started = performance.now();
    work();
    into.push(performance.now() - started);
  };
  let pairs = 0;
  for (let run = 0; run < runs; run++) {
    // A new table each time, so that nothing cached for an earlier one is used.
    const table = tableOf([...rows], []);
    pairs = table.pairs.length;
    const all = (alpha: number) => () => {
      scaleOf(table, alpha);
      panelNumbers(table, alpha);
      panelCurves(table, alpha);
      marginHistogram(table, alpha, bins);
    };
    timed(times.first, all(0.001));
    for (let step = 0; step < 10; step++) timed(times.move, all(0.001 + (step + 1) / 9999));
    timed(times.neutral, () => neutralAlpha(table));
    timed(times.flips, () => flipAlpha(table, 100));
  }
  return {
    pairs,
    ...{ move: median(times.move), first: median(times.first) },
    ...{ neutral: median(times.neutral), flips: median(times.flips) },
  };
}
