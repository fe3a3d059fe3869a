/**
 * Every scene in a real pseudo-terminal, at three sizes, against the frames kept in frames/: its text, and below each
 * line how it is painted. The other looks follow from these and are not kept: without colour the text is the same, in
 * ASCII it is `toAscii` of the text.
 * `npx vitest run test/e2e/frames.test.ts -u` writes the frames anew: look at what changed before you commit it.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { toAscii } from '../../components/terminal/ascii.js';
import { scenes } from '../components/scenes.js';
import { TestTerminal } from './terminal.js';

const sizes = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 200, rows: 60 },
];

let terminal: TestTerminal | null = null;
afterEach(() => terminal?.kill());

/** Shows one scene after another in a terminal with these variables. */
async function eachScene(
  { columns, rows }: { columns: number; rows: number },
  variables: Record<string, string>,
  look: (name: string, shown: TestTerminal) => Promise<void> | void,
): Promise<void> {
  const shower = path.join(import.meta.dirname, 'showScenes.tsx');
  terminal = new TestTerminal(['--import', 'tsx', shower], { columns, rows, env: { ...variables, TZ: 'UTC' } });
  for (const name of Object.keys(scenes({ columns, rows }))) {
    await terminal.untilTitle(name);
    await look(name, terminal);
    terminal.type(' ');
  }
  expect(await terminal.exit).toBe(0);
}

const fileOf = ({ columns, rows }: { columns: number; rows: number }, name: string): string =>
  path.join('frames', `${columns}x${rows}`, `${name}.txt`);

/** Painted spaces at the ends of lines count in colour only. */
const withoutMargin = (text: string): string => text.replace(/ +$/gm, '');

/** The text of a kept frame, without the lines that tell how it is painted. */
function keptText(size: { columns: number; rows: number }, name: string): string {
  const painted = readFileSync(path.join(import.meta.dirname, fileOf(size, name)), 'utf8');
  const lines = painted.split('\n').filter((line) => !line.startsWith('    ~ '));
  return withoutMargin(lines.slice(0, size.rows).join('\n'));
}

it.each(sizes)('in colour at $columns×$rows', async (size) => {
  await eachScene(size, { FORCE_COLOR: '2', COLORTERM: '' }, async (name, shown) => {
    await expect(shown.painted()).toMatchFileSnapshot(fileOf(size, name));
  });
});

it('without colour: the same text', async () => {
  await eachScene(sizes[0], { NO_COLOR: '1', FORCE_COLOR: '0' }, (name, shown) => {
    expect(withoutMargin(shown.screen()), name).toBe(keptText(sizes[0], name));
  });
});

it.each([sizes[0], sizes[2]])('in ASCII at $columns×$rows: the text in stand-ins', async (size) => {
  await eachScene(size, { NO_COLOR: '1', FORCE_COLOR: '0', BREVITY_ASCII: '1' }, (name, shown) => {
    const frame = withoutMargin(shown.screen());
    expect(frame, name).toMatch(/^[\n\x20-\x7e]*$/);
    expect(frame, name).toBe(toAscii(keptText(size, name)));
  });
});
