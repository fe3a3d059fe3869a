import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { Terminal } from '../../../components/terminal/terminal.js';

const look = { ascii: false, mouse: true, alternateScreen: true, bracketedPaste: true };

class FakeTty extends EventEmitter {
  columns = 80;
  rows = 3;
  written: string[] = [];
  write(text: string): boolean {
    this.written.push(text);
    return true;
  }
}

function opened(): { tty: FakeTty; terminal: Terminal } {
  const tty = new FakeTty();
  const terminal = new Terminal(tty as unknown as NodeJS.WriteStream, look);
  terminal.enter();
  return { tty, terminal };
}

it('owns the alternate screen from enter to leave, and leaves once', () => {
  const { tty, terminal } = opened();
  terminal.leave();
  terminal.leave();
  const all = tty.written.join('');
  expect(all.startsWith('\x1b[?1049h')).toBe(true);
  expect(all.match(/\x1b\[\?1049l/g)).toHaveLength(1);
  expect(all).toContain('\x1b[?25h');
  // Both modes are given back before the alternate screen is.
  expect(all).toContain('\x1b[?2004h');
  expect(all).toMatch(/\x1b\[\?2004l.*\x1b\[\?1049l/);
  expect(process.listeners('exit')).not.toContain(terminal.leave);
});

it('writes nothing for a frame that is the same, and nothing after it was left', () => {
  const { tty, terminal } = opened();
  terminal.write('one\ntwo');
  const before = tty.written.length;
  terminal.write('one\ntwo');
  expect(tty.written).toHaveLength(before);
  terminal.leave();
  const left = tty.written.length;
  terminal.write('three');
  expect(tty.written).toHaveLength(left);
});

it('never draws below the last row', () => {
  const { tty, terminal } = opened();
  terminal.write('1\n2\n3\n4');
  expect(tty.written.at(-1)).not.toContain('\x1b[4;1H');
  terminal.leave();
});

it('draws in full after a resize', () => {
  const { tty, terminal } = opened();
  let resized = 0;
  terminal.on('resize', () => resized++);
  terminal.write('one\ntwo');
  tty.emit('resize');
  terminal.write('one\ntwo');
  expect(resized).toBe(1);
  expect(tty.written.at(-1)).toContain('one');
  terminal.leave();
});

it('draws the last frame again when it is asked to, and nothing once it was left', () => {
  const { tty, terminal } = opened();
  terminal.write('one\ntwo');
  terminal.redraw();
  expect(tty.written.slice(-2)).toEqual(['\x1b[m\x1b[2J', expect.stringMatching(/one.*two/)]);
  terminal.leave();
  const left = tty.written.length;
  terminal.redraw();
  expect(tty.written).toHaveLength(left);
});

it('draws in full when it takes the terminal again', () => {
  const { tty, terminal } = opened();
  terminal.write('one\ntwo');
  terminal.leave();
  terminal.enter();
  terminal.redraw();
  expect(tty.written.at(-1)).toMatch(/one.*two/);
  terminal.leave();
});
