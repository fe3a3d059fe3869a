/** Two rounds of the program itself, unattended, with a LoRA adapter that is loaded into the server for the second. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Verification } from '../../src/protocol/remoteViews.js';
import type { SampleRow } from '../../src/core/rows.js';
import { brevity, lines, ourLogprobs } from './fixtures.js';
import type { Figures, SuiteOptions } from './suite.js';

const root = path.resolve(import.meta.dirname, '../..');

function verifications(run: string, round: number): Verification[] {
  const file = path.join(run, `rounds/${String(round).padStart(4, '0')}/verifications.jsonl`);
  return existsSync(file)
    ? lines<{ verification: Verification }>(readFileSync(file, 'utf8')).map(({ verification }) => verification)
    : [];
}

export async function wholeRound(options: SuiteOptions): Promise<Figures> {
  const { policy, work, urls, keyVariable, tolerance } = options;
  const run = path.join(work, 'run');
  rmSync(run, { recursive: true, force: true });
  const some = (name: string, count: number): string => {
    const file = path.join(work, name);
    const rows = readFileSync(path.join(root, 'data', name), 'utf8').split('\n');
    writeFileSync(file, `${rows.slice(0, count).join('\n')}\n`);
    return file;
  };
  const config = path.join(work, 'config.json');
  writeFileSync(
    config,
    JSON.stringify({
      sampling: {
        samples_per_prompt: 2,
        temperature: 1,
        max_new_tokens: 32,
        server: { endpoints: urls, weights: 'adapter', key_variable: keyVariable, tolerance },
      },
    }),
  );
  const reward = `module:${path.join(root, 'test/fixtures/hash-reward.mjs')}`;
  const started = performance.now();
  const printed = brevity([
    ...['auto', run, '--rounds', '2', '--config', config, '--model', policy, '--reward', reward],
    ...['--prompts', some('prompts.jsonl', 8), '--held-out', some('held-out.jsonl', 4)],
    ...['--lora', '8', '--lr', '5e-3', '--steps', '2', '--threads', '1'],
    ...(keyVariable === null ? [] : urls.flatMap((url) => ['--trust', `${keyVariable}@${new URL(url).origin}`])),
  ]);
  const seconds = (performance.now() - started) / 1000;
  const rounds = lines<{ round: number }>(printed);
  assert.deepEqual(
    rounds.map(({ round }) => round),
    [0, 1, 2],
  );
  // What the server sampled from is what our engine computes from the same folders.
  const apart = [1, 2].map((round) => {
    const start = round === 1 ? policy : path.join(run, 'rounds/0001/policy');
    const rows = lines<SampleRow>(
      readFileSync(path.join(run, `rounds/${String(round).padStart(4, '0')}/samples.jsonl`), 'utf8'),
    );
    assert.equal(rows.length, 8);
    const responses = rows.flatMap((row) =>
      row.responses.map((response) => ({ prompt_ids: row.prompt_ids, response })),
    );
    assert.equal(responses.length, 16);
    const ours = ourLogprobs(
      start,
      responses.map(({ prompt_ids, response }) => ({ prompt_ids, response_ids: response.ids })),
    );
    const all = responses.flatMap(({ response }, i) =>
      response.token_logprobs.map((value, k) => Math.abs(value - ours[i][k])),
    );
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
    assert.ok(mean <= tolerance, `round ${round}: log-probabilities differ by ${mean} nats per token`);
    const verified = verifications(run, round);
    assert.ok(verified.length >= urls.length, `round ${round} has no verification of its endpoints`);
    for (const { verdict } of verified) assert.notEqual(verdict, 'failed');
    // The adapter's log-probabilities were recorded by the update.
    if (round === 2) assert.ok(verified.some(({ verdict, shift }) => verdict === 'verified' && shift !== null));
    return { round, mean, max: Math.max(...all), verified };
  });
  return { seconds, rounds: rounds.length, apart };
}
