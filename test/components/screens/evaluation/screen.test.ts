import { describe, expect, it } from 'vitest';
import { evaluationLayout, verdictText } from '../../../../components/screens/evaluation/select.js';
import { evaluation } from '../../../../components/screens/evaluation/screen.js';
import { reduce } from '../../../../components/app/reducer.js';
import type { State } from '../../../../components/app/state.js';
import { frame } from '../../frame.js';
import {
  after,
  attached,
  engine,
  finished,
  heldOut,
  large,
  press,
  round,
  small,
  snapshot,
  told,
} from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const effects = (state: State, key: string) => reduce(state, { type: 'key', key }).effects;
const sent = (state: State, key: string) =>
  effects(state, key).flatMap((effect) => (effect.do === 'send' ? [effect.command] : []));
const judged = (verdict: 'accepted' | 'rejected' | null) =>
  attached('done', small, { rounds: [finished(0, 1, 40), finished(1, 1, 40), { ...finished(2, 1, 40), verdict }] });

describe('a verdict', () => {
  it('is given, changed and taken back', () => {
    expect(sent(judged(null), 'a')).toEqual([{ type: 'judge', round: 2, verdict: 'accepted' }]);
    expect(sent(judged('rejected'), 'a')).toEqual([{ type: 'judge', round: 2, verdict: 'accepted' }]);
    expect(sent(judged('accepted'), 'a')).toEqual([]);
    expect(sent(judged('accepted'), 'u')).toEqual([{ type: 'judge', round: 2, verdict: null }]);
    expect(sent(judged(null), 'u')).toEqual([]);
  });

  it('that rejects needs no question: it can be taken back', () => {
    expect(sent(judged(null), 'x')).toEqual([{ type: 'judge', round: 2, verdict: 'rejected' }]);
    expect(press(judged(null), 'x').notice).toBe('Rejected; u takes the verdict back.');
    expect(sent(judged('rejected'), 'x')).toEqual([]);
    expect(sent(judged('rejected'), 'u')).toEqual([{ type: 'judge', round: 2, verdict: null }]);
  });

  it('is of no base policy and of no round that is not done', () => {
    const base = attached('done', small, { rounds: [finished(0, 1, 40)], current: 0 });
    for (const key of ['a', 'x', 'e']) {
      expect(press(base, key).modal).toBe(null);
      expect(sent(base, key)).toEqual([]);
      expect(sent(attached('evaluate'), key)).toEqual([]);
    }
  });

  it('may be on an earlier round that is looked at', () => {
    const past = { ...attached('done'), past: { ...snapshot('done'), round: 1 } };
    expect(sent(past, 'a')).toEqual([{ type: 'judge', round: 1, verdict: 'accepted' }]);
    expect(sent(past, 'x')).toEqual([{ type: 'judge', round: 1, verdict: 'rejected' }]);
  });
});

describe('doing it again', () => {
  it('takes α, or settings by name', () => {
    const typed = press(attached('done'), 'e', ...'0.05 β=0.2'.replace(' ', ' '));
    expect(typed.modal).toMatchObject({ kind: 'edit', text: '0.05 β=0.2', hint: 'α 0.0500 · β 0.2 · lr 5e-7' });
    expect(sent(typed, 'enter')).toEqual([{ type: 'redo-round', round: 2, settings: { alpha: 0.05, beta: 0.2 } }]);
    expect(press(typed, 'enter')).toMatchObject({ modal: null, past: null, follows: true });
  });

  it('says at once what is no good, and sends nothing', () => {
    const typed = press(attached('done'), 'e', '-', '1');
    expect(typed.modal).toMatchObject({ error: 'α must be a number from 0 to 100, such as 0.05' });
    expect(sent(typed, 'enter')).toEqual([]);
    expect(press(typed, 'enter').modal).not.toBe(null);
    expect(press(attached('done'), 'e', 'enter').modal).toBe(null);
    expect(sent(press(attached('done'), 'e'), 'enter')).toEqual([]);
  });

  it('waits until the engine has nothing else to do', () => {
    const past = { ...attached('update'), past: { ...snapshot('done'), round: 1 }, screen: 'evaluation' as const };
    expect(press(past, 'e').modal).toBe(null);
    const review = { ...attached('review'), past: { ...snapshot('done'), round: 1 }, screen: 'evaluation' as const };
    expect(sent(press(review, 'e', '0'), 'enter')).toEqual([{ type: 'redo-round', round: 1, settings: { alpha: 0 } }]);
  });
});

describe('what the engine is asked', () => {
  const asked = (state: State, key: string) =>
    effects(state, key).flatMap((effect) => (effect.do === 'ask' ? [effect.query] : []));
  const query = (id: number) => ({ type: 'read-held-out', round: id });
  const snapshotOf = (more = {}) =>
    reduce(press(attached('review'), '4'), { type: 'snapshot', snapshot: snapshot('done', more) });

  it('are the answers of the round and of its start, once; of the base when that is compared with', () => {
    const { state, effects } = snapshotOf();
    expect(effects).toEqual([1, 2].reverse().map((id) => ({ do: 'ask', query: query(id) })));
    expect(asked(state, 'v')).toEqual([]);
    expect(asked(told(state), 'v')).toEqual([]);
    expect(asked(state, 'b')).toEqual([query(0)]);
    expect(asked(press(state, 'b'), 'b')).toEqual([]);
  });

  it('is asked again of an engine that was started anew', () => {
    const { state } = snapshotOf();
    const again = reduce(state, { type: 'engine', engine: { ...engine, pid: 43 } });
    expect(again.effects).toHaveLength(2);
    expect(reduce(told(state), { type: 'engine', engine: { ...engine, pid: 43 } }).effects).toEqual([]);
  });

  it('is nothing before there is an evaluation', () => {
    expect(asked(press(attached('evaluate'), '1'), '4')).toEqual([]);
    const base = snapshotOf({ rounds: [finished(0, 1, 40)], current: 0 });
    expect(base.effects).toEqual([{ do: 'ask', query: query(0) }]);
  });

  it('is kept of six rounds', () => {
    const many = Array.from({ length: 9 }, (_, id) => id).reduce(
      (state, id) => after(state, { type: 'answer', query: { type: 'read-held-out', round: id }, answer: heldOut(id) }),
      attached('done'),
    );
    expect(many.heldOut.known.map(({ round: id }) => id)).toEqual([3, 4, 5, 6, 7, 8]);
  });
});

describe('prompts that changed', () => {
  const state = press(told(attached('done')), 'v');
  const change = (of: State) => evaluationLayout(on.evaluation(of)).prompts?.change;

  it('are gone through, and stay in view', () => {
    const list = evaluationLayout(on.evaluation(state)).prompts!.changes!;
    expect(list).toHaveLength(40);
    expect(change(press(state, 'down', 'down', 'up'))).toEqual(list[1]);
    expect(change(press(state, 'end'))).toEqual(list[39]);
    expect(change(press(state, 'end', 'down', 'g'))).toEqual(list[0]);
    expect(slices(press(state, 'end')).evaluation.top).toBe(
      40 - evaluationLayout(on.evaluation(state)).prompts!.listRows,
    );
    expect(slices(press(state, 'pagedown')).evaluation.selected).toBe(
      evaluationLayout(on.evaluation(state)).prompts!.listRows,
    );
    expect(slices(press(state, 'pagedown', 'pageup')).evaluation.selected).toBe(0);
  });

  it('are ordered four ways, from the first', () => {
    const first = change(press(state, 'down', 'o'));
    expect(slices(press(state, 'o')).evaluation).toMatchObject({ order: 'fell', selected: 0 });
    expect(first!.reward).toBeLessThan(0);
    expect(slices(press(state, 'o', 'o', 'o', 'o')).evaluation.order).toBe('reward');
  });

  it('are against the start or the base', () => {
    expect(evaluationLayout(on.evaluation(state)).opponent).toMatchObject({ against: 'start', round: 1 });
    expect(evaluationLayout(on.evaluation(press(state, 'b'))).opponent).toMatchObject({ against: 'base', round: 0 });
    expect(slices(press(state, 'b', 'b')).evaluation.against).toBe('start');
    const first = told(attached('done', small, { rounds: [finished(0, 1, 40), finished(1, 1, 40)], current: 1 }));
    expect(evaluationLayout(on.evaluation(first)).opponent).toMatchObject({ against: 'base', round: 0 });
    expect(sent(first, 'b')).toEqual([]);
  });

  it('are left by esc, and fit a terminal that shrinks', () => {
    expect(slices(press(state, 'escape')).evaluation.view).toBe('numbers');
    const shrunk = after(press(state, 'end'), { type: 'size', size: { columns: 60, rows: 18 } });
    const { selected, top, listRows } = evaluationLayout(on.evaluation(shrunk)).prompts!;
    expect(selected).toBe(39);
    expect(top).toBe(40 - listRows);
  });

  it('are scrolled from where they are drawn, and where they were once there is room again', () => {
    const far = press(state, 'end');
    const { top, listRows } = evaluationLayout(on.evaluation(far)).prompts!;
    // A taller list ends with the last prompt too: its first row is above the one that was stored.
    const taller = after(far, { type: 'size', size: large });
    const drawn = evaluationLayout(on.evaluation(taller)).prompts!;
    expect(drawn.listRows).toBeGreaterThan(listRows);
    expect(drawn.top).toBe(40 - drawn.listRows);
    expect(slices(taller)).toMatchObject({ evaluation: { top } });
    expect(frame(after(taller, { type: 'size', size: small }))).toBe(frame(far));
    expect(slices(press(taller, 'k')).evaluation).toMatchObject({ selected: 38, top: drawn.top });
  });

  it('are what y copies; of the numbers, all of them', () => {
    expect(effects(state, 'y')).toMatchObject([{ do: 'copy', text: change(state)!.now.text }]);
    const numbers = effects(told(attached('done')), 'y');
    expect(numbers).toMatchObject([{ do: 'copy' }]);
    expect(JSON.stringify(numbers)).toContain('win rate, 95 %: vs start (1) ▲ 61.5 % [53.3, 69.7]; vs base');
  });

  it('stand beneath the numbers where there is room', () => {
    expect(evaluationLayout(on.evaluation(told(attached('done')))).prompts).toBe(null);
    expect(evaluationLayout(on.evaluation(told(attached('done', large)))).prompts).not.toBe(null);
  });
});

it('is pointed at: a click selects a prompt, the wheel goes through them or scrolls the responses', () => {
  for (const state of [press(told(attached('done')), 'v'), told(attached('done', large))]) {
    const mouse = (kind: 'press' | 'wheel-up' | 'wheel-down', y: number) =>
      slices(after(state, { type: 'mouse', kind, x: 10, y })).evaluation;
    const third = evaluationLayout(on.evaluation(state)).prompts!.changes![2].prompt;
    const y = frame(state)
      .split('\n')
      .findIndex((line) => line.includes(third));
    expect(mouse('press', y).selected).toBe(2);
    expect(mouse('press', y - 3)).toEqual(slices(state).evaluation);
    expect(mouse('wheel-down', y).selected).toBe(1);
  }
  const long = [1, 2].reduce(
    (state, id) => {
      const answer = heldOut(id).map((one) => ({ ...one, text: 'line\n'.repeat(40) }));
      return after(state, { type: 'answer', query: { type: 'read-held-out', round: id }, answer });
    },
    press(attached('done'), 'v'),
  );
  expect(slices(after(long, { type: 'mouse', kind: 'wheel-down', x: 1, y: 20 })).evaluation.textTop).toBe(3);
});

it('is read aloud: numbers, verdict, the prompt that is looked at', () => {
  const lines = evaluation.reading(on.evaluation(press(told(attached('done')), 'v')));
  expect(lines[0]).toBe(
    'Round 2 on 100 held-out prompts. No verdict yet; unless it is rejected, the next round starts from its policy.',
  );
  expect(lines).toContain('KL, nats: vs start (1) 1.204; vs base 3.400.');
  expect(lines.some((line) => line.startsWith('Prompt 9, reward changed most: Please name 11'))).toBe(true);
  expect(evaluation.reading(on.evaluation(attached('evaluate')))).toEqual(['No evaluation yet.']);
  const base = attached('done', small, { rounds: [finished(0, 1.1, 41.2)], current: 0 });
  expect(evaluation.reading(on.evaluation(base))).toContain('reward: 1.100.');
  expect(
    evaluation.reading(on.evaluation(attached('done', small, { rounds: [round(3, 'done')], current: 3 }))),
  ).toEqual(['No evaluation yet.']);
});

it('a verdict says where the next round starts', () => {
  expect(verdictText(round(2, 'done', { verdict: 'rejected' }))).toBe(
    '✘ rejected: the next round starts from the policy of round 1.',
  );
  expect(verdictText(round(2, 'done', { verdict: 'accepted' }))).toContain('✔ accepted');
  expect(verdictText(round(2, 'done'))).toContain('No verdict yet');
  expect(verdictText(round(0, 'done'))).toContain('The base policy');
  expect(verdictText(round(1, 'done', { verdict: 'rejected', parent: 0 }))).toBe(
    '✘ rejected: the next round starts from the base policy.',
  );
});
