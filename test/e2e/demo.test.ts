/** `brevity demo` by keystrokes in a real pseudo-terminal over a real engine, on the whole bundled example. */
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { dist, gone, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, keys } from './terminal.js';

let folder = '';
let terminal: TestTerminal | null = null;

beforeEach(() => (folder = temporaryFolder()));
afterEach(() => {
  terminal?.kill();
  for (const directory of [...temporaryRuns(), path.join(folder, 'kept')]) {
    const holder = existsSync(directory) ? lockHolder(directory) : null;
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const temporaryRuns = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('brevity-demo-'))
    .map((name) => path.join(folder, name, 'demo'));

function open(args: string[] = ['demo'], size: { columns: number; rows: number } = { columns: 80, rows: 24 }) {
  terminal = new TestTerminal([`${dist}cli.js`, ...args], { ...size, cwd: folder, env: { TMPDIR: folder } });
  return terminal;
}

/** The guide's lines, as one. */
const guide = (screen: string): string =>
  screen
    .split('\n')
    .filter((line) => line.startsWith('│ '))
    .map((line) => line.slice(2).trim())
    .join(' ');

async function untilGuide(screen: TestTerminal, pattern: RegExp, seconds = 60): Promise<string> {
  for (const deadline = Date.now() + seconds * 1000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const text = guide(screen.screen());
    if (pattern.test(text)) return text;
    if (Date.now() > deadline) throw new Error(`the guide did not say ${String(pattern)}:\n${screen.screen()}`);
  }
}

it('explains a whole round, says what follows from the keys, and removes its run at the end', async () => {
  const screen = open();
  await untilGuide(screen, /answers held-out prompts.*Nothing to press/);
  await untilGuide(screen, /answers each prompt four times.*Nothing to press/, 120);
  await untilGuide(screen, /falls below 0 has flipped\. → raises α/, 300);
  const [directory] = temporaryRuns();
  expect(existsSync(path.join(directory, 'run.json'))).toBe(true);
  // A look elsewhere is explained, with the way back.
  screen.type('h');
  await untilGuide(screen, /This is History\. Round 1 is in review.*2 goes back there/);
  screen.type('2');
  await untilGuide(screen, /→ raises α/);
  screen.type(keys.right);
  await untilGuide(screen, /α went from 0\.0700 to 0\.0710.*longer chosen responses now pull less.*enter launches/);
  screen.type(keys.left + keys.left);
  await untilGuide(screen, /α went from 0\.0700 to 0\.0690.*longer chosen responses now pull more/);
  screen.type(keys.enter);
  await untilGuide(screen, /train on these pairs with α 0\.0690.*y launches the update/);
  screen.type('y');
  await untilGuide(screen, /The update trains the policy.*Nothing to press/);
  await untilGuide(screen, /length-controlled win rate takes out.*a accepts the round/, 400);
  screen.type('a');
  await untilGuide(screen, /The round is accepted\. h shows it/);
  screen.type('h');
  await untilGuide(screen, /Now your own model: R leads to your runs/);
  const run = JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as {
    rounds: { stage: string; settings: { alpha: number }; verdict: string }[];
  };
  expect(run.rounds[1]).toMatchObject({ stage: 'done', verdict: 'accepted' });
  expect(run.rounds[1].settings.alpha).toBeCloseTo(0.069, 6);
  const pid = lockHolder(directory)?.pid as number;
  screen.type('q');
  expect(await screen.exit).toBe(0);
  expect(screen.output).toMatch(
    /The demo's run was temporary and has been removed; `node \S+ demo --keep DIR` keeps it\./,
  );
  expect(screen.output).toMatch(/Your own model: node \S+cli\.js runs\/mine --model DIR/);
  expect(temporaryRuns()).toEqual([]);
  await gone(pid);
}, 900_000);

it('q leaves at once, also before the engine has started; nothing stays', async () => {
  for (const until of [/│ /, /answers each prompt four times/]) {
    const screen = open();
    await screen.until(until, 120);
    screen.type('q');
    expect(await screen.exit).toBe(0);
    expect(screen.output).toContain("The demo's run was temporary and has been removed");
    expect(readdirSync(folder)).toEqual([]);
  }
}, 300_000);

it('R leads to the first screen, whose d opens the demo again', async () => {
  const screen = open(['demo'], { columns: 120, rows: 40 });
  await untilGuide(screen, /answers/);
  screen.type('R');
  await screen.until(/There are no runs in[\s\S]*^d +the demo/m);
  expect(temporaryRuns()).toEqual([]);
  screen.type('d');
  await untilGuide(screen, /answers/);
  screen.type('q');
  expect(await screen.exit).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
}, 120_000);

it('--keep keeps the run and its engine', async () => {
  const screen = open(['demo', '--keep', 'kept']);
  await untilGuide(screen, /answers/);
  screen.type('q');
  expect(await screen.exit).toBe(0);
  expect(screen.output).toMatch(/The demo's run is kept, and its engine keeps running[\s\S]* \.\/kept/);
  expect(lockHolder(path.join(folder, 'kept'))).not.toBeNull();
  expect(temporaryRuns()).toEqual([]);
}, 60_000);

it('without a terminal it says what to do instead', async () => {
  const { brevity } = await import('../cli/cli.js');
  const { status, stderr } = brevity(['demo'], '', folder);
  expect([status, stderr.split('\n').length]).toEqual([2, 2]);
  expect(stderr).toMatch(/needs a terminal.*auto example/);
});
