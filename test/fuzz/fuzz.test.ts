/**
 * Every reader of data from outside, with thousands of damaged inputs: each is read, or refused by one sentence, in
 * bounded time and memory. `npm test` takes a few inputs; `npm run test:fuzz` takes 20,000 for each reader.
 *
 *     BREVITY_FUZZ=20000            inputs for each target
 *     BREVITY_FUZZ_SEED=7           another sequence (printed with every failure)
 *     BREVITY_FUZZ_FROM=123         the first input, to repeat a failure with BREVITY_FUZZ=1
 *     BREVITY_FUZZ_TARGETS=a,b      these targets alone
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';

const child = new URL('./child.ts', import.meta.url).pathname;
const count = Number(process.env.BREVITY_FUZZ ?? 120);
const seed = Number(process.env.BREVITY_FUZZ_SEED ?? 1);
const from = Number(process.env.BREVITY_FUZZ_FROM ?? 0);
const chosen = (process.env.BREVITY_FUZZ_TARGETS ?? '').split(',').filter((name) => name !== '');

/** In memory where there is such a folder: the readers are to be tested and not the disk. */
const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'brevity-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Seconds that one input may hang before the process is killed; the child itself counts processor time. */
const PATIENCE = 60;

interface Outcome {
  lines: Record<string, unknown>[];
  /** How the process ended, if not by itself. */
  ended: string;
}

function run(names: string[]): Promise<Outcome> {
  const at = path.join(folder, 'at');
  const args = [
    '--expose-gc',
    '--max-old-space-size=1024',
    '--import',
    'tsx',
    child,
    String(seed),
    String(count),
    String(from),
  ];
  const started = spawn(process.execPath, [...args, ...names], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BREVITY_FUZZ_AT: at, BREVITY_FUZZ_FOLDER: folder },
  });
  let [out, err, ended] = ['', '', ''];
  started.stdout.on('data', (text) => (out += String(text)));
  started.stderr.on('data', (text) => (err = (err + String(text)).slice(-3000)));
  const under = () => (existsSync(at) ? readFileSync(at, 'utf8').trim() : 'its start');
  const watch = setInterval(() => {
    if (!existsSync(at) || Date.now() - statSync(at).mtimeMs < PATIENCE * 1000) return;
    ended = `hangs at ${under()}`;
    started.kill('SIGKILL');
  }, 1000);
  return new Promise((resolve) =>
    started.once('close', (code, signal) => {
      clearInterval(watch);
      if (ended === '' && code !== 0) ended = `ended with ${code ?? signal} at ${under()}: ${err}`;
      const lines = out.split('\n').filter((line) => line !== '');
      resolve({ ended, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) });
    }),
  );
}

it(
  `reads ${count} damaged inputs for each reader, or refuses them in one sentence (seed ${seed})`,
  async () => {
    const { lines, ended } = await run(chosen);
    const [{ targets }, ...rest] = lines as [{ targets: string[] }, ...Record<string, unknown>[]];
    const failures = rest.filter(({ what }) => what !== undefined);
    const finished = rest.filter(({ done }) => done !== undefined);
    if (count > 1000 || failures.length > 0) console.log(JSON.stringify(rest, null, 1));
    expect(ended).toBe('');
    expect(failures).toEqual([]);
    // It did run, all of it, and what a target keeps stays bounded.
    expect(finished.map(({ target, done }) => [target, done])).toEqual(
      (chosen.length > 0 ? chosen : targets).map((target) => [target, count]),
    );
    expect(targets.length).toBeGreaterThanOrEqual(25);
    for (const { growth } of finished) expect(growth).toBeLessThan(200);
  },
  3 * 3600_000,
);
