/**
 * `kill -9` of a real engine in every stage: the next start goes on and ends with the same samples, pairs and weights
 * as an undisturbed run. Also: two engines on one run, detaching, failures that are tried again.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as Auto from '../../src/engine/auto.js';
import type * as Client from '../../src/protocol/client.js';
import type * as Launch from '../../src/engine/launch.js';
import type { EngineEvent, Snapshot } from '../../src/protocol/messages.js';
import { lockHolder } from '../../src/io/lock.js';
import { Run } from '../../src/run/run.js';
import { contentsOf, dist, gone, quickRun, temporaryFolder } from './runs.js';

// The built files: they start the built engine.
const { drive } = (await import(`${dist}engine/auto.js`)) as typeof Auto;
const { connect } = (await import(`${dist}protocol/client.js`)) as typeof Client;
const { startEngine } = (await import(`${dist}engine/launch.js`)) as typeof Launch;

const folders: string[] = [];
const folder = () => {
  folders.push(temporaryFolder());
  return folders[folders.length - 1];
};
const quick = (changes: Parameters<typeof quickRun>[1] = {}) => quickRun(folder(), changes);
const all = { rounds: 2, settings: { alpha: 0.01 } };

let undisturbed: Record<string, string>;

beforeAll(async () => {
  const run = quick();
  await drive(run, all);
  undisturbed = contentsOf(run, [0, 1, 2]);
});

afterAll(() => {
  for (const each of folders) {
    const holder = lockHolder(path.join(each, 'run'));
    if (holder !== null) process.kill(holder.pid, 'SIGKILL');
    rmSync(each, { recursive: true, force: true });
  }
});

async function killAt(run: string, when: (event: EngineEvent) => boolean): Promise<void> {
  let killed = false;
  const attempt = drive(run, {
    ...all,
    onEvent(event) {
      if (killed || !when(event)) return;
      killed = true;
      process.kill(lockHolder(run)?.pid as number, 'SIGKILL');
    },
  });
  await expect(attempt).rejects.toThrow();
  expect(killed).toBe(true);
}

const nth = (n: number, matches: (event: EngineEvent) => boolean) => {
  let seen = 0;
  return (event: EngineEvent) => matches(event) && ++seen === n;
};
const inStage = (round: number, stage: string) => (event: EngineEvent) =>
  event.type === 'progress' && event.progress.round === round && event.progress.stage === stage;

describe('kill -9', () => {
  it.each<[string, (event: EngineEvent) => boolean]>([
    ["in the base's evaluation", nth(2, inStage(0, 'evaluate'))],
    ['while sampling', nth(8, (event) => event.type === 'response' && event.response.round === 1)],
    ['while scoring', nth(20, (event) => event.type === 'rewards' && event.round === 1)],
    ['in review', nth(1, (event) => event.type === 'round' && event.round.id === 1 && event.round.stage === 'review')],
    ['while updating', nth(5, (event) => event.type === 'step' && event.round === 1)],
    ['while updating in the second round', nth(2, (event) => event.type === 'step' && event.round === 2)],
    ['while evaluating', nth(2, inStage(1, 'evaluate'))],
  ])('%s changes nothing', async (_name, when) => {
    const run = quick();
    await killAt(run, when);
    await drive(run, all);
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });

  it('leaves lines and files that a crash has torn readable', async () => {
    const run = quick();
    await killAt(
      run,
      nth(12, (event) => event.type === 'response' && event.response.round === 1),
    );
    appendFileSync(path.join(run, 'rounds/0001/samples.jsonl'), '{"prompt_index":3,"prompt_ids":[1,2');
    writeFileSync(path.join(run, 'run.json.tmp'), '{"version":1,"conf');
    await drive(run, all);
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });
});

it('an engine that is told to end in an update keeps it as it is, and no step is taken twice', async () => {
  // No checkpoints but the last.
  const run = quick({ update: { checkpoint_seconds: 1000 } });
  let ended = false;
  const third = nth(3, (event) => event.type === 'step' && event.round === 1);
  const attempt = drive(run, {
    ...all,
    onEvent(event) {
      if (ended || !third(event)) return;
      ended = true;
      process.kill(lockHolder(run)?.pid as number, 'SIGTERM');
    },
  });
  await expect(attempt).rejects.toThrow('the engine got SIGTERM');
  while (lockHolder(run) !== null) await new Promise((resolve) => setTimeout(resolve, 10));
  const rows = () => readFileSync(path.join(run, 'rounds/0001/metrics.jsonl'), 'utf8').trim().split('\n');
  const taken = rows();
  expect(taken.length).toBeGreaterThanOrEqual(3);
  await drive(run, all);
  // Speeds and all.
  expect(rows().slice(0, taken.length)).toEqual(taken);
  expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
});

describe('a command that was acknowledged before the engine was killed', () => {
  /** Kills the engine once it has acknowledged the command, which is sent after the third step of round 1. */
  async function killedAfter(run: string, command: 'stop' | 'abort' | 'pause', how: NodeJS.Signals): Promise<void> {
    await startEngine(run);
    const client = await connect(run);
    const { pid } = lockHolder(run) as { pid: number };
    const third = nth(3, (event) => event.type === 'step' && event.round === 1);
    let sent: Promise<void> | null = null;
    await new Promise<void>((resolve, reject) => {
      client.on((event) => {
        if (event.type === 'problem') reject(new Error(event.message));
        if (event.type === 'round' && event.round.stage === 'review') void client.send({ type: 'launch' });
        if (sent !== null || !third(event)) return;
        sent = client.send({ type: command }).then(() => {
          process.kill(pid, how);
          resolve();
        });
        sent.catch(reject);
      });
      void client.send({ type: 'attach', client: 'tui' });
    });
    client.close();
    await gone(pid);
  }

  /** The next engine, once `when` holds; it is then killed. */
  async function next(run: string, when: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
    await startEngine(run);
    const client = await connect(run);
    const { pid } = lockHolder(run) as { pid: number };
    try {
      return await new Promise<Snapshot>((resolve, reject) => {
        client.on((event) => {
          if (event.type === 'problem') reject(new Error(event.message));
          if (event.type === 'snapshot' && when(event.snapshot)) resolve(event.snapshot);
          else if (event.type === 'round') client.send({ type: 'attach', client: 'tui' }).catch(reject);
        });
        client.send({ type: 'attach', client: 'tui' }).catch(reject);
      });
    } finally {
      client.close();
      process.kill(pid, 'SIGKILL');
      await gone(pid);
    }
  }

  const long = { update: { epochs: 30, checkpoint_seconds: 1000 } };

  it.each<NodeJS.Signals>(['SIGKILL', 'SIGTERM'])('abort, then %s: the update is discarded', async (how) => {
    const run = quick(long);
    await killedAfter(run, 'abort', how);
    const { rounds, engine } = await next(run, () => true);
    expect(rounds[1]).toMatchObject({ stage: 'review', steps: null });
    expect(engine.activity).toBe('idle');
    expect(readdirSync(path.join(run, 'rounds/0001'))).not.toContain('policy');
  });

  it.each<NodeJS.Signals>(['SIGKILL', 'SIGTERM'])('stop, then %s: the steps taken until then are kept', async (how) => {
    const run = quick(long);
    await killedAfter(run, 'stop', how);
    const { rounds } = await next(run, (snapshot) => snapshot.rounds[1]?.stage === 'done');
    expect(rounds[1].stopped_early).toBe(true);
    // The third step's report and the stop passed each other, or the fourth step was under way.
    expect([3, 4, 5]).toContain(rounds[1].steps);
  });

  it.each<NodeJS.Signals>(['SIGKILL', 'SIGTERM'])('pause, then %s: it stays paused', async (how) => {
    const run = quick(long);
    await killedAfter(run, 'pause', how);
    const { rounds, engine } = await next(run, () => true);
    expect(engine.activity).toBe('paused');
    expect(rounds[1].stage).toBe('update');
  });

  it('`brevity auto` resumes a paused run', async () => {
    const run = quick();
    await killedAfter(run, 'pause', 'SIGKILL');
    await drive(run, all);
    expect(Run.open(run).rounds.map(({ stage }) => stage)).toEqual(['done', 'done', 'done']);
  });
});

describe('one engine a run', () => {
  it('the second says who holds it and how to attach', async () => {
    const run = quick();
    await startEngine(run);
    const holder = lockHolder(run);
    const second = spawnSync(process.execPath, [`${dist}engine/main.js`, run], { encoding: 'utf8' });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`held by the engine of process ${holder?.pid}`);
    expect(second.stderr).toContain(`brevity ${run}`);
    process.kill(holder?.pid as number, 'SIGKILL');
  });

  it('works on when its client detaches, and lets another attach', async () => {
    const run = quick();
    await startEngine(run);
    const first = await connect(run);
    await first.send({ type: 'attach', client: 'tui' });
    first.close();
    const second = await connect(run);
    const review = new Promise<void>((resolve) => {
      second.on((event) => {
        const rounds = event.type === 'snapshot' ? event.snapshot.rounds : event.type === 'round' ? [event.round] : [];
        if (rounds.some(({ id, stage }) => id === 1 && stage === 'review')) resolve();
      });
    });
    await second.send({ type: 'attach', client: 'tui' });
    await review;
    await expect(second.send({ type: 'next-round' })).rejects.toThrow(/once the round before it is done/);
    await expect(second.send({ type: 'set', settings: { alpha: -1 } })).rejects.toThrow(/alpha -1/);
    const { pid } = lockHolder(run) as { pid: number };
    await second.send({ type: 'shutdown' });
    second.close();
    await gone(pid);
    expect(lockHolder(run)).toBeNull();
  });

  it('its socket is for this user only', async () => {
    const run = quick();
    await startEngine(run);
    const { socket, pid } = lockHolder(run) as { socket: string; pid: number };
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(socket)).mode & 0o777).toBe(0o700);
    process.kill(pid, 'SIGKILL');
  });
});

describe('failures', () => {
  it('a reward that fails keeps what was scored and is tried again', async () => {
    const home = folder();
    const reward = path.join(home, 'reward.mjs');
    const good = 'let h = 0; for (const id of ids) h = (h * 31 + id) % 1009; return h / 100;';
    writeFileSync(
      reward,
      `let calls = 0; export function score({ ids }) { if (++calls > 40) throw new Error('out of luck'); ${good} }`,
    );
    const run = quickRun(home, { reward: `module:${reward}` as never });
    await expect(drive(run, all)).rejects.toThrow(/reward\.mjs failed at the response to .*out of luck/);
    expect(readFileSync(path.join(run, 'rounds/0001/scores.jsonl'), 'utf8').trim().split('\n').length).toBeGreaterThan(
      5,
    );
    writeFileSync(reward, `export function score({ ids }) { ${good} }`);
    await drive(run, all);
    expect(contentsOf(run, [0, 1, 2])).toEqual(undisturbed);
  });

  it('a model folder that cannot be used is said in one sentence', async () => {
    const home = folder();
    const run = quickRun(home, { model: `${home}/nothing` as never });
    await expect(drive(run, all)).rejects.toThrow(/nothing does not exist/);
  });
});
