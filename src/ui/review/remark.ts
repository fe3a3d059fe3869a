/** The last line of the α panel: why α is what it is; else what was dropped, what was decided, the reference. */
import { makeLine } from '../sanitize.js';
import { type State, shownRound } from '../state.js';
import { decidedText, leftOut } from './launch.js';
import { lookingAt } from './looking.js';

export function remarkOn(state: State): string {
  const looking = lookingAt(state);
  if (looking === null || state.run === null) return '';
  const { reason } = state.review;
  if (reason !== null && reason.alpha === looking.settings.alpha) return reason.text;
  const { reference } = state.run.config.dpo;
  const against = reference === 'round' ? 'round start' : makeLine(reference, 30);
  return [leftOut(shownRound(state)?.dropped ?? null), decidedText(looking.table), `reference ${against}`]
    .filter((part) => part !== '')
    .join(' · ');
}

/** What lengths are counted in. */
export function unitOf(_state: State): 'tokens' | 'characters' {
  return 'tokens';
}
