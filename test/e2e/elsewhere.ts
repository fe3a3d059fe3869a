/**
 * Three rounds on a machine that has no weights: responses come from two stand-in servers, rewards from a reward server,
 * and updates are Slurm jobs. By keystrokes in a real pseudo-terminal, and headless. Needs the built program.
 */
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { lockHolder } from '../../src/io/lock.js';
import { useBackend } from '../../src/tensor/backend.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { type RewardServer, startRewardServer } from '../remote/rewardServer.js';
import { basePolicy } from '../remote/standIns/policies.js';
import { StandIn } from '../remote/standIns/standIn.js';
import { exampleLines } from './example.js';
import { TestTerminal, keys } from './terminal.js';

/** The engine's peak memory, MB. A model of any size changes nothing: its weights are not here. */
const MOST_MB = 300;

interface RunFile {
  rounds: { id: number; stage: string; verdict: string | null; steps: number | null }[];
}

/** @param slurm the environment in which programs find Slurm; known once the tests run */
export function testElsewhere(slurm: () => Record<string, string>): void {
  let home = '';
  let terminal: TestTerminal | null = null;
  let standIns: StandIn[] = [];
  let rewards: RewardServer;

  beforeAll(async () => {
    await useBackend('wasm');
    rewards = await startRewardServer();
  });
  afterEach(() => {
    terminal?.kill();
    terminal = null;
    const holder = lockHolder(path.join(home, 'run'));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    for (const standIn of standIns) standIn.close();
    standIns = [];
    rmSync(home, { recursive: true, force: true });
  });
  afterAll(() => rewards.close());

  async function writeConfig(): Promise<string> {
    home = temporaryFolder();
    standIns = [await StandIn.start('vllm', basePolicy), await StandIn.start('vllm', basePolicy)];
    const model = path.join(home, 'model');
    cpSync(basePolicy, model, { recursive: true, filter: (file) => !file.endsWith('.safetensors') });
    const paths = [`${model}=${basePolicy}`];
    const config = path.join(home, 'config.json');
    const settings = {
      ...{ model, reward: `http:${rewards.url}`, backend: 'wasm' },
      ...{ prompts: exampleLines(home, 'prompts.jsonl', 6), held_out: exampleLines(home, 'held-out.jsonl', 3) },
      sampling: {
        ...{ samples_per_prompt: 3, max_new_tokens: 12 },
        server: { endpoints: standIns.map(({ url }) => url), concurrency: 4, paths },
      },
      update: { lr: 1e-3, batch_size: 3, micro_batch: 3, job: { launcher: 'slurm', poll_seconds: 0.3, paths } },
      evaluation: { probes: 0 },
    };
    writeFileSync(config, JSON.stringify(settings));
    return config;
  }

  /** Peak memory of the run's engine so far, MB; 0 while there is none. */
  function engineMegabytes(): number {
    const pid = lockHolder(path.join(home, 'run'))?.pid;
    try {
      return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  /** What a finished run must hold, however it was driven. */
  function expectRounds(): void {
    const { rounds } = JSON.parse(readFileSync(path.join(home, 'run/run.json'), 'utf8')) as RunFile;
    expect(rounds.map(({ id, stage }) => [id, stage])).toEqual([0, 1, 2, 3].map((id) => [id, 'done']));
    for (const { id, steps } of rounds.slice(1)) {
      const file = (name: string): string => readFileSync(path.join(home, `run/rounds/000${id}`, name), 'utf8');
      const done = JSON.parse(file('job/done.json')) as { outcome: string; steps: number };
      expect(done).toMatchObject({ outcome: 'done', steps });
      // Both endpoints hold the policy of this round, proven by what the trainer recorded.
      const last = file('verifications.jsonl').trim().split('\n').slice(-2);
      const verdicts = last.map((line) => JSON.parse(line) as { verdict?: string; verification?: { verdict: string } });
      expect(verdicts.map((row) => row.verdict ?? row.verification?.verdict)).toEqual(['verified', 'verified']);
    }
    for (const standIn of standIns) expect(standIn.requests.length).toBeGreaterThan(10);
    expect(rewards.scored()).toBeGreaterThan(60);
  }

  it('by keystrokes: servers verified, jobs watched, their log read', async () => {
    const config = await writeConfig();
    const args = [`${dist}cli.js`, path.join(home, 'run'), '--config', config];
    const screen = (terminal = new TestTerminal(args, { columns: 120, rows: 40, env: slurm() }));
    for (const round of [1, 2, 3]) {
      await screen.until(new RegExp(`round ${round}[\\s\\S]*waiting for your review[\\s\\S]*─ Prompt \\d`), 300);
      screen.type('1');
      await screen.until(/Sampling servers ─+ 2 of 2 ready/);
      screen.type('v');
      const held = round === 1 ? 'base policy' : `round ${round - 1}`;
      await screen.until(new RegExp(`vLLM [\\s\\S]*Holds ${held}[\\s\\S]*Holds ${held}`));
      screen.type('2');
      await screen.until(/─ Prompt \d/);
      screen.type(keys.enter);
      await screen.until(/runs as a Slurm job: sbatch[\s\S]*Launch the update on \d+ pairs\?/);
      screen.type('y');
      await screen.until(new RegExp(`Round ${round} on 3 held-out prompts`), 300);
      screen.type('3');
      await screen.until(/Slurm job \d+ · .*brevity \d/);
      screen.type('l');
      await screen.until(/Log of Slurm job[\s\S]*done after \d+ steps/);
      screen.type('4');
      await screen.until(new RegExp(`Round ${round} on 3 held-out prompts`));
      screen.type('a');
      await screen.until(/accepted/);
      if (round < 3) screen.type('n');
    }
    const megabytes = engineMegabytes();
    expect(megabytes).toBeGreaterThan(10);
    expect(megabytes).toBeLessThan(MOST_MB);
    screen.type('q');
    expect(await screen.exit).toBe(0);
    expectRounds();
  }, 1_200_000);

  it('headless: the same, with a line per round for servers and jobs', async () => {
    const config = await writeConfig();
    const args = [`${dist}cli.js`, 'auto', path.join(home, 'run'), '--rounds', '3', '--config', config];
    // The stand-ins answer from this process.
    const env = { ...process.env, ...slurm() };
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let [out, told] = ['', ''];
    child.stdout.on('data', (text: Buffer) => (out += text.toString()));
    child.stderr.on('data', (text: Buffer) => (told += text.toString()));
    let megabytes = 0;
    const looking = setInterval(() => (megabytes = Math.max(megabytes, engineMegabytes())), 200);
    const code = await new Promise((resolve) => child.on('close', resolve));
    clearInterval(looking);
    expect(told).not.toMatch(/brevity: /);
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(4);
    expect(megabytes).toBeGreaterThan(10);
    expect(megabytes).toBeLessThan(MOST_MB);
    for (const round of [1, 2, 3]) {
      expect(told).toMatch(new RegExp(`^round ${round} servers: 2 of 2 ready; .* on 2`, 'm'));
      expect(told).toMatch(new RegExp(`^round ${round} update: Slurm job \\d+ runs on `, 'm'));
      expect(told).toMatch(new RegExp(`^round ${round} update: Slurm job \\d+ is done`, 'm'));
    }
    expectRounds();
  }, 1_200_000);
}
