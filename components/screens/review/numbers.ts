/** The α panel's numbers: for one α and over a scale of α, kept as long as the pairs they are of. */
import {
  type AlphaNumbers,
  type AlphaProfile,
  alphaProfile,
  alphaScale,
  largestAlphaFlipping,
  lengthNeutralAlpha,
  numbersAt,
  roundUp,
} from '../../../src/core/alpha.js';
import { count } from '../../../src/core/format.js';
import { type Histogram, histogram } from '../../parts/charts.js';
import type { ReviewTable } from './data.js';

export interface PanelNumbers extends AlphaNumbers {
  pairs: number;
  longer: number;
  shorter: number;
  mean_reward_margin: number;
  /** Mean Δ|y|, in tokens. */
  mean_length_difference: number;
}

export interface PanelCurves {
  /** The greatest α of the scale; the points are evenly spaced from 0. */
  end: number;
  /** Share of pairs flipped, in percent. */
  flipped: number[];
  weightLonger: number[];
  weightShorter: number[];
  pull: number[];
}

const points = 65;
const profiles = new WeakMap<ReviewTable, AlphaProfile>();
const scales = new WeakMap<ReviewTable, number>();
const facts = new WeakMap<ReviewTable, Omit<PanelNumbers, keyof AlphaNumbers>>();
const numbers = new WeakMap<ReviewTable, PanelNumbers>();
const curves = new WeakMap<ReviewTable, PanelCurves>();
const histograms = new WeakMap<ReviewTable, { key: string; histogram: Histogram }>();

function profileOf(table: ReviewTable): AlphaProfile {
  return remembered(profiles, table, () => alphaProfile(table.inputs));
}

export function panelNumbers(table: ReviewTable, alpha: number): PanelNumbers {
  const found = numbers.get(table);
  if (found?.alpha === alpha) return found;
  const made = { ...numbersAt(profileOf(table), alpha), ...remembered(facts, table, () => factsOf(profileOf(table))) };
  numbers.set(table, made);
  return made;
}

/** What does not depend on α. */
function factsOf({ margins, differences, distinct, counts }: AlphaProfile): Omit<PanelNumbers, keyof AlphaNumbers> {
  const pairsWhere = (holds: (difference: number) => boolean): number =>
    counts.reduce((sum, count, i) => (holds(distinct[i]) ? sum + count : sum), 0);
  return {
    pairs: margins.length,
    longer: pairsWhere((difference) => difference > 0),
    shorter: pairsWhere((difference) => difference < 0),
    mean_reward_margin: mean(margins),
    mean_length_difference: mean(differences),
  };
}

/** The end of the scale for α: one on which most pairs flip, longer where α lies beyond. */
export function scaleOf(table: ReviewTable, alpha: number): number {
  const usual = remembered(scales, table, () => alphaScale(profileOf(table)));
  return alpha <= usual ? usual : roundUp(alpha);
}

export function panelCurves(table: ReviewTable, alpha: number): PanelCurves {
  const end = scaleOf(table, alpha);
  const found = curves.get(table);
  if (found?.end === end) return found;
  const all = Array.from({ length: points }, (_, i) => numbersAt(profileOf(table), (end * i) / (points - 1)));
  const made = {
    end,
    flipped: all.map(({ flipped }) => (100 * flipped) / table.pairs.length),
    weightLonger: all.map(({ mean_weight_longer }) => mean_weight_longer),
    weightShorter: all.map(({ mean_weight_shorter }) => mean_weight_shorter),
    pull: all.map(({ length_pull }) => length_pull),
  };
  curves.set(table, made);
  return made;
}

/** Of the length-penalized margins. */
export function marginHistogram(table: ReviewTable, alpha: number, bins: number): Histogram {
  const key = `${alpha} ${bins}`;
  const found = histograms.get(table);
  if (found?.key === key) return found.histogram;
  const { margins, differences } = profileOf(table);
  const penalized = new Array<number>(margins.length);
  for (let i = 0; i < margins.length; i++) penalized[i] = margins[i] - alpha * differences[i];
  const made = histogram(penalized, bins);
  histograms.set(table, { key, histogram: made });
  return made;
}

/**
 * @param unknown why weights are not known, where they are not
 * @returns the α to set, or a sentence on why there is none; and a line that explains it
 */
export function neutralAlpha(table: ReviewTable, unknown = ''): { alpha: number; text: string } | string {
  const found = lengthNeutralAlpha(profileOf(table));
  if (found.found) {
    const { longer, shorter } = panelNumbers(table, found.alpha);
    return {
      alpha: Number(found.alpha.toPrecision(6)),
      text: `length-neutral: ${count(longer)} longer and ${count(shorter)} shorter winners balance, Σ weight·Δ|y| = 0`,
    };
  }
  return {
    already: 'There is no length-neutral α: at α = 0 the pairs do not pull towards longer responses.',
    never:
      'There is no length-neutral α: no winner is shorter than its loser, so every α pulls towards longer responses.',
    unknown: `There is no length-neutral α yet: ${unknown}.`,
    'no pairs': 'There is no length-neutral α: there are no pairs.',
  }[found.why];
}

export function flipAlpha(table: ReviewTable, most: number): { alpha: number; text: string } {
  const alpha = largestAlphaFlipping(profileOf(table), most);
  const { flipped } = panelNumbers(table, alpha);
  return { alpha, text: `the largest α that flips at most ${most}: ${flipped} of ${table.pairs.length} pairs here` };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function remembered<K extends object, V>(kept: WeakMap<K, V>, key: K, make: () => V): V {
  let found = kept.get(key);
  if (found === undefined) kept.set(key, (found = make()));
  return found;
}
