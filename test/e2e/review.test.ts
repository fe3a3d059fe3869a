/**
 * Review by keystrokes in a real pseudo-terminal, over `brevity review FILE`: the palette, the filter, an order that
 * holds while pairs are decided, and the help.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { dist, temporaryFolder } from '../engine/runs.js';
import { sample, writeSamples } from './samples.js';
import { TestTerminal, type TerminalOptions, keys } from './terminal.js';

vi.setConfig({ testTimeout: 180_000 });

let folder = '';
let terminal: TestTerminal | null = null;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => {
  terminal?.kill();
  rmSync(folder, { recursive: true, force: true });
});

const samples = Array.from({ length: 300 }, (_, i) => sample(i + 1));
/** |y_w| - |y_l| in characters, of each sample. */
const differences = samples.map(({ responses: [a, b] }) => {
  const [chosen, rejected] = a.reward > b.reward ? [a, b] : [b, a];
  return chosen.text.length - rejected.text.length;
});
const counted = (holds: (difference: number) => boolean) => differences.filter(holds).length;

async function open(options: TerminalOptions = {}): Promise<TestTerminal> {
  terminal = new TestTerminal([`${dist}cli.js`, 'review', writeSamples(folder, samples)], options);
  await terminal.until(/ 1\/300/);
  return terminal;
}

const pageDown = '\u001b[6~';
const home = '\u001b[H';
const end = '\u001b[F';

it('the palette finds commands by name and by alias, and nothing unrelated', async () => {
  const screen = await open();
  screen.type(':swap');
  const found = await screen.until(/:swap█\s+swap +exchange/);
  expect(found).not.toContain('hacking');
  screen.type(keys.escape);
  await screen.until(/q quit/);
  screen.type(':exclude\r');
  await screen.until(/›\s+1 .* X/);
  screen.type(':export');
  await screen.until(/:export█\s+write +write the pairs/);
  screen.type(keys.escape);
  await screen.until(/q quit/);
  screen.type(':exit\r');
  expect(await screen.exit).toBe(0);
});

it('W asks before it overwrites a file that it did not write', async () => {
  const out = path.join(folder, 'samples.pairs.jsonl');
  writeFileSync(out, 'mine\n');
  const screen = await open();
  screen.type('W');
  await screen.until(/Overwrite .*samples\.pairs\.jsonl\? y\/n/);
  screen.type('n');
  await screen.until(/^(?![\s\S]*Overwrite)[\s\S]*q quit/);
  expect(readFileSync(out, 'utf8')).toBe('mine\n');
  screen.type('W');
  await screen.until(/Overwrite .*samples\.pairs\.jsonl\? y\/n/);
  screen.type('y');
  await screen.until(/Wrote \d+ pairs to/);
  const lines = () => readFileSync(out, 'utf8').trim().split('\n').length;
  const all = lines();
  expect(all).toBeGreaterThan(200);
  // Its own file follows the decisions without a question.
  screen.type('x');
  await screen.until(/›\s+1 .* X/);
  screen.type('W');
  await screen.until(new RegExp(`Wrote ${all - 1} pairs to`));
  expect(lines()).toBe(all - 1);
});

it('the filter takes spaces, or, headings and ranges, and says what it cannot parse and where', async () => {
  const screen = await open({ columns: 120, rows: 40 });
  const apply = async (text: string, count: number) => {
    screen.type(`/\u0015${text}`);
    await screen.until(new RegExp(`${count} prompts`));
    screen.type('\r');
    await screen.until(new RegExp(` \\d+/${count} of 300`));
  };
  await apply(
    'dlen > 10',
    counted((difference) => difference > 10),
  );
  await apply(
    'dlen > 10 or dlen < -10',
    counted((difference) => Math.abs(difference) > 10),
  );
  await apply(
    'not (longer or shorter)',
    counted((difference) => difference === 0),
  );
  await apply(
    '-5 <= dlen < 5',
    counted((difference) => difference >= -5 && difference < 5),
  );
  await apply('|y_w| > 0 r_w-r_l >= 0 k = 2', 300);
  for (const [text, says] of [
    ['dlen > ten', /✘ at 8: expected a number after `>`, not `ten`/],
    ['flipped or', /✘ at 11: expected text, a mark or a comparison after `or`/],
    ['weigth < 1', /✘ at 1: unknown name `weigth`; did you mean weight\?/],
    ['fliped', /0 prompts: no text has “fliped”; did you mean flipped\?/],
  ] as const) {
    screen.type(`/\u0015${text}`);
    await screen.until(says);
    screen.type(keys.escape);
    await screen.until(/q quit/);
  }
  screen.type('q');
  expect(await screen.exit).toBe(0);
});

it('a swap leaves the row under the cursor where it was sorted, until o sorts again', async () => {
  const screen = await open({ columns: 120, rows: 40 });
  // By |y_w|, the longest chosen response first.
  screen.type('>>>>>');
  await screen.until(/\|y_w\|↓/);
  screen.type('g');
  await screen.until(/ 1\/300 ─/);
  const row = /›\s+(\d+)/.exec(screen.screen())?.[1] ?? '';
  screen.type('s');
  await screen.until(/ 1\/300 · o re-sorts/);
  expect(/›\s+(\d+)/.exec(screen.screen())?.[1]).toBe(row);
  screen.type('o');
  await screen.until(/ (?!1\/)\d+\/300 ─/);
  expect(/›\s+(\d+)/.exec(screen.screen())?.[1]).toBe(row);
  // A row that no longer fits stays as well, and is marked once the cursor has left it.
  screen.type('u');
  await screen.until(/o re-sorts/);
  screen.type('/longer\r');
  await screen.until(/of 300, filter longer ─/);
  screen.type('g');
  await screen.until(/ 1\/\d+ of 300, filter longer ─/);
  screen.type('s');
  await screen.until(/no longer matches the filter[\s\S]*o re-sorts/);
  screen.type('j');
  await screen.until(/^·\s+\d+ /m);
  screen.type('o');
  await screen.until(/^(?![\s\S]*o re-sorts)[\s\S]*filter longer ─/);
  screen.type('q');
  expect(await screen.exit).toBe(0);
});

it('help scrolls by pages and to its end, where the filter is explained', async () => {
  const screen = await open();
  screen.type('?');
  const first = await screen.until(/1–(\d+) of \d+ ─/);
  screen.type(pageDown);
  await screen.until(new RegExp(`${Number(/1–(\d+) of/.exec(first)?.[1]) + 1}–\\d+ of`));
  screen.type(end);
  await screen.until(/prompt +number of the prompt/);
  screen.type(home);
  await screen.until(/ 1–\d+ of/);
  screen.type(keys.escape);
  await screen.until(/q quit/);
  screen.type('q');
  expect(await screen.exit).toBe(0);
});

it.each([
  ['--screen-reader', {}],
  ['TERM=dumb', { TERM: 'dumb' }],
])('%s reads the panes line by line and draws nothing over', async (mode, env) => {
  const flags = mode.startsWith('--') ? [mode] : [];
  const screen = new TestTerminal([`${dist}cli.js`, 'review', writeSamples(folder, samples), ...flags], {
    env,
    columns: 120,
    rows: 50,
  });
  terminal = screen;
  await screen.until(/Prompt 1, 1 of 300/);
  screen.type('A');
  await screen.until(
    /length-neutral α[\s\S]*α 0\.0000: 0\.0 % of pairs flipped; mean weight of longer chosen responses 0\.500/,
  );
  screen.type('AB');
  await screen.until(/length: ρ/);
  screen.type('B?');
  await screen.until(/The filter \(\/\):[\s\S]*flipped: flipped by the length penalty\./);
  screen.type('?:swap');
  await screen.until(/1 of \d+: swap, exchange/);
  screen.type('\r');
  await screen.until(/decided by hand 1 pair/);
  screen.type('q');
  expect(await screen.exit).toBe(0);
  expect(screen.output).not.toMatch(/\x1b\[[\d;]*[A-HJKf]/);
});
