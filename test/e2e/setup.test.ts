/**
 * From nothing to a run, as a newcomer does it: `brevity` in an empty folder, a look around, one enter, and back to the
 * list. In a real pseudo-terminal over a real engine.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, keys } from './terminal.js';

const cli = `${dist}cli.js`;
const clear = '\u0015';

let cwd = '';
let terminal: TestTerminal | null = null;

beforeEach(() => (cwd = temporaryFolder()));
afterEach(() => {
  terminal?.kill();
  const holder = lockHolder(path.join(cwd, 'runs/example'));
  if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  rmSync(cwd, { recursive: true, force: true, maxRetries: 5 });
});

function open(args: string[] = [], env: Record<string, string> = {}, rows = 24): TestTerminal {
  terminal = new TestTerminal([cli, ...args], { cwd, env, rows });
  return terminal;
}

/** The form of a new run, from the first screen. */
async function openForm(env: Record<string, string> = {}, rows = 24): Promise<TestTerminal> {
  const screen = open([], env, rows);
  await screen.until(/set up a run of your own/);
  screen.type('n');
  return screen;
}

describe('brevity without a run', () => {
  it('says what it found, and enter starts the bundled example; R leads to the list, enter back into the run', async () => {
    const screen = open();
    // At once; the checks answer later.
    await screen.until(/There are no runs in[\s\S]*^enter +run the bundled example/m);
    await screen.until(/^backend +(native|wasm), the fastest here: /m);
    expect(screen.screen()).toMatch(/^processor +\S.*\d cores?/m);
    await screen.until(/^folder +no model, reward model or prompts/m);
    expect(screen.screen()).toMatch(/a model\n +\$ hf download/);
    screen.type(keys.enter);
    await screen.until(/example › round 0/);
    expect(existsSync(path.join(cwd, 'runs/example/run.json'))).toBe(true);

    screen.type('R');
    await screen.until(/Brevity › runs/);
    await screen.until(/› example +base-policy +0 .*(● |◆ )/);
    expect(lockHolder(path.join(cwd, 'runs/example'))).not.toBeNull();
    screen.type(keys.enter);
    await screen.until(/example › round/);
    screen.type('q');
    expect(await screen.exit).toBe(0);
    expect(screen.output).toMatch(
      /Detached; the engine keeps running\. Attach again with:\r\n {2}node \S+cli\.js runs\/example\r\n/,
    );
  }, 120_000);

  it('says at the field what is wrong with a model folder, does not start with it, and takes it back', async () => {
    const screen = await openForm();
    await screen.until(/model folder .* ✓ 1\.\d M Llama/);
    await screen.until(/reward .* ✓ -?\d/);
    screen.type(keys.down + keys.down + keys.enter + clear);
    screen.type('nowhere');
    await screen.until(/model folder +nowhere█/);
    screen.type(keys.enter);
    await screen.until(/model folder +nowhere +✘[\s\S]*✘ .*nowhere does not exist/);
    screen.type('s');
    await screen.until(/Not started: model folder: [^.]*nowhere/);
    expect(existsSync(path.join(cwd, 'runs'))).toBe(false);
    screen.type('u');
    await screen.until(/model folder .* ✓ 1\.\d M Llama/);
    // All is good again: what a round takes is measured, or being measured.
    await screen.until(/≈ \d+ MB · (a round: |time is being measured)/);
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 180_000);

  it('flags fill the form in; tab completes paths; w writes a file that --config takes', async () => {
    mkdirSync(path.join(cwd, 'settings'));
    const screen = open(['--alpha', '0.5']);
    await screen.until(/α length penalty +0\.5/);
    await screen.until(/\$ node \S+cli\.js auto runs\/example +--alpha 0\.5/);
    screen.type('w' + clear);
    screen.type('set');
    screen.type(keys.tab);
    await screen.until(/save the settings as: settings\//);
    screen.type('a.json');
    screen.type(keys.enter);
    await screen.until(/Saved to settings\/a\.json/);
    screen.type('q');
    expect(await screen.exit).toBe(0);

    const again = open(['--config', 'settings/a.json']);
    await again.until(/with settings\/a\.json[\s\S]*run directory +runs\/a [\s\S]*α length penalty +0\.5/);
    await again.until(/\$ node \S+cli\.js auto runs\/a[\s\S]*--config[\s\S]*settings\/a\.json/);
    again.type('q');
    expect(await again.exit).toBe(0);
  }, 120_000);

  it('n begins with the model and prompts of the folder', async () => {
    symlinkSync(fileURLToPath(new URL('../../data/base-policy', import.meta.url)), path.join(cwd, 'policy'));
    writeFileSync(path.join(cwd, 'prompts.jsonl'), '{"prompt": "Hello?"}\n');
    const screen = open();
    await screen.until(/^folder +model policy · prompts prompts\.jsonl/m);
    screen.type('n');
    await screen.until(
      /with this folder's files[\s\S]*model folder +policy +✓[\s\S]*prompts +prompts\.jsonl +✓ 1 prompt/,
    );
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 60_000);

  it('lists a run of a newer version with what is to be done, and opens it by no key', async () => {
    mkdirSync(path.join(cwd, 'runs/later'), { recursive: true });
    writeFileSync(path.join(cwd, 'runs/later/run.json'), '{"version": 99}');
    const screen = open();
    await screen.until(/› later .*✘ cannot be read[\s\S]*update Brevity to open/);
    screen.type(keys.enter);
    await screen.until(/newer Brevity/);
    expect(screen.screen()).toContain('Brevity › runs');
    screen.type('q');
    expect(await screen.exit).toBe(0);
    expect(readFileSync(path.join(cwd, 'runs/later/run.json'), 'utf8')).toBe('{"version": 99}');
  }, 60_000);

  it('shows a value of a configuration file that cannot be read in its field, and keys that are none', async () => {
    writeFileSync(path.join(cwd, 'bad.json'), '{"dpo": {"alpha": "much"}, "update": {"lrr": 1}}');
    const screen = open(['--config', 'bad.json']);
    await screen.until(/α length penalty +much +✘ "much" is no number/);
    await screen.until(/update\.lrr: unknown key/);
    screen.type(keys.enter);
    await screen.until(/Not started: /);
    expect(existsSync(path.join(cwd, 'runs'))).toBe(false);
    screen.type('q');
    expect(await screen.exit).toBe(0);
  }, 60_000);

  it('is said to a dumb terminal: the form with its problems, and the list of runs without an engine', async () => {
    // What is written once the checks have answered must not push the beginning out of view.
    const screen = await openForm({ TERM: 'dumb' }, 60);
    await screen.until(/A new run with the settings of[\s\S]*Selected: start the run\./);
    screen.type('jj');
    await screen.until(/^Selected: model folder, .*Hugging Face folder/m);
    screen.type(`\r${clear}nowhere`);
    await screen.until(/^model folder: nowhere/m);
    screen.type('\r');
    // The terminal breaks the sentence at its right edge.
    await screen.until(/Problem: model folder [^.]*nowhere[^.]*give the path/);
    screen.type('s');
    await screen.until(/Not started: model folder: [^.]*nowhere/);
    screen.type(keys.escape);
    await screen.until(/There are no runs here\./);
    screen.type('q');
    expect(await screen.exit).toBe(0);
    expect(screen.output).not.toMatch(/connecting|Engine:/);
    expect(screen.output).not.toMatch(/\x1b\[[\d;?]*[A-Zhl]/);
  }, 120_000);
});
