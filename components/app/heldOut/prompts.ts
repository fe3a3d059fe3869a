/** A list of held-out prompts with both responses to the selected one beneath it: what is in it, and what is in view. */
import type { HeldOutSeen } from '../../../src/protocol/messages.js';
import { topFor, wheelLines } from '../layout.js';
import { type MarkedLine, comparedLines } from '../../parts/markedText.js';
import type { Size } from '../state.js';
import { type Change, type Order, changesOf } from './changes.js';

/** Where a person is in the list. */
export interface PromptsUi {
  order: Order;
  /** Place among the prompts in that order. */
  selected: number;
  /** First visible place. */
  top: number;
  /** First visible line of the responses. */
  textTop: number;
}

export interface PromptsLayout {
  /** null before the engine has answered. */
  changes: readonly Change[] | null;
  change: Change | null;
  listRows: number;
  textRows: number;
  /** Width of each of the two columns of text. */
  width: number;
  /** Both responses, wrapped. */
  before: readonly MarkedLine[];
  after: readonly MarkedLine[];
}

/** Above the list its rule and heading; beneath it the prompt and the heading of the texts. */
export const listHead = 2;
const promptsHead = listHead + 2;

/** @param room columns of the screen, rows of the list and texts with their headings */
export function promptsLayout(
  now: readonly HeldOutSeen[] | null,
  before: readonly HeldOutSeen[] | null,
  { order, selected }: Pick<PromptsUi, 'order' | 'selected'>,
  { columns, rows }: Size,
): PromptsLayout {
  const changes = now === null || before === null ? null : changesIn(now, before, order);
  const change = changes?.at(Math.min(selected, changes.length - 1)) ?? null;
  const listRows = Math.max(2, Math.min(changes?.length ?? 2, Math.floor((rows - promptsHead) / 3)));
  const width = Math.floor((columns - 3) / 2);
  const [left, right] = change === null ? [[], []] : comparedLines(change.before.text, change.now.text, width, true);
  const textRows = Math.max(1, rows - promptsHead - listRows);
  return { changes, change, listRows, textRows, width, before: left, after: right };
}

/** The same place, within what there is. */
export function promptsInView({ changes, listRows, textRows, before, after }: PromptsLayout, ui: PromptsUi) {
  const count = changes?.length ?? 0;
  const selected = Math.max(0, Math.min(count - 1, ui.selected));
  return {
    selected,
    top: Math.max(0, Math.min(count - listRows, topFor(selected, ui.top, listRows))),
    textTop: Math.max(0, Math.min(ui.textTop, Math.max(before.length, after.length) - textRows)),
  };
}

/**
 * The wheel goes through the list, or scrolls the responses beneath it; a click selects.
 * @param y from 0 at the list's rule
 */
export function promptsPointed(
  { listRows }: PromptsLayout,
  { selected, top, textTop }: PromptsUi,
  kind: 'press' | 'wheel-up' | 'wheel-down',
  y: number,
): Partial<PromptsUi> {
  const onList = y < listHead + listRows;
  if (kind === 'press') return onList && y >= listHead ? { selected: top + y - listHead, textTop: 0 } : {};
  const by = kind === 'wheel-up' ? -1 : 1;
  return onList ? { selected: selected + by, textTop: 0 } : { textTop: textTop + wheelLines * by };
}

/** Of the last answers, so that not every look at the screen sorts them anew. */
let kept: { now: readonly HeldOutSeen[]; before: readonly HeldOutSeen[]; order: Order; changes: Change[] } | null =
  null;

function changesIn(now: readonly HeldOutSeen[], before: readonly HeldOutSeen[], order: Order): readonly Change[] {
  if (kept?.now !== now || kept.before !== before || kept.order !== order)
    kept = { now, before, order, changes: changesOf(now, before, order) };
  return kept.changes;
}
