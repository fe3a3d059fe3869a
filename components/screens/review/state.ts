/** What this terminal alone knows of the review screen. */
import type { Slice } from '../../app/state.js';
import type { Queries, UpdatePlan } from '../../../src/protocol/messages.js';
import type { HackingReport } from '../../../src/core/review/hacking.js';
import type { Decision, ReviewDetail } from '../../../src/core/review/rows.js';
import type { HeldOrder, Sort } from './order.js';

/** The table; a prompt with its K responses; tokens of a response; curves over α; signs of reward hacking. */
export type ReviewPane = 'table' | 'detail' | 'tokens' | 'alpha' | 'hacking';

export interface ReviewUi {
  pane: ReviewPane;
  /** Selected row by its place among the round's rows, so that sorting and filtering do not lose it. */
  selected: number;
  /** Its place in the table as sorted and filtered, and the table's first visible row. */
  at: number;
  top: number;
  /** First visible line of texts or tokens. */
  textTop: number;
  /** More room for the texts below the table. */
  zoomed: boolean;
  sort: Sort;
  filter: string;
  /** The order of the table since sort and filter were applied; null: to be computed. */
  held: HeldOrder | null;
  /** Words that only one of two texts has are marked. */
  diff: boolean;
  /** In the detail pane: the response under the cursor and the one it is held against (null: the winner), by place. */
  response: number | null;
  against: number | null;
  /** Answers of the engine, the newest first. */
  details: readonly { round: number; detail: ReviewDetail }[];
  tokens: { query: Queries['read-tokens']['ask']; answer: Queries['read-tokens']['answer'] } | null;
  plan: UpdatePlan | null;
  hacking: HackingReport | null;
  /** The selected phrase of it. */
  phrase: number;
  /** The last question of each kind, so that none is asked twice. */
  asked: { detail: string; tokens: string; hacking: string };
  /** Why α is what a key has set it to; it holds as long as the decisions do, and β where weights depend on it. */
  reason: { alpha: number; beta: number; text: string; decisions: readonly Decision[] } | null;
}

export const reviewUi: ReviewUi = {
  pane: 'table',
  selected: 0,
  at: 0,
  top: 0,
  textTop: 0,
  zoomed: false,
  sort: { column: 'prompt', reversed: false },
  filter: '',
  held: null,
  diff: true,
  response: null,
  against: null,
  details: [],
  tokens: null,
  plan: null,
  hacking: null,
  phrase: 0,
  asked: { detail: '', tokens: '', hacking: '' },
  reason: null,
};

export type ReviewState = Slice<ReviewUi>;
