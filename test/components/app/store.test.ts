import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Effect } from '../../../components/app/state.js';
import { Store } from '../../../components/app/store.js';
import { attached, progress } from '../fixtures.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function opened() {
  const effects: Effect[] = [];
  const store = new Store(attached('sample'), (effect) => effects.push(effect));
  let frames = 0;
  store.subscribe(() => frames++);
  return { store, effects, frames: () => frames };
}

it('shows many events as one frame, ten times a second at most', () => {
  const { store, frames } = opened();
  for (let done = 0; done < 500; done++) store.soon({ type: 'progress', progress: progress('sample', { done }) });
  expect(frames()).toBe(0);
  vi.advanceTimersByTime(100);
  expect(frames()).toBe(1);
  expect(store.state().run?.progress?.done).toBe(499);
});

it('shows a key at once, after what was gathered before it', () => {
  const { store, effects, frames } = opened();
  store.soon({ type: 'progress', progress: progress('sample', { done: 7 }) });
  store.now({ type: 'key', key: 'p' });
  expect(frames()).toBe(1);
  expect(store.state().run?.progress?.done).toBe(7);
  expect(effects).toEqual([{ do: 'send', command: { type: 'pause' } }]);
  vi.advanceTimersByTime(1000);
  expect(frames()).toBe(1);
});

it('is still once closed', () => {
  const { store, frames } = opened();
  store.soon({ type: 'progress', progress: progress('sample') });
  store.close();
  vi.advanceTimersByTime(1000);
  expect(frames()).toBe(0);
});
