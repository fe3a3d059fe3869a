import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Keyboard, type MouseReport } from '../../src/ui/keyboard.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class FakeInput extends EventEmitter {
  raw = false;
  setEncoding(): void {}
  setRawMode(on: boolean): void {
    this.raw = on;
  }
  flows = false;
  pause(): void {
    this.flows = false;
  }
  resume(): void {
    this.flows = true;
  }
}

function opened() {
  const input = new FakeInput();
  const seen = { mouse: [] as MouseReport[], answers: 0, typed: 0, hungUp: 0 };
  const keyboard = new Keyboard(input as unknown as NodeJS.ReadStream, {
    typed: () => seen.typed++,
    mouse: (report) => seen.mouse.push(report),
    answered: () => seen.answers++,
    hungUp: () => seen.hungUp++,
  });
  const keys = (): string => String(keyboard.read() ?? '');
  return { input, seen, keyboard, keys };
}

it('lets keys through and takes out reports and answers', () => {
  const { input, seen, keys } = opened();
  input.emit('data', 'j\x1b[0nk\x1b[<64;10;5M\x1b[B\x1b[<0;1;1M\x1b[<0;1;1mq');
  expect(keys()).toBe('jk\x1b[Bq');
  expect(seen.answers).toBe(1);
  expect(seen.mouse).toEqual([
    { kind: 'wheel-up', x: 9, y: 4 },
    { kind: 'press', x: 0, y: 0 },
  ]);
});

it('knows the wheel with a modifier held, and no other buttons', () => {
  const { input, seen } = opened();
  input.emit('data', '\x1b[<81;3;4M\x1b[<2;3;4M\x1b[<35;3;4M');
  expect(seen.mouse).toEqual([{ kind: 'wheel-down', x: 2, y: 3 }]);
});

it('puts together a report that comes in pieces', () => {
  const { input, seen, keys } = opened();
  for (const piece of ['a\x1b[', '<65;12', ';3M', 'b', '\x1b[0', 'n']) input.emit('data', piece);
  expect(keys()).toBe('ab');
  expect(seen.mouse).toHaveLength(1);
  expect(seen.answers).toBe(1);
});

it('lets escape through at once, and what only looked like a report after a while', () => {
  const { input, keys } = opened();
  input.emit('data', '\x1b');
  expect(keys()).toBe('\x1b');
  input.emit('data', '\x1b[');
  expect(keys()).toBe('');
  vi.advanceTimersByTime(1000);
  expect(keys()).toBe('\x1b[');
});

it('tells of typing, not of answers', () => {
  const { input, seen } = opened();
  input.emit('data', '\x1b[0n');
  expect(seen.typed).toBe(0);
  input.emit('data', 'x');
  expect(seen.typed).toBe(1);
});

it('tells when the line is gone, and gives the input back', () => {
  const { input, seen, keyboard } = opened();
  expect(input).toMatchObject({ raw: true, flows: true });
  input.emit('error', new Error('EIO'));
  expect(seen.hungUp).toBe(1);
  keyboard.close();
  expect(input).toMatchObject({ raw: false, flows: false });
  input.emit('end');
  expect(seen.hungUp).toBe(1);
});

it('hears what is typed after another has given the input back', () => {
  const { input, keyboard } = opened();
  keyboard.close();
  const again = new Keyboard(input as unknown as NodeJS.ReadStream, {
    ...{ typed: () => {}, mouse: () => {}, answered: () => {}, hungUp: () => {} },
  });
  expect(input.flows).toBe(true);
  input.emit('data', 'j');
  expect(String(again.read())).toBe('j');
});
