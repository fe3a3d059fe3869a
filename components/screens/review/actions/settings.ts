/** The settings of the update: α, β and the learning rate; and launching it. */
import { inReview } from '../../../app/selectors.js';
import { type Action, type Step, noEffects } from '../../../app/state.js';
import { alphaIsFixed, moveAlpha, setNeutralAlpha, typeFlips, typeSetting } from '../alpha.js';
import { isBlind } from '../blind.js';
import { whyNotPairAgain } from '../pairing.js';
import { reviewedRound } from '../select.js';
import type { ReviewState } from '../state.js';
import { launchLines } from '../words.js';
import { inDetail, inPane } from './conditions.js';

/** A round in review, as opposed to a file. */
const ofRun = (state: ReviewState): boolean => inReview(state) && state.workspace !== 'file';
/** The settings are on the screen, or their effect is. */
const movesSettings = (state: ReviewState): boolean =>
  inReview(state) && state.ui.pane !== 'hacking' && !isBlind(state);
const movesAlpha = (state: ReviewState): boolean => movesSettings(state) && alphaIsFixed(state) === null;
/** Said where the objective alone keeps α from being moved. */
const whyFixed = (state: ReviewState): string | null => {
  const why = movesSettings(state) ? alphaIsFixed(state) : null;
  return why === null ? null : `${why}.`;
};

export const settingActions: readonly Action<ReviewState>[] = [
  {
    id: 'alpha-down',
    group: 'settings',
    aliases: ['lower α'],
    keys: ['left'],
    label: '',
    help: 'lower α by 0.001 (0.0001 if lengths are in characters)',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, -1, 'fine'),
  },
  {
    id: 'alpha-up',
    group: 'settings',
    aliases: ['raise α'],
    keys: ['right'],
    label: 'α',
    sign: '←→',
    help: 'raise α by 0.001 (0.0001 if lengths are in characters)',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, 1, 'fine'),
  },
  {
    id: 'alpha-down-coarse',
    group: 'settings',
    keys: ['shift+left', '[', 'H'],
    label: '',
    help: 'lower α by ten steps',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, -1, 'coarse'),
  },
  {
    id: 'alpha-up-coarse',
    group: 'settings',
    keys: ['shift+right', ']', 'L'],
    label: 'α coarse',
    sign: '[ ]',
    help: 'raise α by ten steps',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => moveAlpha(state, 1, 'coarse'),
  },
  {
    id: 'neutral-alpha',
    group: 'settings',
    aliases: ['neutral α', 'length neutral', 'balance'],
    keys: ['='],
    label: 'neutral α',
    help: 'set the length-neutral α (no pull on length)',
    when: movesAlpha,
    why: whyFixed,
    run: setNeutralAlpha,
  },
  {
    id: 'flip-alpha',
    group: 'settings',
    command: 'flips',
    aliases: ['flip α', 'largest α'],
    keys: ['f'],
    label: '',
    help: 'set the largest α that flips at most N pairs (asks for N)',
    when: movesAlpha,
    why: whyFixed,
    run: typeFlips,
  },
  {
    id: 'edit-alpha',
    group: 'settings',
    command: 'alpha',
    aliases: ['α', 'set α'],
    keys: ['a'],
    label: 'type α',
    help: 'type α, the length-penalty coefficient',
    when: movesAlpha,
    why: whyFixed,
    run: (state) => typeSetting(state, 'alpha'),
  },
  {
    id: 'edit-beta',
    group: 'settings',
    only: 'run',
    command: 'beta',
    aliases: ['β', 'set β'],
    keys: ['b'],
    label: 'β',
    help: 'type β, the strength of the pull to the reference policy',
    when: (state) => (ofRun(state) || state.run?.weights.need === 'logps') && movesSettings(state),
    run: (state) => typeSetting(state, 'beta'),
  },
  {
    id: 'edit-lr',
    group: 'settings',
    only: 'run',
    command: 'lr',
    aliases: ['learning rate'],
    keys: ['l'],
    label: 'lr',
    help: 'type the peak learning rate',
    when: (state) => ofRun(state) && movesSettings(state) && !inDetail(state),
    run: (state) => typeSetting(state, 'lr'),
  },
  {
    id: 'launch',
    group: 'work',
    only: 'run',
    aliases: ['start update', 'train'],
    keys: ['enter'],
    label: 'launch',
    help: 'launch the update: shows what will run, and asks first',
    when: (state) =>
      ofRun(state) &&
      !['hacking', 'pairing', 'blind'].includes(state.ui.pane) &&
      (reviewedRound(state)?.table.pairs.length ?? 0) > 0,
    // Enter is another action in this pane.
    why: (state) => (inPane('pairing')(state) ? whyNotPairAgain(state) : null),
    run: launch,
  },
];

/** Asks before it launches, and meanwhile queries the engine for the plan. */
function launch(state: ReviewState): Step<ReviewState> {
  const reviewed = reviewedRound(state);
  if (reviewed === null) return noEffects(state);
  const asked = { ...state, ui: { ...state.ui, plan: null } };
  const modal = { kind: 'confirm' as const, owner: 'review' as const, what: 'launch', lines: launchLines(asked) };
  return { state: { ...asked, modal }, effects: [{ do: 'ask', query: { type: 'read-plan', round: reviewed.round } }] };
}
