import { sampling } from '../../../../components/screens/sampling/screen.js';
import { describe, expect, it } from 'vitest';
import { reduce } from '../../../../components/app/reducer.js';
import { samplingLayout } from '../../../../components/screens/sampling/select.js';
import type { State } from '../../../../components/app/state.js';
import { frame } from '../../frame.js';
import { after, attached, engine, large, press, response, round, small } from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const sent = (state: State, key: string) =>
  reduce(state, { type: 'key', key }).effects.map((effect) => (effect.do === 'send' ? effect.command : effect.do));
const selected = (state: State) => samplingLayout(on.sampling(state)).selected?.prompt_index;
const came = (i: number) => ({ type: 'response' as const, response: response(i) });

describe('sampling', () => {
  it('is paused, resumed and stopped', () => {
    expect(sent(attached('sample'), 'p')).toEqual([{ type: 'pause' }]);
    const paused = attached('sample', small, { engine: { ...engine, activity: 'paused' } });
    expect(sent(paused, 'p')).toEqual([{ type: 'resume' }]);
    for (const state of [attached('sample'), paused]) {
      expect(sent(state, 'S')).toEqual([]);
      expect(sent(press(state, 'S'), 'y')).toEqual([{ type: 'stop' }]);
      expect(press(state, 'S', 'escape').modal).toBeNull();
    }
  });

  it('goes on with fewer samples, from two to below as many as now', () => {
    const type = (text: string) => press(attached('sample'), 'f', ...text);
    expect(type('').modal).toMatchObject({ kind: 'edit', owner: 'sampling', label: 'samples per prompt' });
    expect(sent(type('2'), 'enter')).toEqual([{ type: 'fewer-samples', samples_per_prompt: 2 }, 'remember']);
    for (const text of ['1', '4', '2.5', 'x', '-3']) {
      expect(sent(type(text), 'enter')).toEqual([]);
      expect(press(type(text), 'enter').modal).toMatchObject({
        error: 'a whole number from 2, which a pair needs, to 3',
      });
    }
    expect(press(type(''), 'enter').modal).toBe(null);
    expect(sent(type(''), 'enter')).toEqual([]);
  });

  it('cannot go below two, which a round may have lowered it to', () => {
    const overrides = { sampling: { samples_per_prompt: 2 } };
    const state = attached('sample', small, { rounds: [round(2, 'sample', { overrides })] });
    expect(sent(state, 'f')).toEqual([]);
    expect(press(state, 'f').modal).toBe(null);
  });

  it('that is over cannot be stopped or lowered: scoring needs every response', () => {
    for (const key of ['S', 'f']) {
      expect(sent(attached('score'), key)).toEqual([]);
      expect(press(attached('score'), key).modal).toBe(null);
    }
    expect(sent(attached('score'), 'p')).toEqual([{ type: 'pause' }]);
  });
});

describe('the newest responses', () => {
  it('are followed until an older one is selected, which then stays', () => {
    const state = attached('sample');
    expect(selected(state)).toBe(39);
    expect(selected(after(state, came(40)))).toBe(40);
    const older = press(state, 'down', 'down');
    expect(selected(older)).toBe(37);
    expect(selected(after(older, came(40), came(41)))).toBe(37);
    expect(selected(press(after(older, came(40)), 'home'))).toBe(40);
  });

  it('are gone through by one, by page and to the end', () => {
    const state = attached('sample');
    expect(samplingLayout(on.sampling(state)).items).toBe(5);
    expect(selected(press(state, 'pagedown'))).toBe(34);
    expect(selected(press(state, 'pagedown', 'pageup'))).toBe(39);
    expect(selected(press(state, 'end'))).toBe(0);
    expect(selected(press(state, 'end', 'down'))).toBe(0);
    expect(selected(press(state, 'up'))).toBe(39);
  });

  it('keep what is selected in view', () => {
    const inView = (state: State) => {
      const { place, top, items } = samplingLayout(on.sampling(state));
      return place >= top && place < top + items;
    };
    let state = attached('sample');
    for (const key of ['down', 'down', 'pagedown', 'end', 'up', 'pageup']) {
      state = press(state, key);
      expect(inView(state)).toBe(true);
    }
    expect(inView(after(state, { type: 'size', size: { columns: 60, rows: 18 } }))).toBe(true);
  });

  it('can be read whole, in peace: one that is being read stays when fifty newer ones have come', () => {
    const reading = press(attached('sample'), 'enter');
    expect(slices(reading).sampling.reading).toBe(true);
    const later = after(reading, ...Array.from({ length: 60 }, (_, i) => came(100 + i)));
    expect(selected(later)).toBe(39);
    expect(slices(later).sampling.reading).toBe(true);
    expect(selected(press(later, 'up'))).toBe(110);
    expect(slices(press(later, 'escape')).sampling.reading).toBe(false);
    expect(slices(press(later, 'enter')).sampling.reading).toBe(false);
  });

  it('scroll no further than the text', () => {
    const text = 'line\n'.repeat(40);
    const state = press(attached('sample', small, { responses: [response(1, { text })] }), 'enter');
    // A prompt of one line, an empty one and 41 lines, of which 19 are seen.
    expect(slices(press(state, 'J')).sampling.textTop).toBe(18);
    expect(slices(press(state, 'J', 'J', 'J')).sampling.textTop).toBe(24);
    expect(slices(press(state, 'J', 'K', 'K')).sampling.textTop).toBe(0);
    expect(slices(press(attached('sample'), 'J')).sampling.textTop).toBe(0);
  });

  it('come back to the scrolled line when a small window grows again', () => {
    const text = 'line\n'.repeat(40);
    const state = press(attached('sample', small, { responses: [response(1, { text })] }), 'enter', 'J');
    const tall = after(state, { type: 'size', size: { columns: 80, rows: 60 } });
    expect(samplingLayout(on.sampling(tall)).text.top).toBe(0);
    expect(samplingLayout(on.sampling(after(tall, { type: 'size', size: small }))).text.top).toBe(18);
  });

  it('show a reward that comes while they are looked at', () => {
    const state = press(attached('score'), 'down');
    const { prompt_index, sample } = samplingLayout(on.sampling(state)).selected!;
    const seen = [{ prompt_index, sample, held_out: false, reward: 1.5 }];
    const scored = after(state, { type: 'rewards', round: 2, rewards: [1.5], seen });
    expect(samplingLayout(on.sampling(scored)).selected).toMatchObject({ prompt_index, reward: 1.5 });
  });

  it('are the samples, not the answers of the evaluation; but those of the base policy, which has no samples', () => {
    const responses = [response(1), response(2, { held_out: true })];
    const list = (state: State) => samplingLayout(on.sampling(state)).responses.map(({ prompt_index }) => prompt_index);
    expect(list(attached('done', small, { responses }))).toEqual([1]);
    const base = { round: 0, rounds: [round(0, 'evaluate')], current: 0 };
    expect(list(attached('evaluate', small, { ...base, responses }))).toEqual([2]);
  });

  it('of another round are not selected in this one', () => {
    const state = press(attached('sample'), 'down', 'enter');
    const past = { ...state, past: { ...attached('done').run!, round: 1, responses: [response(1)] } };
    expect(samplingLayout(on.sampling(past))).toMatchObject({ view: 'list', follows: true, place: 0, top: 0 });
    expect(selected(past)).toBe(1);
    expect(selected(press(past, 'home', 'down'))).toBe(1);
    expect(selected({ ...state, past: null })).toBe(38);
    const none = { ...state, past: { ...past.past, responses: [] } };
    expect(reduce(none, { type: 'key', key: 'y' }).effects).toEqual([]);
  });

  it('are what y copies', () => {
    expect(reduce(press(attached('sample'), 'down'), { type: 'key', key: 'y' }).effects).toMatchObject([
      { do: 'copy', text: 'The sum is 79.' },
    ]);
  });
});

it('is pointed at: a click selects, the wheel goes through the list or scrolls the text it is over', () => {
  const mouse = (state: State, kind: 'press' | 'wheel-up' | 'wheel-down', x: number, y: number) =>
    after(state, { type: 'mouse', kind, x, y });
  const state = attached('sample');
  const lines = frame(state).split('\n');
  const y = lines.findIndex((line) => line.includes('Please add 37 and 40.'));
  expect(selected(mouse(state, 'press', 10, y))).toBe(37);
  expect(selected(mouse(state, 'press', 10, y + 1))).toBe(37);
  expect(mouse(state, 'press', 10, 3)).toEqual(state);
  expect(selected(mouse(state, 'wheel-down', 10, y))).toBe(38);
  const text = 'line\n'.repeat(40);
  const wide = attached('sample', { columns: 120, rows: 40 }, { responses: [response(1, { text })] });
  expect(slices(mouse(wide, 'wheel-down', 100, 30)).sampling.textTop).toBe(3);
  expect(slices(mouse(press(wide, 'enter'), 'wheel-down', 1, 30)).sampling.textTop).toBe(3);
});

it('is read aloud', () => {
  const responses = [response(3, { reward: 1.25, truncated: true })];
  expect(
    sampling.reading(
      on.sampling(attached('score', large, { responses, lengths: [10, 20], truncated: 1, rewards: [1] })),
    ),
  ).toEqual([
    '2 responses, mean length 15.0 tokens, 50.0 % truncated.',
    '1 rewards, mean 1.00.',
    'Prompt 3: Please add 3 and 6.',
    'Response of 23 tokens, truncated, reward 1.25: The sum is 9.',
  ]);
});
