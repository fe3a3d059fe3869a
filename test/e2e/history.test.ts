/** Branches by keystrokes alone, in a real pseudo-terminal over a real engine: fork, compare, name, delete. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, keys } from './terminal.js';

const data = new URL('../../data/', import.meta.url).pathname;

let home = '';
let terminal: TestTerminal | null = null;

afterEach(() => {
  terminal?.kill();
  const holder = home === '' ? null : lockHolder(path.join(home, 'run'));
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  if (home !== '') rmSync(home, { recursive: true, force: true });
  home = '';
});

function startRun(): TestTerminal {
  home = temporaryFolder();
  const head = (name: string, count: number) => {
    const file = path.join(home, name);
    writeFileSync(file, readFileSync(path.join(data, name), 'utf8').split('\n').slice(0, count).join('\n') + '\n');
    return file;
  };
  const config = path.join(home, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      ...(JSON.parse(readFileSync(path.join(data, 'example.json'), 'utf8')) as object),
      model: path.join(data, 'base-policy'),
      reward: `hf:${path.join(data, 'reward-model')}`,
      evaluation: { metric: [path.join(data, 'correct.mjs')] },
      prompts: head('prompts.jsonl', 8),
      held_out: head('held-out.jsonl', 5),
      sampling: { samples_per_prompt: 3, max_new_tokens: 24, batch_size: 24 },
      update: { lr: 1e-4, batch_size: 4, micro_batch: 4 },
    }),
  );
  terminal = new TestTerminal([`${dist}cli.js`, path.join(home, 'run'), '--config', config]);
  return terminal;
}

const roundsOf = () =>
  (
    JSON.parse(readFileSync(path.join(home, 'run/run.json'), 'utf8')) as {
      rounds: { id: number; parent: number | null; name: string; settings: { alpha: number } }[];
    }
  ).rounds;

describe('branches by keystrokes', () => {
  it('forks, compares, names and deletes', async () => {
    const screen = startRun();
    const wholeRound = async (id: number) => {
      await screen.until(new RegExp(`round ${id}[\\s\\S]*waiting for your review`), 120);
      screen.type(keys.enter);
      await screen.until(/Launch the update on \d+ pairs[\s\S]*y\/n/);
      screen.type('y');
      await screen.until(new RegExp(`Round ${id} on 5 held-out prompts`), 120);
    };
    await wholeRound(1);

    screen.type('hf');
    await screen.until(/A branch from round 1/);
    screen.type(keys.enter + '500' + keys.enter);
    expect(await screen.until(/✘ expected/)).toContain('✘ expected a number, 0 to 100');
    // A control character within a burst is not read as a key.
    screen.type('\u0015');
    await screen.until(/α length penalty: █/);
    screen.type('0.5' + keys.enter);
    await screen.until(/α length penalty +\S+ +≠ 0\.5/);
    screen.type('f');
    await wholeRound(2);

    screen.type('h');
    expect(await screen.until(/›.*2 ◂/)).toMatch(/2 ◂ +0\.5000/);
    screen.type('c');
    expect(await screen.until(/round 1 against round 2/)).toMatch(/≠ α +\S+ +0\.5000/);
    screen.type(keys.left);
    await screen.until(/round 1: reward .*│ round 2: reward/);
    screen.type(keys.escape);
    await screen.until(/Reward against length/);

    screen.type('Nbold' + keys.enter);
    await screen.until(/2 ◂ .* bold/);
    screen.type('d');
    await screen.until(/1 round, .* on disk[\s\S]*Delete round 2 bold for good\? y\/n/);
    expect(roundsOf().map(({ id, parent, name }) => [id, parent, name])).toEqual([
      [0, null, ''],
      [1, 0, ''],
      [2, 1, 'bold'],
    ]);
    screen.type('y');
    await screen.until(/›.*1 ◂/);
    expect(roundsOf().map(({ id }) => id)).toEqual([0, 1]);
    expect(existsSync(path.join(home, 'run/rounds/0002'))).toBe(false);

    // The base, looked at later, and back.
    screen.type('g' + keys.enter);
    await screen.until(/Round 0 on 5 held-out prompts/);
    screen.type(keys.escape);
    await screen.until(/\[5 History\]/);
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 400_000);
});
