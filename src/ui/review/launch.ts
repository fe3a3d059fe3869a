/** What is asked before an update is launched. */
import { totalSteps } from '../../dpo/schedule.js';
import { alpha, of } from '../format.js';
import { makeLine } from '../sanitize.js';
import { type State, settingsOf } from '../state.js';

const references: Record<string, string> = { round: 'round start', base: 'base' };

export function launchText(state: State): string {
  if (state.run === null) return '';
  const { config, pairs, engine } = state.run;
  const { reference } = config.dpo;
  return [
    `Launch ${of(pairs.length, 'pair')}`,
    of(totalSteps(pairs.length, config.update), 'step'),
    `α ${alpha(settingsOf(state).alpha)}`,
    `reference ${references[reference] ?? makeLine(reference, 30)}`,
    `${engine.backend}?`,
  ].join(' · ');
}
