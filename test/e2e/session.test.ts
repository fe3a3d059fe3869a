/**
 * Three rounds on the bundled example by keystrokes alone, in a real pseudo-terminal over a real engine: overrides, undo
 * and redo, a round done again beside another, detaching and attaching again. Few prompts and short answers keep it
 * quick.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { exampleLines } from './example.js';
import { TestTerminal, keys } from './terminal.js';

const data = new URL('../../data/', import.meta.url).pathname;
let home = '';
let terminal: TestTerminal | null = null;

afterEach(() => {
  terminal?.kill();
  const holder = lockHolder(path.join(home, 'run'));
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(home, { recursive: true, force: true });
});

function writeConfig(): string {
  home = temporaryFolder();
  const config = path.join(home, 'config.json');
  const settings = {
    model: path.join(data, 'base-policy'),
    reward: `hf:${path.join(data, 'reward-model')}`,
    ...{ prompts: exampleLines(home, 'prompts.jsonl', 12), held_out: exampleLines(home, 'held-out.jsonl', 6) },
    sampling: { samples_per_prompt: 3, max_new_tokens: 32, batch_size: 36 },
    update: { lr: 1e-4, batch_size: 6, micro_batch: 6 },
    // Undefined, as a person who chooses nothing, but on the suites of a backend.
    backend: process.env.BREVITY_TEST_BACKEND,
  };
  writeFileSync(config, JSON.stringify(settings));
  return config;
}

interface RunFile {
  current: number;
  rounds: { id: number; parent: number | null; stage: string; verdict: string | null; settings: { alpha: number } }[];
}
const runFile = (): RunFile => JSON.parse(readFileSync(path.join(home, 'run/run.json'), 'utf8')) as RunFile;
const journal = (round: number): { action: string }[] =>
  readFileSync(path.join(home, `run/rounds/000${round}/decisions.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { action: string });

function attach(more: string[] = []): TestTerminal {
  return (terminal = new TestTerminal([`${dist}cli.js`, path.join(home, 'run'), ...more]));
}

it('three rounds, with overrides, undo, a branch, detaching and attaching again', async () => {
  let screen = attach(['--config', writeConfig()]);
  await screen.until(/waiting for your review[\s\S]*─ Prompt 1 /);

  // Pasted text is no keys: it would swap the pair and launch the update.
  screen.paste('s\ny');
  await screen.until(/Pasted text ignored/);
  expect(screen.screen()).not.toMatch(/decided by hand|Launch the update/);

  // Overrides: one swapped, one left out, one a tie that is undone, done again and undone.
  screen.type('s');
  await screen.until(/─ Prompt 1 .*decided by hand/);
  screen.type('jx');
  await screen.until(/─ Prompt 2 .*excluded by hand/);
  screen.type('jt');
  await screen.until(/─ Prompt 3 .*made a tie by hand/);
  screen.type('u');
  await screen.until(/─ Prompt 3 (?!.*tie by hand)/);
  screen.type('U');
  await screen.until(/─ Prompt 3 .*made a tie by hand/);
  screen.type('u');
  await screen.until(/─ Prompt 3 (?!.*tie by hand)/);
  screen.type('a0.05' + keys.enter);
  await screen.until(/α 0\.0500/);
  screen.type(keys.enter);
  await screen.until(/Launch the update on \d+ pairs\? α 0\.0500/);
  screen.type('y');
  await screen.until(/Round 1 on 6 held-out prompts/);
  screen.type('a');
  await screen.until(/accepted/);

  screen.type('n');
  await screen.until(/round 2[\s\S]*waiting for your review[\s\S]*─ Prompt \d/);
  screen.type('q');
  expect(await screen.exit).toBe(0);
  expect(screen.output).toContain('Detached; the engine keeps running.');

  screen = attach();
  await screen.until(/round 2[\s\S]*waiting for your review[\s\S]*─ Prompt \d/);
  screen.type(keys.enter);
  await screen.until(/Launch the update/);
  screen.type('y');
  await screen.until(/Round 2 on 6 held-out prompts/);

  // Again from where round 2 started, with its samples, at another α: a branch beside it.
  screen.type('e0.2' + keys.enter);
  await screen.until(/round 3[\s\S]*α 0\.2000/);
  screen.type(keys.enter);
  await screen.until(/Launch the update/);
  screen.type('y');
  await screen.until(/Round 3 on 6 held-out prompts/);
  screen.type('h');
  await screen.until(/Reward against length/);
  screen.type('q');
  expect(await screen.exit).toBe(0);

  const { rounds, current } = runFile();
  expect(rounds.map(({ id, parent, stage }) => [id, parent, stage])).toEqual([
    [0, null, 'done'],
    [1, 0, 'done'],
    [2, 1, 'done'],
    [3, 1, 'done'],
  ]);
  expect(current).toBe(3);
  expect(rounds[1]).toMatchObject({ verdict: 'accepted', settings: { alpha: 0.05 } });
  expect(rounds[3].settings.alpha).toBe(0.2);
  expect(journal(1).map(({ action }) => action)).toEqual(['decide', 'decide', 'decide', 'undo', 'redo', 'undo']);
}, 180_000);
