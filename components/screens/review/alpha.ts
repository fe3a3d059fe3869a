/**
 * α over the pairs of the round: its numbers and curves, cached per table, and how a person changes it: step by step,
 * typed, or computed for a purpose. β and the learning rate are typed here too.
 */
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
import { fixedAlpha } from '../../../src/core/objectives/index.js';
import { MAX_ALPHA, dpoSchema, updateSchema } from '../../../src/core/config/schema.js';
import * as format from '../../../src/core/format.js';
import type { RoundSettings } from '../../../src/protocol/messages.js';
import { settingsOf, shown } from '../../app/selectors.js';
import { type Step, noEffects, send } from '../../app/state.js';
import { type Histogram, histogram } from '../../parts/charts.js';
import { reviewedRound, unitOf, weightsReason } from './select.js';
import type { ReviewState } from './state.js';
import type { ReviewTable } from './table.js';

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
  return remembered(profiles, table, () => alphaProfile(table.inputs, table.law));
}

export function panelNumbers(table: ReviewTable, alpha: number): PanelNumbers {
  const found = numbers.get(table);
  if (found?.alpha === alpha) return found;
  const made = { ...numbersAt(profileOf(table), alpha), ...remembered(facts, table, () => factsOf(profileOf(table))) };
  numbers.set(table, made);
  return made;
}

/** The numbers that do not depend on α. */
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

/** The end of the scale for α: most pairs flip before it. The scale is extended to a larger α. */
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
    flipped: all.map(({ flipped }) => (100 * flipped) / table.inputs.length),
    weightLonger: all.map(({ mean_weight_longer }) => mean_weight_longer),
    weightShorter: all.map(({ mean_weight_shorter }) => mean_weight_shorter),
    pull: all.map(({ length_pull }) => length_pull),
  };
  curves.set(table, made);
  return made;
}

/** Histogram of the length-penalized margins. */
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
 * @param unknown why gradient weights are unknown; empty if they are known
 * @returns the α to set and a line that explains it, or a sentence on why there is none
 */
export function neutralAlpha(table: ReviewTable, unknown = ''): { alpha: number; text: string } | string {
  const found = lengthNeutralAlpha(profileOf(table));
  if (found.found) {
    const { longer, shorter } = panelNumbers(table, found.alpha);
    return {
      alpha: Number(found.alpha.toPrecision(6)),
      text: `length-neutral: ${format.count(longer)} longer and ${format.count(shorter)} shorter chosen responses, Σ weight·Δ|y| = 0`,
    };
  }
  return {
    already: 'There is no length-neutral α: at α = 0 the pairs do not pull towards longer responses.',
    never:
      'There is no length-neutral α: no chosen response is shorter than its rejected one, so every α pulls towards longer responses.',
    none: 'There is no length-neutral α: at every α the pairs pull towards longer responses.',
    unknown: `There is no length-neutral α yet: ${unknown}.`,
    'no pairs': 'There is no length-neutral α: there are no pairs.',
  }[found.why];
}

export function flipAlpha(table: ReviewTable, most: number): { alpha: number; text: string } {
  const alpha = largestAlphaFlipping(profileOf(table), most);
  const { flipped } = panelNumbers(table, alpha);
  return { alpha, text: `the largest α that flips at most ${most}: ${flipped} of ${table.inputs.length} pairs here` };
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function remembered<K extends object, V>(kept: WeakMap<K, V>, key: K, make: () => V): V {
  let found = kept.get(key);
  if (found === undefined) kept.set(key, (found = make()));
  return found;
}

// Changing the settings

type Field = keyof RoundSettings;

const schemas = { alpha: dpoSchema.shape.alpha, beta: dpoSchema.shape.beta, lr: updateSchema.shape.lr };
const labels: Record<Field, string> = { alpha: 'α', beta: 'β', lr: 'learning rate' };
const ranges: Record<Field, string> = {
  alpha: `α must be a number from 0 to ${MAX_ALPHA}, such as 0.02`,
  beta: 'β must be a number above 0 and at most 100, such as 0.1',
  lr: 'the learning rate must be a number above 0 and at most 1, such as 5e-7',
};

/** Why α cannot be moved: the objective does not use it. null: it can. */
export function alphaIsFixed(state: ReviewState): string | null {
  const reviewed = reviewedRound(state);
  return reviewed === null ? null : fixedAlpha(reviewed.loss.objective);
}

/** Steps of α by the unit of lengths: a token is about four characters. */
export const alphaSteps = { tokens: { fine: 0.001, coarse: 0.01 }, characters: { fine: 0.0001, coarse: 0.001 } };

/** α is rounded after each step, so that 0.02 - 0.001 + 0.001 is 0.02 again. */
export function moveAlpha(state: ReviewState, direction: 1 | -1, step: 'fine' | 'coarse'): Step<ReviewState> {
  const by = direction * alphaSteps[unitOf(state)][step];
  const moved = Number((settingsOf(state).alpha + by).toFixed(6));
  return setSetting(state, 'alpha', Math.min(MAX_ALPHA, Math.max(0, moved)));
}

export function setSetting(state: ReviewState, field: Field, value: number): Step<ReviewState> {
  if (settingsOf(state)[field] === value) return noEffects(state);
  return send({ ...state, draft: { ...state.draft, [field]: value } }, { type: 'set', settings: { [field]: value } });
}

/** Sets the α at which the pairs pull towards neither longer nor shorter responses. */
export function setNeutralAlpha(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return noEffects(state);
  const found = neutralAlpha(reviewed.table, weightsReason(state) ?? '');
  return typeof found === 'string' ? noEffects({ ...state, notice: found }) : setFound(state, found);
}

function setFound(state: ReviewState, { alpha: value, text }: { alpha: number; text: string }): Step<ReviewState> {
  const decisions = shown(state)?.decisions.decisions ?? [];
  const reason = { alpha: value, beta: settingsOf(state).beta, text, decisions };
  return setSetting({ ...state, ui: { ...state.ui, reason } }, 'alpha', value);
}

/** Opens the line in which a value is typed. */
export function typeSetting(state: ReviewState, field: Field): Step<ReviewState> {
  const { alpha, beta, lr } = settingsOf(state);
  const hint = `now ${{ alpha: format.alpha(alpha), beta: String(beta), lr: format.learningRate(lr) }[field]}`;
  return noEffects({
    ...state,
    modal: { kind: 'edit', owner: 'review', field, label: labels[field], hint, text: '', error: null },
  });
}

/** @returns a sentence if the value is out of range */
export function typedSetting(state: ReviewState, field: Field, typed: string): Step<ReviewState> | string {
  const text = typed.trim().replace(',', '.');
  if (text === '') return noEffects(state);
  const value = Number(text);
  return schemas[field].safeParse(value).success ? setSetting(state, field, value) : ranges[field];
}

/** Opens the line in which a number of flipped pairs is typed. */
export function typeFlips(state: ReviewState): Step<ReviewState> {
  const hint = 'how many pairs α may flip; the largest such α is set';
  return noEffects({
    ...state,
    modal: { kind: 'edit', owner: 'review', field: 'flips', label: 'flip', hint, text: '', error: null },
  });
}

/** @returns a sentence if it is not a whole number */
export function typedFlips(state: ReviewState, typed: string): Step<ReviewState> | string {
  const reviewed = reviewedRound(state);
  if (typed.trim() === '' || reviewed === null) return noEffects(state);
  const most = Number(typed);
  if (!Number.isInteger(most) || most < 0) return 'the number of pairs must be a whole number, such as 10';
  return setFound(state, flipAlpha(reviewed.table, most));
}

export function isSetting(field: string): field is Field {
  return field in labels;
}
