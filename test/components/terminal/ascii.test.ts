import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { toAscii } from '../../../components/terminal/ascii.js';
import { standIn } from '../../../src/core/ascii.js';
import { makeVisible, spellInAscii } from '../../../src/core/sanitize.js';
import { widthOf } from '../../../components/parts/text.js';

afterEach(() => spellInAscii(false));

it('keeps the width of what it replaces', () => {
  const frame = '─ α·Δ|y| ── ▁▄█ ░ ⠋⡇ › ✘ ◆ ↑↓ ⇧← x';
  expect(toAscii(frame)).toMatch(/^[\x20-\x7e]+$/);
  expect(toAscii(frame)).toHaveLength(widthOf(frame));
});

it('tells the upper from the lower dots of a curve', () => {
  expect(toAscii('⠉⣀⣿⠀')).toBe("'.: ");
});

it('leaves escape sequences alone', () => {
  expect(toAscii('\x1b[1m█\x1b[22m')).toBe('\x1b[1m#\x1b[22m');
});

const root = path.resolve(import.meta.dirname, '../../..');
// These read text and draw none of the signs that they look for.
const readers = ['review/filter.ts', 'review/phrases.ts'];
const sources = ['components', 'src/core'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('ascii.ts') && !readers.includes(name))
    .map((name) => path.join(root, folder, name)),
);

it('has a stand-in for every sign that the screens are made of', () => {
  expect(sources.length).toBeGreaterThan(50);
  for (const file of sources) {
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    const lacking = [...new Set(code.match(/[^\x00-\x7f]/gu) ?? [])].filter((sign) => standIn(sign) === undefined);
    // The pictures of control characters are not used where there is ASCII alone.
    expect(
      lacking.filter((sign) => !'␛␡'.includes(sign)),
      file,
    ).toEqual([]);
  }
});

it('spells out what has no stand-in, so that nothing of a text is lost', () => {
  spellInAscii(true);
  expect(toAscii(makeVisible('日 é \x1b[2J\x7f α'))).toBe('<U+65E5> <U+00E9> ^[[2J^? a');
});
