/** The whole terminal as lines for a screen reader: every screen and modal says something, and says it once. */
import { describe, expect, it } from 'vitest';
import { readingOf } from '../../../components/app/aloud.js';
import { panelNumbers } from '../../../components/screens/review/alpha.js';
import { reviewedRound } from '../../../components/screens/review/select.js';
import { type State } from '../../../components/app/state.js';
import { initialState } from '../../../components/screens/index.js';
import { attached, pair, press, reviewRows, small } from '../fixtures.js';
import { answered, entries, listed, noModel, opened, ready } from '../homeFixtures.js';
import { scenes } from '../scenes.js';
import { on } from '../slices.js';

const text = (state: State) => readingOf(state).join('\n');
/** Lines that are said for a change: those that were not there before. */
const news = (before: State, after: State) => {
  const known = new Set(readingOf(before));
  return readingOf(after).filter((line) => !known.has(line));
};

it.each(Object.keys(scenes(small)))('%s has more to say than its name and its keys', (name) => {
  const lines = readingOf(scenes(small)[name]);
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(lines.at(-1)).toMatch(/^Keys: .+\.$/);
  if (name.startsWith('runs') || name.startsWith('setup')) expect(lines.join('\n')).not.toMatch(/Engine|connecting/);
});

it('an engine that is not there yet is being connected to; a list of runs has none', () => {
  expect(text(initialState(small))).toContain('Engine: connecting to the engine …');
  expect(text(opened('runs'))).toContain('Looking for runs.');
  expect(text(listed(small, []))).toContain('There are no runs here.');
});

describe('the list of runs', () => {
  it('says how many there are, which is selected, and what its engine does', () => {
    expect(text(listed())).toMatch(
      /6 runs\.\nruns\/smol-alpha.*\n(.+\n){5}Selected, 1 of 6: .*smol-alpha-0\.02: model .*, 3 rounds, last reward 1\.821, length 43\.1; engine: waits in review\.\nKeys: enter open,/,
    );
    expect(news(listed(), press(listed(), 'down'))).toEqual([
      expect.stringMatching(/^Selected, 2 of 6: .*smol-lora: .*engine: updating\.$/),
    ]);
  });

  it('says what a filter leaves, and reads the first of many', () => {
    expect(text(press(listed(), '/', ...'lora', 'enter'))).toContain('1 run with “lora” in the name or model.');
    expect(text(press(listed(), '/', ...'zzz', 'enter'))).toContain(
      'There are no runs with “zzz” in the name or model.',
    );
    const many = Array.from({ length: 30 }, (_, i) => ({ ...entries[0], directory: `/home/ann/work/runs/r${i}` }));
    expect(text(listed(small, many))).toContain('And 10 more.');
  });
});

describe('the form', () => {
  it('says each field, and the selected one with its value and its explanation', () => {
    const form = ready();
    expect(text(form)).toContain('Start: ready.');
    expect(text(form)).toContain('Selected: start the run.');
    expect(news(form, press(form, 'down'))[0]).toMatch(/^Selected: run directory, runs\/example\. Where everything/);
    const backend = press(form, 'G');
    expect(text(backend)).toMatch(/Selected: backend, auto\. .*Choices: auto, /);
    expect(news(backend, press(backend, 'right'))).toContainEqual(expect.stringMatching(/^backend: (?!auto)\w+\./));
  });

  it('says what is typed, what is wrong with it, and what stands against starting', () => {
    const model = press(ready(), 'down', 'down');
    const typing = press(model, 'enter', 'x');
    expect(news(model, typing)).toContainEqual(expect.stringMatching(/^model folder: .*x$/));
    const temperature = press(ready(), ...Array<string>(10).fill('down'), 'enter', 'ctrl+u', 'x', 'enter');
    expect(text(temperature)).toContain('Error: "x" is no number; expected 0');
    const bad = answered(opened('setup'), { model: noModel });
    expect(text(bad)).toContain(`Problem: ${noModel}.`);
    expect(text(bad)).toContain('Start: Problem: ');
    expect(news(bad, press(bad, 's'))).toContainEqual(expect.stringContaining('Not started: model folder:'));
  });
});

it('the α curves are said as numbers, and moving α says what changes', () => {
  // Lengths 20 and 10: at α = 0 each weight is ½; at the end of the scale, 0.1 or more, both are flipped.
  const rows = reviewRows([pair(1, 0, 20, 10), pair(0.5, 0, 20, 10)]);
  const curves = press(attached('review', small, { review: rows }), 'A');
  const numbers = panelNumbers(reviewedRound(on.review(curves))!.table, 0);
  expect(numbers).toMatchObject({ pairs: 2, longer: 2, shorter: 0 });
  expect(text(curves)).toContain(
    'α 0.0000: 0.0 % of pairs flipped; mean weight of longer chosen responses 0.500, of shorter –; length pull +10.0 tokens.',
  );
  expect(text(curves)).toContain('There is no length-neutral α: no chosen response is shorter than its rejected one');
  // 1 - 10·0.02 and 0.5 - 10·0.02.
  expect(text(curves)).toContain('Length-penalized margins at α 0.0200: 0.300 to 0.800.');
  expect(news(curves, press(curves, 'right')).join('\n')).toMatch(/^α 0\.0210: 0 of 2 pairs flipped/m);
  const both = press(attached('review'), 'A');
  expect(text(both)).toMatch(/Length-neutral α: 0\.\d+\./);
});

it('closing a modal does not read the screen again', () => {
  const review = attached('review');
  for (const key of ['?', ':', '/', 'a', 'enter']) {
    const modal = press(review, key);
    expect(news(review, modal).length).toBeGreaterThan(0);
    expect(news(modal, press(modal, 'escape'))).toEqual([expect.stringMatching(/^Keys: /)]);
  }
});

describe('every screen, and all that may lie over it', () => {
  /** Frames, blocks and braille: a reader spells them out one by one. */
  const drawn = /[\u2500-\u259f\u2800-\u28ff]/u;
  const all = scenes(small);

  it.each(Object.keys(all))('%s is said without anything that is drawn', (name) => {
    for (const line of readingOf(all[name])) expect(line).not.toMatch(drawn);
  });

  it.each(Object.keys(all))('help, palette and fields over %s say what they are', (name) => {
    const screen = { ...all[name], modal: null };
    const help = text(press(screen, '?'));
    expect(help).toMatch(/^Keys on .*:$/m);
    expect(help).toContain('Type to search.');
    expect(text(press(screen, '?', ...'help'))).toMatch(/^Keys on .*, with help:$/m);
    expect(text(press(screen, ':'))).toMatch(/^1 of \d+: /m);
    expect(text(press(screen, ':', ...'zzzz'))).toContain('no command matches.');
    for (const overlay of [press(screen, '?'), press(screen, ':')])
      for (const line of readingOf(overlay)) expect(line).not.toMatch(drawn);
  });

  it('a field says its text, where the cursor is, what is expected and what tab inserts', () => {
    const typing = press(attached('review'), '/', ...'near or d');
    expect(text(typing)).toContain('filter: near or d\n');
    expect(text(typing)).toContain('Expected: text, a mark such as flipped, or a comparison such as dlen > 50.');
    expect(text(typing)).toContain('Tab completes: decided, decided by a person; dropped, gives no pair;');
    expect(news(typing, press(typing, 'left'))).toContainEqual('filter: near or d, cursor before d');
    expect(text(press(typing, 'backspace', ...'dlenn > 1'))).toContain('Error: at 9: unknown name `dlenn`');
  });

  it('a question says what it asks and how it is answered', () => {
    expect(text(press(attached('review'), 'enter'))).toMatch(/^Launch the update on .* y or n\.$/m);
    expect(text(press(listed(), 'D'))).toMatch(/^Delete .*\? y or n\.$/m);
  });
});
