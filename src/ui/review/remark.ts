/** The last line of the α panel: why α is what it is; else what was dropped, what was decided, the reference. */
import { makeLine } from '../sanitize.js';
import { type State, shown, shownRound } from '../state.js';
import { decidedText, leftOut } from './launch.js';
import { lookingAt } from './looking.js';

export function remarkOn(state: State): string {
  const looking = lookingAt(state);
  if (looking === null || state.run === null) return '';
  const { reason } = state.review;
  const { decisions } = shown(state)?.decisions ?? {};
  if (reason?.alpha === looking.settings.alpha && reason.decisions === decisions) return reason.text;
  const left = leftOut(shownRound(state)?.dropped ?? null);
  return [left, decidedText(looking.table), baseOf(state.file, state.run.config.dpo.reference)]
    .filter((part) => part !== '')
    .join(' · ');
}

function baseOf(file: State['file'], reference: string): string {
  // Rewards and decisions make the pairs that are written.
  if (file !== null) return 'α changes no pair that is written';
  return `reference ${reference === 'round' ? 'round start' : makeLine(reference, 30)}`;
}

/** What lengths are counted in. */
export function unitOf({ file }: State): 'tokens' | 'characters' {
  return file?.unit ?? 'tokens';
}
