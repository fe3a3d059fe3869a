/** What is looked at on the review screen: the round's rows and settings, the selected row, its responses. */
import type { ReviewState } from './state.js';
import type { Queries, RoundSettings } from '../../../src/protocol/messages.js';
import type { ReviewDetail, ReviewRow } from '../../../src/core/review/rows.js';
import { settingsOf, shown, shownRound } from '../../app/selectors.js';
import { type ReviewTable, tableOf } from './data.js';
import { hitsOf } from './filtering.js';
import { type Applied, type HeldOrder, type Order, heldOrder, isOutdated } from './order.js';
import { promptText } from '../../../src/core/prompts.js';
import { largest, smallest } from '../../../src/core/limits.js';

export interface Looking {
  table: ReviewTable;
  order: Order;
  held: HeldOrder;
  settings: RoundSettings;
  round: number;
  /** Selected row by its place among the rows; null where the filter leaves none. */
  row: number | null;
}

const kept = new WeakMap<ReviewState, Looking | null>();

/** null before the round has scored prompts. */
export function lookingAt(state: ReviewState): Looking | null {
  let found = kept.get(state);
  if (found === undefined) {
    found = look(state);
    kept.set(state, found);
  }
  return found;
}

function look(state: ReviewState): Looking | null {
  const [data, round] = [shown(state), shownRound(state)];
  if (data === null || round === null || data.review.length === 0) return null;
  const settings = state.past === null ? settingsOf(state) : round.settings;
  const table = tableOf(data.review, data.decisions.decisions, data.weights, settings.beta);
  const touch = { selected: state.ui.selected, decisions: data.decisions.decisions };
  const held = heldOrder(table, appliedIn(state, settings), touch, state.ui.held);
  const { order } = held;
  return { table, order, held, settings, round: round.id, row: rowIn(state, order) };
}

const appliedIn = (state: ReviewState, { alpha, beta }: RoundSettings): Applied => ({
  sort: state.ui.sort,
  filter: filterNow(state),
  alpha,
  beta: shown(state)?.weights.need === 'logps' ? beta : null,
});

/** Rows have been decided since the table was sorted and filtered, and would now stand elsewhere or be hidden. */
export function isOutOfOrder(state: ReviewState): boolean {
  const looking = lookingAt(state);
  return looking !== null && isOutdated(looking.table, appliedIn(state, looking.settings), looking.order);
}

/** A row that matched the filter when it was applied, and does not since a decision. */
export function isMisfit(state: ReviewState, { table, settings }: Looking, row: number): boolean {
  return hitsOf(table, filterNow(state), settings.alpha).hits?.[row] === 0;
}

/** While a filter is typed that hides the selected row, the first that it lets through is looked at. */
function rowIn({ modal, ui: { selected } }: ReviewState, { rows, places }: Order): number | null {
  if (places[selected] >= 0) return selected;
  return modal?.kind === 'edit' && rows.length > 0 ? rows[0] : null;
}

/** What is being typed filters at once. */
export function filterNow({ modal, ui: review }: ReviewState): string {
  return modal?.kind === 'edit' && modal.owner === 'review' && modal.field === 'filter' ? modal.text : review.filter;
}

/** What the engine has said of a row; null where it has not been asked or has not answered. */
export function detailOf(state: ReviewState, { round, table }: Looking, row: number): ReviewDetail | null {
  const { prompt_index } = table.rows[row];
  const found = state.ui.details.find((one) => one.round === round && one.detail.prompt_index === prompt_index);
  return found?.detail ?? null;
}

/** Places of the responses, the best reward first. */
export function ranked({ rewards }: ReviewRow): number[] {
  return [...rewards.keys()].sort((a, b) => rewards[b] - rewards[a] || a - b);
}

/** A response held against another. */
export interface Side {
  /** Its place among the prompt's responses. */
  place: number;
  /** `chosen y_w`, `rejected y_l`, or its rank. */
  name: string;
  /** null while the engine is asked for it. */
  text: string | null;
  reward: number;
  length: number;
  truncated: boolean;
  /** Who wrote it; empty where nobody tells. */
  source: string;
}

export interface Compared {
  prompt: string;
  /** Empty where there is no response. */
  sides: Side[];
  /** The response under the cursor. */
  cursor: number;
}

/** The pair, or in the detail pane the two responses that are held against each other. */
export function comparedIn(state: ReviewState, looking: Looking, row: number): Compared {
  const { table } = looking;
  const { prompt, rewards } = table.rows[row];
  const [chosen, rejected] = [table.chosen[row], table.rejected[row]];
  const { pane, response, against } = state.ui;
  const detailed = pane === 'detail' || pane === 'tokens';
  const cursor = (detailed ? response : null) ?? (rejected < 0 ? 0 : pane === 'tokens' ? chosen : rejected);
  const left = (detailed ? against : null) ?? (chosen < 0 ? 0 : chosen);
  const right = cursor !== left ? cursor : left === chosen ? rejected : chosen;
  const detail = detailOf(state, looking, row);
  return {
    prompt: detail === null ? prompt : promptText(detail),
    sides: [left, right]
      .filter((place) => place >= 0 && place < rewards.length)
      .map((place) => sideOf(state, looking, row, place)),
    cursor,
  };
}

function sideOf(state: ReviewState, looking: Looking, row: number, place: number): Side {
  const { table } = looking;
  const { rewards, lengths, truncated } = table.rows[row];
  const paired = table.standings[row] === 'pair';
  const rank = ranked(table.rows[row]).indexOf(place) + 1;
  const role = place === table.chosen[row] ? 'y_w' : place === table.rejected[row] ? 'y_l' : null;
  const roles = { y_w: 'chosen y_w', y_l: 'rejected y_l' };
  const name = role === null ? `rank ${rank}` : paired ? roles[role] : `${role}, left out`;
  const told = detailOf(state, looking, row)?.responses[place];
  const text = told?.text ?? knownText(table.rows[row], place);
  const [reward, length] = [rewards[place], lengths[place]];
  return { place, name, text, reward, length, truncated: truncated[place], source: told?.source ?? '' };
}

/** The texts that come with a row are those of the automatic pair, or of the best and the worst response. */
function knownText(row: ReviewRow, place: number): string | null {
  const { automatic, rewards } = row;
  if (rewards.length < 2) return null;
  const [chosen, rejected] =
    typeof automatic === 'string'
      ? [rewards.indexOf(largest(rewards)), rewards.indexOf(smallest(rewards))]
      : [automatic.chosen, automatic.rejected];
  if (place === chosen) return row.chosen_text;
  return place === rejected ? row.rejected_text : null;
}

/** The tokens of the response under the cursor; null where the engine has not told them. */
export function tokensOf(state: ReviewState): Queries['read-tokens']['answer'] | null {
  const looking = lookingAt(state);
  const { tokens } = state.ui;
  if (looking?.row == null || tokens === null) return null;
  const { round, prompt_index, sample } = tokens.query;
  const { prompt_index: wanted } = looking.table.rows[looking.row];
  const isIt = round === looking.round && prompt_index === wanted;
  return isIt && sample === comparedIn(state, looking, looking.row).cursor ? tokens.answer : null;
}
