import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Keyboard, type MouseReport, mostPasted } from '../../../components/terminal/keyboard.js';

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
  const seen = {
    ...{ mouse: [] as MouseReport[], answers: 0, typed: 0, hungUp: 0, pasted: [] as [string, boolean][] },
    keys: [] as string[],
    together: [] as boolean[],
    /** Everything in its order. */
    all: [] as string[],
  };
  const keyboard = new Keyboard(input as unknown as NodeJS.ReadStream, {
    typed: () => seen.typed++,
    key(name, together) {
      seen.keys.push(name);
      seen.together.push(together);
      seen.all.push(name);
    },
    mouse(report) {
      seen.mouse.push(report);
      seen.all.push(report.kind);
    },
    pasted(text, cut) {
      seen.pasted.push([text, cut]);
      seen.all.push(`pasted ${text}`);
    },
    answered: () => seen.answers++,
    hungUp: () => seen.hungUp++,
  });
  /** The keys since the last call. */
  const keys = (): string => seen.keys.splice(0).join(' ');
  return { input, seen, keyboard, keys };
}

it('lets keys through and takes out reports and answers', () => {
  const { input, seen, keys } = opened();
  input.emit('data', 'j\x1b[0nk\x1b[<64;10;5M\x1b[B\x1b[<0;1;1M\x1b[<0;1;1mq');
  expect(keys()).toBe('j k down q');
  expect(seen.answers).toBe(1);
  expect(seen.mouse).toEqual([
    { kind: 'wheel-up', x: 9, y: 4 },
    { kind: 'press', x: 0, y: 0 },
    { kind: 'release', x: 0, y: 0 },
  ]);
});

it('keeps the order of keys, pasted text and the mouse that come in one piece', () => {
  const { input, seen } = opened();
  input.emit('data', '/\x1b[200~dlen > 5\x1b[201~\r\x1b[<0;3;4Mj');
  expect(seen.all).toEqual(['/', 'pasted dlen > 5', 'enter', 'press', 'j']);
  expect(seen.together).toEqual([false, true, true]);
  input.emit('data', 'k');
  expect(seen.together.at(-1)).toBe(false);
});

it('knows the wheel with a modifier held, the drag of the left button, and no other buttons', () => {
  const { input, seen } = opened();
  input.emit('data', '\x1b[<81;3;4M\x1b[<2;3;4M\x1b[<34;3;4M\x1b[<35;3;4M\x1b[<2;3;4m\x1b[<32;300;4M');
  expect(seen.mouse).toEqual([
    { kind: 'wheel-down', x: 2, y: 3 },
    { kind: 'drag', x: 299, y: 3 },
  ]);
});

it('puts together a report that comes in pieces', () => {
  const { input, seen, keys } = opened();
  for (const piece of ['a\x1b[', '<65;12', ';3M', 'b', '\x1b[0', 'n']) input.emit('data', piece);
  expect(keys()).toBe('a b');
  expect(seen.mouse).toHaveLength(1);
  expect(seen.answers).toBe(1);
});

it('lets escape through at once, and what only looked like a report after a while', () => {
  const { input, keys } = opened();
  input.emit('data', '\x1b');
  expect(keys()).toBe('escape');
  input.emit('data', '\x1b[');
  expect(keys()).toBe('');
  vi.advanceTimersByTime(1000);
  expect(keys()).toBe('alt+[');
  for (const piece of ['\x1b[1;', '5', 'D']) input.emit('data', piece);
  expect(keys()).toBe('ctrl+left');
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
  const heard: string[] = [];
  const again = new Keyboard(input as unknown as NodeJS.ReadStream, {
    ...{ typed: () => {}, mouse: () => {}, pasted: () => {}, answered: () => {}, hungUp: () => {} },
    key: (name) => heard.push(name),
  });
  expect(input.flows).toBe(true);
  input.emit('data', 'j');
  expect(heard).toEqual(['j']);
  again.close();
});

describe('pasted text', () => {
  const begin = '\x1b[200~';
  const end = '\x1b[201~';

  it('is no keys, and keys before and after it are', () => {
    const { input, seen, keys } = opened();
    input.emit('data', `j${begin}s\ry${end}k`);
    expect(keys()).toBe('j k');
    expect(seen.pasted).toEqual([['s\ry', false]]);
  });

  it('is put together however it is cut into pieces', () => {
    const all = `j${begin}one\r\x1b[A two${end}k`;
    for (let first = 1; first < all.length; first++) {
      for (let second = first + 1; second < all.length; second++) {
        const { input, seen, keys } = opened();
        for (const piece of [all.slice(0, first), all.slice(first, second), all.slice(second)]) {
          input.emit('data', piece);
        }
        // An escape that comes alone is passed on at once: it could be the key.
        expect([keys().replace('escape ', ''), seen.pasted], `${first} ${second}`).toEqual([
          'j k',
          [['one\r\x1b[A two', false]],
        ]);
      }
    }
  });

  it('does not take answers of the terminal for text, nor text for the mouse', () => {
    const { input, seen } = opened();
    input.emit('data', `${begin}a\x1b[0nb\x1b[<0;1;1M${end}`);
    expect(seen.answers).toBe(1);
    expect(seen.mouse).toEqual([]);
    expect(seen.pasted).toEqual([['ab', false]]);
  });

  it('is bounded in size', () => {
    const { input, seen } = opened();
    input.emit('data', begin);
    for (let i = 0; i < 100; i++) input.emit('data', 'x'.repeat(10_000));
    input.emit('data', end);
    expect(seen.pasted).toEqual([['x'.repeat(mostPasted), true]]);
  });

  it('without an end ends after a while, and its late rest is still no keys', () => {
    const { input, seen, keys } = opened();
    input.emit('data', `${begin}one`);
    vi.advanceTimersByTime(10_000);
    expect(seen.pasted).toEqual([['one', false]]);
    input.emit('data', `two\r${end}j`);
    expect(keys()).toBe('j');
    expect(seen.pasted).toEqual([
      ['one', false],
      ['two\r', false],
    ]);
  });

  it('without an end ends even while somebody types, at once on ctrl+c', () => {
    const { input, keys } = opened();
    input.emit('data', begin);
    for (let second = 0; second < 40; second++) {
      vi.advanceTimersByTime(1000);
      input.emit('data', 'j');
    }
    expect(keys()).toMatch(/^j( j)*$/);
    input.emit('data', begin);
    input.emit('data', '\x03');
    expect(keys()).toBe('ctrl+c');
  });

  it('that holds an end mark cannot smuggle keys in behind it', () => {
    const { input, seen, keys } = opened();
    input.emit('data', `${begin}harmless${end}s\ry${end}`);
    expect(keys()).toBe('');
    expect(seen.pasted.map(([text]) => text)).toEqual(['harmless', 's\ry']);
  });

  it('is dropped when the input is given back', () => {
    const { input, seen, keyboard } = opened();
    input.emit('data', `${begin}one`);
    keyboard.close();
    vi.advanceTimersByTime(60_000);
    expect(seen.pasted).toEqual([]);
  });
});
