/** `brevity score` and a judge. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { dist } from '../engine/runs.js';
import { shownIn, startJudge, type JudgeServer } from '../rewards/judge/judgeServer.js';
import { temporaryDirectories } from '../temporary.js';

const fresh = temporaryDirectories();
let server: JudgeServer;
afterEach(() => server.close());

/** Not spawnSync, as the judge answers in this process. */
const brevity = (args: string[]) =>
  new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) =>
    execFile(process.execPath, [`${dist}cli.js`, ...args], (error, stdout, stderr) =>
      resolve({ failed: error !== null, stdout, stderr }),
    ),
  );

it('rewards responses, prints remarks, and asks nothing again', async () => {
  server = await startJudge((asked) => (shownIn(asked).first.length > 1 ? 'A' : 'B'));
  const dir = fresh();
  const file = path.join(dir, 'in.jsonl');
  writeFileSync(file, '{"prompt":"p","response":"x"}\n{"prompt":"p","response":"\\u001b[2Jlong"}\n');
  const cache = path.join(dir, 'cache.jsonl');
  const args = ['score', '--reward', server.spec, '--judge-cache', cache, '--judge-price-input', '2', '--in', file];
  const first = await brevity(args);
  expect(first.stdout.trim().split('\n').map((line) => (JSON.parse(line) as { reward: number }).reward)).toEqual([0, 1]); // prettier-ignore
  expect(first.stderr).toBe(
    'scoring: 2/2 responses\njudge judge: 2 comparisons, 2 with hard labels, as the server gave no log-probabilities\njudge judge: 1 of 1 pair went to the same response in both orders\njudge judge: 200 input tokens and 4 output tokens, which cost 0.0004000 at your prices\n',
  );
  const again = await brevity(args);
  expect(again.stdout).toBe(first.stdout);
  expect(again.stderr).toContain('2 from the cache');
  expect(server.asked).toHaveLength(2);
  expect(readFileSync(cache, 'utf8').trimEnd().split('\n')).toHaveLength(2);
});

it("check-reward and answer keep a judge's answers", async () => {
  // Grades where one response is shown.
  server = await startJudge((asked) => (JSON.stringify(asked).includes('<response_A>') ? 'A' : '5'));
  const dir = fresh();
  const write = (name: string, row: object) => {
    writeFileSync(path.join(dir, name), JSON.stringify(row) + '\n');
    return path.join(dir, name);
  };
  const cache = path.join(dir, 'cache.jsonl');
  const check = ['check-reward', '--reward', server.spec, '--judge-cache', cache];
  check.push('--in', write('pairs.jsonl', { prompt: 'p', chosen: 'long', rejected: 'x' }));
  const first = await brevity(check);
  expect(first.failed).toBe(false);
  expect(first.stderr).toMatch(/judge judge: \d+ (?:comparison|grade)/);
  const asked = server.asked.length;
  expect(asked).toBeGreaterThan(0);
  const again = await brevity(check);
  expect(again.stdout).toBe(first.stdout);
  expect(again.stderr).toMatch(/from the cache/);
  expect(server.asked).toHaveLength(asked);

  const model = new URL('../../data/base-policy', import.meta.url).pathname;
  const answer = ['answer', '--model', model, '--backend', 'wasm', '--max-new-tokens', '4', '--judge-cache', cache];
  answer.push('--in', write('prompts.jsonl', { prompt: 'What is 8 minus 1?' }));
  const missing = await brevity(answer);
  expect(missing.stderr).toContain('--judge-cache: belongs to a judge that chooses among candidates; add --best-of');
  answer.push('--best-of', '2', '--reward', server.spec);
  const chosen = await brevity(answer);
  expect(chosen.stderr).toContain('judge judge: ');
  const before = server.asked.length;
  expect(before).toBeGreaterThan(asked);
  expect((await brevity(answer)).stderr).toContain('from the cache');
  expect(server.asked).toHaveLength(before);
});

it('fails in one sentence, with its remarks', async () => {
  server = await startJudge(() => 'Hard to\u001b[2J say.');
  const file = path.join(fresh(), 'in.jsonl');
  writeFileSync(file, '{"prompt":"p","response":"x"}\n');
  const { failed, stderr } = await brevity([
    'score',
    '--reward',
    server.spec,
    '--judge-mode',
    'pointwise',
    '--in',
    file,
  ]);
  expect(failed).toBe(true);
  expect(stderr).toContain(
    'judge judge: 1 unparsable answer in 1 grade, such as "Hard to [2J say."; each counts as 5.5',
  );
  expect(stderr).toMatch(/1 of 1 answer is a refusal or unparsable, such as "Hard to \[2J say\."; expected one number/);
});
