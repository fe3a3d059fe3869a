import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/core/seeds.js';
import type { State } from '../../../components/app/state.js';
import { after, attached, finished, pair, press, response, small, told } from '../fixtures.js';
import { slices } from '../slices.js';

const sized = (state: State, columns: number, rows: number): State =>
  after(state, { type: 'size', size: { columns, rows } });

const lines = 'line\n'.repeat(60);
const rounds = Array.from({ length: 40 }, (_, id) => finished(id, id, 40));
const places: Record<string, State> = {
  'the selected prompt': press(attached('review'), ...'jjjjjjjjjjjjjjj'),
  'the last prompt': press(attached('review'), 'G'),
  'a scrolled text': press(
    attached('review', small, { pairs: [pair(1, 0, 2, 1, { chosen_text: lines })] }),
    'J',
    'J',
    'J',
  ),
  'a response among the K': press(attached('review'), 'j', 'd', 'down', 'down'),
  'a response that is read': press(
    attached('sample', small, { responses: [response(1, { text: lines }), response(2)] }),
    ...['enter', 'J', 'J'],
  ),
  'an older response': press(attached('sample'), 'end'),
  'a prompt of the evaluation': press(told(attached('done')), 'v', 'end'),
  'a round of many': press(attached('done', small, { rounds, current: 39 }), 'h', ...'jjjjjjj'),
  'a line that is typed': press(attached('review'), 'a', '0', '.', '5'),
};

describe('resizing never loses', () => {
  it.each(Object.keys(places))('%s', (name) => {
    const state = places[name];
    const random = new Random(5);
    for (let round = 0; round < 20; round++) {
      let seen = state;
      for (let i = 0; i < 4; i++) seen = sized(seen, 20 + random.below(200), 5 + random.below(70));
      const back = sized(seen, small.columns, small.rows);
      expect(back).toEqual(state);
    }
  });

  it('what a person has moved since', () => {
    const tall = sized(places['a scrolled text'], 80, 60);
    const moved = press(tall, 'j', 'k');
    expect(slices(sized(moved, 80, 24)).review.textTop).toBe(slices(moved).review.textTop);
  });
});
