/** The α slider: where it is drawn, and what a click or a drag on it does. */
import { MAX_ALPHA } from '../../../src/core/config/schema.js';
import * as format from '../../../src/core/format.js';
import type { RoundSettings } from '../../../src/protocol/messages.js';
import { inReview } from '../../app/selectors.js';
import { type Step, noEffects } from '../../app/state.js';
import { widthOf } from '../../parts/text.js';
import { alphaIsFixed, alphaSteps, scaleOf, setSetting } from './alpha.js';
import { gap, reviewLayout, reviewedRound, unitOf, usesBeta } from './select.js';
import type { ReviewState } from './state.js';

/** `α 0.0200 ` before the slider, and behind it the settings that fit into the same line. */
export function besideSlider(
  { alpha, beta, lr }: RoundSettings,
  { updates, usesBeta: withBeta }: { updates: boolean; usesBeta: boolean },
): [before: string, behind: string] {
  const behind = updates ? `  β ${beta}  lr ${format.learningRate(lr)}` : withBeta ? `  β ${beta}` : '';
  return [`α ${format.alpha(alpha)} `, behind];
}

/** Columns of the scale between its two numbers, and the one with the mark: `0 ────●─── 0.1`. */
export function sliderCells(alpha: number, end: number, width: number): { cells: number; at: number } {
  const cells = Math.max(3, width - String(end).length - beforeCells - 1);
  return { cells, at: Math.max(0, Math.min(cells - 1, Math.round((cells - 1) * (alpha / end)))) };
}

/** Columns of `0 `. */
const beforeCells = 2;

/** The end of the scale. While the mouse moves α it stays, so that the mark is where the mouse is. */
export function sliderEnd(state: ReviewState): number {
  const reviewed = reviewedRound(state);
  return state.ui.sliding ?? (reviewed === null ? 1 : scaleOf(reviewed.table, reviewed.settings.alpha));
}

/** The first column of the scale, from the left of the screen, and how many there are; null where no slider is drawn. */
function sliderPlace(state: ReviewState): { x: number; cells: number } | null {
  const reviewed = reviewedRound(state);
  if (reviewed === null || (state.ui.pane !== 'table' && state.ui.pane !== 'alpha')) return null;
  const { settings, loss } = reviewed;
  const { panel, tableColumns } = reviewLayout(state);
  const inColumn = state.ui.pane === 'table' && panel > 0;
  const [before, behind] = besideSlider(settings, {
    updates: state.workspace !== 'file',
    usesBeta: usesBeta(state, loss),
  });
  const width = inColumn ? panel : state.size.columns - widthOf(behind);
  const { cells } = sliderCells(settings.alpha, sliderEnd(state), width - widthOf(before));
  return { x: (inColumn ? tableColumns + gap : 0) + widthOf(before) + beforeCells, cells };
}

/** A click on the slider sets α, and holds it until the mouse is let go. @returns null beside the slider */
export function pressSlider(state: ReviewState, x: number, y: number): Step<ReviewState> | null {
  const place = sliderPlace(state);
  // Its numbers belong to it: they are hit instead of its ends.
  if (place === null || y !== 0 || x < place.x - beforeCells || x > place.x + place.cells) return null;
  if (!inReview(state)) return null;
  const why = alphaIsFixed(state);
  if (why !== null) return noEffects({ ...state, notice: `${why}.` });
  return slideTo({ ...state, ui: { ...state.ui, sliding: sliderEnd(state) } }, x);
}

export function dragSlider(state: ReviewState, x: number, ended: boolean): Step<ReviewState> {
  if (state.ui.sliding === null) return noEffects(state);
  if (ended || !inReview(state)) return noEffects({ ...state, ui: { ...state.ui, sliding: null } });
  return slideTo(state, x);
}

/** α at a column, rounded to its fine steps. */
function slideTo(state: ReviewState, x: number): Step<ReviewState> {
  const place = sliderPlace(state);
  if (place === null) return noEffects(state);
  const { fine } = alphaSteps[unitOf(state)];
  const share = Math.max(0, Math.min(1, (x - place.x) / (place.cells - 1)));
  const alpha = Math.min(MAX_ALPHA, Math.round((share * sliderEnd(state)) / fine) * fine);
  return setSetting(state, 'alpha', Number(alpha.toFixed(6)));
}
