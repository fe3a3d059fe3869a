import { stripVTControlCharacters } from 'node:util';
import xterm from '@xterm/headless';
import { expect, it } from 'vitest';
import { Random } from '../../../src/core/seeds.js';
import { difference } from '../../../components/terminal/cells.js';
import { widthOf } from '../../../components/parts/text.js';

it('sends nothing where nothing changed', () => {
  expect(difference(['a', '\x1b[1mb\x1b[22m'], ['a', '\x1b[1mb\x1b[22m'])).toBe('');
  // Blanks at the end of a line are the same as none.
  expect(difference(['a   '], ['a'])).toBe('');
});

it('sends the stretches of a line that differ, each at its place', () => {
  const [before, after] = ['α 0.0200' + ' '.repeat(20) + 'pull +9.1', 'α 0.0210' + ' '.repeat(20) + 'pull +9.2'];
  expect(difference(['same', before], ['same', after])).toBe('\x1b[2;7H1\x1b[2;37H2');
});

it('sends how a character is drawn where only that has changed', () => {
  expect(difference(['abcdefghij'], ['abc\x1b[1m\x1b[36md\x1b[39m\x1b[22mefghij'])).toBe('\x1b[1;4H\x1b[1;36md\x1b[m');
  expect(difference(['abc\x1b[1m\x1b[36md\x1b[39m\x1b[22mefghij'], ['abcdefghij'])).toBe('\x1b[1;4Hd');
});

it('clears what a shorter line leaves', () => {
  expect(difference(['ab cd ef gh ij kl mn'], ['ab'])).toBe('\x1b[1;3H\x1b[K');
  expect(difference(['a', 'b'], ['a'])).toBe('\x1b[2;1H\x1b[K');
});

it('keeps the last column when a wider line comes before one that fills the terminal', async () => {
  const fills = 'lr 2e-5'.padStart(columns);
  for (const wider of [`${fills}0000`, `${'─'.repeat(columns)}──`]) {
    const shown = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    // As the terminal module draws: without wrapping at the right edge.
    await put(shown, '\x1b[?7l' + difference([], [wider], columns));
    await put(shown, difference([wider], [fills], columns));
    expect(shown.buffer.active.getLine(0)?.translateToString()).toBe(fills);
  }
});

it('sends a line whole that a terminal might measure otherwise', () => {
  expect(difference(['日本 1'], ['日本 2'])).toBe('\x1b[1H\x1b[m\x1b[2K日本 2');
  expect(difference(['e\u0301 1'], ['e\u0301 2'])).toBe('\x1b[1H\x1b[m\x1b[2Ke\u0301 2');
});

const [columns, rows] = [24, 5];

function cellsOf(terminal: xterm.Terminal): string[] {
  const buffer = terminal.buffer.active;
  return Array.from({ length: rows }, (_, y) =>
    Array.from({ length: columns }, (_cell, x) => {
      const cell = buffer.getLine(y)?.getCell(x);
      const blank = cell === undefined || cell.getChars() === '' || cell.getChars() === ' ';
      const look = `${cell?.getFgColor()} ${cell?.isBold()} ${cell?.isDim()} ${cell?.isInverse()}`;
      return blank && cell?.isInverse() === 0 ? ' ' : `${blank ? ' ' : cell?.getChars()}${look}`;
    }).join('|'),
  );
}

const put = (terminal: xterm.Terminal, text: string): Promise<void> =>
  new Promise((resolve) => terminal.write(text, resolve));

/** A screen of random lines in random styles, some of them with wide characters. */
function randomLines(random: Random): string[] {
  const paints = [
    ['', ''],
    ['\x1b[1m', '\x1b[22m'],
    ['\x1b[36m', '\x1b[39m'],
    ['\x1b[7m', '\x1b[27m'],
  ];
  const more = [
    ['\x1b[2m', '\x1b[22m'],
    ['\x1b[38;5;130m', '\x1b[39m'],
    ['\x1b[1m\x1b[31m', '\x1b[39m\x1b[22m'],
  ];
  const all = [...paints, ...more];
  const words = ['ab', ' ', '   ', 'α', '─│', '⣿⠋', '12.5', random.below(8) === 0 ? '日' : 'x'];
  return Array.from({ length: random.below(rows + 1) }, () => {
    let line = '';
    // Some lines reach the last column or are wider, as after a resize.
    const width = [columns - 4, columns + 8, columns + 24][random.below(3)];
    for (let used = 0; used < width; used += 4) {
      const [on, off] = all[random.below(all.length)];
      if (random.below(6) > 0) line += on + words[random.below(words.length)] + off;
    }
    return line;
  });
}

it('leaves the terminal as if every frame had been drawn anew', async () => {
  const random = new Random(3);
  const shown = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  await put(shown, '\x1b[?7l');
  let before: string[] = [];
  for (let frame = 0; frame < 300; frame++) {
    const after = randomLines(random);
    // Often little changes.
    const next =
      before.length > 0 && random.below(2) === 0 ? before.map((line, i) => (i === 1 ? (after[1] ?? '') : line)) : after;
    await put(shown, difference(before, next, columns));
    before = next;
    // Where a line with wide characters is itself too wide, the last column is whatever came last.
    if (next.some((line) => /日/.test(line) && widthOf(stripVTControlCharacters(line)) > columns)) continue;
    // Wide enough for every line; only the columns of the other are compared.
    const fresh = new xterm.Terminal({ cols: 2 * columns, rows, allowProposedApi: true });
    await put(fresh, next.map((line, row) => `\x1b[${row + 1}H${line}`).join(''));
    expect(cellsOf(shown), `frame ${frame}`).toEqual(cellsOf(fresh));
  }
});
