/** The last line of the α panel: why weights are unknown, why α is what it is; else what was dropped, what was decided, the reference. */
import type { ReviewState } from './state.js';
import { settingOf } from '../../../src/core/rounds.js';
import { count } from '../../../src/core/format.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { inReview, shown, shownRound } from '../../app/selectors.js';
import { unknownWeights } from './data.js';
import { decidedText, leftOut } from './launch.js';
import { lookingAt } from './looking.js';

export function remarkOn(state: ReviewState): string {
  const looking = lookingAt(state);
  if (looking === null || state.run === null) return '';
  const unknown = weightsReason(state);
  if (unknown !== null) return unknown;
  const { reason } = state.ui;
  const { decisions, weights } = shown(state) ?? {};
  const { alpha, beta } = looking.settings;
  const holds = reason?.alpha === alpha && (weights?.need === 'lengths' || reason.beta === beta);
  if (reason !== null && holds && reason.decisions === decisions?.decisions) return reason.text;
  const left = leftOut(shownRound(state)?.dropped ?? null);
  return [left, decidedText(looking.table), baseOf(state)].filter((part) => part !== '').join(' · ');
}

function baseOf(state: ReviewState): string {
  const { run } = state;
  // Rewards and decisions make the pairs that are written.
  if (state.workspace === 'file')
    return run?.weights.need === 'lengths'
      ? 'α changes no pair that is written; weights assume a start from the reference'
      : 'α changes no pair that is written';
  const round = shownRound(state);
  const set = run === null || round === null ? 'round' : settingOf(run.config, round, 'dpo.reference');
  const reference = typeof set === 'string' ? set : 'round';
  return `reference ${reference === 'round' ? 'round start' : makeLine(reference, 30)}`;
}

/** Why gradient weights of pairs, and all that follows from them, are dashes; null where they are known. */
export function weightsReason(state: ReviewState): string | null {
  const looking = lookingAt(state);
  const weights = shown(state)?.weights;
  if (looking === null || weights?.need !== 'logps' || unknownWeights(looking.table) === 0) return null;
  const { done, total, computing, problem } = weights;
  const need = "gradient weights need the reference's log-probabilities";
  if (computing) return `${need}: computing ${count(done)} of ${count(total)}`;
  if (problem !== null) return `${need}: ${makeLine(problem, 300)}`;
  return state.past === null && inReview(state)
    ? `${need}: ${count(done)} of ${count(total)} are computed`
    : `${need}, of which this round has ${count(done)} of ${count(total)}`;
}

/** What lengths are counted in. */
export function unitOf(state: ReviewState): 'tokens' | 'characters' {
  return state.workspace === 'file' ? state.file.unit : 'tokens';
}
