/**
 * What changed between two rounds' responses to the held-out prompts: a list of the prompts, ordered by the change, with
 * both responses to the selected one beneath it. Drawn by ChangedPrompts.tsx on the evaluation and history screens.
 */
import { heldOutKey, sampleOf } from '../../../src/core/rows.js';
import type { HeldOutResponse } from '../../../src/protocol/messages.js';
import { type MarkedLine, comparedLines } from '../../parts/markedText.js';
import { wheelLines } from '../layout.js';
import { clamp, clampTop, placeAt, windowFor } from '../lists.js';
import type { Size } from '../state.js';

const orders = ['reward', 'fell', 'length', 'grew'] as const;
export type Order = (typeof orders)[number];

export const orderNames: Record<Order, string> = {
  reward: 'reward changed most',
  fell: 'reward fell most',
  length: 'length changed most',
  grew: 'grew longest',
};

export interface Change {
  prompt_index: number;
  /** Index of both responses among those of the prompt. */
  sample: number;
  prompt: string;
  before: HeldOutResponse;
  now: HeldOutResponse;
  /** Now minus before. */
  reward: number;
  /** Now minus before, in tokens. */
  length: number;
}

const rank: Record<Order, (change: Change) => number> = {
  reward: ({ reward }) => Math.abs(reward),
  fell: ({ reward }) => -reward,
  length: ({ length }) => Math.abs(length),
  grew: ({ length }) => length,
};

/** The responses with the same index on both sides, in the given order; ties by prompt and index. */
export function changesOf(now: readonly HeldOutResponse[], before: readonly HeldOutResponse[], order: Order): Change[] {
  const earlier = new Map(before.map((response) => [heldOutKey(response), response]));
  const changes = now.flatMap((response): Change[] => {
    const other = earlier.get(heldOutKey(response));
    if (other === undefined) return [];
    return [
      {
        prompt_index: response.prompt_index,
        sample: sampleOf(response),
        prompt: response.prompt,
        before: other,
        now: response,
        reward: response.reward - other.reward,
        length: response.length - other.length,
      },
    ];
  });
  return changes.sort(
    (a, b) => rank[order](b) - rank[order](a) || a.prompt_index - b.prompt_index || a.sample - b.sample,
  );
}

/** The last result: selectors run many times per key, and the list may have thousands of prompts. */
let last: {
  now: readonly HeldOutResponse[];
  before: readonly HeldOutResponse[];
  order: Order;
  changes: Change[];
} | null = null;

function cachedChanges(
  now: readonly HeldOutResponse[],
  before: readonly HeldOutResponse[],
  order: Order,
): readonly Change[] {
  if (last?.now !== now || last.before !== before || last.order !== order)
    last = { now, before, order, changes: changesOf(now, before, order) };
  return last.changes;
}

/** Where a person went in the list. */
export interface PromptsUi {
  order: Order;
  /** Place among the prompts in that order. */
  selected: number;
  /** First visible row of the list. */
  top: number;
  /** First visible line of the responses. */
  textTop: number;
}

/** The part of PromptsUi that starts over when the list changes. */
export const firstPrompt = { selected: 0, top: 0, textTop: 0 };

export function nextOrder({ order }: PromptsUi): Partial<PromptsUi> {
  return { order: orders[(orders.indexOf(order) + 1) % orders.length], ...firstPrompt };
}

/** What is drawn: `selected`, `top` and `textTop` are within the list and the responses. */
export interface PromptsLayout {
  /** null before the engine has sent both rounds' responses. */
  changes: readonly Change[] | null;
  /** The selected one; null where the list is empty. */
  change: Change | null;
  selected: number;
  top: number;
  textTop: number;
  listRows: number;
  textRows: number;
  /** Width of each of the two columns of text. */
  width: number;
  /** Both responses, wrapped. */
  before: readonly MarkedLine[];
  after: readonly MarkedLine[];
}

/** Rows above the list: its rule and heading. Beneath it: the prompt, and the heading of the responses. */
export const listHead = 2;
const promptsHead = listHead + 2;

/** @param room the screen's columns, and the rows of the list and responses with their headings */
export function promptsLayout(
  now: readonly HeldOutResponse[] | null,
  before: readonly HeldOutResponse[] | null,
  ui: PromptsUi,
  { columns, rows }: Size,
): PromptsLayout {
  const changes = now === null || before === null ? null : cachedChanges(now, before, ui.order);
  const count = changes?.length ?? 0;
  const selected = clamp(ui.selected, count);
  const change = changes?.at(selected) ?? null;
  const listRows = Math.max(2, Math.min(changes === null ? 2 : count, Math.floor((rows - promptsHead) / 3)));
  const textRows = Math.max(1, rows - promptsHead - listRows);
  const width = Math.floor((columns - 3) / 2);
  const [left, right] = change === null ? [[], []] : comparedLines(change.before.text, change.now.text, width, true);
  return {
    changes,
    change,
    selected,
    top: windowFor(selected, ui.top, count, listRows),
    textTop: clampTop(ui.textTop, Math.max(left.length, right.length), textRows),
    listRows,
    textRows,
    width,
    before: left,
    after: right,
  };
}

export const hasPrompts = (layout: PromptsLayout | null): boolean => (layout?.changes?.length ?? 0) > 0;

/** Lines of the longer response. */
const textLines = ({ before, after }: PromptsLayout): number => Math.max(before.length, after.length);

export const hasLongText = (layout: PromptsLayout | null): boolean =>
  layout !== null && textLines(layout) > layout.textRows;

/** @param place brought within the list */
export function selectPrompt({ changes, top, listRows }: PromptsLayout, place: number): Partial<PromptsUi> {
  const count = changes?.length ?? 0;
  const selected = clamp(place, count);
  return { selected, top: windowFor(selected, top, count, listRows), textTop: 0 };
}

function scrollLines(layout: PromptsLayout, by: number): Partial<PromptsUi> {
  return { textTop: clampTop(layout.textTop + by, textLines(layout), layout.textRows) };
}

/** Scrolls the responses by a page, less one line that stays in view. */
export function scrollPage(layout: PromptsLayout, by: 1 | -1): Partial<PromptsUi> {
  return scrollLines(layout, by * Math.max(1, layout.textRows - 1));
}

/**
 * The wheel goes through the list, or scrolls the responses beneath it; a click selects.
 * @param y from 0 at the list's rule
 */
export function promptsPointed(
  layout: PromptsLayout,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  y: number,
): Partial<PromptsUi> {
  const { changes, selected, top, listRows } = layout;
  if (kind === 'press') {
    const place = placeAt(y - listHead, top, changes?.length ?? 0, listRows);
    return place === null ? {} : selectPrompt(layout, place);
  }
  const by = kind === 'wheel-up' ? -1 : 1;
  return y < listHead + listRows ? selectPrompt(layout, selected + by) : scrollLines(layout, wheelLines * by);
}
