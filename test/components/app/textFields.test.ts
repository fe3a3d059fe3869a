/** Editing in every text field: one model, whatever field is open. */
import { describe, expect, it } from 'vitest';
import type { State } from '../../../components/app/state.js';
import { openField } from '../../../components/app/textFields.js';
import { after, attached, press, small } from '../fixtures.js';
import { frame } from '../frame.js';
import { listed, ready } from '../homeFixtures.js';

const review = attached('review');
const fields: [string, State][] = [
  ['the filter', press(review, '/')],
  ['a note', press(review, 'e')],
  ['the palette', press(review, ':')],
  ['the search of the help', press(review, '?')],
  ['a field of the form', press(ready(), 'down', 'enter', 'ctrl+u')],
  ['the filter of the runs', press(listed(), '/')],
  ['a new name of a round', press(attached('done'), 'h', 'N', 'ctrl+u')],
  ['where a policy is exported', press(attached('done'), 'E', 'ctrl+u')],
];
const text = (state: State): string => openField(state)?.text ?? '';

describe.each(fields)('%s', (_name, field) => {
  it('is edited within the line', () => {
    const typed = press(field, ...'one three');
    expect(text(press(typed, 'alt+b', ...'two', 'space'))).toBe('one two three');
    expect(text(press(typed, 'ctrl+a', 'delete', 'ctrl+e', 'backspace'))).toBe('ne thre');
    expect(text(press(typed, 'ctrl+w', 'ctrl+a', 'ctrl+y'))).toBe('threeone ');
    expect(text(press(typed, 'ctrl+left', 'ctrl+u', 'ctrl+k', 'ctrl+y'))).toBe('three');
  });

  it('takes a paste at the cursor, with characters of any width', () => {
    const typed = press(field, ...'ab', 'left');
    const pasted = after(typed, { type: 'paste', text: '日本\n👩‍💻', cut: false });
    expect(text(pasted)).toBe('a日本 👩‍💻b');
    expect(text(press(pasted, 'backspace', 'backspace', 'backspace'))).toBe('a日b');
    expect(frame(pasted)).toContain('a日本');
  });
});

describe('lines typed before', () => {
  it('come back with up, and what was being typed with down', () => {
    const typed = press(review, '/', ...'near', 'enter', '/', 'ctrl+u', ...'tie', 'enter');
    const again = press(typed, '/', 'ctrl+u', ...'fl');
    expect(text(press(again, 'up'))).toBe('tie');
    expect(text(press(again, 'up', 'up'))).toBe('near');
    expect(text(press(again, 'up', 'up', 'up'))).toBe('near');
    expect(text(press(again, 'up', 'up', 'down'))).toBe('tie');
    expect(text(press(again, 'up', 'left', 'down'))).toBe('fl');
    expect(text(press(again, 'down'))).toBe('fl');
    // A filter that is looked at again filters again.
    expect(press(again, 'up', 'up').modal).toMatchObject({ hint: expect.stringMatching(/^\d+ prompts?$/) });
  });

  it('belong to one kind of field', () => {
    const typed = press(review, '/', ...'near', 'enter');
    expect(text(press(typed, 'e', 'up'))).toBe('');
    expect(typed.lines.typed).toEqual({ 'review/filter': ['near'] });
  });

  it('are only those that were accepted', () => {
    const wrong = press(review, 'a', ...'-1', 'enter');
    expect(wrong.modal).toMatchObject({ error: expect.any(String) });
    expect(wrong.lines.typed).toEqual({});
  });
});

describe('tab', () => {
  it('inserts one suggestion after another, and shift+tab the one before', () => {
    const typed = press(review, '/', ...'near or d');
    expect(text(press(typed, 'tab'))).toBe('near or decided ');
    expect(text(press(typed, 'tab', 'tab'))).toBe('near or dropped ');
    expect(text(press(typed, 'tab', 'tab', 'shift+tab'))).toBe('near or decided ');
    expect(text(press(typed, 'shift+tab'))).toBe('near or dissent ');
    // Typing goes on behind it.
    expect(text(press(typed, 'tab', 'tab', 'tab', 'tab', 'tab', 'x'))).toBe('near or decided x');
  });

  it('goes on to what follows a single suggestion', () => {
    expect(text(press(review, '/', ...'dle', 'tab', 'tab', '5'))).toBe('dlen > 5');
    expect(text(press(review, 'F', ...'we', 'tab', '2'))).toBe('weight 2');
  });

  it('leaves what is behind the cursor', () => {
    expect(text(press(review, '/', ...'fl or tie', ...Array<string>(7).fill('left'), 'tab'))).toBe('flipped  or tie');
  });
});

it('what is suggested and where an error is are shown while typing', () => {
  const typed = press(attached('review', small), '/', ...'dlenn > 5');
  expect(typed.modal).toMatchObject({ error: 'at 1: unknown name `dlenn`; did you mean dlen?', errorAt: 0 });
  expect(frame(press(review, '/', ...'dis'))).toContain("tab dissent  share of the reward's parts");
  expect(frame(press(review, '/', ...'dlen >'))).toContain('a number; dlen is from');
});
