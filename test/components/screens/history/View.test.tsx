/** The history screen as it is drawn. */
import { describe, expect, it } from 'vitest';
import type { State } from '../../../../components/app/state.js';
import { widthOf } from '../../../../components/parts/text.js';
import { after, attached, finished, metrics, press, round, small, told } from '../../fixtures.js';
import { slices } from '../../slices.js';
import { expectHarmless, frame, hostile, sizes } from '../../frame.js';

const rounds = [
  finished(0, 1.1, 41.2),
  { ...finished(1, 1.523, 42), note: 'the chosen are longer than I like' },
  { ...finished(2, 1.821, 43.1), verdict: 'accepted' as const, name: 'steady' },
  { ...finished(3, 1.9, 61.7), parent: 1, verdict: 'rejected' as const, note: 'far too long' },
  { ...round(4, 'review'), parent: 2, redo_of: 2, pairs: 103 },
];
const listed = (size = small, more = rounds): State =>
  press(attached('done', size, { rounds: more, current: more.length - 1 }), 'h');
/** Round 2 done again with two values of α and another reference; the last is still being updated. */
const swept = (size = small): State =>
  listed(size, [
    ...rounds.slice(0, 3),
    ...[0, 0.1].map((alpha, i) => ({
      ...finished(3 + i, 1.9 + i, 60 - 10 * i),
      ...{ parent: 1, redo_of: 2, data_of: 2 },
      settings: { ...rounds[2].settings, alpha },
    })),
    {
      ...{ ...round(5, 'update'), parent: 1, redo_of: 2, data_of: 2, pairs: 103 },
      overrides: { dpo: { reference: '0.5*round+0.5*base' } },
    },
  ]);
const withMetrics = (state: State): State =>
  [1, 2, 3].reduce(
    (before, id) => after(before, { type: 'answer', query: { type: 'read-metrics', round: id }, answer: metrics }),
    told(state),
  );

it.each(sizes)('fits into $columns×$rows, with its footer', (size) => {
  const state = listed(size);
  const states = [
    state,
    press(state, 'v'),
    press(state, 'g', 'j', 'd'),
    press(state, 'g', 'j', 'N'),
    press(swept(size), 'C'),
    press(state, 'g', 'f'),
    press(state, 'g', 'f', 'G', 'enter', '-'),
    press(state, 'g', 'j', 'c'),
    withMetrics(press(state, 'g', 'j', 'j', 'c')),
    withMetrics(press(state, 'g', 'j', 'j', 'c', 'right')),
    withMetrics(press(state, 'g', 'j', 'j', 'c', 'left')),
    listed(size, rounds.slice(0, 1)),
    listed(
      size,
      Array.from({ length: 40 }, (_, id) => ({ ...finished(id, id, id), parent: id === 0 ? null : id >> 1 })),
    ),
  ];
  for (const one of states) {
    const lines = frame(one).split('\n');
    expect(lines).toHaveLength(size.rows);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    expect(lines.at(-1)).toMatch(/detach|esc back/);
  }
});

it.each(sizes)('says at $columns×$rows what a round was trained on', (size) => {
  const stopped = {
    ...finished(1, 1.5, 42),
    pairs: 47,
    sampled: { prompts: 63, planned: 320, stopped_early: true },
    dropped: { ties: 12, identical: 3, below_gap: 0, too_few: 0 },
    decisions: { swapped: 2, repaired: 0, confirmed: 0, excluded: 1, ties: 0, noted: 0 },
  };
  const text = frame(listed(size, [finished(0, 1.1, 41.2), stopped]));
  expect(text).toContain('47 pairs · sampled 63 of 320 prompts (stopped early)');
  expect(text).toContain('16 prompts without a pair (12 ties, 3 identical, 1 excluded');
});

describe('the tree', () => {
  it('is drawn beside the results and the status of each round', () => {
    const text = frame(listed());
    expect(text).toMatch(/●0 +– +1\.100 +41\.2 +– +– +base policy/);
    expect(text).toMatch(/●1 +0\.0200 +1\.523 +42\.0 +\+4\.6 % +68\.0 % +the chosen are/);
    expect(text).toMatch(/├─○3 +0\.0200 +1\.900 +61\.7 .*✘ far too long/);
    expect(text).toMatch(/●2 +0\.0200 .*✔ steady/);
    expect(text).toMatch(/› ●4 ◂ +0\.0200 +– .*review redo of 2/);
    expect(text).toContain('Reward against length');
    expect(text).toContain('● rounds 0, 1, 2, 4   ○ round 3, from round 1');
  });

  it('has details of the selected round: settings, note, decisions', () => {
    const decided = {
      ...{ ...rounds[1], overrides: { sampling: { samples_per_prompt: 8 } } },
      decisions: { swapped: 2, repaired: 0, confirmed: 0, excluded: 1, ties: 0, noted: 0 },
    };
    const text = frame(press(listed({ columns: 120, rows: 40 }, [rounds[0], decided]), 'G'));
    expect(text).toContain('α 0.0200 · β 0.1 · lr 5e-7 · sampling.samples_per_prompt 8');
    expect(text).toContain('the chosen are longer than I like');
    expect(text).toContain('103 pairs · decisions: 2 swapped, 1 excluded · 4 steps');
  });

  it('makes room for the plot, and gives it the whole screen', () => {
    const text = frame(press(listed(), 'v'));
    expect(text).not.toContain('status and name');
    expect(text).toMatch(/○3 α0\.02|3 α0\.02○/);
    expect(text).toContain('61.7 tokens');
  });
});

it.each([small, { columns: 160, rows: 50 }])(
  'names the damaged key at $columns×$rows and says below what is wrong',
  (size) => {
    const damaged = '`rounds.1.settings.alpha`: expected number, got string';
    const state = press(
      listed(
        size,
        rounds.map((one) => (one.id === 1 ? { ...one, damaged } : one)),
      ),
      'g',
      'j',
    );
    const text = frame(state);
    expect(text).toMatch(/damaged: rounds\.1\.(settings\.alpha|\S*…)/);
    expect(text.replace(/\s+/g, ' ')).toContain(
      `Damaged in run.json, ${damaged}; correct that key while no engine runs.`,
    );
    expect(text).not.toContain('lr 5e-7 ·');
  },
);

describe('a comparison', () => {
  const compared = press(listed(), 'g', 'j', 'j', 'c');

  it('marks settings that differ', () => {
    const text = frame(withMetrics(compared));
    expect(text).toContain('round 1 against round 3');
    expect(text).toMatch(/≠ start +base +round 1/);
    expect(text).toMatch(/ {2}α +0\.0200 +0\.0200/);
  });

  it('draws both updates, and says what is missing', () => {
    expect(frame(press(compared, 'right'))).toContain('Reading the metrics …');
    expect(frame(withMetrics(press(compared, 'right')))).toMatch(/loss +1 0\.468 3 0\.468/);
    const base = press(listed(small, [rounds[0], { ...round(1, 'review'), pairs: 3 }]), 'G', 'c', 'right');
    expect(frame({ ...base, run: { ...base.run!, metrics: [] } })).toContain('Neither round has been updated yet.');
  });

  it('shows both responses to the same prompt', () => {
    const text = frame(told(press(listed(), 'g', 'space', 'j', 'c', 'left')));
    expect(text).toMatch(/round 0: reward -?\d\.\d\d, \d+ tokens +│ round 1: reward/);
    expect(text).toContain('1 minus 0 · 1 of 40');
  });
});

it.each(sizes)('shows hostile names, notes, settings and responses harmlessly at $columns×$rows', (size) => {
  const bad = rounds.map((one) => ({ ...one, name: hostile, note: hostile, overrides: { reward: hostile } }));
  const state = listed(size, bad as never);
  expectHarmless(state);
  expectHarmless(press(state, 'g', 'j', 'd'));
  expectHarmless(press(state, 'g', 'j', 'c'));
  expectHarmless(press(state, 'g', 'j', 'f', ...Array<string>(11).fill('j')));
  const answered = [0, 1].reduce(
    (before, id) =>
      after(before, {
        type: 'answer',
        query: { type: 'read-held-out', round: id },
        answer: [{ prompt_index: 0, prompt: hostile, text: hostile, length: 3, reward: 1, truncated: false }],
      }),
    press(state, 'g', 'j', 'c', 'left'),
  );
  expectHarmless(answered);
});

const controlledIn = (state: State) => slices(state).history.controlled;

describe('a controlled comparison', () => {
  it.each(sizes)('has a row per value at $columns×$rows, sorted, the setting first', (size) => {
    const state = press(swept(size), 'G', 'C');
    const lines = frame(state).split('\n');
    expect(lines.join('\n')).toContain('only α differs.');
    const heading = lines.findIndex((line) => line.startsWith('α '));
    expect(lines[heading]).toMatch(/^α +round +reward +length .*win vs base +LC/);
    expect(lines.slice(heading + 1, heading + 4).map((line) => line.split(/ +/).slice(0, 4))).toEqual([
      ['0.0000', '3', '1.900', '60.0'],
      ['0.0200', '2', '1.821', '43.1'],
      ['0.1000', '4', '2.900', '50.0'],
    ]);
    expect(lines.find((line) => line.startsWith('0.5*round+0.5*base'))).toMatch(/ 5 +– +– /);
  });

  it('is offered where there is one, and ends with its rounds', () => {
    const state = swept();
    const footer = (of: State) => frame(of).split('\n').at(-1);
    expect(footer(state)).toContain('C controlled');
    expect(footer(listed())).not.toContain('C controlled');
    // The base policy was not updated.
    expect(footer(press(state, 'g'))).not.toContain('C controlled');
    const open = press(state, 'G', 'C');
    expect(controlledIn(open)).toEqual({ round: 2, top: 0 });
    expect(controlledIn(press(open, 'escape'))).toBeNull();
    const left = after(open, { type: 'rounds', rounds: rounds.slice(0, 3), current: 2 });
    expect(controlledIn(left)).toBeNull();
  });

  it('fits with hostile values', () => {
    const one = { ...rounds[2], overrides: { dpo: { reference: hostile } }, redo_of: 2, data_of: 2, id: 3, parent: 1 };
    expectHarmless(press(listed(small, [...rounds.slice(0, 3), one]), 'C'));
  });
});
