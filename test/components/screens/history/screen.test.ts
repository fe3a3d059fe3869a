import { within } from '../../../../components/app/screen.js';
import { describe, expect, it } from 'vitest';
import { compareLayout } from '../../../../components/screens/history/compare.js';
import { history } from '../../../../components/screens/history/screen.js';
import { selectedRound } from '../../../../components/screens/history/select.js';
import { reduce } from '../../../../components/app/reducer.js';
import type { State } from '../../../../components/app/state.js';
import { frame } from '../../frame.js';
import { after, attached, engine, finished, metrics, press, round, small, snapshot, told } from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const effects = (state: State, key: string) => reduce(state, { type: 'key', key }).effects;
const sent = (state: State, key: string) =>
  effects(state, key).flatMap((effect) => (effect.do === 'send' ? [effect.command] : []));
const asked = (state: State, key: string) =>
  effects(state, key).flatMap((effect) => (effect.do === 'ask' ? [effect.query] : []));

/** Shown as 0, 1, ├─3, 2, 4: the current round, 4, is done. */
const rounds = [
  finished(0, 1.1, 41.2),
  finished(1, 1.5, 42),
  { ...finished(2, 1.8, 43), name: 'steady' },
  { ...finished(3, 1.9, 61), parent: 1, overrides: { sampling: { samples_per_prompt: 8 } } },
  { ...finished(4, 2, 44), parent: 2 },
];
const listed = press(attached('done', small, { rounds, current: 4 }), 'h');
const at = (id: number): State =>
  within(listed, 'history', (slice) => ({ ...slice, ui: { ...slices(listed).history, selected: id } }));

describe('the list', () => {
  it('goes through the rounds as the tree shows them, from the current one', () => {
    const ids = (keys: string[]) => selectedRound(on.history(press(listed, ...keys)))?.id;
    expect(ids([])).toBe(4);
    expect(ids(['g', 'j', 'j'])).toBe(3);
    expect(ids(['g', 'j', 'j', 'j'])).toBe(2);
    expect(ids(['g', 'k'])).toBe(0);
    expect(ids(['G'])).toBe(4);
    expect(ids(['pageup'])).toBe(0);
  });

  it('is pointed at', () => {
    const mouse = (kind: 'press' | 'wheel-up' | 'wheel-down', y: number) =>
      selectedRound(on.history(after(listed, { type: 'mouse', kind, x: 5, y })))?.id;
    const y = frame(listed)
      .split('\n')
      .findIndex((line) => line.includes('├─'));
    expect(mouse('press', y)).toBe(3);
    expect(mouse('press', 2)).toBe(4);
    expect(mouse('wheel-up', 20)).toBe(2);
  });

  it('makes another round the current one, to go on from there', () => {
    expect(sent(at(2), 's')).toEqual([{ type: 'switch', round: 2 }]);
    expect(sent(at(4), 's')).toEqual([]);
  });

  it('copies the command that writes the policy out', () => {
    expect(effects(at(2), 'y')).toMatchObject([
      { do: 'copy', text: 'brevity export /home/ann/runs/demo --round 2 --out policy-2' },
    ]);
  });
});

describe('a round', () => {
  it('is opened as it was, with all its screens, and esc leads back to the list', () => {
    const opening = press(at(1), 'enter');
    expect(asked(at(1), 'enter')).toEqual([{ type: 'read-round', round: 1 }]);
    expect(opening.screen).toBe('history');
    const answer = { ...snapshot('done'), round: 1 };
    const open = after(opening, { type: 'answer', query: { type: 'read-round', round: 1 }, answer });
    expect(open).toMatchObject({ screen: 'evaluation', notice: null, past: { round: 1 } });
    expect(press(open, '2')).toMatchObject({ screen: 'review', past: { round: 1 } });
    expect(frame(press(open, '2'))).toContain('round 1 (not');
    expect(press(open, 'escape')).toMatchObject({ screen: 'history', past: null });
  });

  it('opens at its pairs', () => {
    const answer = { ...snapshot('done'), round: 1 };
    const open = after(press(at(1), 'p'), { type: 'answer', query: { type: 'read-round', round: 1 }, answer });
    expect(open).toMatchObject({ screen: 'review', past: { round: 1 } });
    expect(asked(at(0), 'p')).toEqual([]);
  });

  it('that is current needs nothing from the engine', () => {
    expect(
      effects(at(4), 'enter').filter((effect) => effect.do !== 'ask' || effect.query.type === 'read-round'),
    ).toEqual([]);
    expect(press(at(4), 'enter')).toMatchObject({ screen: 'evaluation', past: null });
  });

  it('is named and noted, by the round that was selected when typing began', () => {
    const typing = press(at(2), 'N', '!', '?');
    expect(typing.modal).toMatchObject({ kind: 'edit', text: 'steady!?', label: 'name of round 2' });
    const moved = { ...typing, history: { ...slices(typing).history, selected: 1 } };
    expect(sent(moved, 'enter')).toEqual([{ type: 'name-round', round: 2, name: 'steady!?' }]);
    expect(sent(press(at(3), 'e', 'w', 'h', 'y'), 'enter')).toEqual([{ type: 'name-round', round: 3, note: 'why' }]);
    expect(sent(press(at(2), 'N', 'ctrl+u'), 'enter')).toEqual([{ type: 'name-round', round: 2, name: '' }]);
  });

  it('is not named at length', () => {
    const long = press(at(1), 'N', ...'x'.repeat(81));
    expect(long.modal).toMatchObject({ error: '81 characters; at most 80 are allowed' });
    expect(sent(long, 'enter')).toEqual([]);
    expect(press(long, 'enter').modal).not.toBe(null);
  });

  it('is deleted once a person knows what goes', () => {
    const asking = press(at(2), 'd');
    expect(asked(at(2), 'd')).toEqual([{ type: 'read-deletion', round: 2 }]);
    expect(asking.modal).toMatchObject({
      kind: 'confirm',
      lines: ['Delete round 2 steady for good?', 'Counting what would be deleted …'],
    });
    const known = after(asking, {
      type: 'answer',
      query: { type: 'read-deletion', round: 2 },
      answer: { rounds: [2, 4], bytes: 1_234_000 },
    });
    expect(known.modal).toMatchObject({
      lines: [
        'Delete round 2 steady for good, and round 4 that came from it?',
        '2 rounds, 1.2 MB on disk: samples, pairs, decisions, metrics, policies.',
      ],
    });
    expect(sent(known, 'y')).toEqual([{ type: 'delete-round', round: 2 }]);
    expect(sent(known, 'n')).toEqual([]);
    expect(press(at(0), 'd').modal).toBe(null);
  });
});

describe('a fork', () => {
  const form = press(at(3), 'f');
  const typed = (key: string, text: string, from = form) => {
    const labels = ['dpo.alpha', 'dpo.beta', 'update.lr', 'sampling.samples_per_prompt', 'sampling.max_new_tokens'];
    return press(from, 'g', ...Array<string>(labels.indexOf(key)).fill('j'), 'enter', ...text, 'enter');
  };

  it('begins with what the round has, its own overrides among it', () => {
    const text = frame(form);
    expect(text).toContain('A branch from round 3');
    expect(text).toMatch(/α length penalty +0\.02 +the same/);
    expect(text).toMatch(/samples per prompt +8 +the same/);
    expect(sent(form, 'f')).toEqual([{ type: 'fork', parent: 3, settings: {}, overrides: {} }]);
  });

  it('sends what was changed and nothing else', () => {
    const changed = typed('sampling.samples_per_prompt', '6', typed('dpo.alpha', '0,05'));
    expect(frame(changed)).toMatch(/α length penalty +0\.02 +≠ 0\.05/);
    expect(sent(changed, 'f')).toEqual([
      { type: 'fork', parent: 3, settings: { alpha: 0.05 }, overrides: { sampling: { samples_per_prompt: 6 } } },
    ]);
    expect(sent(typed('sampling.samples_per_prompt', '8', changed), 'f')).toMatchObject([{ overrides: {} }]);
    expect(sent(press(changed, 'g', 'backspace'), 'f')).toMatchObject([{ settings: {} }]);
    expect(sent(typed('dpo.alpha', ' ', changed), 'f')).toMatchObject([{ settings: {} }]);
  });

  it.each([
    ['dpo.alpha', '-1', 'expected a number, 0 to 100'],
    ['dpo.beta', '0', 'expected a number, above 0 to 100'],
    ['update.lr', 'x', 'expected a number, above 0 to 1'],
    ['sampling.samples_per_prompt', '2.5', 'expected a whole number, 2 to 1024'],
    ['sampling.max_new_tokens', '0', 'expected a whole number, 1 to 1048576'],
  ])('says what is no good: %s %s', (key, text, error) => {
    const bad = typed(key, text);
    expect(bad.modal).toMatchObject({ kind: 'edit', error });
    expect(slices(press(bad, 'escape')).history.fork?.values).toEqual({});
  });

  it('has choices and texts too', () => {
    const strategy = press(form, ...Array<string>(12).fill('j'));
    expect(sent(press(strategy, 'right'), 'f')).toMatchObject([{ overrides: { pairs: { strategy: 'best-random' } } }]);
    expect(sent(press(strategy, 'right', 'left'), 'f')).toMatchObject([{ overrides: {} }]);
    const reward = press(form, ...Array<string>(11).fill('j'), 'enter');
    expect(reward.modal).toMatchObject({ text: 'hf:/models/reward' });
    expect(press(reward, 'ctrl+u', 'n', 'o').modal).toMatchObject({ error: expect.any(String) as string });
    expect(sent(press(reward, '2', 'enter'), 'f')).toMatchObject([{ overrides: { reward: 'hf:/models/reward2' } }]);
  });

  it('with another objective has its β and α, which it shows and need not send', () => {
    const simpo = press(form, ...Array<string>(18).fill('j'), 'right', 'right', 'right');
    expect(frame(simpo)).toMatch(/objective +lr-dpo +≠ simpo/);
    expect(frame(press(simpo, 'g'))).toMatch(/α length penalty +0\.02 +≠ 0\s/);
    expect(frame(press(simpo, 'g'))).toMatch(/β +0\.1 +≠ 2\.5/);
    const overrides = { dpo: { objective: 'simpo' } };
    expect(sent(simpo, 'f')).toMatchObject([{ settings: {}, overrides }]);
    // The parent's β has to be asked for.
    expect(sent(typed('dpo.beta', '0.1', simpo), 'f')).toMatchObject([{ settings: { beta: 0.1 }, overrides }]);
    expect(sent(typed('dpo.beta', '2.5', simpo), 'f')).toMatchObject([{ settings: {}, overrides }]);
  });

  it('stays open when the engine refuses it, and closes when its round has begun', () => {
    const told = press(typed('dpo.alpha', '0'), 'f');
    const refused = after(told, { type: 'refused', command: 'fork', message: 'reward: /x does not exist' });
    expect(slices(refused).history.fork?.values).toEqual({ 'dpo.alpha': '0' });
    expect(refused.notice).toBe('reward: /x does not exist');
    const begun = after(told, { type: 'round', round: round(5, 'sample', { parent: 3 }) });
    expect(begun).toMatchObject({ screen: 'sampling', history: { fork: null } });
  });

  it('waits until the engine has nothing else to do, and the round has a policy', () => {
    expect(slices(press(press(attached('update', small), 'h', 'g'), 'f')).history.fork).toBe(null);
    expect(slices(press(press(attached('review', small), 'h'), 'f')).history.fork).toBe(null);
    expect(slices(press(press(attached('review', small), 'h', 'g'), 'f')).history.fork).not.toBe(null);
  });

  it('is pointed at: a click selects a setting, another changes it', () => {
    const y = frame(form)
      .split('\n')
      .findIndex((line) => line.includes('learning rate'));
    const once = after(form, { type: 'mouse', kind: 'press', x: 4, y });
    expect(slices(once).history.fork?.selected).toBe(2);
    expect(after(once, { type: 'mouse', kind: 'press', x: 4, y }).modal).toMatchObject({ label: 'learning rate' });
    expect(slices(after(form, { type: 'mouse', kind: 'wheel-down', x: 4, y })).history.fork?.selected).toBe(1);
  });
});

describe('a comparison', () => {
  const compared = press(at(4), 'c');
  const pair = (state: State) => {
    const { comparison } = slices(state).history;
    return [comparison?.left, comparison?.right];
  };

  it('is with the round that it started from, or with a marked one', () => {
    expect(pair(compared)).toEqual([2, 4]);
    const marked = press(at(3), 'space');
    expect(pair(press(marked, 'G', 'c'))).toEqual([3, 4]);
    expect(pair(press(marked, 'c'))).toEqual([1, 3]);
    expect(slices(press(at(0), 'c')).history.comparison).toBe(null);
    expect(pair(press(compared, 'w'))).toEqual([4, 2]);
    expect(slices(press(compared, 'escape')).history.comparison).toBe(null);
  });

  it('asks for answers and metrics of both, once', () => {
    expect(asked(at(2), 'c')).toEqual([
      // Of rounds 2 and 4 the evaluation screen has asked already.
      { type: 'read-held-out', round: 1 },
      ...[1, 2].map((id) => ({ type: 'read-metrics', round: id })),
    ]);
    expect(asked(press(at(2), 'c'), 'right')).toEqual([]);
    const again = reduce(press(at(2), 'c'), { type: 'engine', engine: { ...engine, pid: 43 } });
    expect(again.effects).toHaveLength(4);
    // The base was not updated, the current round's metrics are here.
    const base = press(listed, 'g', 'space', 'G');
    expect(asked(base, 'c')).toEqual([{ type: 'read-held-out', round: 0 }]);
  });

  it('marks what was set differently and tells what came of it', () => {
    const row = (state: State, name: string) =>
      compareLayout(on.history(state))?.numbers.find((line) => line.row?.name.trim() === name)?.row;
    const sides = told(press(at(3), 'space', 'G', 'c'));
    expect(row(sides, 'samples per prompt')).toMatchObject({ left: '8', right: '4', differs: true });
    expect(row(sides, 'α')).toMatchObject({ left: '0.0200', right: '0.0200', differs: false });
    expect(row(sides, 'reward')).toMatchObject({ left: '1.900', right: '2.000', difference: '+0.100' });
    expect(row(sides, 'length, tokens')).toMatchObject({ difference: '-17.0' });
    expect(row(sides, 'win rate, 95 %')).toBe(undefined);
    // Held-out answers of the odd prompts are better in later rounds unless i % 5 = 0, of the even ones worse: of 40
    // prompts 16 win, 16 lose, 8 are equal. The normal interval is 1.96·√(0.2/40) = 13.9 points to either side; a bootstrap
    // moves in steps of half a win, 1.25 points.
    const first = told(press(at(2), 'c'));
    expect(row(first, 'win rate, 95 %')).toMatchObject({ left: '50.0 %', right: '50.0 % ±14.4' });
    // Rewards of two reward models are not compared.
    const changed = rounds.map((of) => (of.id === 2 ? { ...of, overrides: { reward: 'hf:/models/other' } } : of));
    const other = told(press(after(at(2), { type: 'rounds', rounds: changed, current: 4 }), 'c'));
    expect(row(other, 'win rate, 95 %')).toBe(undefined);
    expect(row(other, 'win rate')).toMatchObject({ left: '–', right: '–', difference: 'other reward' });
  });

  it('draws both updates over the steps of the longer one', () => {
    const both = [1, 2].reduce(
      (state, id) =>
        after(state, { type: 'answer', query: { type: 'read-metrics', round: id }, answer: metrics.slice(0, 12 * id) }),
      press(at(2), 'c', 'right'),
    );
    const [loss] = compareLayout(on.history(both))!.curves!;
    expect(loss.series.map(({ name }) => name)).toEqual(['1', '2']);
    // Each over its own steps.
    expect(loss.series[0].values).toEqual(metrics.slice(0, 12).map((row) => row.loss));
    expect(loss.series.map(({ steps }) => steps.at(-1))).toEqual([12, 24]);
    expect(slices(press(both, 'j')).history.comparison?.curvesTop).toBe(1);
    expect(slices(press(both, 'G')).history.comparison?.curvesTop).toBe(3);
  });

  it('is scrolled as before after a resize there and back, whatever was done in between', () => {
    const sized = (state: State, columns: number, rows: number): State =>
      after(state, { type: 'size', size: { columns, rows } });
    const end = press(compared, 'G');
    const { numbers, numbersRows, numbersTop } = compareLayout(on.history(end))!;
    expect(numbersTop).toBe(numbers.length - numbersRows);
    const tall = press(sized(end, 80, 60), 'right', 'left');
    expect(compareLayout(on.history(tall))?.numbersTop).toBe(0);
    expect(frame(sized(tall, small.columns, small.rows))).toBe(frame(end));
  });

  it('goes through the responses to the same prompts', () => {
    const responses = told(press(at(2), 'c', 'left'));
    const change = (state: State) => compareLayout(on.history(state))?.prompts.change;
    const list = compareLayout(on.history(responses))!.prompts.changes!;
    expect(change(press(responses, 'j', 'j'))).toEqual(list[2]);
    expect(change(press(responses, 'G', 'g'))).toEqual(list[0]);
    expect(slices(press(responses, 'o')).history.comparison?.order).toBe('fell');
    expect(effects(press(responses, 'j'), 'y')).toMatchObject([{ do: 'copy', text: list[1].now.text }]);
  });

  it('turns its page by a click on the name, and ends with a round that is deleted', () => {
    const y = frame(compared)
      .split('\n')
      .findIndex((line) => line.includes('[numbers]'));
    const x = frame(compared).split('\n')[y].indexOf('curves');
    expect(slices(after(compared, { type: 'mouse', kind: 'press', x, y })).history.comparison?.page).toBe('curves');
    const gone = after(compared, { type: 'rounds', rounds: rounds.slice(0, 2), current: 1 });
    expect(slices(gone).history.comparison).toBe(null);
    expect(selectedRound(on.history(gone))?.id).toBe(1);
  });
});

it('is read aloud: the tree, a comparison, the form', () => {
  expect(history.reading(on.history(press(at(3), 'space')))).toEqual([
    'Round 0: reward 1.100, mean length 41.2.',
    'Round 1: from 0, α 0.0200, reward 1.500, mean length 42.0, wins 68.0 % against the base.',
    'Round 3: from 1, α 0.0200, reward 1.900, mean length 61.0, wins 68.0 % against the base. (selected, marked)',
    'Round 2 steady: from 1, α 0.0200, reward 1.800, mean length 43.0, wins 68.0 % against the base.',
    'Round 4: from 2, α 0.0200, reward 2.000, mean length 44.0, wins 68.0 % against the base. (current)',
    'Round 3: 103 pairs.',
    'Branches: rounds 0, 1, 2, 4; round 3, from round 1.',
  ]);
  expect(history.reading(on.history(press(at(2), 'c')))).toContain('reward: 1.500, 1.800 (+0.300).');
  expect(history.reading(on.history(press(at(2), 'c', 'right')))).toContain('The metrics are being read.');
  expect(history.reading(on.history(told(press(at(2), 'c', 'left'))))[1]).toMatch(/^Prompt \d+, reward/);
  expect(history.reading(on.history(press(at(2), 'f')))[1]).toMatch(
    /^α length penalty: 0\.02\. Selected\. α: length-penalty/,
  );
});
