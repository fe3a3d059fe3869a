/** A person's place in review: kept for each round, and from one session to the next. */
import { describe, expect, it } from 'vitest';
import { keptOf, withKept } from '../../../../components/app/screen.js';
import type { State } from '../../../../components/app/state.js';
import { initialState } from '../../../../components/screens/index.js';
import { readPlaces } from '../../../../components/screens/review/place.js';
import { after, attached, press, small, snapshot } from '../../fixtures.js';
import { slices } from '../../slices.js';

const placeIn = (state: State) => {
  const { prompt, sort, filter, column, pane } = slices(state).review;
  return { prompt, sort, filter, column, pane };
};
const moved = press(attached('review'), '/', ...'dlen > 20', 'enter', ')', 'S', 'j', 'j', 'd');

/** An earlier round of the same prompts is looked at. */
const lookAt = (state: State, round: number): State => {
  const { run } = state;
  if (run === null) throw new Error('no run');
  return after(state, { type: 'answer', query: { type: 'read-round', round }, answer: { ...run, round } });
};

describe('the place', () => {
  it('of another round begins at the same prompt, and each round keeps its own', () => {
    const earlier = lookAt(moved, 1);
    expect(placeIn(earlier)).toEqual(placeIn(moved));
    const elsewhere = press(earlier, 'escape', 'g');
    const back = after({ ...elsewhere, past: null }, { type: 'size', size: small }, { type: 'notice', text: '' });
    // Any change settles the screen on the round that is shown again.
    expect(placeIn(press(lookAt(back, 1), 'j')).prompt).not.toBe(placeIn(moved).prompt);
    const { places } = slices(elsewhere).review;
    expect(places[2]).toMatchObject({ prompt: placeIn(moved).prompt, filter: 'dlen > 20' });
  });

  it('survives the terminal', () => {
    const kept: unknown = JSON.parse(JSON.stringify(keptOf(moved)));
    const opened = after(withKept(initialState(small), kept as Record<string, unknown>), {
      type: 'snapshot',
      snapshot: snapshot('review'),
    });
    expect(placeIn(opened)).toEqual(placeIn(moved));
    expect(placeIn(moved)).toMatchObject({ filter: 'dlen > 20', column: 1, pane: 'detail' });
  });

  it('is dropped where it cannot be read', () => {
    for (const kept of [null, 3, { 2: { pane: 'nowhere' } }, { 2: { ...slices(moved).review, sort: { column: 'x' } } }])
      expect(readPlaces(kept)).toEqual({});
  });
});
