/**
 * A person's place in a round's review: what is selected, sorted, filtered and scrolled. Each round has its own. The
 * terminal keeps them when it ends and gives them back when it is opened on the same run again (cli/places.ts).
 */
import { z } from 'zod';
import { largest } from '../../../src/core/limits.js';
import { columnIds } from './columns.js';
import type { Place, ReviewUi } from './state.js';

const count = z.int().min(0);

const placeSchema: z.ZodType<Place> = z.object({
  pane: z.enum(['table', 'detail', 'blind']),
  /** `prompt_index` of the selected prompt. */
  prompt: count.nullable(),
  sort: z.object({ column: z.enum(columnIds), reversed: z.boolean() }),
  filter: z.string(),
  column: count,
  top: count,
  textTop: count,
});

/** Rounds whose places are kept when the terminal ends: the newest ones. */
const keptRounds = 20;

const keptSchema = z.record(z.coerce.number(), placeSchema);

export function placeOf({ pane, prompt, sort, filter, column, top, textTop }: ReviewUi): Place {
  return {
    pane: pane === 'detail' || pane === 'blind' ? pane : 'table',
    prompt,
    sort,
    filter,
    column,
    top,
    textTop,
  };
}

/** All places, that in the present round included. */
export function placesOf(ui: ReviewUi): ReviewUi['places'] {
  return ui.round === null ? ui.places : { ...ui.places, [ui.round]: placeOf(ui) };
}

/** Where to begin in a round: where one was in it, or else in the round before it that was looked at last. */
export function placeIn(places: ReviewUi['places'], round: number): Place | null {
  const earlier = Object.keys(places)
    .map(Number)
    .filter((id) => id <= round);
  return earlier.length === 0 ? null : places[largest(earlier)];
}

/** For keeping, as JSON. */
export function keptPlaces(ui: ReviewUi): ReviewUi['places'] {
  const places = placesOf(ui);
  const newest = Object.keys(places)
    .map(Number)
    .sort((a, b) => b - a)
    .slice(0, keptRounds);
  return Object.fromEntries(newest.map((round) => [round, places[round]]));
}

/** What was kept; none if it cannot be read, as a place is no more than a convenience. */
export function readPlaces(kept: unknown): ReviewUi['places'] {
  return keptSchema.safeParse(kept).data ?? {};
}
