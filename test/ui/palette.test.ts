/** Commands found by typing, and what choosing one does. */
import { describe, expect, it } from 'vitest';
import { fuzzyScore, paletteEntries } from '../../src/ui/palette.js';
import { reduce } from '../../src/ui/reducer.js';
import { attached, press, small, engine } from './fixtures.js';

describe('fuzzyScore', () => {
  it('wants every letter in order', () => {
    expect(fuzzyScore('lup', 'launch the update')).not.toBeNull();
    expect(fuzzyScore('pul', 'launch the update')).toBeNull();
  });

  it('prefers the starts of words and letters together', () => {
    const score = (text: string) => fuzzyScore('next', text) ?? NaN;
    expect(score('start the next round')).toBeGreaterThan(score('union of executed'));
    expect(fuzzyScore('', 'anything')).toBe(0);
  });
});

describe('the palette', () => {
  it('does what is chosen, as its key does', () => {
    const review = attached('review');
    const step = reduce(press(review, ':', ...'launch the'), { type: 'key', key: 'enter' });
    expect(step.state.modal).toMatchObject({ kind: 'confirm', owner: 'review', what: 'launch' });
  });

  it('goes to the screen that a command belongs to', () => {
    const paused = attached('sample', small, { engine: { ...engine, activity: 'paused' } });
    const state = press(paused, 'h', ':', ...'stop sampling');
    const step = reduce(state, { type: 'key', key: 'enter' });
    expect(step.state.screen).toBe('sampling');
    expect(step.effects).toEqual([{ do: 'send', command: { type: 'stop' } }]);
  });

  it('takes letters that are keys elsewhere as text, and esc leaves it', () => {
    const state = press(attached('review'), ':', 'q', 'space', 'y');
    expect(state.modal).toMatchObject({ kind: 'palette', text: 'q y' });
    expect(press(state, 'escape').modal).toBeNull();
  });

  it('says so where nothing fits', () => {
    const state = press(attached('review'), ':', ...'zzzz');
    expect(paletteEntries(state, 'zzzz')).toEqual([]);
    expect(press(state, 'enter').notice).toBe('There is no such command.');
  });
});
