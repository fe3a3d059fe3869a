/** The α panel at 20,000 pairs: how long all its numbers take at an α that nobody has asked for before. */
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
  /** Milliseconds, the median: numbers, curves and histogram, as after every step of α. */
  move: number;
  /** The first time for a table: α's scale and the curves on it as well. */
  first: number;
  /** The keys for the length-neutral α and the largest that flips at most 100. */
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
    // A table of its own each time: what is kept for one is not used again.
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
