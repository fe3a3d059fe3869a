/** Commands found by typing, and what choosing one does. */
import { describe, expect, it } from 'vitest';
import { matchRank, paletteEntries } from '../../../components/app/commands.js';
import { reduce } from '../../../components/app/reducer.js';
import { type State } from '../../../components/app/state.js';
import { initialState } from '../../../components/screens/index.js';
import { after, attached, press, small, snapshot, engine } from '../fixtures.js';

describe('matchRank', () => {
  const swap = { command: 'swap', aliases: ['exchange', 'flip'], text: 'exchange winner and loser, and back' };
  const nextRound = { command: 'next-round', aliases: ['new round'], text: 'start the next round from this policy' };
  it.each<[string, typeof swap, number | null]>([
    ['swap', swap, 0],
    ['SWAP ', swap, 0],
    ['sw', swap, 1],
    ['flip', swap, 2],
    ['exch', swap, 3],
    ['loser', swap, 5],
    ['spaw', swap, null],
    ['sawp', swap, 6],
    ['swp', swap, 6],
    ['next round', nextRound, 0],
    ['next_round', nextRound, 0],
    ['round', nextRound, 4],
    ['round next', nextRound, 4],
    ['start round', nextRound, 5],
    ['nxt', nextRound, 6],
    // Letters that only happen to occur in this order.
    ['swap', { command: 'bias', aliases: [], text: 'signs of reward hacking: length bias, phrases' }, null],
    ['tor', nextRound, null],
  ])('%s', (typed, of, rank) => {
    expect(matchRank(typed, of)).toBe(rank);
  });
});

const firstFor = (state: State, typed: string) => paletteEntries(state, typed).at(0);

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
    expect(step.state.modal).toMatchObject({ kind: 'confirm', owner: 'sampling' });
  });

  it('takes letters that are keys elsewhere as text, and esc leaves it', () => {
    const state = press(attached('review'), ':', 'q', 'space', 'y');
    expect(state.modal).toMatchObject({ kind: 'palette', text: 'q y' });
    expect(press(state, 'escape').modal).toBeNull();
  });

  it.each<[typed: string, id: string, available: boolean]>([
    ['quit', 'detach', true],
    ['detach', 'detach', true],
    ['exit', 'detach', true],
    ['swap', 'swap', true],
    ['exclude', 'exclude', true],
    ['tie', 'tie', true],
    ['confirm', 'confirm', true],
    ['launch', 'launch', true],
    ['export', 'export', true],
    ['report', 'report', true],
    ['accept', 'accept', false],
    ['reject', 'reject', false],
    ['abort', 'abort', false],
    ['pause', 'pause', false],
  ])('finds %s in review', (typed, id, available) => {
    expect(firstFor(attached('review'), typed)).toMatchObject({ key: { id }, available });
  });

  it('offers nothing unrelated', () => {
    const commands = (typed: string) => paletteEntries(attached('review'), typed).map(({ command }) => command);
    expect(commands('swap')).not.toContain('bias');
    expect(commands('accept')).toEqual(['accept', 'export']);
    expect(commands('quit')).toEqual(['detach']);
    const file = after(initialState(small, { unit: 'characters', tokens: false, out: 'pairs.jsonl' }), {
      type: 'snapshot',
      snapshot: snapshot('review'),
    });
    expect(paletteEntries(file, 'quit').map(({ key }) => key.id)).toEqual(['quit']);
    expect(paletteEntries(file, 'export')[0].key.id).toBe('write');
    expect(paletteEntries(file, 'launch')).toEqual([]);
    // Of the other screens' movements none is offered.
    expect(commands('page-down')).toEqual(['page-down']);
  });

  it('says that a command has no effect now', () => {
    const state = press(attached('review'), ':', ...'accept', 'enter');
    expect(state).toMatchObject({ screen: 'review', modal: null });
    expect(state.notice).toBe(
      'Nothing to do now for accept: Evaluation: accept the round: the next starts from its policy.',
    );
    expect(paletteEntries(attached('review'), '').every(({ available }) => available)).toBe(true);
  });

  it('says so where nothing fits', () => {
    const state = press(attached('review'), ':', ...'zzzz');
    expect(paletteEntries(state, 'zzzz')).toEqual([]);
    expect(press(state, 'enter').notice).toBe('There is no such command.');
  });
});
