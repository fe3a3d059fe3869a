/**
 * The pane of pairing strategies: what each would make of the round's samples, and making the pairs again by another
 * one. Everything follows from the review rows, so nothing is asked of the engine before a strategy is taken.
 */
import { type PairsConfig, pairsSchema } from '../../../src/core/config/schema.js';
import * as format from '../../../src/core/format.js';
import { pairingSeed } from '../../../src/core/pairing.js';
import {
  candidatesIn,
  choiceInWords,
  pairChoices,
  type PairChoice,
  type PairPreview,
  previewPairs,
} from '../../../src/core/pairPreview.js';
import type { ReviewRow } from '../../../src/core/review/rows.js';
import { settingOf } from '../../../src/core/rounds.js';
import { bodyRows } from '../../app/layout.js';
import { clamp, windowFor } from '../../app/lists.js';
import { inReview, shownRound } from '../../app/selectors.js';
import { type Step, noEffects, send } from '../../app/state.js';
import { wrap } from '../../parts/text.js';
import { reviewedRound, unitOf } from './select.js';
import type { ReviewState } from './state.js';

export interface Pairing {
  config: PairsConfig;
  previews: readonly PairPreview[];
  /** Index of the strategy that has made the round's pairs. */
  present: number;
  selected: number;
}

const previews = new WeakMap<readonly ReviewRow[], { key: string; previews: readonly PairPreview[] }>();

/** null before the round has scored prompts. */
export function pairingOf(state: ReviewState): Pairing | null {
  const [reviewed, round] = [reviewedRound(state), shownRound(state)];
  if (reviewed === null || round === null || state.run === null) return null;
  const { rows } = reviewed.table;
  const run = state.run.config;
  const names = Object.keys(pairsSchema.shape);
  const config = pairsSchema.parse(
    Object.fromEntries(names.map((name) => [name, settingOf(run, round, `pairs.${name}`)])),
  );
  const { strategy, length_penalty, per_prompt, min_gap } = config;
  const seed = pairingSeed(run.seed, round.id);
  const key = JSON.stringify([length_penalty, per_prompt, min_gap, seed]);
  let found = previews.get(rows);
  if (found?.key !== key) {
    const candidates = rows.map(candidatesIn);
    found = { key, previews: pairChoices(config).map((choice) => previewPairs(candidates, choice, config, seed)) };
    previews.set(rows, found);
  }
  const present = found.previews.findIndex(
    (each) => each.strategy === strategy && each.length_penalty === length_penalty,
  );
  const selected = clamp(state.ui.choice ?? present, found.previews.length);
  return { config, previews: found.previews, present, selected };
}

export const choiceCount = (state: ReviewState): number => pairingOf(state)?.previews.length ?? 0;

export interface PairingLayout {
  /** Rows of the list, without rule and heading; the first visible one. */
  list: number;
  top: number;
  notes: readonly string[];
}

/** Rows above the list: a rule and a heading. */
export const listHead = 2;

export function pairingLayout(state: ReviewState, pairing: Pairing): PairingLayout {
  const notes = pairingNotes(state, pairing).flatMap((note) => wrap(note, state.size.columns));
  const count = pairing.previews.length;
  const room = bodyRows(state) - listHead;
  const list = Math.max(3, Math.min(count, room - notes.length - 1));
  return { list, top: windowFor(pairing.selected, 0, count, list), notes: notes.slice(0, Math.max(0, room - list)) };
}

const meanings: Record<PairPreview['strategy'], (unit: string) => string> = {
  'best-worst': () => 'The highest reward against the lowest.',
  'best-random': () => 'The highest reward against another response at random.',
  'length-penalized': (unit) =>
    `The highest r - λ·|y| against the lowest, |y| in ${unit}. The order is kept where the chosen response has the lower reward.`,
  wpo: () =>
    'The highest reward, of equals the shortest, against the lowest, of equals the nearest in length. It differs from best-worst on equal rewards only.',
};

/** About the selected strategy, and how to have it. */
export function pairingNotes(state: ReviewState, { previews: all, selected, present, config }: Pairing): string[] {
  const { strategy, prompts, paired, pairs, against_reward } = all[selected];
  const counted = `${format.of(pairs, 'pair')} from ${format.count(paired)} of ${format.of(prompts, 'prompt')}`;
  const against = against_reward === 0 ? '' : `, ${format.count(against_reward)} against the reward`;
  return [
    `${meanings[strategy](unitOf(state))} ${counted}${against}, before decisions.`,
    ...(selected === present ? [] : [wayTo(state, config)]),
    ...(reviewedRound(state)?.table.rows.some(({ same }) => same === undefined) === true
      ? ['An earlier version scored this round: responses that are the same count as different here.']
      : []),
  ];
}

function wayTo(state: ReviewState, { per_prompt: perPrompt }: PairsConfig): string {
  if (state.workspace === 'file') return `\`brevity pair --strategy\` makes pairs of a file this way.`;
  if (canPairAgain(state))
    return 'enter makes the pairs of this round again this way; samples, rewards and decisions stay.';
  const more = perPrompt > 1 ? ', pairs.per_prompt' : '';
  return `A fork (history) takes it as pairs.strategy, pairs.length_penalty${more}.`;
}

/** The round is in review, and its pairs are not made by the selected strategy. */
export function canPairAgain(state: ReviewState): boolean {
  const pairing = pairingOf(state);
  const isPresent = pairing === null || pairing.selected === pairing.present;
  return !isPresent && inReview(state) && state.workspace !== 'file' && pairing.previews[pairing.selected].pairs > 0;
}

export function whyNotPairAgain(state: ReviewState): string | null {
  const pairing = pairingOf(state);
  if (pairing === null || canPairAgain(state)) return null;
  if (pairing.selected === pairing.present) return 'The pairs are made by this strategy already.';
  if (pairing.previews[pairing.selected].pairs === 0) return 'This strategy makes no pairs of the samples.';
  return wayTo(state, pairing.config);
}

/** Asks first: every pair of the round may become another one. */
export function askPairAgain(state: ReviewState): Step<ReviewState> {
  const pairing = pairingOf(state);
  if (pairing === null) return noEffects(state);
  const { previews: all, selected, present } = pairing;
  const chosen = all[selected];
  const decisions = state.run?.decisions.decisions.length ?? 0;
  const before = present < 0 ? '' : ` instead of ${choiceInWords(all[present])}`;
  const lines = [
    `Make the pairs again: ${choiceInWords(chosen)}${before}?`,
    `${format.of(chosen.pairs, 'pair')} · mean |y_w| ${format.fixed(chosen.chosen_length, 1)}, |y_l| ${format.fixed(chosen.rejected_length, 1)}, Δ|y| ${format.signed(chosen.length_difference, 1)}`,
    decisions === 0
      ? 'Samples and rewards stay.'
      : `Samples, rewards and ${format.of(decisions, 'decision')} stay; what you have decided about a prompt holds.`,
  ];
  return noEffects({ ...state, modal: { kind: 'confirm', owner: 'review', what: 'set-pairs', lines } });
}

/** Sends the selected strategy. */
export function pairAgain(state: ReviewState): Step<ReviewState> {
  const pairing = pairingOf(state);
  if (pairing === null) return noEffects(state);
  const { strategy, length_penalty }: PairChoice = pairing.previews[pairing.selected];
  return send(
    { ...state, follows: true, ui: { ...state.ui, pane: 'table', choice: null } },
    { type: 'set-pairs', pairs: { strategy, length_penalty } },
  );
}
