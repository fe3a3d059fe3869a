/** What the demo says on each screen, and that it takes no more room than it may. */
import { expect, it } from 'vitest';
import { readingOf } from '../../../components/app/aloud.js';
import { guideLines, guideRows } from '../../../components/app/guide.js';
import { type State, screens } from '../../../components/app/state.js';
import type { Stage } from '../../../src/protocol/messages.js';
import { widthOf } from '../../../components/parts/text.js';
import { after, attached, config, press, small } from '../fixtures.js';
import { frame, sizes } from '../frame.js';

const demo = (state: State): State => ({ ...state, demo: true });
const textOf = (state: State): string =>
  guideLines(state)
    .map(({ text }) => text)
    .join(' ');
const stages: Stage[] = ['sample', 'score', 'review', 'update', 'evaluate'];

it('says something else in every stage, and how to come back from another screen', () => {
  const texts = stages.map((stage) => textOf(demo(attached(stage))));
  expect(new Set(texts).size).toBe(stages.length);
  expect(textOf(press(demo(attached('update')), 'h'))).toMatch(/This is History\..*3 goes back there\./);
});

it('in review it begins with α, tells what moving it did, and follows it to the question', () => {
  const review = demo(attached('review'));
  expect(textOf(review)).toMatch(/→ raises α/);
  const moved = press(review, 'right');
  expect(config.dpo.alpha).toBe(0.02);
  expect(textOf(moved)).toMatch(/α went from 0\.0200 to 0\.0210\. .*now pull less, shorter ones more/);
  expect(textOf(press(review, 'left'))).toMatch(/to 0\.0190\. .*now pull more, shorter ones less/);
  expect(textOf(press(moved, 'left'))).toBe(textOf(review));
  expect(textOf(press(moved, 'enter'))).toMatch(/with α 0\.0210.*y launches the update/);
});

it('ends on the history with what to do next', () => {
  const done = demo(attached('done'));
  expect(textOf(done)).toMatch(/a accepts the round/);
  expect(textOf(press(done, 'h'))).toMatch(/Your own model: R, then n/);
});

it('is silent outside the demo and about a problem', () => {
  expect(guideLines(attached('review'))).toEqual([]);
  expect(guideRows(attached('review'))).toBe(0);
  const problem = { type: 'problem', round: 2, stage: 'sample', message: 'no memory' } as const;
  const failed = after(demo(attached('sample')), problem);
  expect(textOf(failed)).toBe('');
});

it.each(sizes)('fits at $columns×$rows on every screen, whole, and keeps the height of a screen', (size) => {
  for (const stage of stages) {
    for (const key of ['', 'right', 'enter', 'h', '?', ...screens.map((_, i) => String(i + 1))]) {
      const state = demo(key === '' ? attached(stage, size) : press(attached(stage, size), key));
      expect(guideLines(state)).toHaveLength(guideRows(state));
      for (const { text } of guideLines(state)) {
        expect(widthOf(text)).toBeLessThanOrEqual(size.columns - 2);
        expect(text).not.toMatch(/…$/);
      }
    }
    const lines = frame(demo(attached(stage, size))).split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
  }
});

it('is read aloud', () => {
  expect(readingOf(demo(attached('review', small))).join('\n')).toMatch(/^Demo: The pairs: .*\nNext: → raises α/m);
});
