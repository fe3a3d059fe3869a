/** Branches by keystrokes alone, in a real pseudo-terminal over a real engine: fork, compare, name, delete. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ExampleRun } from './example.js';
import { keys } from './terminal.js';

let example: ExampleRun | null = null;
afterEach(() => {
  example?.remove();
  example = null;
});

const roundsOf = (directory: string) =>
  (
    JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as {
      rounds: { id: number; parent: number | null; name: string; settings: { alpha: number } }[];
    }
  ).rounds;

describe('branches by keystrokes', () => {
  it('forks, compares, names and deletes', async () => {
    example = new ExampleRun({ prompts: 8, heldOut: 5, samples: 3, maxNewTokens: 24, batch: 4 });
    const { terminal: screen, directory } = example;
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
    expect(roundsOf(directory).map(({ id, parent, name }) => [id, parent, name])).toEqual([
      [0, null, ''],
      [1, 0, ''],
      [2, 1, 'bold'],
    ]);
    screen.type('y');
    await screen.until(/›.*1 ◂/);
    expect(roundsOf(directory).map(({ id }) => id)).toEqual([0, 1]);
    expect(existsSync(path.join(directory, 'rounds/0002'))).toBe(false);

    // The base, looked at later, and back.
    screen.type('g' + keys.enter);
    await screen.until(/Round 0 on 5 held-out prompts/);
    screen.type(keys.escape);
    await screen.until(/\[5 History\]/);
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 400_000);
});
