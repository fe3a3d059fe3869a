/** Opening and closing panes, and what is done within those of the curves, the signs of reward hacking and the strategies. */
import { listActions } from '../../../app/lists.js';
import { type Action, noEffects } from '../../../app/state.js';
import {
  change,
  measuresOf,
  moveChoice,
  movePhrase,
  nextMeasure,
  showPhrase,
  toggleHacking,
  togglePairing,
  togglePane,
} from '../moves.js';
import { askPairAgain, canPairAgain } from '../pairing.js';
import type { ReviewState } from '../state.js';
import { hasRow, inHacking, inPane, seesRewards, withTexts } from './conditions.js';

const hasTokens = (state: ReviewState): boolean => hasRow(state) && (state.workspace === 'run' || state.file.tokens);

export const paneActions: readonly Action<ReviewState>[] = [
  {
    id: 'detail',
    command: 'responses',
    aliases: ['detail', 'samples'],
    keys: ['d'],
    label: 'responses',
    help: 'all responses to the prompt, and back',
    when: hasRow,
    run: (state) => noEffects(togglePane(state, 'detail')),
  },
  {
    id: 'tokens',
    aliases: ['token by token'],
    keys: ['v'],
    label: 'tokens',
    help: 'the response token by token, and back',
    when: hasTokens,
    run: (state) => noEffects(togglePane(state, 'tokens')),
  },
  {
    id: 'measure',
    command: 'colour by',
    aliases: ['reference', 'log-probability'],
    keys: ['C'],
    label: 'colour by',
    help: 'mark tokens by log π, by log π_ref, or by their difference',
    when: (state) => inPane('tokens')(state) && measuresOf(state).length > 1,
    why: (state) =>
      inPane('tokens')(state) ? "The reference's log-probabilities of these tokens are the same, or not known." : null,
    run: (state) => noEffects(nextMeasure(state)),
  },
  {
    id: 'diff',
    aliases: ['mark words'],
    keys: ['D'],
    label: 'diff',
    help: 'mark the words that only one response has, and back',
    when: (s) => withTexts(s) || inPane('blind')(s),
    run: (state) => noEffects(change(state, { diff: !state.ui.diff })),
  },
  {
    id: 'zoom',
    aliases: ['enlarge'],
    keys: ['z'],
    label: 'zoom',
    help: 'more room for the texts, and back',
    when: inPane('table'),
    run: (state) => noEffects(change(state, { zoomed: !state.ui.zoomed })),
  },
  {
    id: 'curves',
    aliases: ['α curves', 'plots'],
    keys: ['A'],
    label: 'curves',
    help: 'what α does to the pairs, as curves, and back',
    when: seesRewards,
    run: (state) => noEffects(togglePane(state, 'alpha')),
  },
  {
    id: 'hacking',
    command: 'bias',
    aliases: ['reward hacking', 'phrases', 'signs'],
    keys: ['B'],
    label: 'bias',
    help: 'signs of reward hacking (length bias, phrases), and back',
    when: seesRewards,
    run: (state) => noEffects(toggleHacking(state)),
  },
  ...listActions<ReviewState>({
    moves: { up: ['phrase-up', 'the phrase above'], down: ['phrase-down', 'the phrase below'] },
    label: 'phrase',
    when: inHacking,
    moved: movePhrase,
  }),
  {
    id: 'show-phrase',
    command: 'show',
    aliases: ['phrase'],
    keys: ['enter'],
    label: 'show',
    help: 'the prompts whose chosen response contains it',
    when: inHacking,
    run: (state) => noEffects(showPhrase(state)),
  },
  {
    id: 'pairing',
    command: 'pairing',
    aliases: ['pairs', 'strategies', 'preview lengths'],
    keys: ['M'],
    label: 'pairing',
    help: 'what each pairing strategy gives: pairs, lengths, margins; and back',
    when: seesRewards,
    run: (state) => noEffects(togglePairing(state)),
  },
  ...listActions<ReviewState>({
    moves: { up: ['strategy-up', 'the strategy above'], down: ['strategy-down', 'the strategy below'] },
    label: 'strategy',
    when: inPane('pairing'),
    moved: moveChoice,
  }),
  {
    id: 'pair-again',
    command: 'make pairs',
    aliases: ['strategy', 'pair again'],
    keys: ['enter'],
    label: 'make pairs',
    help: "make the round's pairs again by this strategy (asks first)",
    when: (state) => inPane('pairing')(state) && canPairAgain(state),
    run: askPairAgain,
  },
];
