/**
 * Every scene in a real pseudo-terminal, at three sizes, in colour and in ASCII, against the frames kept in frames/. In
 * colour and without it the text is the same: without it, one size is enough.
 * `npx vitest run test/e2e/frames.test.ts -u` writes them anew: look at what changed before you commit it.
 */
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { scenes } from '../components/scenes.js';
import { TestTerminal } from './terminal.js';

const sizes = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
  { columns: 200, rows: 60 },
];
const modes: Record<string, Record<string, string>> = {
  colour: { FORCE_COLOR: '2', COLORTERM: '' },
  'no-color': { NO_COLOR: '1', FORCE_COLOR: '0' },
  ascii: { NO_COLOR: '1', FORCE_COLOR: '0', BREVITY_ASCII: '1' },
};

let terminal: TestTerminal | null = null;
afterEach(() => terminal?.kill());

describe.each(sizes)('at $columns×$rows', ({ columns, rows }) => {
  it.each(Object.keys(modes).filter((mode) => mode !== 'no-color' || columns === 80))('%s', async (mode) => {
    const shower = path.join(import.meta.dirname, 'showScenes.tsx');
    terminal = new TestTerminal(['--import', 'tsx', shower], { columns, rows, env: { ...modes[mode], TZ: 'UTC' } });
    for (const name of Object.keys(scenes({ columns, rows }))) {
      await terminal.untilTitle(name);
      const frame = mode === 'colour' ? terminal.painted() : `${terminal.screen()}\n`;
      if (mode === 'ascii') expect(frame, name).toMatch(/^[\n\x20-\x7e]*$/);
      await expect(frame).toMatchFileSnapshot(path.join('frames', `${columns}x${rows}`, mode, `${name}.txt`));
      terminal.type(' ');
    }
    expect(await terminal.exit).toBe(0);
  });
});
