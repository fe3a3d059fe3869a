import { describe, expect, it } from 'vitest';
import {
  type Move,
  clamp,
  clampTop,
  listActions,
  movedTo,
  placeAt,
  scrolledTo,
  textActions,
  windowFor,
} from '../../../components/app/lists.js';
import type { State } from '../../../components/app/state.js';
import { initialState } from '../../../components/screens/index.js';
import { small } from '../fixtures.js';

it('a place stays within the list', () => {
  expect([-1, 0, 4, 5].map((place) => clamp(place, 5))).toEqual([0, 0, 4, 4]);
  expect(clamp(3, 0)).toBe(0);
});

describe('the visible rows', () => {
  it('are full while others are hidden', () => {
    expect([-3, 0, 6, 9].map((top) => clampTop(top, 10, 4))).toEqual([0, 0, 6, 6]);
    expect(clampTop(2, 3, 4)).toBe(0);
  });

  it.each([
    // selected, top → top of 10 places in 4 rows
    [5, 3, 3],
    [3, 3, 3],
    [6, 3, 3],
    [2, 3, 2],
    [7, 3, 4],
    [9, 0, 6],
    [9, 9, 6],
    [0, 9, 0],
  ])('keep place %i in view from %i, moving as little as possible', (selected, top, expected) => {
    expect(windowFor(selected, top, 10, 4)).toBe(expected);
  });

  it('show the same again after a resize there and back', () => {
    expect(windowFor(5, 3, 10, 9)).toBe(1);
    expect(windowFor(5, 3, 10, 2)).toBe(4);
    expect(windowFor(5, 3, 10, 4)).toBe(3);
  });
});

const moves: Move[] = ['up', 'down', 'page-up', 'page-down', 'first', 'last'];

describe('a move', () => {
  it('leads to a place', () => {
    expect(moves.map((move) => movedTo(5, move, 10, 3))).toEqual([4, 6, 2, 8, 0, 9]);
    expect(moves.map((move) => movedTo(0, move, 10, 3))).toEqual([0, 1, 0, 3, 0, 9]);
    expect(moves.map((move) => movedTo(9, move, 10, 3))).toEqual([8, 9, 6, 9, 0, 9]);
    expect(moves.map((move) => movedTo(0, move, 0, 3))).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('scrolls a list without a selection until its last row is in view', () => {
    expect(moves.map((move) => scrolledTo(3, move, 10, 3))).toEqual([2, 4, 0, 6, 0, 7]);
    expect(moves.map((move) => scrolledTo(99, move, 10, 3))).toEqual([6, 7, 4, 7, 0, 7]);
    expect(moves.map((move) => scrolledTo(0, move, 2, 3))).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

it('a click hits a visible row', () => {
  expect([-1, 0, 2, 3].map((y) => placeAt(y, 4, 10, 3))).toEqual([null, 4, 6, null]);
  expect([0, 1].map((y) => placeAt(y, 0, 1, 3))).toEqual([0, null]);
});

describe('actions', () => {
  const state = initialState(small);
  const seen = (notice: string) => (before: State) => ({ ...before, notice });

  it('go through a list by the moves that it has', () => {
    const actions = listActions<State>({
      moves: { up: ['row-up', 'row above'], down: ['row-down', 'row below'], last: ['last-row', 'last row'] },
      label: 'row',
      when: ({ notice }) => notice === null,
      moved: (before, move) => seen(move)(before),
    });
    expect(actions.map(({ id, command, keys, label }) => [id, command, keys, label])).toEqual([
      ['row-up', 'up', ['up', 'k'], ''],
      ['row-down', 'down', ['down', 'j'], 'row'],
      ['last-row', 'last', ['end', 'G'], ''],
    ]);
    expect(actions[2].run(state, 'G')).toEqual({ state: { ...state, notice: 'last' }, effects: [] });
    expect(actions.map(({ when }) => when?.(state))).toEqual([true, true, true]);
    expect(actions.map(({ when }) => when?.({ ...state, notice: '' }))).toEqual([false, false, false]);
  });

  it('scroll a text', () => {
    const [up, down] = textActions<State>({
      ids: ['text-up', 'text-down'],
      what: 'the responses',
      when: ({ notice }) => notice === null,
      scrolled: (before, by) => seen(String(by))(before),
    });
    expect([up.help, down.help]).toEqual(['scroll the responses up', 'scroll the responses down']);
    expect(up.run(state, 'K').state.notice).toBe('-1');
    expect(down.run(state, 'J').state.notice).toBe('1');
    expect(down.when?.({ ...state, notice: '' })).toBe(false);
  });
});
