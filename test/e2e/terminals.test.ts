/**
 * Terminals of all kinds over the program itself, `brevity review FILE`, which needs no engine: what is sent for a key,
 * slow lines, the mouse, hostile text, and terminals that lack what others have.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hostile } from '../components/frame.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { type Sample, sample, writeSamples } from './samples.js';
import { TestTerminal, type TerminalOptions, keys } from './terminal.js';

// Many programs are started here: on a busy machine each takes a while.
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

const many = Array.from({ length: 300 }, (_, i) => sample(i + 1));

function open(samples: readonly Sample[], options: TerminalOptions = {}, flags: string[] = []): TestTerminal {
  const file = writeSamples(folder, samples);
  return (terminal = new TestTerminal([`${dist}cli.js`, 'review', file, ...flags], options));
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function quit(screen: TestTerminal): Promise<void> {
  screen.type('q');
  expect(await screen.exit).toBe(0);
}

/** Both come to show the same, and more than an empty screen. */
async function same(one: TestTerminal, other: TestTerminal, about: string): Promise<void> {
  for (let i = 0; i < 300 && (one.screen() !== other.screen() || one.screen().trim() === ''); i++) await pause(100);
  expect(one.screen(), about).toBe(other.screen());
}

/** What is sent until nothing more comes. */
async function sentFor(screen: TestTerminal, key: string, shows: RegExp): Promise<number> {
  const before = screen.output.length;
  screen.type(key);
  await screen.until(shows);
  for (let length = 0; length !== screen.output.length; await pause(400)) length = screen.output.length;
  return Buffer.byteLength(screen.output.slice(before));
}

describe('what is sent', () => {
  it('is under 2 KB for moving the selection or α, and nothing while nothing changes', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    for (let i = 2; i < 8; i++)
      expect(await sentFor(screen, keys.down, new RegExp(` ${i}/300`)), 'selection').toBeLessThan(2048);
    for (let i = 1; i < 7; i++)
      expect(await sentFor(screen, keys.right, new RegExp(`α 0\\.000${i}`)), 'α').toBeLessThan(2048);
    const before = screen.output.length;
    await pause(1500);
    expect(screen.output.length).toBe(before);
    await quit(screen);
  });

  it('never piles up on a line of 100 kbit/s with 200 ms latency', async () => {
    const screen = open(many, { line: { bytesPerSecond: 12_500, latency: 200 } });
    await screen.until(/ 1\/300/);
    // A key held down: sent frame by frame, this is ten times what the line takes.
    for (let i = 0; i < 150; i++) {
      screen.type(i % 2 === 0 ? 'j' : keys.right);
      await pause(10);
    }
    await screen.until(/ 76\/300/);
    await screen.until(/α 0\.0075/);
    // What may be under way, and the frame that reaches it.
    expect(screen.backlog).toBeLessThan(2 * 4096);
    await quit(screen);
    // No answer of the terminal is left over for the shell.
    expect(screen.screen()).not.toContain('^[[0n');
  });
});

describe('the mouse', () => {
  it('moves and selects where the terminal reports it', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    expect(screen.output).toContain('\x1b[?1000h');
    screen.type('\x1b[<65;10;8M');
    await screen.until(/ 4\/300/);
    screen.type('\x1b[<0;10;7M');
    await screen.until(/ (?!4\/)\d+\/300/);
    await quit(screen);
    expect(screen.output).toContain('\x1b[?1000l');
  });

  it('is left alone by a setting', async () => {
    const settings = path.join(folder, 'settings.json');
    writeFileSync(settings, '{"mouse": false}');
    const screen = open(many, { env: { BREVITY_SETTINGS: settings } });
    await screen.until(/ 1\/300/);
    await quit(screen);
    expect(screen.output).not.toContain('\x1b[?1000');
  });
});

/** Everything a program may send: text, and the sequences that the terminal's module and Ink's styles are made of. */
const known =
  /\r\n|\x1b\[(?:\??[\d;]*[hlHJKm]|5n)|[^\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

it('hostile text is shown harmlessly, wherever one looks', async () => {
  const evil = { prompt: hostile, responses: [hostile, `${hostile} or so`].map((text, i) => ({ text, reward: i })) };
  const screen = open([evil, ...many.slice(0, 3)]);
  await screen.until(/␛\[2J/);
  for (const [key, shows] of [
    ['d', /^samples.jsonl › prompt 1/],
    [keys.escape, /^samples.jsonl\s*\n/],
    ['A', /^samples.jsonl › α/],
    [keys.escape, /^samples.jsonl\s*\n/],
    ['?', /Keys on Review/],
    [keys.escape, /─ Prompt 1/],
  ] as const) {
    screen.type(key);
    await screen.until(shows);
  }
  screen.type('e');
  await screen.until(/note: /);
  screen.type('\u202etxt\u200b');
  await screen.until(/note: ⟨U\+202E⟩txt/);
  screen.type(keys.escape);
  await screen.until(/q quit/);
  await quit(screen);
  expect(screen.output.replace(known, '')).toBe('');
  expect(screen.output).not.toContain('\x1b]52');
});

describe('pasted text', () => {
  it('is no keys, and is inserted where a line is typed', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    screen.paste('jjs\nW');
    await screen.until(/Pasted text ignored: no text field is open/);
    expect(screen.screen()).toMatch(/ 1\/300/);
    expect(screen.screen()).not.toMatch(/by hand|Wrote/);
    screen.type('e');
    await screen.until(/note: /);
    screen.paste('too\nshort\n');
    await screen.until(/note: too short█/);
    screen.type(keys.enter);
    await screen.until(/note: too short(?!█)/);
    // More than a pseudo-terminal passes on at once.
    screen.type('/');
    await screen.until(/filter: █/);
    screen.paste(`${'x'.repeat(20_000)}\ns`);
    await screen.until(/xxxx/);
    screen.type(keys.escape);
    await screen.until(/q quit/);
    expect(screen.screen()).not.toMatch(/by hand/);
    await quit(screen);
    expect(screen.bracketsPastes).toBe(false);
  });

  it('is no longer marked after the program was killed, or cannot be marked', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    expect(screen.bracketsPastes).toBe(true);
    screen.hangUp();
    await screen.exit;
    expect(screen.bracketsPastes).toBe(false);
    const dumb = open(many, { env: { TERM: 'dumb' } });
    await dumb.until(/Prompt 1/);
    await quit(dumb);
    expect(dumb.output).not.toContain('2004');
  });
});

describe('the screen', () => {
  const sizes = [
    [100, 30],
    [61, 24],
    [60, 18],
    [79, 24],
  ] as const;

  it('is the same after a resize as if it had been opened at that size', async () => {
    const screen = open(many, { columns: 120, rows: 30 });
    await screen.until(/ 1\/300/);
    for (const [i, [columns, rows]] of sizes.entries()) {
      // Keys between two sizes: frames are under way when the terminal changes.
      screen.type(i % 2 === 0 ? keys.down : keys.up);
      screen.type('A');
      screen.resize(columns, rows);
      // A file of its own, for which no place has been kept.
      const own = mkdtempSync(path.join(folder, 'size-'));
      const fresh = new TestTerminal([`${dist}cli.js`, 'review', writeSamples(own, many)], { columns, rows });
      await fresh.until(/ 1\/300/);
      fresh.type(i % 2 === 0 ? 'jA' : 'A');
      await fresh.until(/› α/);
      await same(screen, fresh, `${columns}×${rows}`);
      await quit(fresh);
      screen.type('A');
      await screen.until(/─ Prompt/);
    }
    await quit(screen);
  });

  it('is drawn again on ctrl+l, in a dialog and in a field too', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    for (const key of ['', 'e', keys.escape + ':', keys.escape + '?']) {
      screen.type(key);
      await pause(400);
      const before = screen.screen();
      screen.scribble('\x1b[2J\x1b[5Hsomebody else');
      await screen.until(/somebody else/);
      screen.type('\x0c');
      await expect.poll(() => screen.screen(), { timeout: 20_000 }).toBe(before);
    }
    screen.type(keys.escape);
    await quit(screen);
  });

  it('is given to the shell on ctrl+z and taken again on fg', async () => {
    const file = writeSamples(folder, many);
    const shell = `require('child_process').spawnSync('bash', ['--norc', '-i'], { stdio: 'inherit' })`;
    const screen = (terminal = new TestTerminal(['-e', shell], { env: { PS1: 'prompt> ' } }));
    await screen.until(/prompt> /);
    screen.type(`${process.execPath} ${dist}cli.js review ${file}\r`);
    await screen.until(/ 1\/300/);
    screen.type('\x1a');
    await screen.until(/Stopped/);
    screen.type('echo typed\r');
    await screen.until(/^typed/m);
    screen.resize(100, 30);
    screen.type('fg\r');
    await screen.until(/ 1\/300/);
    // At the size that the window has by now, and drawn on: keys work and pastes are marked.
    await screen.until(/^(?=.{100}$)─ Prompt 1 .* 1\/300 ─$/m);
    screen.type('j');
    await screen.until(/ 2\/300/);
    expect(screen.bracketsPastes).toBe(true);
    screen.type('q');
    await screen.until(/Decisions are kept[\s\S]*prompt> /);
    screen.type('exit\r');
    await screen.exit;
  });

  it('stays on ctrl+z where no shell could continue the program', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    screen.type('\x1a');
    await pause(500);
    screen.type('j');
    await screen.until(/ 2\/300/);
    await quit(screen);
  });
});

describe('a terminal', () => {
  it('without Unicode gets ASCII, and loses nothing of the text', async () => {
    const screen = open([{ ...sample(1), prompt: 'é 日本' }, sample(2)], { env: { LC_ALL: 'C' } });
    await screen.until(/<U\+00E9> <U\+65E5><U\+672C>/);
    screen.type('A');
    await screen.until(/pull/);
    await quit(screen);
    expect(screen.output).toMatch(/^[\x00-\x7f]*$/);
  });

  it('without alternate screen keeps what stood on it', async () => {
    const screen = open(many, { env: { TERM: 'vt100' } });
    await screen.until(/ 1\/300/);
    await quit(screen);
    expect(screen.output).not.toContain('\x1b[?1049');
    expect(screen.screen()).toContain('Decisions are kept in');
  });

  it('without colour has weights, and no colours', async () => {
    const screen = open(many, { env: { FORCE_COLOR: '0' } });
    await screen.until(/ 1\/300/);
    await quit(screen);
    expect(screen.output).not.toMatch(/\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9\d|10[0-7])[;m]/);
    expect(screen.output).toMatch(/\x1b\[7m/);
  });

  it('that cannot place text gets lines, and hears what a key does', async () => {
    const screen = open(many, { env: { TERM: 'dumb' } });
    await screen.until(/TERM=dumb/);
    screen.type('j');
    await screen.until(/Prompt 2, 2 of 300/);
    screen.type(':');
    await screen.until(/Command:/);
    screen.type(keys.escape);
    await screen.until(/Command:[\s\S]*Keys: [\s\S]*\/ filter/);
    // The screen below was not said again.
    expect(screen.output.match(/^Prompt 2, 2 of 300/gm)).toHaveLength(1);
    screen.type('A');
    await screen.until(/α 0\.0000: 0\.0 % of pairs flipped; mean weight of longer chosen responses 0\.500/);
    screen.type(keys.right);
    await screen.until(/^α 0\.0001: \d+ of \d+ pairs flipped/m);
    screen.type('A/');
    screen.type('dlen > ten');
    await screen.until(/^filter: dlen > ten\s+Error: at 8: expected a number after `>`, not `ten`/m);
    screen.type(keys.escape);
    await screen.until(/not `ten`[\s\S]*Keys: [\s\S]*\/ filter/);
    await quit(screen);
    expect(screen.output).not.toMatch(/\x1b\[[\d;?]*[A-Zhl]/);
  });

  it('too small says what size is needed, and shows the same place again', async () => {
    const screen = open(many);
    await screen.until(/ 1\/300/);
    screen.type('jjjj');
    await screen.until(/ 5\/300/);
    screen.resize(40, 10);
    await screen.until(/60×18/);
    screen.resize(80, 24);
    await screen.until(/ 5\/300/);
    await quit(screen);
  });

  it('takes a theme from a flag, and settings that cannot be used are refused with a sentence', async () => {
    const screen = open(many, { env: { FORCE_COLOR: '3' } }, ['--theme', 'colour-blind']);
    await screen.until(/ 1\/300/);
    await quit(screen);
    // #56b4e9, or the nearest of 256 colours.
    expect(screen.output).toMatch(/38;2;86;180;233|38;5;117/);
    const refused = open(many, { env: { BREVITY_THEME: 'pink' } });
    expect(await refused.exit).toBe(2);
    expect(refused.screen()).toContain('BREVITY_THEME: expected one of dark, light, colour-blind');
  });
});
