/** What a person can do on the review screen, in the order of the footer. */
import type { Action } from '../../app/state.js';
import { decidingActions } from './actions/deciding.js';
import { movingActions } from './actions/moving.js';
import { paneActions } from './actions/panes.js';
import { settingActions } from './actions/settings.js';
import type { ReviewState } from './state.js';

/** By id: what matters most comes first. */
const footer: readonly string[] = [
  ...['launch', 'show-phrase', 'pair-again', 'strategy-up', 'strategy-down', 'phrase-up', 'phrase-down'],
  ...['pair-up', 'pair-down', 'better-response', 'worse-response', 'lines-up', 'lines-down', 'measure'],
  ...['alpha-down', 'alpha-up', 'winner', 'loser', 'detail', 'next-prompt', 'previous-prompt'],
  ...['swap', 'exclude', 'tie', 'undo', 'next-undecided', 'previous-undecided', 'filter', 'sort-again'],
  ...['range', 'range-up', 'range-down', 'tokens'],
  ...['curves', 'hacking', 'pairing', 'neutral-alpha', 'flip-alpha', 'edit-alpha'],
  ...['alpha-down-coarse', 'alpha-up-coarse', 'edit-beta', 'edit-lr'],
  ...['blind-a', 'blind-b', 'blind-tie', 'blind-skip'],
  ...['confirm', 'note', 'pair-weight', 'decide-all', 'blind', 'take-back', 'redo', 'against', 'diff'],
  ...['columns-left', 'columns-right', 'sort-left', 'sort-right', 'sort-reverse'],
  ...['page-up', 'page-down', 'first-pair', 'last-pair', 'text-up', 'text-down', 'write', 'zoom', 'importance'],
];

export const reviewActions: readonly Action<ReviewState>[] = inOrder(
  [...decidingActions, ...movingActions, ...paneActions, ...settingActions],
  footer,
);

function inOrder(actions: readonly Action<ReviewState>[], ids: readonly string[]): Action<ReviewState>[] {
  const known = new Map(actions.map((action) => [action.id, action]));
  const missing = actions.find(({ id }) => !ids.includes(id));
  if (missing !== undefined) throw new Error(`the action ${missing.id} has no place in the footer`);
  return ids.map((id) => {
    const action = known.get(id);
    if (action === undefined) throw new Error(`there is no action ${id}`);
    return action;
  });
}
