import { describe, expect, it } from 'vitest';
import { helpLines, helpRows } from '../../../components/app/helpLines.js';
import { historyLayout } from '../../../components/screens/history/select.js';
import { problemLines } from '../../../components/app/layout.js';
import { reviewLayout } from '../../../components/screens/review/select.js';
import { activeKeys } from '../../../components/app/keys.js';
import { reduce } from '../../../components/app/reducer.js';
import { type State } from '../../../components/app/state.js';
import { initialState } from '../../../components/screens/index.js';
import { currentRound, progressOf, settingsOf } from '../../../components/app/selectors.js';
import {
  after,
  attached,
  engine,
  metrics,
  pair,
  press,
  progress,
  response,
  round,
  small,
  snapshot,
} from '../fixtures.js';
import { listed, ready } from '../homeFixtures.js';
import { on, slices } from '../slices.js';

const effectsOf = (state: State, key: string) => reduce(state, { type: 'key', key }).effects;
const sent = (state: State, key: string) =>
  effectsOf(state, key).map((effect) => (effect.do === 'send' ? effect.command : effect.do));

describe('what the engine says', () => {
  it('is nothing before the snapshot', () => {
    const state = initialState(small);
    expect(after(state, { type: 'progress', progress: progress('sample') }, { type: 'engine', engine })).toEqual(state);
  });

  it('opens the screen of the stage', () => {
    expect(attached('sample').screen).toBe('sampling');
    expect(attached('score').screen).toBe('sampling');
    expect(attached('review').screen).toBe('review');
    expect(attached('update').screen).toBe('update');
    expect(attached('evaluate').screen).toBe('evaluation');
    expect(attached('done').screen).toBe('evaluation');
    expect(attached('done').link).toEqual({ status: 'up' });
  });

  it('collects responses: the newest fifty, and every length', () => {
    const events = Array.from({ length: 60 }, (_, i) => ({
      type: 'response' as const,
      response: response(i, { length: i }),
    }));
    const { run } = after(attached('sample', small, { responses: [], lengths: [] }), ...events);
    expect(run?.lengths).toHaveLength(60);
    expect(run?.responses.map(({ length }) => length)).toEqual(Array.from({ length: 50 }, (_, i) => i + 10));
  });

  it('counts held-out responses and their rewards to no round but the base', () => {
    const evaluating = attached('evaluate', small, { lengths: [7], rewards: [1] });
    const next = after(
      evaluating,
      { type: 'response', response: response(1) },
      { type: 'rewards', round: 2, rewards: [3], seen: [] },
    );
    expect(next.run?.lengths).toEqual([7]);
    expect(next.run?.rewards).toEqual([1]);
    expect(next.run?.responses.at(-1)?.reward).toBe(null);
    const seen = [{ prompt_index: 1, sample: 1, held_out: false, reward: 3 }];
    const scored = after(next, { type: 'rewards', round: 2, rewards: [3], seen });
    expect(scored.run?.responses.at(-1)?.reward).toBe(3);
    const ofBase = { rounds: [round(0, 'evaluate')], current: 0, round: 0 };
    const base = attached('evaluate', small, { ...ofBase, lengths: [], rewards: [] });
    const grown = after(
      base,
      { type: 'response', response: response(1, { round: 0, length: 9 }) },
      { type: 'rewards', round: 0, rewards: [3, 4], seen: [] },
    );
    expect(grown.run?.lengths).toEqual([9]);
    expect(grown.run?.rewards).toEqual([3, 4]);
  });

  it('says nothing of other rounds than the current', () => {
    const state = attached('score');
    const late = after(
      state,
      { type: 'rewards', round: 1, rewards: [1], seen: [] },
      { type: 'response', response: response(1, { round: 1 }) },
      {
        type: 'pairs',
        weights: { need: 'rows' },
        round: 1,
        pairs: [pair(1, 0, 2, 1)],
        review: [],
        dropped: { ties: 0, identical: 0, below_gap: 0, too_few: 0 },
      },
      { type: 'step', round: 1, metrics: metrics[0] },
    );
    expect(late.run).toEqual(state.run);
  });

  it('begins a round empty, and follows to its screen', () => {
    const next = after(attached('done'), { type: 'round', round: round(3, 'sample') });
    expect(next.screen).toBe('sampling');
    expect(next.run).toMatchObject({ current: 3, pairs: [], metrics: [], responses: [], lengths: [], rewards: [] });
    expect(next.run?.rounds.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
  });

  it('forgets the steps of an update that was aborted', () => {
    const next = after(attached('update'), { type: 'round', round: round(2, 'review') });
    expect(next.run?.metrics).toEqual([]);
    expect(next.run?.progress).toBeNull();
    expect(next.screen).toBe('review');
  });

  it('adds steps', () => {
    const next = after(attached('update', small, { metrics: [] }), { type: 'step', round: 2, metrics: metrics[0] });
    expect(next.run?.metrics).toEqual([metrics[0]]);
  });

  it('counts steps once the update takes them', () => {
    const counting = progress('update', { done: 128, total: 128, unit: 'reference log-probabilities' });
    const before = snapshot('update', { progress: counting, metrics: [] });
    expect(progressOf(before)).toBe(counting);
    // 24 of 40 steps, 3,200 tokens each at 1,234 a second.
    const during = progressOf({ ...before, metrics });
    expect(during).toMatchObject({ done: 24, total: 40, unit: 'steps', tokens: 76_800 });
    expect(during?.seconds_left).toBeCloseTo((16 * 3200) / 1234);
  });

  it('brings problems, which stay until the engine takes them back', () => {
    const failed = after(attached('score'), {
      type: 'problem',
      round: 2,
      stage: 'score',
      message: 'the reward model answered 500',
    });
    expect(failed.run?.engine.problem).toBe('the reward model answered 500');
    expect(after(failed, { type: 'engine', engine }).run?.engine.problem).toBeNull();
  });

  it('ends with bye: nothing is lost from the screen', () => {
    const lost = after(attached('review'), { type: 'bye', reason: 'the engine ended' });
    expect(lost.link).toEqual({ status: 'lost', reason: 'the engine ended' });
    expect(problemLines(lost).join(' ')).toContain('the engine ended. What it had finished is kept: r starts it again');
    expect(lost.run?.pairs).toHaveLength(103);
    expect(effectsOf(lost, 'r')).toEqual([{ do: 'restart' }]);
    expect(press(lost, 'r').link).toEqual({ status: 'connecting' });
  });

  it('says behind the question about a reward that the engine has not started because of it', () => {
    const asked = after(attached('score'), {
      type: 'untrusted',
      uses: [{ kind: 'module', file: '/theirs/reward.mjs' }],
    });
    expect(asked.modal).toMatchObject({
      kind: 'confirm',
      lines: ['Allow this for this run?', expect.any(String), '/theirs/reward.mjs'],
    });
    const behind = 'The engine did not start: the run needs your permission first. r asks again.';
    expect(problemLines(asked).join(' ')).toBe(behind);
    expect(problemLines(press(asked, 'n')).join(' ')).toBe(behind);
    expect(effectsOf(press(asked, 'n'), 'r')).toEqual([{ do: 'restart' }]);
  });

  it('goes on with another engine where this one ended for that', () => {
    const { state, effects } = reduce(attached('update'), { type: 'bye', reason: 'another one goes on', again: true });
    expect(state.link).toEqual({ status: 'connecting' });
    expect(effects).toEqual([{ do: 'restart' }]);
  });
});

describe('screens', () => {
  it('switch by number, tab and h, and stop following elsewhere', () => {
    const state = attached('sample');
    expect(press(state, '4').screen).toBe('evaluation');
    expect(press(state, 'tab').screen).toBe('review');
    expect(press(state, 'shift+tab').screen).toBe('engine');
    expect(press(state, 'h').screen).toBe('history');
    const elsewhere = press(state, 'h');
    expect(after(elsewhere, { type: 'round', round: round(2, 'review') }).screen).toBe('history');
    const back = press(elsewhere, '1');
    expect(after(back, { type: 'round', round: round(2, 'review') }).screen).toBe('review');
  });

  it('keep their place when the terminal is resized', () => {
    const state = press(attached('review'), 'G');
    const resized = after(state, { type: 'size', size: { columns: 160, rows: 50 } });
    expect(slices(resized).review.selected).toBe(106);
    const { top, table } = reviewLayout(on.review(resized));
    expect(top + table).toBe(107);
  });
});

describe('α', () => {
  it('moves in fine and coarse steps, is shown at once and sent', () => {
    const state = attached('review');
    expect(settingsOf(press(state, 'right')).alpha).toBe(0.021);
    expect(settingsOf(press(state, 'left')).alpha).toBe(0.019);
    for (const key of ['shift+right', ']', 'L']) expect(settingsOf(press(state, key)).alpha).toBe(0.03);
    for (const key of ['shift+left', '[', 'H']) expect(settingsOf(press(state, key)).alpha).toBe(0.01);
    expect(sent(state, 'right')).toEqual([{ type: 'set', settings: { alpha: 0.021 } }]);
  });

  it('comes back exactly and stays within its range', () => {
    const state = attached('review');
    const keys = [...Array<string>(7).fill('right'), ...Array<string>(7).fill('left')];
    expect(settingsOf(press(state, ...keys)).alpha).toBe(0.02);
    const down = press(state, '[', '[', '[', 'left');
    expect(settingsOf(down).alpha).toBe(0);
    expect(effectsOf(down, 'left')).toEqual([]);
  });

  it('stays as moved until the engine confirms the last move', () => {
    const moved = press(attached('review'), 'right', 'right');
    const confirmed = (alpha: number) =>
      after(moved, { type: 'round', round: round(2, 'review', { settings: { alpha, beta: 0.1, lr: 5e-7 } }) });
    expect(settingsOf(confirmed(0.021)).alpha).toBe(0.022);
    expect(confirmed(0.022).draft).toEqual({});
  });

  it('goes back where the engine refuses', () => {
    const moved = press(attached('review'), 'right');
    const refused = after(moved, { type: 'refused', command: 'set', message: 'not now' });
    expect(settingsOf(refused).alpha).toBe(0.02);
    expect(refused.notice).toBe('not now');
    expect(press(refused, 'j').notice).toBeNull();
  });

  it('does not move but in review', () => {
    const updating = press(attached('update'), '2');
    expect(updating.screen).toBe('review');
    expect(effectsOf(updating, 'right')).toEqual([]);
    expect(press(updating, 'right').notice).toContain('raise α by 0.001');
  });
});

describe('typing a value', () => {
  it.each([
    ['a', 'alpha', '0.05', 0.05],
    ['b', 'beta', '0,3', 0.3],
    ['l', 'lr', '2e-6', 2e-6],
  ])('%s sets %s', (key, field, text, value) => {
    const typing = press(attached('review'), key, ...text);
    expect(typing.modal).toMatchObject({ kind: 'edit', field, text });
    const { state, effects } = reduce(typing, { type: 'key', key: 'enter' });
    expect(state.modal).toBeNull();
    expect(settingsOf(state)).toMatchObject({ [field]: value });
    expect(effects[0]).toEqual({ do: 'send', command: { type: 'set', settings: { [field]: value } } });
  });

  it.each([
    ['a', '-1', 'α must be'],
    ['a', 'abc', 'α must be'],
    ['b', '0', 'β must be'],
    ['l', '2', 'the learning rate must be'],
    ['l', '1e', 'the learning rate must be'],
  ])('%s refuses %s and says what it takes', (key, text, error) => {
    const refused = press(attached('review'), key, ...text, 'enter');
    expect(refused.modal).toMatchObject({ kind: 'edit', text });
    expect(refused.modal?.kind === 'edit' && refused.modal.error).toContain(error);
    expect(refused.draft).toEqual({});
    expect(press(refused, '5').modal).toMatchObject({ error: null });
  });

  it('can be corrected and left', () => {
    const typing = press(attached('review'), 'a', '1', '2', 'backspace', '5');
    expect(typing.modal).toMatchObject({ text: '15' });
    expect(press(typing, 'ctrl+u').modal).toMatchObject({ text: '' });
    expect(press(typing, 'escape')).toMatchObject({ modal: null, draft: {} });
    expect(press(typing, 'ctrl+u', 'enter')).toMatchObject({ modal: null, draft: {} });
  });

  it('takes letters as text, not as keys', () => {
    expect(press(attached('review'), 'a', 'q').modal).toMatchObject({ text: 'q' });
    expect(effectsOf(press(attached('review'), 'a'), 'ctrl+c')).toEqual([{ do: 'detach' }]);
  });
});

describe('launching', () => {
  it('asks first', () => {
    const asked = press(attached('review'), 'enter');
    expect(asked.modal).toMatchObject({ kind: 'confirm', owner: 'review', what: 'launch' });
    // Enter opened the question: pressed twice, it must not answer it as well.
    expect(press(asked, 'enter').modal).toEqual(asked.modal);
    expect(sent(asked, 'y')).toEqual([{ type: 'launch' }]);
    expect(press(asked, 'n').modal).toBeNull();
    expect(effectsOf(asked, 'escape')).toEqual([]);
  });

  it('needs pairs', () => {
    expect(press(attached('review', small, { pairs: [] }), 'enter').modal).toBeNull();
  });

  it('is no longer asked once another terminal has launched', () => {
    const asked = press(attached('review'), 'enter');
    const next = after(asked, { type: 'round', round: round(2, 'update') });
    expect(next).toMatchObject({ modal: null, screen: 'update', draft: {} });
  });
});

describe('steering the work', () => {
  it('pauses and resumes with the same key', () => {
    const working = attached('sample');
    expect(sent(working, 'p')).toEqual([{ type: 'pause' }]);
    const paused = after(working, { type: 'engine', engine: { ...engine, activity: 'paused' } });
    expect(sent(paused, 'p')).toEqual([{ type: 'resume' }]);
  });

  it('stops sampling and the update, but not the scoring', () => {
    expect(sent(press(attached('sample'), 'S'), 'y')).toEqual([{ type: 'stop' }]);
    expect(sent(press(attached('update'), 'S'), 'y')).toEqual([{ type: 'stop' }]);
    expect(press(attached('score'), 'S').modal).toBeNull();
  });

  it('does nothing that cannot be undone without asking, and says what it means', () => {
    const asking: [State, string][] = [
      [attached('sample'), 'S'],
      [attached('update'), 'S'],
      [attached('update'), 'x'],
      [attached('review'), 'enter'],
      [press(attached('done'), 'h'), 'd'],
      [listed(), 'D'],
      [press(ready(), 'j', 'enter', 'x', 'enter'), 'e'],
    ];
    for (const [state, key] of asking) {
      const { state: asked, effects } = reduce(state, { type: 'key', key });
      expect(effects.filter((effect) => effect.do !== 'ask')).toEqual([]);
      expect(asked.modal, key).toMatchObject({ kind: 'confirm' });
      const lines = asked.modal?.kind === 'confirm' ? asked.modal.lines : [];
      expect(lines[0]).toMatch(/\?/);
      expect(lines.length).toBeGreaterThan(1);
      expect(press(asked, 'escape')).toEqual({ ...asked, modal: null });
    }
    // One key must not mean swap on one screen and stop on the next.
    for (const stage of ['sample', 'score', 'update', 'evaluate', 'done'] as const)
      expect(activeKeys(attached(stage)).filter(({ keys }) => keys.includes('s'))).toEqual([]);
  });

  it('says that it stops until it has', () => {
    const stopping = press(attached('update'), 'S', 'y');
    expect(stopping.notice).toBe('Stopping after the micro-batch in flight.');
    expect(after(stopping, { type: 'round', round: round(2, 'evaluate') }).notice).toBeNull();
  });

  it('acts on the stage only where it is on the screen', () => {
    expect(press(attached('sample'), '3', 'S').modal).toBeNull();
    expect(press(attached('update'), '1', 'S').modal).toBeNull();
  });

  it('asks before it discards an update', () => {
    const asked = press(attached('update'), 'x');
    expect(asked.modal).toMatchObject({ kind: 'confirm', owner: 'update', what: 'abort' });
    expect(sent(asked, 'y')).toEqual([{ type: 'abort' }]);
    expect(sent(asked, 'n')).toEqual([]);
  });

  it('starts the next round once this one is done', () => {
    expect(sent(attached('done'), 'n')).toEqual([{ type: 'next-round' }]);
    // There it goes to the next undecided pair, whose texts are asked for.
    expect(sent(attached('review'), 'n')).toEqual(['ask']);
    expect(press(attached('done'), 'h', 'n').follows).toBe(true);
  });

  it('retries a failed stage and asks for a fresh snapshot', () => {
    const failed = attached('score', small, { engine: { ...engine, problem: 'no answer' } });
    expect(sent(failed, 'r')).toEqual([{ type: 'retry' }, { type: 'attach', client: 'tui' }]);
    expect(sent(attached('score'), 'r')).toEqual([]);
  });

  it('detaches with q and ctrl+c', () => {
    for (const state of [attached('sample'), press(attached('review'), 'enter')]) {
      expect(effectsOf(state, 'q')).toEqual([{ do: 'detach' }]);
      expect(effectsOf(state, 'ctrl+c')).toEqual([{ do: 'detach' }]);
    }
    expect(effectsOf(press(attached('review'), '?'), 'ctrl+c')).toEqual([{ do: 'detach' }]);
  });
});

describe('export and report', () => {
  it('ask where, and run the command on the folder or file that is typed', () => {
    const asked = press(attached('review'), 'E');
    expect(asked.modal).toMatchObject({ kind: 'edit', owner: 'run', text: 'demo-policy', completes: 'path' });
    const empty = press(asked, 'ctrl+u', 'enter');
    expect(empty.modal).toMatchObject({ error: 'type the name of a new folder' });
    const step = reduce(press(empty, ...'out'), { type: 'key', key: 'enter' });
    expect(step.state).toMatchObject({ modal: null, notice: 'Exporting to out …' });
    expect(step.effects).toEqual([
      { do: 'command', command: 'export', out: 'out', overwrite: false },
      { do: 'remember', kind: 'run/export', text: 'out' },
    ]);
    const report = reduce(press(attached('review'), 'P'), { type: 'key', key: 'enter' });
    const exists = after(attached('review'), { type: 'file-exists', what: 'report', file: '/out/demo.html' });
    expect(exists.modal).toMatchObject({ kind: 'confirm', lines: ['Overwrite /out/demo.html?', expect.any(String)] });
    expect(effectsOf(exists, 'n')).toEqual([]);
    expect(effectsOf(exists, 'y')).toEqual([
      { do: 'command', command: 'report', out: '/out/demo.html', overwrite: true },
    ]);
    expect(report.effects[0]).toEqual({ do: 'command', command: 'report', out: 'demo.html', overwrite: false });
  });
});

describe('help and history', () => {
  it('help opens, scrolls and closes', () => {
    const help = press(attached('review'), '?');
    const atTop = { kind: 'help', text: '', top: 0 };
    expect(help.modal).toEqual(atTop);
    expect(press(help, 'down', 'down', 'up').modal).toEqual({ ...atTop, top: 1 });
    expect(press(help, 'up').modal).toEqual(atTop);
    const end = press(help, 'end');
    expect(end.modal).toEqual({ ...atTop, top: helpLines(help).length - helpRows(help) });
    expect(press(end, 'down', 'pagedown').modal).toEqual(end.modal);
    expect(press(help, 'pagedown').modal).toEqual({ ...atTop, top: helpRows(help) });
    expect(press(help, 'pagedown', 'pageup').modal).toEqual(atTop);
    expect(press(end, 'home').modal).toEqual(atTop);
    expect(press(help, '?').modal).toBeNull();
    expect(press(help, 'escape').modal).toBeNull();
  });

  it('help is searched by typing; esc shows all keys again, then closes', () => {
    const help = press(attached('review'), '?');
    const found = press(help, ...'clip');
    expect(helpLines(found).map(({ text }) => text)).toEqual([
      'Files and clipboard',
      expect.stringContaining('copy the selection'),
      expect.any(String),
      expect.any(String),
    ]);
    expect(helpLines(press(help, ...'ctrl+w')).map(({ left }) => left)).toContain('ctrl+w');
    expect(helpLines(press(help, ...'zzz'))).toEqual([]);
    // Keys of the screen are text here.
    expect(press(found, 'q', '?').modal).toMatchObject({ kind: 'help', text: 'clipq?' });
    expect(press(found, 'escape').modal).toMatchObject({ kind: 'help', text: '' });
    expect(press(found, 'escape', 'escape').modal).toBeNull();
  });

  it('history scrolls to the last round', () => {
    const rounds = Array.from({ length: 30 }, (_, id) => round(id, 'done'));
    const state = press(attached('done', small, { rounds, current: 29 }), 'h');
    const end = press(state, ...Array<string>(40).fill('j'));
    expect(slices(end).history.top).toBe(30 - historyLayout(on.history(end)).table);
    expect(slices(press(end, 'g')).history.top).toBe(0);
  });
});

it('never changes the state it was given', () => {
  const state = attached('review');
  const { definitions: _screens, ...rest } = state;
  const frozen = structuredClone(rest);
  for (const key of ['right', 'j', 'a', 'enter', 'z', '?', 'G']) reduce(state, { type: 'key', key });
  reduce(state, { type: 'snapshot', snapshot: snapshot('sample') });
  expect(state).toMatchObject(frozen);
  expect(currentRound(state)?.id).toBe(2);
});

describe('pasted text', () => {
  const paste = (state: State, text: string, cut = false): State => after(state, { type: 'paste', text, cut });

  it('goes into the line that is typed, as one line without control characters', () => {
    const note = press(attached('review'), 'e', 'x');
    expect(paste(note, ' one\r\ntwo\t\x1b[31mthree\x1b[0m\x07\n').modal).toMatchObject({ text: 'xone two three' });
    expect(paste(press(attached('review'), ':'), 'sw\nap').modal).toMatchObject({ kind: 'palette', text: 'sw ap' });
  });

  it('does nothing anywhere else, and says so', () => {
    for (const state of [attached('review'), attached('update')]) {
      const step = reduce(state, { type: 'paste', text: 's\ry', cut: false });
      expect(step.state).toEqual({ ...state, notice: 'Pasted text ignored: no text field is open.' });
      expect(step.effects).toEqual([]);
    }
    const question = press(attached('review'), 'enter');
    expect(paste(question, 'y').modal).toEqual(question.modal);
  });

  it('says when only its start was kept', () => {
    expect(paste(press(attached('review'), 'e'), 'long', true).modal).toMatchObject({
      text: 'long',
      error: 'only the first 65,536 pasted characters are kept',
    });
  });
});

it('takes no yes that came in one piece with what asked', () => {
  const asked = press(attached('review'), 'enter');
  const together = reduce(asked, { type: 'key', key: 'y', together: true });
  expect(together).toEqual({ state: asked, effects: [] });
  expect(reduce(asked, { type: 'key', key: 'y' }).state.modal).toBeNull();
});
