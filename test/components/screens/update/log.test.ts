import { describe, expect, it } from 'vitest';
import { reduce } from '../../../../components/app/reducer.js';
import type { State } from '../../../../components/app/state.js';
import { updateLayout } from '../../../../components/screens/update/select.js';
import { wrappedLog } from '../../../../components/screens/update/log.js';
import { after, attached, job, press, small } from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const query = { type: 'read-job-log' as const, round: 2 };
const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `line ${i}`);
const open = press(attached('update', small, { job: job() }), 'l');
const answered = (state: State, text: string[]): State =>
  after(state, { type: 'answer', query, answer: { lines: text } });
const first = (state: State): string | undefined =>
  updateLayout(on.update(state)).log?.at(updateLayout(on.update(state)).scrolls.top);

describe('the log of a job', () => {
  it('is asked for when it is opened, and again a while after each answer', () => {
    const step = reduce(attached('update', small, { job: job() }), { type: 'key', key: 'l' });
    expect(step.effects).toEqual([{ do: 'ask', query }]);
    expect(reduce(step.state, { type: 'engine', engine: step.state.run!.engine }).effects).toEqual([]);
    const next = reduce(step.state, { type: 'answer', query, answer: { lines: ['a'] } });
    expect(next.effects).toEqual([{ do: 'ask', query, after: 2000 }]);
  });

  it('is not asked for once more after the job has ended, nor when it is closed', () => {
    const end = { cause: 'failed' as const, message: 'no', resubmittable: false };
    const over = press(attached('update', small, { job: job({ state: 'ended', end }) }), 'l');
    expect(reduce(over, { type: 'answer', query, answer: { lines: ['a'] } }).effects).toEqual([]);
    const closed = press(open, 'l');
    expect(reduce(closed, { type: 'answer', query, answer: { lines: ['a'] } }).effects).toEqual([]);
  });

  it('is asked for again after a refusal and after a lost line', () => {
    expect(reduce(open, { type: 'unanswered', query, message: 'no' })).toMatchObject({
      state: { notice: 'no' },
      effects: [{ do: 'ask', query, after: 2000 }],
    });
    const again = reduce(open, { type: 'snapshot', snapshot: open.run! });
    expect(again.effects).toEqual([{ do: 'ask', query }]);
  });

  it('is followed until it is scrolled, and again from its end on', () => {
    const long = answered(open, lines(100));
    expect(first(long)).toBe('line 81');
    expect(first(answered(long, lines(120)))).toBe('line 101');
    const up = press(long, 'up');
    expect(first(up)).toBe('line 80');
    expect(first(answered(up, lines(120)))).toBe('line 80');
    expect(first(press(up, 'g'))).toBe('line 0');
    expect(first(press(up, 'G'))).toBe('line 81');
    expect(slices(press(up, 'down')).update.logTop).toBeNull();
  });

  it('is at the same line again when a small window grows back', () => {
    const state = press(answered(open, lines(30)), 'up', 'up');
    expect(first(state)).toBe('line 9');
    const tall = after(state, { type: 'size', size: { columns: 80, rows: 50 } });
    expect(first(tall)).toBe('line 0');
    expect(first(after(tall, { type: 'size', size: small }))).toBe('line 9');
  });

  it('closes when the round has no job any more', () => {
    const gone = after(open, { type: 'snapshot', snapshot: { ...open.run!, job: null } });
    expect(slices(gone).update.view).toBe('plots');
  });

  it('says why there is none without a job', () => {
    expect(press(attached('update'), 'l').notice).toBe(
      'This update has no job and so no log: the engine computes it itself.',
    );
  });
});

describe('its lines', () => {
  it('are harmless, without colours, with the last state of a progress bar', () => {
    expect(wrappedLog(['\x1b[31mred\x1b[0m', ' 10%|#\r 99%|###\r', '\x1b]52;c;eA==\x07', 'x'.repeat(12)], 10)).toEqual([
      ...['red', ' 99%|###', '␛]52;c;eA=', '=␇', 'xxxxxxxxxx', 'xx'],
    ]);
  });
});

describe('pause', () => {
  it('is refused for a job, with the reason', () => {
    const step = reduce(attached('update', small, { job: job() }), { type: 'key', key: 'p' });
    expect(step.effects).toEqual([]);
    expect(step.state.notice).toBe('A job cannot be paused: S stops it and keeps the policy, x aborts it.');
  });
});

describe('r', () => {
  const problem = 'the job was preempted';
  const failed = (resubmittable: boolean): State =>
    attached('update', small, {
      job: job({ state: 'ended', end: { cause: 'preempted', message: problem, resubmittable } }),
      engine: { ...attached('update').run!.engine, activity: 'idle', problem },
    });

  it('resubmits a job that can continue', () => {
    const step = reduce(failed(true), { type: 'key', key: 'r' });
    expect(step.effects[0]).toEqual({ do: 'send', command: { type: 'retry' } });
  });
});
