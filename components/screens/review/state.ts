/** The review screen's own state. */
import type { Slice } from '../../app/state.js';
import type { Queries, UpdatePlan } from '../../../src/protocol/messages.js';
import type { HackingReport } from '../../../src/core/review/hacking.js';
import type { BulkChange } from '../../../src/core/review/decisions.js';
import type { Decision, ReviewDetail } from '../../../src/core/review/rows.js';
import type { HeldOrder, Sort } from './order.js';
import type { TokenMeasure } from './tokens.js';

/** The table; a prompt with its K responses; tokens of a response; curves over α; signs of reward hacking; strategies; A and B. */
export type ReviewPane = 'table' | 'detail' | 'tokens' | 'alpha' | 'hacking' | 'pairing' | 'blind';

/** A decision on many prompts, as it was asked about; sent once it is confirmed. */
export interface BulkAsked {
  prompts: readonly number[];
  change: BulkChange;
}

/** Prompts from the anchor to the selected one; `held`: plain movement extends the range too, until it is ended. */
export interface SelectedRange {
  /** Index of a row, like `selected`. */
  anchor: number;
  held: boolean;
}

/** Where a person is in a round's review (place.ts). */
export interface Place extends Pick<ReviewUi, 'prompt' | 'sort' | 'filter' | 'column' | 'top' | 'textTop'> {
  pane: 'table' | 'detail' | 'blind';
}

export interface ReviewUi {
  pane: ReviewPane;
  /** The round that the place below is in; null before one was shown. */
  round: number | null;
  /** `prompt_index` of the selected row; null before a row was shown. */
  prompt: number | null;
  /** The places in other rounds, by round. */
  places: Readonly<Record<number, Place>>;
  /** Index of the selected row among the round's rows, so that sorting and filtering do not lose it. */
  selected: number;
  /** Its position in the table as sorted and filtered. */
  at: number;
  range: SelectedRange | null;
  /** The first of the columns that scroll (columns.ts), as far as there are so many. */
  column: number;
  /** First row of the table and first line of texts, tokens or facts to show, as far as there are so many (select.ts). */
  top: number;
  textTop: number;
  /** The texts below the table have more rows. */
  zoomed: boolean;
  sort: Sort;
  filter: string;
  /** The order since sort and filter were applied (order.ts); null: to be computed. */
  held: HeldOrder | null;
  /** Words that only one of the two texts has are marked. */
  diff: boolean;
  /**
   * In the detail pane: indices of the response under the cursor (null: the rejected one) and of the one it is compared
   * with (null: the chosen one).
   */
  response: number | null;
  against: number | null;
  /** What tokens are marked by, as far as it is known (tokens.ts). */
  measure: TokenMeasure;
  /** The engine's answers, the newest first. */
  details: readonly { round: number; detail: ReviewDetail }[];
  tokens: { query: Queries['read-tokens']['ask']; answer: Queries['read-tokens']['answer'] } | null;
  plan: UpdatePlan | null;
  hacking: HackingReport | null;
  /** Index of the selected phrase in the report. */
  phrase: number;
  /** Index of the selected pairing strategy; null: the one that has made the pairs. */
  choice: number | null;
  /** The decision on many prompts that is being asked about. */
  bulk: BulkAsked | null;
  /** The end of α's scale while the mouse moves it; null: it does not. */
  sliding: number | null;
  /** The last query of each kind, so that none is sent twice. */
  asked: { detail: string; tokens: string; hacking: string };
  /** Why `=` or `f` has set α to this value; holds until a decision changes, or β if weights depend on it. */
  reason: { alpha: number; beta: number; text: string; decisions: readonly Decision[] } | null;
}

export const reviewUi: ReviewUi = {
  pane: 'table',
  round: null,
  prompt: null,
  places: {},
  selected: 0,
  at: 0,
  range: null,
  column: 0,
  top: 0,
  textTop: 0,
  zoomed: false,
  sort: { column: 'prompt', reversed: false },
  filter: '',
  held: null,
  diff: true,
  response: null,
  against: null,
  measure: 'policy',
  details: [],
  tokens: null,
  plan: null,
  hacking: null,
  phrase: 0,
  choice: null,
  bulk: null,
  sliding: null,
  asked: { detail: '', tokens: '', hacking: '' },
  reason: null,
};

export type ReviewState = Slice<ReviewUi>;
