/** `E` exports a policy and `P` writes a report, by keystrokes in a real pseudo-terminal, and what they write. */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { brevity } from '../cli/cli.js';
import { dist, quickRun, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, keys } from './terminal.js';

let home = '';
let run = '';
let terminal: TestTerminal | null = null;

beforeEach(() => {
  home = temporaryFolder();
  run = quickRun(home, { sampling: { max_new_tokens: 8 }, update: { epochs: 1 } });
});
afterEach(() => {
  terminal?.kill();
  const holder = lockHolder(run);
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

const eraseLine = '\u0015';
const noQuestion = /^(?![\s\S]*y\/n)[\s\S]*q detach/;

it('E exports the policy to a new folder only, P writes reports and asks before it overwrites a file', async () => {
  expect(brevity(['auto', run, '--rounds', '1']).status).toBe(0);
  const screen = new TestTerminal([`${dist}cli.js`, run], { cwd: home, columns: 120, rows: 40 });
  terminal = screen;
  await screen.until(/round 1[\s\S]*q detach/);

  screen.type('E');
  await screen.until(/export the policy to the new folder: run-policy█/);
  screen.type(keys.enter);
  await screen.until(/Exported .*run-policy/);
  const policy = path.join(home, 'run-policy');
  expect(readdirSync(policy)).toEqual(expect.arrayContaining(['README.md', 'config.json', 'model.safetensors']));
  const weights = (folder: string) => readFileSync(path.join(folder, 'model.safetensors'));
  expect(weights(policy).equals(weights(path.join(run, 'rounds/0001/policy')))).toBe(true);

  // A folder that holds something is refused and stays as it is.
  const full = path.join(home, 'full');
  mkdirSync(full);
  writeFileSync(path.join(full, 'mine.txt'), 'mine');
  screen.type('E');
  await screen.until(/new folder: run-policy█/);
  screen.type(`${eraseLine}full${keys.enter}`);
  await screen.until(/full.* not empty/);
  expect(readdirSync(full)).toEqual(['mine.txt']);

  screen.type('P');
  await screen.until(/write the report \(\.html or \.md\) to: run\.html█/);
  screen.type(keys.enter);
  await screen.until(/The report is in .*run\.html/);
  const html = path.join(home, 'run.html');
  expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>[\s\S]*held-out/i);

  writeFileSync(html, 'mine');
  screen.type('P');
  await screen.until(/to: run\.html█/);
  screen.type(keys.enter);
  await screen.until(/Overwrite .*run\.html\? y\/n/);
  screen.type('n');
  await screen.until(noQuestion);
  expect(readFileSync(html, 'utf8')).toBe('mine');
  screen.type('P');
  await screen.until(/to: run\.html█/);
  screen.type(keys.enter);
  await screen.until(/Overwrite .*run\.html\? y\/n/);
  screen.type('y');
  await screen.until(/The report is in .*run\.html/);
  expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/i);

  screen.type('P');
  await screen.until(/to: run\.html█/);
  screen.type(`${eraseLine}report.md${keys.enter}`);
  await screen.until(/The report is in .*report\.md/);
  expect(readFileSync(path.join(home, 'report.md'), 'utf8')).toMatch(/^# [\s\S]*\| *round/im);
  expect(existsSync(path.join(run, 'run.html'))).toBe(false);
  screen.type('q');
  expect(await screen.exit).toBe(0);
}, 240_000);
