/**
 * What the review screen shows, derived from its slice: the round's rows in their order, the selected row and the
 * responses compared (first half), and how the screen's room is divided and scrolled (second half).
 *
 * Scroll positions in the slice are wishes (app/lists.ts): they are brought within range here, never when stored.
 */
import { type NamedPart, namedParts, rewardScale } from '../../../src/core/config/rewardSpec.js';
import type { RewardScale } from '../../../src/core/objectives/sppo.js';
import { count } from '../../../src/core/format.js';
import { largest, smallest } from '../../../src/core/limits.js';
import { type LossSettings, objectives } from '../../../src/core/objectives/index.js';
import type { Objective } from '../../../src/core/objectives/objective.js';
import { type BlindSides, blindSides } from '../../../src/core/review/blind.js';
import type { ReviewDetail, ReviewRow } from '../../../src/core/review/rows.js';
import { promptText } from '../../../src/core/prompts.js';
import { type PartMargin, partMargins } from '../../../src/core/rewardParts.js';
import { type RoundState, lossOf, settingOf } from '../../../src/core/rounds.js';
import { makeLine } from '../../../src/core/sanitize.js';
import type { Queries, RoundSettings } from '../../../src/protocol/messages.js';
import { bodyRows } from '../../app/layout.js';
import { clampTop, windowFor } from '../../app/lists.js';
import { inReview, settingsOf, shown, shownRound } from '../../app/selectors.js';
import { comparedLines, wrapped } from '../../parts/markedText.js';
import { type Applied, type HeldOrder, type Order, heldOrder, hitsOf, isOutdated } from './order.js';
import type { ReviewState } from './state.js';
import { type ReviewTable, dependsOnPair, tableOf, unknownWeights } from './table.js';
import { tokenLines } from './tokens.js';

/** The round on the screen, with its rows as sorted and filtered. */
export interface ReviewedRound {
  table: ReviewTable;
  order: Order;
  held: HeldOrder;
  settings: RoundSettings;
  loss: LossSettings;
  round: number;
  /** Index of the selected row; null if no row matches the filter. */
  row: number | null;
}

const kept = new WeakMap<ReviewState, ReviewedRound | null>();

/** Returns null before the round has scored prompts. */
export function reviewedRound(state: ReviewState): ReviewedRound | null {
  let found = kept.get(state);
  if (found === undefined) {
    found = selectRound(state);
    kept.set(state, found);
  }
  return found;
}

function selectRound(state: ReviewState): ReviewedRound | null {
  const [data, round] = [shown(state), shownRound(state)];
  if (data === null || round === null || data.review.length === 0) return null;
  const settings = state.past === null ? settingsOf(state) : round.settings;
  const loss = lossOf(state.run?.config ?? {}, round, settings);
  const table = tableOf(
    data.review,
    data.decisions.decisions,
    data.weights,
    loss,
    partsIn(state, round),
    scaleIn(state, round),
  );
  const touch = { selected: state.ui.selected, decisions: data.decisions.decisions };
  const held = heldOrder(table, appliedIn(state, settings, loss), touch, state.ui.held);
  const { order } = held;
  return { table, order, held, settings, loss, round: round.id, row: rowIn(state, order) };
}

/** The parts of the reward that scored a round, or of a file's; empty for a single reward. */
function partsIn(state: ReviewState, round: RoundState): readonly NamedPart[] {
  if (state.workspace === 'file') return state.file.parts ?? [];
  const spec = settingOf(state.run?.config ?? {}, round, 'reward');
  return typeof spec === 'string' ? namedParts(spec) : [];
}

/** What the rewards of a round are; a file does not say, so they count as scores. */
function scaleIn(state: ReviewState, round: RoundState): RewardScale {
  if (state.workspace === 'file' || state.run === null) return 'scores';
  const { config } = state.run;
  return rewardScale({ reward: settingOf(config, round, 'reward') as string, rewards: config.rewards });
}

const appliedIn = (state: ReviewState, { alpha, beta }: RoundSettings, loss: LossSettings): Applied => ({
  sort: state.ui.sort,
  filter: filterNow(state),
  alpha,
  beta: usesBeta(state, loss) ? beta : null,
});

/** Whether gradient weights depend on β. */
export function usesBeta(state: ReviewState, loss: Pick<LossSettings, 'objective'>): boolean {
  const weights = shown(state)?.weights;
  return weights !== undefined && dependsOnPair(weights, loss);
}

/** Decisions since the table was sorted and filtered would now move or hide rows. */
export function isOutOfOrder(state: ReviewState): boolean {
  const reviewed = reviewedRound(state);
  return (
    reviewed !== null && isOutdated(reviewed.table, appliedIn(state, reviewed.settings, reviewed.loss), reviewed.order)
  );
}

/** The row matched the filter when it was applied; a decision has changed that. */
export function isMisfit(state: ReviewState, { table, settings }: ReviewedRound, row: number): boolean {
  return hitsOf(table, filterNow(state), settings.alpha).hits?.[row] === 0;
}

/** Positions of the first and the last row of the selected range in the table; null without one. */
export function rangeOf(state: ReviewState): readonly [first: number, last: number] | null {
  const reviewed = reviewedRound(state);
  const { range, pane } = state.ui;
  if (range === null || pane !== 'table' || reviewed?.row == null) return null;
  const { places } = reviewed.order;
  const [from, to] = [places[range.anchor] ?? -1, places[reviewed.row]];
  return from < 0 ? null : [Math.min(from, to), Math.max(from, to)];
}

/** While a filter that hides the selected row is being typed, the first matching row is shown instead. */
function rowIn({ modal, ui: { selected } }: ReviewState, { rows, places }: Order): number | null {
  if (places[selected] >= 0) return selected;
  return modal?.kind === 'edit' && rows.length > 0 ? rows[0] : null;
}

/** The filter that applies now: the text being typed takes effect immediately. */
export function filterNow({ modal, ui: review }: ReviewState): string {
  return modal?.kind === 'edit' && modal.owner === 'review' && modal.field === 'filter' ? modal.text : review.filter;
}

/** The engine's answer about a row; null if it has not been asked or has not answered. */
export function detailOf(state: ReviewState, { round, table }: ReviewedRound, row: number): ReviewDetail | null {
  const { prompt_index } = table.rows[row];
  const found = state.ui.details.find((one) => one.round === round && one.detail.prompt_index === prompt_index);
  return found?.detail ?? null;
}

/** Indices of the responses, the best reward first. */
export function ranked({ rewards }: ReviewRow): number[] {
  return [...rewards.keys()].sort((a, b) => rewards[b] - rewards[a] || a - b);
}

/** One of the two responses compared. */
export interface Side {
  /** Index among the prompt's responses. */
  place: number;
  /** `chosen y_w`, `rejected y_l`, or its rank. */
  name: string;
  /** null until the engine has sent it. */
  text: string | null;
  reward: number;
  length: number;
  truncated: boolean;
  /** Who wrote it; empty if unknown. */
  source: string;
}

export interface Compared {
  prompt: string;
  /** Empty if there is no response. */
  sides: Side[];
  /** Index of the response under the cursor. */
  cursor: number;
}

/** The pair; in the detail pane, the response under the cursor and the one it is compared with. */
export function comparedResponses(state: ReviewState, reviewed: ReviewedRound, row: number): Compared {
  const { table } = reviewed;
  const { prompt, rewards } = table.rows[row];
  const [chosen, rejected] = [table.chosen[row], table.rejected[row]];
  const { pane, response, against } = state.ui;
  if (pane === 'blind') return blindlyCompared(state, reviewed, row);
  const detailed = pane === 'detail' || pane === 'tokens';
  const cursor = (detailed ? response : null) ?? (rejected < 0 ? 0 : pane === 'tokens' ? chosen : rejected);
  const left = (detailed ? against : null) ?? (chosen < 0 ? 0 : chosen);
  const right = cursor !== left ? cursor : left === chosen ? rejected : chosen;
  const detail = detailOf(state, reviewed, row);
  return {
    prompt: detail === null ? prompt : promptText(detail),
    sides: [left, right]
      .filter((place) => place >= 0 && place < rewards.length)
      .map((place) => sideOf(state, reviewed, row, place)),
    cursor,
  };
}

/** The pair as A and B. */
function blindlyCompared(state: ReviewState, reviewed: ReviewedRound, row: number): Compared {
  const { prompt } = reviewed.table.rows[row];
  const detail = detailOf(state, reviewed, row);
  const sides = sidesOf(state, reviewed, row);
  return {
    prompt: detail === null ? prompt : promptText(detail),
    sides:
      sides === null
        ? []
        : [
            { ...sideOf(state, reviewed, row, sides.a), name: 'A' },
            { ...sideOf(state, reviewed, row, sides.b), name: 'B' },
          ],
    cursor: sides?.a ?? 0,
  };
}

/** Which response is A and which B in blind mode; null with fewer than two. */
export function sidesOf(state: ReviewState, { table, round }: ReviewedRound, row: number): BlindSides | null {
  const [chosen, rejected] = [table.chosen[row], table.rejected[row]];
  if (chosen < 0 || rejected < 0) return null;
  const { prompt_index } = table.rows[row];
  const seed = state.run?.config.seed ?? 0;
  return blindSides({ chosen, rejected }, { seed, round, prompt_index, reviewer: state.reviewer });
}

function sideOf(state: ReviewState, reviewed: ReviewedRound, row: number, place: number): Side {
  const { table } = reviewed;
  const { rewards, lengths, truncated } = table.rows[row];
  const paired = table.statuses[row] === 'pair';
  const rank = ranked(table.rows[row]).indexOf(place) + 1;
  const role = place === table.chosen[row] ? 'y_w' : place === table.rejected[row] ? 'y_l' : null;
  const roles = { y_w: 'chosen y_w', y_l: 'rejected y_l' };
  const name = role === null ? `rank ${rank}` : paired ? roles[role] : `${role}, left out`;
  const told = detailOf(state, reviewed, row)?.responses[place];
  const text = told?.text ?? knownText(table.rows[row], place);
  const [reward, length] = [rewards[place], lengths[place]];
  return { place, name, text, reward, length, truncated: truncated[place], source: told?.source ?? '' };
}

/** What each part of the reward says about the two responses compared, the first as chosen; empty without parts. */
export function comparedParts({ table }: ReviewedRound, row: number, { sides }: Compared): PartMargin[] {
  const [chosen, rejected] = sides.map(({ place }) => table.rows[row].parts?.[place]);
  const { parts } = table;
  if (chosen?.length !== parts.length || rejected?.length !== parts.length) return [];
  return partMargins(parts, chosen, rejected);
}

/** A row brings two texts along: those of the automatic pair, or of the best and the worst response. */
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

/** The tokens of the response under the cursor; null until the engine has sent them. */
export function tokensOf(state: ReviewState): Queries['read-tokens']['answer'] | null {
  const reviewed = reviewedRound(state);
  const { tokens } = state.ui;
  if (reviewed?.row == null || tokens === null) return null;
  const { round, prompt_index, sample } = tokens.query;
  const { prompt_index: wanted } = reviewed.table.rows[reviewed.row];
  const isIt = round === reviewed.round && prompt_index === wanted;
  return isIt && sample === comparedResponses(state, reviewed, reviewed.row).cursor ? tokens.answer : null;
}

/** The unit of lengths. */
export function unitOf(state: ReviewState): 'tokens' | 'characters' {
  return state.workspace === 'file' ? state.file.unit : 'tokens';
}

/** Why gradient weights and the numbers derived from them are shown as dashes; null if they are known. */
export function weightsReason(state: ReviewState): string | null {
  const reviewed = reviewedRound(state);
  const weights = shown(state)?.weights;
  if (reviewed === null || weights === undefined || unknownWeights(reviewed.table) === 0) return null;
  if (weights.need === 'rows')
    return `gradient weights of ${reviewed.loss.objective} need the policy's log-probabilities, which some responses lack`;
  const { done, total, computing, problem } = weights;
  const { needs }: Objective = objectives[reviewed.loss.objective];
  const need = needs.includes('chosen_confidence')
    ? `gradient weights of ${reviewed.loss.objective} need the policy's probabilities of all tokens`
    : "gradient weights need the reference's log-probabilities";
  if (computing) return `${need}: computing ${count(done)} of ${count(total)}`;
  if (problem !== null) return `${need}: ${makeLine(problem, 300)}`;
  return state.past === null && inReview(state)
    ? `${need}: ${count(done)} of ${count(total)} are computed`
    : `${need}, of which this round has ${count(done)} of ${count(total)}`;
}

export interface ReviewLayout {
  /** Columns of the α panel with its curves beside the table; 0: a few lines above the table instead. */
  panel: number;
  /** Rows of the α panel above the table. */
  above: number;
  tableColumns: number;
  /** Rows of the table without the heading; the first visible one. */
  table: number;
  top: number;
  /** Rows of the list of responses without the heading; the first visible one. */
  list: number;
  listTop: number;
  /** Rows of the reward's parts with their heading; 0 without parts. */
  parts: number;
  prompt: number;
  /** Rows of response text, side by side or one above the other. */
  text: number;
  beside: boolean;
  /** Columns of the prompt and the texts, and of the facts on the prompt beside them (0: no room for those). */
  textColumns: number;
  facts: number;
  /** First visible line of the texts, and the last line it can be scrolled to. */
  textTop: number;
  textEnd: number;
}

/** Columns of the facts on the selected prompt beside the texts, on a terminal at least this wide. */
const factColumns = 48;
const withFacts = 160;

/** Lines of the α panel above the table. */
const panelLines = 3;
/** Columns between the α panel and the table. */
export const gap = 2;

export function reviewLayout(state: ReviewState): ReviewLayout {
  const rows = bodyRows(state);
  const { columns } = state.size;
  const { pane, zoomed } = state.ui;
  const reviewed = reviewedRound(state);
  const compared = reviewed?.row == null ? null : comparedResponses(state, reviewed, reviewed.row);
  const beside = columns >= 76;
  if (pane === 'blind') {
    const none = {
      panel: 0,
      above: 0,
      tableColumns: columns,
      table: 1,
      top: state.ui.top,
      list: 0,
      listTop: 0,
      parts: 0,
    };
    // Rule, question, headings of the texts.
    return { ...none, beside, ...textLayout(state, compared, rows - 3, beside, columns) };
  }
  if (pane === 'detail') {
    const order = reviewed?.row == null ? [] : ranked(reviewed.table.rows[reviewed.row]);
    // Rule, heading of the list, line on the decision, headings of the texts.
    const list = Math.min(order.length, Math.max(3, Math.floor((rows - 4) * 0.5)));
    const known = reviewed?.row == null || compared === null ? [] : comparedParts(reviewed, reviewed.row, compared);
    const parts = known.length === 0 ? 0 : 1 + Math.min(known.length, Math.max(2, Math.floor(rows / 6)));
    // The response under the cursor stays in the middle where the list is longer than its room.
    const listTop = compared === null ? 0 : clampTop(order.indexOf(compared.cursor) - (list >> 1), order.length, list);
    const table = { panel: 0, above: 0, tableColumns: columns, table: 0, top: state.ui.top };
    return {
      ...table,
      list,
      listTop,
      parts,
      beside,
      ...textLayout(state, compared, rows - 4 - list - parts, beside, columns),
    };
  }
  // The panel beside the table needs the table's rows; zooming leaves only two.
  const wide = columns >= 118 && rows >= 30 && !zoomed;
  const above = wide ? 0 : panelLines;
  const panel = wide ? Math.min(60, columns - 80) : 0;
  const tableColumns = wide ? columns - panel - gap : columns;
  // Heading of the table, rule, headings of the texts.
  const left = rows - above - 3;
  const table = zoomed ? 2 : Math.max(2, Math.floor(left * (wide ? 0.6 : 0.45)));
  const top = reviewed === null ? 0 : tableTop(state.ui.top, reviewed, table);
  const facts = columns >= withFacts ? factColumns : 0;
  return {
    ...{ panel, above, tableColumns, table, top, list: 0, listTop: 0, parts: 0, beside },
    ...textLayout(state, compared, left - table, beside, facts === 0 ? columns : columns - facts - gap),
    facts,
  };
}

function tableTop(wanted: number, { order, row }: ReviewedRound, rows: number): number {
  const at = row === null ? 0 : order.places[row];
  return windowFor(at, wanted, order.rows.length, rows);
}

function textLayout(state: ReviewState, compared: Compared | null, rows: number, beside: boolean, columns: number) {
  const widths = { textColumns: columns, facts: 0 };
  if (compared === null) return { prompt: 0, text: rows, textTop: 0, textEnd: 0, ...widths };
  const prompt = Math.min(wrapped(compared.prompt, columns).length, Math.max(1, Math.floor(rows / 4)));
  const text = rows - prompt;
  const [left, right] = sideLines(state, compared, beside, columns).map(({ length }) => length);
  const length = beside ? Math.max(left ?? 0, right ?? 0) : (left ?? 0) + 1 + (right ?? 0);
  const textTop = clampTop(state.ui.textTop, length, text);
  return { prompt, text, textTop, textEnd: Math.max(0, length - text), ...widths };
}

/** The wrapped lines of both texts. */
export function sideLines(state: ReviewState, { sides }: Compared, beside: boolean, columns: number) {
  const [left, right] = [sides[0]?.text ?? '', sides[1]?.text ?? ''];
  const known = sides.length === 2 && sides.every(({ text }) => text !== null);
  return comparedLines(left, right, beside ? halfOf(columns) : columns, state.ui.diff && known);
}

/** Columns of each of two texts side by side, with three between them. */
export const halfOf = (columns: number): number => Math.floor((columns - 3) / 2);

/** Lines visible at once, the first of them, and the last line that can become the first. */
export interface Scroll {
  rows: number;
  top: number;
  end: number;
}

/** Rows of the tokens pane above the tokens: a rule, two lines of facts and the legend. */
const tokenHead = 4;

/** With the columns of the tokens, and of the list of notable ones beside them (0: no room for it). */
export function tokenScroll(state: ReviewState): Scroll & { width: number; beside: number } {
  const tokens = tokensOf(state);
  const { columns } = state.size;
  const rows = bodyRows(state) - tokenHead;
  const beside = columns >= 110 ? 48 : 0;
  const width = beside === 0 ? columns : columns - beside - gap;
  const lines = tokens === null ? 0 : tokenLines(tokens, width, state.ui.measure).length;
  return { rows, top: clampTop(state.ui.textTop, lines, rows), end: Math.max(0, lines - rows), width, beside };
}
