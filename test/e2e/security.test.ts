/** What somebody else's files may do, with the built program in real processes and a real pseudo-terminal. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder } from '../../src/store/lock.js';
import { Run } from '../../src/store/run.js';
import { brevity } from '../commands/cli.js';
import { dist, quickConfig, temporaryFolder } from '../engine/runs.js';
import { TestTerminal, keys } from './terminal.js';

const cli = `${dist}cli.js`;

let home = '';
let terminal: TestTerminal | null = null;

beforeEach(() => (home = temporaryFolder()));
afterEach(() => {
  terminal?.kill();
  for (const name of ['run', 'runs/theirs']) {
    const holder = lockHolder(path.join(home, name));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
});

function open(args: string[]): TestTerminal {
  terminal = new TestTerminal([cli, ...args], { cwd: home });
  return terminal;
}

/** A reward module that leaves a mark when it is loaded. */
function marking(name: string): { file: string; ran: () => boolean } {
  const mark = path.join(home, `${name} ran`);
  const file = path.join(home, `${name}.mjs`);
  writeFileSync(
    file,
    `import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(mark)}, '');
     export const score = ({ ids }) => ids.at(-1) + ids.length / 10;`,
  );
  return { file, ran: () => existsSync(mark) };
}

/** A run as it comes from somebody else: nobody here has named its reward. */
function foreignRun(reward: string): string {
  const config = quickConfig(home, { reward: reward as never, sampling: { max_new_tokens: 8 }, update: { epochs: 1 } });
  return Run.create(path.join(home, 'run'), config).directory;
}

describe('a reward module of a run that was not made here', () => {
  it('does not run headless before it is allowed; then it does, without being asked again', () => {
    const { file, ran } = marking('theirs');
    const run = foreignRun(`0.5*module:${file}`);
    const refused = brevity(['auto', run, '--rounds', '1']);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(`names the reward module ${file}`);
    expect(refused.stderr).toContain(`--trust-reward ${file}`);

    // Nor does an engine that is started by hand.
    const engine = spawnSync(process.execPath, [`${dist}engine/main.js`, run], { encoding: 'utf8', timeout: 30_000 });
    expect(engine.status).toBe(1);
    expect(engine.stderr).toContain(`names the reward module ${file}`);
    expect(ran()).toBe(false);

    const strange = brevity(['auto', run, '--rounds', '1', '--trust-reward', cli]);
    expect(strange).toMatchObject({ status: 2 });
    expect(strange.stderr).toContain(`is no reward of this run; expected ${file}`);

    expect(brevity(['auto', run, '--rounds', '1', '--trust-reward', file]).status).toBe(0);
    expect(ran()).toBe(true);
    expect(brevity(['auto', run, '--rounds', '1']).status).toBe(0);
  }, 120_000);

  it('is found in the settings of a round, too', () => {
    const { file, ran } = marking('hidden');
    const run = foreignRun('hf:/some/folder');
    const json = path.join(run, 'run.json');
    const data = JSON.parse(readFileSync(json, 'utf8')) as { rounds: object[] };
    data.rounds.push({ id: 0, parent: null, stage: 'evaluate', overrides: { reward: `module:${file}` }, seconds: {} });
    writeFileSync(json, JSON.stringify(data));
    expect(brevity(['auto', run]).stderr).toContain(`names the reward module ${file}`);
    expect(ran()).toBe(false);
  });

  it('is asked about in the terminal, by its path', async () => {
    const { file, ran } = marking('theirs');
    foreignRun(`module:${file}`);
    const screen = open(['run']);
    const asked = await screen.until(/Allow it for this run\? y\/n/);
    expect(asked).toContain('The reward runs this code as you:');
    expect(asked).toContain(file);
    screen.type('n');
    await screen.until(/^(?![\s\S]*Allow it)[\s\S]*its reward has to be allowed first/);
    screen.type('r');
    await screen.until(/Allow it for this run\? y\/n/);
    expect(ran()).toBe(false);
    screen.type('y');
    await screen.until(/run › round [01]/);
    await screen.until(/round 1.*review|in review/i);
    expect(ran()).toBe(true);
  }, 120_000);

  it('is not tried by the form before the user asks', async () => {
    const { file, ran } = marking('theirs');
    const config = path.join(home, 'theirs.json');
    const { model, prompts, held_out } = quickConfig(home);
    writeFileSync(config, JSON.stringify({ model, reward: `module:${file}`, prompts, held_out, backend: 'wasm' }));
    const screen = open(['--config', config]);
    await screen.until(/reward .* not tried/);
    await screen.until(/model folder .* ✓/);
    await screen.until(/prompts .* ✓/);
    await screen.until(/the reward is not tried/);
    expect(ran()).toBe(false);

    // A run that is made nevertheless asks as any other does.
    screen.type('s');
    await screen.until(/Allow it for this run\? y\/n/);
    expect(ran()).toBe(false);
    screen.type('n');
    screen.type('R');
    await screen.until(/Brevity › runs/);
    screen.type('n');
    await screen.until(/Start the run/);
    screen.type('o');
    screen.type(`${config}${keys.enter}`);
    await screen.until(/reward .* not tried/);
    screen.type('t');
    await screen.until(/reward .* ✓ \d/);
    expect(ran()).toBe(true);
  }, 120_000);

  it('from a configuration file needs the flag when a run is made headless; the flag --reward is permission', () => {
    const { file, ran } = marking('theirs');
    const config = path.join(home, 'theirs.json');
    const { model, prompts, held_out, sampling, update } = quickConfig(home);
    const small = { sampling: { ...sampling, max_new_tokens: 8 }, update: { ...update, epochs: 1 }, backend: 'wasm' };
    writeFileSync(config, JSON.stringify({ model, reward: `module:${file}`, prompts, held_out, ...small }));
    const run = path.join(home, 'run');
    const refused = brevity(['auto', run, '--config', config, '--rounds', '1']);
    expect(refused.stderr).toContain(`--trust-reward ${file}`);
    expect(existsSync(run)).toBe(false);
    expect(ran()).toBe(false);
    expect(brevity(['auto', run, '--config', config, '--rounds', '1', '--trust-reward', file]).status).toBe(0);
    expect(ran()).toBe(true);

    const own = marking('own');
    const flags = ['--config', config, '--reward', `module:${own.file}`, '--rounds', '1'];
    expect(brevity(['auto', path.join(home, 'other'), ...flags]).status).toBe(0);
    expect(own.ran()).toBe(true);
  }, 120_000);
});

it('a key is not sent to a server of a run before the user has allowed it', () => {
  const run = foreignRun('http://127.0.0.1:9/classify?model=m');
  const { status, stderr } = spawnSync(process.execPath, [cli, 'auto', run], {
    encoding: 'utf8',
    env: { ...process.env, BREVITY_REWARD_KEY: 's3cret' },
  });
  expect(status).toBe(1);
  expect(stderr).toContain('would send BREVITY_REWARD_KEY to http://127.0.0.1:9');
  expect(stderr).not.toContain('s3cret');
});
