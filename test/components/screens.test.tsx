/** Frames as they are drawn, without colour: what must be on each screen, at every size. */
import { renderToString } from 'ink';
import { describe, expect, it } from 'vitest';
import { Frame } from '../../components/app/App.js';
import { type State } from '../../components/app/state.js';
import { initialState } from '../../components/screens/index.js';
import { widthOf } from '../../components/parts/text.js';
import { themeFor } from '../../components/parts/theme.js';
import { after, attached, engine, large, pair, press, response, small } from './fixtures.js';

const theme = themeFor({ NO_COLOR: '1' });

function frame(state: State): string {
  return renderToString(<Frame state={state} theme={theme} />, { columns: state.size.columns });
}

const sizes = [small, large, { columns: 60, rows: 18 }, { columns: 120, rows: 40 }, { columns: 200, rows: 60 }];
const stages = ['sample', 'score', 'review', 'update', 'evaluate', 'done'] as const;

describe.each(sizes)('at $columns×$rows', (size) => {
  const states = [
    initialState(size),
    ...stages.flatMap((stage) => ['1', '2', '3', '4', '5', '?'].map((key) => press(attached(stage, size), key))),
    press(attached('review', size), 'enter'),
    press(attached('review', size), 'b', '0', 'enter'),
    press(attached('review', size), 'z'),
    after(attached('review', size), { type: 'bye', reason: 'the engine ended; '.repeat(40) }),
  ];

  it('every screen is as wide and as high as the terminal at most, with its footer on the last line', () => {
    for (const state of states) {
      const lines = frame(state).split('\n');
      expect(lines).toHaveLength(size.rows);
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
      expect(lines.at(-1)).toMatch(/detach|esc back/);
      expect(lines[0]).toContain('[');
    }
  });
});

it('says what size is needed where the terminal is too small', () => {
  expect(frame(attached('review', { columns: 59, rows: 24 }))).toContain('needs 60×18; this is 59×24');
  expect(frame(attached('review', { columns: 80, rows: 17 }))).toContain('needs 60×18');
});

describe('History', () => {
  it('lists rounds with their α and plots reward against length', () => {
    const text = frame(press(attached('done'), 'h'));
    expect(text).toMatch(/ ●0 +– +1\.100 +41\.2 +– +– +base policy/);
    expect(text).toMatch(/› ●2 ◂ +0\.0200 +1\.821 +43\.1 +\+4\.6 % +68\.0 %/);
    expect(text).toContain('Reward against length');
  });
});

describe('the engine', () => {
  it('that died is told, with the key that restarts it', () => {
    const text = frame(after(attached('review'), { type: 'bye', reason: 'the engine ended' }));
    expect(text).toContain('✘ no engine');
    expect(text).toContain('the engine ended');
    expect(text).toContain('r restart engine');
    expect(text).toContain('› ');
  });

  it('that failed is told in its own sentence, with the key that tries again', () => {
    const problem = 'the reward http://localhost:8000 answered 500 to prompt 12';
    const text = frame(attached('score', small, { engine: { ...engine, problem } }));
    expect(text).toContain(problem);
    expect(text).toContain('scoring failed');
    expect(text).toContain('r retry');
  });

  it('that is paused is told', () => {
    expect(frame(attached('sample', small, { engine: { ...engine, activity: 'paused' } }))).toContain(
      'paused: sampling',
    );
  });
});

describe('hostile text', () => {
  const hostile = '\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202egnp\u200b.exe\x9b31m\r\tend ' + 'x'.repeat(100_000);
  const unsafe = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

  it.each(sizes)('is harmless on every screen at $columns×$rows', (size) => {
    const hostilePair = pair(1, 0, 9, 3, {
      prompt: hostile,
      chosen_text: hostile,
      rejected_text: `日本${hostile}👨\u200d👩`,
    });
    const states = [
      attached('sample', size, { responses: [response(1, { prompt: hostile, text: hostile })] }),
      attached('review', size, { pairs: [hostilePair] }),
      attached('evaluate', size, { responses: [response(1, { prompt: hostile, text: hostile })] }),
      attached('score', size, { engine: { ...engine, problem: hostile }, directory: `/runs/${hostile}` }),
    ];
    for (const state of states) {
      const lines = frame(state).split('\n');
      expect(lines.join('')).not.toMatch(unsafe);
      expect(lines).toHaveLength(size.rows);
      expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(size.columns);
    }
    expect(frame(states[1])).toContain('␛[2J');
  });
});
