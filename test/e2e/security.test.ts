/** What somebody else's files may do, with the built program in real processes and a real pseudo-terminal. */
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { newRound } from '../../src/core/rounds.js';
import { Run } from '../../src/run/run.js';
import { brevity } from '../cli/cli.js';
import { goldenFolder } from '../golden.js';
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
    expect(refused.stderr).toContain(`names the module ${file}`);
    expect(refused.stderr).toContain(`--trust-reward ${file}`);

    // Nor does an engine that is started by hand.
    const engine = spawnSync(process.execPath, [`${dist}engine/main.js`, run], { encoding: 'utf8', timeout: 30_000 });
    expect(engine.status).toBe(1);
    expect(engine.stderr).toContain(`names the module ${file}`);
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
    const base = newRound(0, null, { alpha: 0.02, beta: 0.1, lr: 1e-6 });
    data.rounds.push({ ...base, overrides: { reward: `module:${file}` } });
    writeFileSync(json, JSON.stringify(data));
    expect(brevity(['auto', run]).stderr).toContain(`names the module ${file}`);
    expect(ran()).toBe(false);
  });

  it('is asked about in the terminal, by its path', async () => {
    const { file, ran } = marking('theirs');
    foreignRun(`module:${file}`);
    const screen = open(['run']);
    const asked = await screen.until(/Allow this for this run\? y\/n/);
    expect(asked).toContain('The reward runs this code as you:');
    expect(asked).toContain(file);
    screen.type('n');
    await screen.until(/^(?![\s\S]*Allow this)[\s\S]*run needs your permission first/);
    screen.type('r');
    await screen.until(/Allow this for this run\? y\/n/);
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
    await screen.until(/ready; reward not tried/);
    expect(ran()).toBe(false);

    // A run that is made nevertheless asks as any other does.
    screen.type('s');
    await screen.until(/Allow this for this run\? y\/n/);
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

/** Sets the clipboard, moves the cursor in both notations, deletes, and reverses a line: as a file would hide it. */
const evil = '\u001b]52;c;c2VjcmV0\u0007\u001b[2J\u009b2J\u007f\u202egnp';
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe('escape sequences do not reach the terminal', () => {
  const model = `${goldenFolder}llama-tied-gqa/model`;

  /** A copy of a model folder with some files replaced. */
  function modelWith(files: Record<string, string | Buffer>, name = 'model'): string {
    const copy = path.join(home, name);
    cpSync(model, copy, { recursive: true });
    for (const [file, content] of Object.entries(files)) writeFileSync(path.join(copy, file), content);
    return copy;
  }

  function input(rows: object[]): string {
    const file = path.join(home, 'in.jsonl');
    writeFileSync(file, rows.map((row) => JSON.stringify(row) + '\n').join(''));
    return file;
  }

  const logprobs = (dir: string, file = input([{ prompt_ids: [1], response_ids: [2] }])) =>
    brevity(['logprobs', '--model', dir, '--in', file, '--backend', 'wasm']);

  const score = (source: string, row: object) => {
    const file = path.join(home, 'reward.mjs');
    writeFileSync(file, source);
    return brevity(['score', '--reward', `module:${file}`, '--in', input([row])]);
  };

  it.each<[string, () => { stderr: string; stdout: string }]>([
    ["a model's config.json", () => logprobs(modelWith({ 'config.json': JSON.stringify({ architectures: [evil] }) }))],
    [
      'a safetensors header',
      () => {
        const header = Buffer.from(
          JSON.stringify({ [evil]: { dtype: evil, shape: [1], data_offsets: [0, 4] }, x: evil }),
        );
        const size = Buffer.alloc(8);
        size.writeBigUInt64LE(BigInt(header.length));
        return logprobs(modelWith({ 'model.safetensors': Buffer.concat([size, header, Buffer.alloc(4)]) }));
      },
    ],
    ['a key of a prompts line', () => logprobs(model, input([{ [evil]: 1, prompt_ids: evil }]))],
    [
      'a broken line',
      () => {
        const file = path.join(home, 'broken.jsonl');
        writeFileSync(file, `${evil}\n`);
        return logprobs(model, file);
      },
    ],
    ['a folder name', () => logprobs(path.join(home, `no${evil}`))],
    [
      'what a module throws and prints',
      () =>
        score(
          `export const score = ({ response }) => { console.log(response); console.error(response); throw new Error(response); };`,
          { prompt: 'p', response: evil },
        ),
    ],
    ['an unknown option', () => brevity(['score', `--${evil}`])],
  ])('from %s', (_name, run) => {
    const { stderr, stdout } = run();
    expect(stderr + stdout).not.toMatch(unsafe);
    expect(stderr).toMatch(/brevity:|error:/);
  });

  /** The bundled policy with a chat template that refuses every conversation with `evil`. */
  function raising(): string {
    const copy = path.join(home, 'raising');
    cpSync(new URL('../../data/base-policy', import.meta.url).pathname, copy, { recursive: true });
    const file = path.join(copy, 'tokenizer_config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...config, chat_template: `{{ raise_exception("refused ${evil}") }}` }));
    return copy;
  }

  it("from the message of a chat template's raise_exception", () => {
    const { status, stderr, stdout } = brevity([
      ...['sample', '--model', raising(), '--in', input([{ prompt: 'Which month comes after May?' }])],
      ...['--backend', 'wasm'],
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('refused');
    expect(stderr).toMatch(/refused (␛| )\]52;c;c2VjcmV0/);
    expect(stderr + stdout).not.toMatch(unsafe);
  });

  it("from a chat template's raise_exception or a reward server's error on the screen of a run", async () => {
    const server = createServer((_request, response) => {
      response.statusCode = 400;
      response.end(`refused ${evil}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/get_reward`;
    const prompts = path.join(home, 'texts.jsonl');
    writeFileSync(prompts, '{"prompt":"Which month comes after May?"}\n{"prompt":"Add 2 and 3."}\n');
    const good = new URL('../../data/base-policy', import.meta.url).pathname;
    try {
      for (const [name, model, reward] of [
        ['run', good, url],
        ['runs/theirs', raising(), `hf:${new URL('../../data/reward-model', import.meta.url).pathname}`],
      ]) {
        const config = path.join(home, 'config.json');
        const sampling = { samples_per_prompt: 2, max_new_tokens: 4, batch_size: 4 };
        writeFileSync(config, JSON.stringify({ model, reward, prompts, held_out: prompts, sampling, backend: 'wasm' }));
        const directory = path.join(home, name);
        mkdirSync(path.dirname(directory), { recursive: true });
        const screen = open([directory, '--config', config]);
        const seen = await screen.until(/refused/);
        expect(seen).toMatch(/refused\s*(␛| )\]52;c;c2VjcmV0/);
        expect(screen.output).not.toContain('\u001b]52');
        expect(screen.output).not.toMatch(/[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(readFileSync(path.join(directory, 'engine.log'), 'utf8')).not.toMatch(unsafe);
        screen.type('q');
        await screen.exit;
      }
    } finally {
      server.close();
      server.closeAllConnections();
    }
  }, 120_000);

  it("from a reward server's error, told by a command", async () => {
    const server = createServer((_request, response) => {
      response.statusCode = 400;
      response.end(`refused ${evil}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/get_reward`;
    const args = [cli, 'score', '--reward', url, '--in', input([{ prompt: 'p', response: 'r' }])];
    // spawnSync would keep the server from answering.
    const { error, stderr } = await new Promise<{ error: Error | null; stderr: string }>((resolve) =>
      execFile(process.execPath, args, (failure, _stdout, text) => resolve({ error: failure, stderr: text })),
    );
    server.close();
    server.closeAllConnections();
    expect(error).not.toBeNull();
    expect(stderr).toMatch(/answered 400 refused {1,2}(␛)?\]52;c;c2VjcmV0/);
    expect(stderr).not.toMatch(unsafe);
  });

  it('in rows that are printed, which mean the same', () => {
    const { stdout, rows, stderr } = score('export const score = () => 1;', { prompt: 'p', response: evil });
    expect(stderr).not.toMatch(unsafe);
    expect(stdout).not.toMatch(unsafe);
    expect(rows()).toEqual([{ prompt: 'p', response: evil, reward: 1 }]);
  });

  it('in engine.log', () => {
    const file = path.join(home, 'reward.mjs');
    writeFileSync(
      file,
      `export const score = () => { console.log(${JSON.stringify(evil)}); throw new Error(${JSON.stringify(evil)}); };`,
    );
    const run = foreignRun(`module:${file}`);
    const { status, stderr } = brevity(['auto', run, '--rounds', '1', '--trust-reward', file]);
    expect(status).toBe(1);
    expect(stderr).not.toMatch(unsafe);
    const log = readFileSync(path.join(run, 'engine.log'), 'utf8');
    expect(log).toContain('␛]52;c;');
    expect(log).not.toMatch(unsafe);
  });

  it('from a folder of runs on the screen', async () => {
    const run = path.join(home, 'runs', `a${evil}`);
    mkdirSync(run, { recursive: true });
    writeFileSync(path.join(run, 'run.json'), JSON.stringify({ version: 2, config: { model: evil } }));
    const screen = open([]);
    await screen.until(/␛\]52/);
    screen.type(keys.enter);
    await screen.until(/␛\]52/);
    expect(screen.output).not.toContain('\u001b]52');
    expect(screen.output).not.toContain('\u009b');
    expect(screen.output).not.toContain('\u202e');
  });
});
