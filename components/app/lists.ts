/**
 * Lists and scrolling, for every screen. A screen stores where a person went: the selected place and the first visible
 * row. Both are brought within what there is when they are read, never when they are stored, so that a list that a
 * resize or a deletion has shortened shows its old place again once there is room.
 */
import type { Action, State } from './state.js';

export type Move = 'up' | 'down' | 'page-up' | 'page-down' | 'first' | 'last';

/** A place among `count`; 0 in an empty list. */
export function clamp(place: number, count: number): number {
  return Math.max(0, Math.min(count - 1, place));
}

/** The first visible row, such that no row is empty while others are hidden. */
export function clampTop(top: number, count: number, rows: number): number {
  return Math.max(0, Math.min(count - rows, top));
}

/** The first visible row that keeps `selected` in view and moves as little as possible from `top`. */
export function windowFor(selected: number, top: number, count: number, rows: number): number {
  const nearest = selected < top ? selected : Math.max(top, selected - rows + 1);
  return clampTop(nearest, count, rows);
}

/** The place that a move leads to; a page is `rows` places. */
export function movedTo(place: number, move: Move, count: number, rows: number): number {
  const page = Math.max(1, rows);
  const to = {
    up: place - 1,
    down: place + 1,
    'page-up': place - page,
    'page-down': place + page,
    first: 0,
    last: count,
  };
  return clamp(to[move], count);
}

/** The first visible row after a move in a list without a selection. */
export function scrolledTo(top: number, move: Move, count: number, rows: number): number {
  return movedTo(clampTop(top, count, rows), move, Math.max(1, count - rows + 1), rows);
}

/** The place that a click on a visible row hits; null beside the list. @param y from 0 at the first visible row */
export function placeAt(y: number, top: number, count: number, rows: number): number | null {
  return y >= 0 && y < rows && top + y < count ? top + y : null;
}

const keys: Record<Move, readonly string[]> = {
  up: ['up', 'k'],
  down: ['down', 'j'],
  'page-up': ['pageup'],
  'page-down': ['pagedown'],
  first: ['home', 'g'],
  last: ['end', 'G'],
};
const aliases: Partial<Record<Move, readonly string[]>> = { first: ['top'], last: ['bottom', 'end'] };

export interface ListActions<S extends State> {
  /** Id and help of each move that the list has, and where it differs from the usual action. */
  readonly moves: Partial<Record<Move, readonly [id: string, help: string, more?: Partial<Action<S>>]>>;
  /** What the footer calls ↑↓. */
  readonly label: string;
  when(state: S): boolean;
  moved(state: S, move: Move): S;
}

/** The actions that go through a list; the palette calls them by their moves. */
export function listActions<S extends State>(list: ListActions<S>): Action<S>[] {
  return (Object.keys(keys) as Move[]).flatMap((move) => {
    const known = list.moves[move];
    if (known === undefined) return [];
    const [id, help, more] = known;
    return {
      id,
      command: move,
      ...(aliases[move] !== undefined && { aliases: aliases[move] }),
      keys: keys[move],
      group: 'moving' as const,
      label: move === 'down' ? list.label : '',
      ...(move === 'down' && { sign: '↑↓' }),
      help,
      when: (state: S) => list.when(state),
      run: (state: S) => ({ state: list.moved(state, move), effects: [] }),
      ...more,
    };
  });
}

export interface TextActions<S extends State> {
  readonly ids: readonly [up: string, down: string];
  /** What is scrolled, for the help: "the responses". */
  readonly what: string;
  when(state: S): boolean;
  scrolled(state: S, by: 1 | -1): S;
}

/** The actions that scroll a text beneath or beside a list. */
export function textActions<S extends State>({ ids, what, ...text }: TextActions<S>): Action<S>[] {
  const when = (state: S) => text.when(state);
  return [
    {
      id: ids[0],
      command: 'scroll-up',
      group: 'moving',
      keys: ['K', '-'],
      label: '',
      help: `scroll ${what} up`,
      when,
      run: (state) => ({ state: text.scrolled(state, -1), effects: [] }),
    },
    {
      id: ids[1],
      command: 'scroll-down',
      group: 'moving',
      keys: ['J', 'space'],
      label: 'text',
      sign: 'J K',
      help: `scroll ${what} down`,
      when,
      run: (state) => ({ state: text.scrolled(state, 1), effects: [] }),
    },
  ];
}
