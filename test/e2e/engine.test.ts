/** Terminals come, go and are cut off; the engine goes on, and where it dies it is started again where it was. */
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { dist, quickRun, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, keys } from './terminal.js';

// Engines are started here: on a busy machine each takes a while.
vi.setConfig({ testTimeout: 180_000 });

let folder = '';
let run = '';
let terminals: TestTerminal[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  run = quickRun(folder);
  terminals = [];
});

afterEach(() => {
  for (const terminal of terminals) terminal.kill();
  const holder = lockHolder(run);
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function attach(): TestTerminal {
  const terminal = new TestTerminal([`${dist}cli.js`, run]);
  terminals.push(terminal);
  return terminal;
}

const inReview = /waiting for your review[\s\S]*─ Prompt \d/;

it('a second terminal looks on, is told so where it tries to drive, and takes over', async () => {
  const first = attach();
  await first.until(inReview);
  const second = attach();
  await second.until(/read-only/);
  await first.until(/2 terminals/);
  second.type(keys.right);
  await second.until(/only looks on; take over \(T\) to drive/);
  second.type('T');
  await first.until(/read-only/);
  await second.until(/q detach/);
  second.type(']');
  // The other sees what the driver moves.
  const moved = /α 0\.0[23]\d\d/.exec(await second.until(/α 0\.\d{4}/))?.[0] ?? '';
  await first.until(new RegExp(moved.replace('.', '\\.')));
  first.type('q');
  expect(await first.exit).toBe(0);
});

it('a dropped line kills nothing: what was moved is kept, the engine goes on, and another terminal finds it', async () => {
  const first = attach();
  await first.until(inReview);
  first.type(keys.enter);
  await first.until(/Launch the update/);
  first.type('y');
  await first.until(/updating/);
  first.hangUp();
  expect(await first.exit).toBe(129);
  const holder = lockHolder(run);
  expect(holder).not.toBeNull();
  const again = attach();
  await again.until(/Round 1 on \d+ held-out prompts/);
  expect(again.screen()).not.toContain('read-only');
  expect(lockHolder(run)?.pid).toBe(holder?.pid);
});

it('an engine that dies under the screen is said to be gone, and r starts it where it was', async () => {
  const screen = attach();
  await screen.until(inReview);
  screen.type('js');
  await screen.until(/decided by hand/);
  const holder = lockHolder(run);
  if (holder === null) throw new Error('no engine');
  process.kill(holder.pid, 'SIGKILL');
  await screen.until(/no engine[\s\S]*What it had finished is kept[\s\S]*r restart engine/);
  screen.type('r');
  await screen.until(inReview);
  await screen.until(/decided by hand/);
  expect(lockHolder(run)?.pid).not.toBe(holder.pid);
  const state = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as { rounds: { stage: string }[] };
  expect(state.rounds.map(({ stage }) => stage)).toEqual(['done', 'review']);
});
