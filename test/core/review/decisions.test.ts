import { describe, expect, it } from 'vitest';
import {
  type DecisionState,
  applyRow,
  bulkDecisions,
  countDecisions,
  countReview,
  decidedPair,
  decisionsInWords,
  decidedPairs,
  decisionFor,
  noDecisions,
  replay,
  samplesKey,
  viewOf,
} from '../../../src/core/review/decisions.js';
import type { Decision, DecisionRow, ReviewRow, Ruling } from '../../../src/core/review/rows.js';

const row = (prompt_index: number, automatic: ReviewRow['automatic'] = { chosen: 0, rejected: 2 }): ReviewRow => ({
  ...{ prompt_index, prompt: '', rewards: [3, 2, 1], lengths: [1, 2, 3], truncated: [false, false, false] },
  ...{ logps: [], automatic, chosen_text: '', rejected_text: '' },
});
const said = (prompt_index: number, ruling: Ruling | null, note = ''): DecisionRow => ({
  at: '',
  action: 'decide',
  decision: { prompt_index, ruling, note },
});
const undo: DecisionRow = { at: '', action: 'undo' };
const redo: DecisionRow = { at: '', action: 'redo' };
const exclude: Ruling = { kind: 'exclude' };
const tie: Ruling = { kind: 'tie' };

const standing = (...rows: DecisionRow[]): [number, string][] =>
  viewOf(replay(rows)).decisions.map(({ prompt_index, ruling, note }) => [prompt_index, ruling?.kind ?? note]);

describe('the journal', () => {
  it.each<[DecisionRow[], [number, string][]]>([
    [[], []],
    [[said(1, exclude)], [[1, 'exclude']]],
    [[said(1, exclude), said(1, tie)], [[1, 'tie']]],
    [[said(1, exclude), said(1, tie), undo], [[1, 'exclude']]],
    [[said(1, exclude), said(2, tie), undo, undo], []],
    [[said(1, exclude), said(2, tie), undo, undo, redo], [[1, 'exclude']]],
    [[said(1, exclude), undo, redo], [[1, 'exclude']]],
    [[said(1, exclude), said(1, null)], []],
    [[said(1, exclude), said(1, null), undo], [[1, 'exclude']]],
    [[said(1, null, 'why')], [[1, 'why']]],
  ])('%#', (rows, expected) => {
    expect(standing(...rows)).toEqual(expected);
  });

  it('takes back and repeats at once what was decided for many prompts at once', () => {
    const many: DecisionRow = {
      at: '',
      action: 'decide-all',
      decisions: [1, 2].map((prompt_index) => ({ prompt_index, ruling: exclude, note: '' })),
    };
    const before = said(2, tie, 'why');
    expect(standing(before, many)).toEqual([
      [2, 'exclude'],
      [1, 'exclude'],
    ]);
    expect(viewOf(replay([before, many]))).toMatchObject({ undoable: 2 });
    expect(standing(before, many, undo)).toEqual([[2, 'tie']]);
    expect(viewOf(replay([before, many, undo])).decisions).toEqual([{ prompt_index: 2, ruling: tie, note: 'why' }]);
    expect(standing(before, many, undo, redo)).toHaveLength(2);
    // A row that decides one prompt twice, written by something else.
    const twice: DecisionRow = {
      ...many,
      decisions: [exclude, tie].map((ruling) => ({ prompt_index: 1, ruling, note: '' })),
    };
    expect(standing(twice)).toEqual([[1, 'tie']]);
    expect(standing(twice, undo)).toEqual([]);
  });

  it('forgets what was undone at a new decision', () => {
    const state = replay([said(1, exclude), undo, said(2, tie)]);
    expect(viewOf(state)).toMatchObject({ undoable: 1, redoable: 0 });
    expect(() => applyRow(state, redo)).toThrow('there is no decision to redo');
    expect(() => applyRow(noDecisions, undo)).toThrow('there is no decision to undo');
  });

  it('undoing everything and redoing everything lead back, whatever was decided', () => {
    let seed = 5;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 50; round++) {
      let state: DecisionState = noDecisions;
      const states = [state];
      for (let i = 0; i < 1 + random(40); i++) {
        const ruling = [exclude, tie, null, { kind: 'pair' as const, chosen: random(2), rejected: 2 }][random(4)];
        state = applyRow(state, said(random(6), ruling, random(3) === 0 ? 'why' : ''));
        states.push(state);
      }
      const entries = ({ decisions }: DecisionState) => [...decisions].sort(([a], [b]) => a - b);
      for (const before of [...states].reverse().slice(1)) {
        state = applyRow(state, undo);
        expect(entries(state)).toEqual(entries(before));
      }
      for (const after of states.slice(1)) {
        state = applyRow(state, redo);
        expect(entries(state)).toEqual(entries(after));
      }
    }
  });
});

describe('decisionFor', () => {
  const before = replay([said(1, exclude, 'rude')]);

  it('keeps what is left out', () => {
    expect(decisionFor(before, row(1), { prompt_index: 1, note: 'very rude' })).toEqual({
      prompt_index: 1,
      ruling: exclude,
      note: 'very rude',
    });
    expect(decisionFor(before, row(1), { prompt_index: 1, ruling: null })).toMatchObject({
      ruling: null,
      note: 'rude',
    });
  });

  it('keeps the pair that a person had chosen under an exclusion or a tie, and only such a pair', () => {
    const pair = { chosen: 2, rejected: 0 };
    const swapped = replay([said(1, { kind: 'pair', ...pair })]);
    const excluded = decisionFor(swapped, row(1), { prompt_index: 1, ruling: exclude });
    expect(excluded.ruling).toEqual({ kind: 'exclude', instead_of: pair });
    const tied = decisionFor(replay([said(1, excluded.ruling)]), row(1), { prompt_index: 1, ruling: tie });
    expect(tied.ruling).toEqual({ kind: 'tie', instead_of: pair });
    expect(decidedPair(row(1), tied)).toBeNull();
    expect(decisionFor(replay([said(1, tied.ruling)]), row(1), { prompt_index: 1, ruling: null }).ruling).toBeNull();
    expect(decisionFor(before, row(1), { prompt_index: 1, ruling: tie }).ruling).toEqual(tie);
  });

  it.each<[ReviewRow | undefined, Ruling, string]>([
    [row(7), { kind: 'tie', instead_of: { chosen: 0, rejected: 3 } }, 'prompt 8: there is no response 3'],
    [undefined, exclude, 'there is no prompt 8 to decide'],
    [row(7), { kind: 'pair', chosen: 0, rejected: 3 }, 'prompt 8: there is no response 3; there are 0 to 2'],
    [row(7), { kind: 'pair', chosen: -1, rejected: 1 }, 'prompt 8: there is no response -1; there are 0 to 2'],
    [row(7), { kind: 'pair', chosen: 1, rejected: 1 }, 'prompt 8: response 1 cannot be both chosen and rejected'],
  ])('refuses what cannot be: %#', (of, ruling, message) => {
    expect(() => decisionFor(noDecisions, of, { prompt_index: 7, ruling })).toThrow(message);
  });
});

it('decidedPair is what is trained on', () => {
  const decision = (ruling: Ruling | null): Decision => ({ prompt_index: 1, ruling, note: '' });
  expect(decidedPair(row(1), undefined)).toEqual({ chosen: 0, rejected: 2 });
  expect(decidedPair(row(1), decision(null))).toEqual({ chosen: 0, rejected: 2 });
  expect(decidedPair(row(1, 'ties'), undefined)).toBeNull();
  expect(decidedPair(row(1), decision(exclude))).toBeNull();
  expect(decidedPair(row(1), decision(tie))).toBeNull();
  expect(decidedPair(row(1, 'ties'), decision({ kind: 'pair', chosen: 2, rejected: 1 }))).toEqual({
    chosen: 2,
    rejected: 1,
  });
});

it('countDecisions holds them against what the rewards said', () => {
  const rows = [row(0), row(1), row(2), row(3, 'ties'), row(4), row(5)];
  const pair = (chosen: number, rejected: number): Ruling => ({ kind: 'pair', chosen, rejected });
  const state = replay([
    said(0, pair(0, 2)),
    said(1, pair(2, 0), 'wrong way round'),
    said(2, pair(0, 1)),
    said(3, pair(0, 1)),
    said(4, exclude, 'rude'),
    said(5, tie),
  ]);
  expect(countDecisions(rows, state.decisions.values())).toEqual({
    ...{ swapped: 1, repaired: 2, confirmed: 1, excluded: 1, ties: 1, noted: 2 },
  });
});

it('countDecisions counts rulings that were made blind', () => {
  const made = [0, 1, 2].map((prompt_index): Decision => ({
    prompt_index,
    ruling: tie,
    note: '',
    ...(prompt_index > 0 && { blind: true }),
  }));
  const counts = countDecisions([row(0), row(1), row(2)], made);
  expect(counts).toMatchObject({ ties: 3, blind: 2 });
  expect(decisionsInWords(counts)).toBe('3 made ties, 2 decided blind');
});

describe('several pairs and weights', () => {
  const two: ReviewRow = { ...row(1), weight: 1.5, further: [{ chosen: 1, rejected: 2, weight: 0.5 }] };
  const decision = (ruling: Ruling | null, weight?: number): Decision => ({
    ...{ prompt_index: 1, ruling, note: '' },
    ...(weight === undefined ? {} : { weight }),
  });
  const automatic = { chosen: 0, rejected: 2 };

  it.each<[string, Decision | undefined, object[]]>([
    ['no decision keeps all', undefined, [{ ...automatic, weight: 1.5 }, two.further?.[0] ?? {}]],
    [
      'confirming keeps all',
      decision({ kind: 'pair', ...automatic }),
      [{ ...automatic, weight: 1.5 }, two.further?.[0] ?? {}],
    ],
    ['a swap is alone and weighs 1', decision({ kind: 'pair', chosen: 2, rejected: 0 }), [{ chosen: 2, rejected: 0 }]],
    ['another pair is alone', decision({ kind: 'pair', chosen: 1, rejected: 2 }), [{ chosen: 1, rejected: 2 }]],
    ['an exclusion drops all', decision(exclude, 2), []],
    ['a tie drops all', decision(tie), []],
    [
      'a weight by hand holds for all',
      decision(null, 0.25),
      [
        { ...automatic, weight: 0.25 },
        { chosen: 1, rejected: 2, weight: 0.25 },
      ],
    ],
    [
      'and for another pair',
      decision({ kind: 'pair', chosen: 2, rejected: 0 }, 0),
      [{ chosen: 2, rejected: 0, weight: 0 }],
    ],
  ])('%s', (_name, said, expected) => {
    expect(decidedPairs(two, said)).toEqual(expected);
  });

  it('are counted by pair, the dropped ones by prompt', () => {
    const rows = [two, row(2), row(3, 'ties'), { ...two, prompt_index: 4 }];
    const made = new Map([[4, { ...decision(exclude), prompt_index: 4 }]]);
    expect(countReview(rows, made, { share: 0, seed: 1 })).toMatchObject({
      pairs: 3,
      dropped: { ties: 1 },
      decisions: { excluded: 1 },
    });
    expect(countReview(rows, new Map(), { share: 0, seed: 1 })).toMatchObject({ pairs: 5 });
  });

  it('a weight is merged, journalled, undone and removed', () => {
    const weighed = decisionFor(noDecisions, two, { prompt_index: 1, weight: 0.5 });
    expect(weighed).toEqual({ prompt_index: 1, ruling: null, note: '', weight: 0.5 });
    const state = applyRow(noDecisions, { at: '', action: 'decide', decision: weighed });
    expect(viewOf(state).decisions).toEqual([weighed]);
    expect(countDecisions([two], state.decisions.values())).toMatchObject({ weighted: 1, confirmed: 0 });
    // A ruling and a note leave it.
    const noted = decisionFor(state, two, { prompt_index: 1, ruling: exclude, note: 'why' });
    expect(noted).toEqual({ prompt_index: 1, ruling: exclude, note: 'why', weight: 0.5 });
    expect(viewOf(applyRow(state, undo))).toMatchObject({ decisions: [], redoable: 1 });
    const removed = decisionFor(state, two, { prompt_index: 1, weight: null });
    expect(viewOf(applyRow(state, { at: '', action: 'decide', decision: removed })).decisions).toEqual([]);
  });

  it.each([-1, NaN, Infinity, 1001])('refuses the weight %d', (weight) => {
    expect(() => decisionFor(noDecisions, two, { prompt_index: 1, weight })).toThrow(
      `prompt 2: weight ${weight}: expected a number from 0 to 1000`,
    );
  });
});

describe('a decision on many prompts', () => {
  const rows = [row(0), row(1, 'ties'), row(2)];

  it('confirms each pair as it is decided, and keeps notes', () => {
    const state = replay([said(2, { kind: 'pair', chosen: 1, rejected: 0 }, 'why')]);
    expect(bulkDecisions(state, rows, [0, 2, 0], { ruling: 'confirm' })).toEqual([
      { prompt_index: 0, ruling: { kind: 'pair', chosen: 0, rejected: 2 }, note: '' },
      { prompt_index: 2, ruling: { kind: 'pair', chosen: 1, rejected: 0 }, note: 'why' },
    ]);
  });

  it('remembers the pairs that it excludes, sets weights, and clears both', () => {
    const state = replay([said(2, { kind: 'pair', chosen: 1, rejected: 0 })]);
    const [excluded] = bulkDecisions(state, rows, [2], { ruling: 'exclude', weight: 2 });
    expect(excluded).toEqual({
      ...{ prompt_index: 2, note: '', weight: 2 },
      ruling: { kind: 'exclude', instead_of: { chosen: 1, rejected: 0 } },
    });
    const done = applyRow(state, { at: '', action: 'decide-all', decisions: [excluded] });
    expect(bulkDecisions(done, rows, [2], { ruling: null, weight: null })).toEqual([
      { prompt_index: 2, ruling: null, note: '' },
    ]);
  });

  it('refuses what one of the prompts cannot have', () => {
    expect(() => bulkDecisions(noDecisions, rows, [0, 1], { ruling: 'confirm' })).toThrow(
      'prompt 2 has no pair to confirm; nothing was decided',
    );
    expect(() => bulkDecisions(noDecisions, rows, [0, 9], { ruling: 'tie' })).toThrow(
      'there is no prompt 10 to decide',
    );
    expect(() => bulkDecisions(noDecisions, rows, [0], { weight: -1 })).toThrow('prompt 1: weight -1');
  });
});

describe('who decides, and how', () => {
  const pair: Ruling = { kind: 'pair', chosen: 0, rejected: 2 };
  const state = replay([
    { at: '', action: 'decide', decision: { prompt_index: 0, ruling: pair, note: '', blind: true } },
  ]);

  it('keeps the mark of a blind ruling until another ruling', () => {
    expect(decisionFor(state, row(0), { prompt_index: 0, note: 'so' })).toMatchObject({ blind: true, note: 'so' });
    expect(decisionFor(state, row(0), { prompt_index: 0, ruling: pair })).not.toHaveProperty('blind');
    expect(decisionFor(state, row(0), { prompt_index: 0, ruling: null, blind: true })).not.toHaveProperty('blind');
    expect(decisionFor(state, row(0), { prompt_index: 0, ruling: tie, blind: true })).toMatchObject({ blind: true });
  });

  it('names the reviewer and the samples', () => {
    const made = decisionFor(noDecisions, row(0), { prompt_index: 0, ruling: tie, reviewer: 'ann' });
    expect(made).toMatchObject({ reviewer: 'ann', samples: samplesKey(row(0)) });
    expect(samplesKey(row(0))).toMatch(/^[0-9a-f]{14}$/);
    expect(samplesKey({ prompt: '', rewards: [3, 2, 1] })).toBe(samplesKey(row(0)));
    expect(samplesKey({ ...row(0), rewards: [3, 2, 1.5] })).not.toBe(samplesKey(row(0)));
    expect(samplesKey({ ...row(0), prompt: 'x' })).not.toBe(samplesKey(row(0)));
  });
});
