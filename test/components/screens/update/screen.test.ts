import { describe, expect, it } from 'vitest';
import type { ProbeSeen } from '../../../../src/protocol/messages.js';
import { reduce } from '../../../../components/app/reducer.js';
import type { State } from '../../../../components/app/state.js';
import { updateLayout } from '../../../../components/screens/update/select.js';
import { update } from '../../../../components/screens/update/screen.js';
import { after, attached, engine, large, metrics, press, probes, small } from '../../fixtures.js';
import { on, slices } from '../../slices.js';

const sent = (state: State, key: string) =>
  reduce(state, { type: 'key', key }).effects.map((effect) => (effect.do === 'send' ? effect.command : effect.do));
const step = (i: number) => ({ type: 'step' as const, round: 2, metrics: { ...metrics[0], step: i } });

describe('the update', () => {
  it('is stopped and kept, or aborted once that is confirmed', () => {
    const state = attached('update');
    expect(sent(state, 'S')).toEqual([]);
    expect(sent(press(state, 'S'), 'y')).toEqual([{ type: 'stop' }]);
    expect(sent(state, 'x')).toEqual([]);
    expect(press(state, 'x').modal).toMatchObject({ kind: 'confirm', what: 'abort' });
    expect(sent(press(state, 'x'), 'y')).toEqual([{ type: 'abort' }]);
    expect(sent(press(state, 'x'), 'n')).toEqual([]);
  });

  it('that has failed can be aborted, not stopped', () => {
    const failed = attached('update', small, { engine: { ...engine, problem: 'the loss of step 3 is not finite' } });
    expect(sent(press(failed, 'x'), 'y')).toEqual([{ type: 'abort' }]);
    const idle = attached('review');
    expect(sent(press(idle, '3'), 'S')).toEqual([]);
  });
});

describe('plots', () => {
  it('are paged where they do not fit', () => {
    const state = attached('update');
    expect(updateLayout(on.update(state))).toMatchObject({ across: 2, down: 2, pages: 2, probe: null });
    expect(slices(press(state, 'm')).update.page).toBe(1);
    expect(slices(press(state, 'm', 'm')).update.page).toBe(0);
    expect(slices(press(attached('update', large), 'm')).update.page).toBe(0);
  });

  it('stay on a page that there is when the terminal grows', () => {
    const state = after(press(attached('update'), 'm'), { type: 'size', size: large });
    expect(updateLayout(on.update(state))).toMatchObject({ across: 4, down: 2, page: 0, pages: 1 });
    expect(updateLayout(on.update(after(state, { type: 'size', size: small })))).toMatchObject({ page: 1, pages: 2 });
  });

  it('never need more rows than there are', () => {
    const exploding = metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200 }));
    for (const columns of [60, 80, 111, 112, 200]) {
      for (const rows of [18, 24, 33, 34, 40, 60]) {
        const state = attached('update', { columns, rows }, { metrics: exploding, probes });
        const { across, down, plotHeight, alarmLines, probeRows } = updateLayout(on.update(state));
        expect(across * down).toBeGreaterThanOrEqual(2);
        expect(3 + alarmLines.length + down * plotHeight + probeRows).toBeLessThanOrEqual(rows - 4);
      }
    }
  });
});

describe('probes', () => {
  it('have a view of their own, from which esc leads back', () => {
    const state = press(attached('update', small, { probes }), 'v');
    expect(slices(state).update.view).toBe('probes');
    expect(slices(press(state, 'escape')).update.view).toBe('plots');
    expect(slices(press(state, 'v')).update.view).toBe('plots');
  });

  it('are gone through by prompt and by step, and follow the newest answer until an earlier one is looked at', () => {
    const state = press(attached('update', large, { probes }), 'down');
    const at = (of: State) => updateLayout(on.update(of)).probe;
    expect(at(state)).toMatchObject({ index: 1, of: 3, look: 3, steps: [0, 8, 16, 24], prompt: 'Name three colours.' });
    expect(at(press(state, 'up', 'up'))?.index).toBe(0);
    expect(at(press(state, 'down', 'down', 'down'))?.index).toBe(2);
    const newer: ProbeSeen = { ...probes[1], step: 32, text: 'newer' };
    const told = (of: State) => at(after(of, { type: 'probe', probe: newer }))?.response.step;
    expect(told(state)).toBe(32);
    expect(told(press(state, 'left'))).toBe(16);
    expect(told(press(state, 'left', 'right'))).toBe(32);
    expect(at(press(state, 'left', 'left', 'left', 'left'))?.response.step).toBe(0);
  });

  it('go with the update that they were asked in', () => {
    const state = attached('update', small, { probes });
    const back = after(state, { type: 'round', round: { ...state.run!.rounds[2], stage: 'review' } });
    expect(back.run?.probes).toEqual([]);
    expect(back.run?.metrics).toEqual([]);
  });

  it('of an aborted update leave nothing behind: the next one starts at its newest response', () => {
    const long = probes.map((probe) => ({ ...probe, text: 'line\n'.repeat(40) }));
    const state = press(attached('update', small, { probes: long }), 'v', 'down', 'left', 'left', 'J');
    expect(slices(state).update).toMatchObject({ probe: 1, look: 1, top: 16 });
    const back = after(state, { type: 'round', round: { ...state.run!.rounds[2], stage: 'review' } });
    expect(slices(back).update).toMatchObject({ view: 'probes', probe: 0, look: null, top: 0 });
  });

  it('scroll no further than their answers', () => {
    const long = probes.map((probe) => ({ ...probe, text: 'line\n'.repeat(40) }));
    const state = press(attached('update', small, { probes: long }), 'v');
    // 20 rows without the three of the heading show 17 of 41 lines.
    expect(slices(press(state, 'J')).update.top).toBe(16);
    expect(slices(press(state, 'J', 'J', 'J')).update.top).toBe(24);
    expect(slices(press(state, 'J', 'K', 'K')).update.top).toBe(0);
  });

  it('are what y copies', () => {
    const state = press(attached('update', small, { probes }), 'v');
    expect(reduce(state, { type: 'key', key: 'y' }).effects).toMatchObject([
      { do: 'copy', text: 'December is the twelfth and last month.' },
    ]);
    expect(reduce(attached('update'), { type: 'key', key: 'y' }).effects).toEqual([]);
  });
});

it('scrolls with the wheel', () => {
  const long = probes.map((probe) => ({ ...probe, text: 'line\n'.repeat(40) }));
  const state = press(attached('update', small, { probes: long }), 'v');
  const wheel = (of: State, kind: 'wheel-up' | 'wheel-down') => after(of, { type: 'mouse', kind, x: 0, y: 9 });
  expect(slices(wheel(state, 'wheel-down')).update.top).toBe(3);
  expect(slices(wheel(wheel(state, 'wheel-down'), 'wheel-up')).update.top).toBe(0);
  expect(slices(wheel(attached('update'), 'wheel-down')).update.top).toBe(0);
});

it('alarms are read in full, and gone when what they saw is', () => {
  const exploding = metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200 }));
  const state = press(attached('update', small, { metrics: exploding }), 'w');
  expect(slices(state).update.view).toBe('alarms');
  expect(slices(press(state, 'w')).update.view).toBe('plots');
  expect(sent(attached('update'), 'w')).toEqual([]);
  expect(updateLayout(on.update(after(state, step(25), step(26), step(27)))).alarms).toEqual([]);
  expect(slices(press(attached('update'), 'w')).update.view).toBe('plots');
});

it('is read aloud: numbers, alarms, the probe', () => {
  const exploding = metrics.map((row, i) => ({ ...row, grad_norm: i < 20 ? 2 : 200 }));
  const lines = update.reading(on.update(attached('update', small, { metrics: exploding, probes })));
  expect(lines[0]).toContain('Step 24 of 40, loss 0.468');
  expect(lines[1]).toContain('Alarm: the gradient norm has grown from 2.00 to 200.00');
  expect(lines.slice(2)).toEqual([
    'Probe 1 of 3: Which month comes after November?',
    'After step 24: December is the twelfth and last month.',
  ]);
  expect(update.reading(on.update(attached('update', small, { metrics: [] })))).toEqual(['No steps yet.']);
});
