/** `brevity auto`: the bundled example's kind of run from flags, going on, and what it says to bad input. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder, writePrompts } from '../engine/runs.js';
import { testBackend } from '../backend.js';
import { goldenFolder } from '../golden.js';
import { brevity } from './cli.js';

const model = `${goldenFolder}llama-tied-gqa/model`;
const reward = `module:${new URL('../fixtures/hash-reward.mjs', import.meta.url).pathname}`;

let home = '';
let flags: string[] = [];
beforeAll(() => {
  home = temporaryFolder();
  const prompts = writePrompts(path.join(home, 'p.jsonl'), 6);
  const heldOut = writePrompts(path.join(home, 'h.jsonl'), 4);
  flags = ['--model', model, '--reward', reward, '--prompts', prompts, '--held-out', heldOut, '--backend', testBackend];
  flags.push('-n', '3', '--max-new-tokens', '10', '--temperature', '2', '--lr', '1e-4');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('brevity auto', () => {
  it('prints a row a round, goes on to more rounds, and report and export read what it left', () => {
    const run = path.join(home, 'run');
    const first = brevity(['auto', run, '--rounds', '1', '--alpha', '0.03', ...flags]);
    expect(first.stderr).not.toMatch(/brevity:/);
    expect(first.rows().map(({ round, alpha }) => [round, alpha])).toEqual([
      [0, undefined],
      [1, 0.03],
    ]);
    const second = brevity(['auto', run, '--rounds', '2', '--alpha', '0.05']);
    expect(second.rows().map(({ round, alpha }) => [round, alpha])).toEqual([
      [0, undefined],
      [1, 0.03],
      [2, 0.05],
    ]);

    expect(first.stderr).not.toMatch(/Done:|Nothing was done/);
    expect(second.stderr).toMatch(/^Done: round 2\. Round 1 was done before and is unchanged\.$/m);

    // Everything was done already: the rows once more, and what was not done.
    const third = brevity(['auto', run, '--rounds', '1', '--alpha', '0.5']);
    expect([third.status, third.rows().length]).toEqual([0, 3]);
    expect(third.stderr).toMatch(
      /^Nothing was done and --alpha 0\.5 was not used: \S+ has 2 rounds and --rounds 1 is the total\. Another round: node \S+cli\.js auto \S+ --rounds 3 --alpha 0\.5$/m,
    );

    expect(brevity(['auto', run, '--model', model, '--top-p', '0.5']).stderr).toMatch(
      /has its configuration already; leave out --top-p, --model, or name a new directory/,
    );

    const report = brevity(['report', run]).stdout;
    expect(report).toMatch(/\| base \|/);
    expect(report.split('\n').filter((line) => /^\| [12] \| (base|1) \| 0\.0[35]00 \|/.test(line))).toHaveLength(2);
    const page = path.join(home, 'report.html');
    expect(brevity(['report', run, '--out', page])).toMatchObject({ status: 0, stdout: '' });
    expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>[\s\S]*<svg [\s\S]*<\/html>\n$/);
    expect(brevity(['report', run, '--format', 'html']).stdout).toBe(readFileSync(page, 'utf8'));

    const out = path.join(home, 'exported');
    expect(brevity(['export', run, '--round', '1', '--out', out, '--dtype', 'bfloat16']).status).toBe(0);
    expect(existsSync(path.join(out, 'model.safetensors'))).toBe(true);
    const card = readFileSync(path.join(out, 'README.md'), 'utf8');
    expect(card).toMatch(/^---\nlibrary_name: transformers\n/);
    expect(card).toContain('by one round of iterative length-regularized DPO');
    expect(card).not.toContain('| 2 |');
    expect(brevity(['export', run, '--out', out]).stderr).toMatch(/is not empty; name a new folder/);
  }, 120_000);

  it.each<[string, () => string[], number, RegExp]>([
    [
      'a run that is not there',
      () => [path.join(home, 'none')],
      2,
      /none does not exist; give --model, --reward, --prompts and --held-out/,
    ],
    ['a directory that holds something else', () => [home], 2, /holds no run; give --model/],
    [
      'several problems at once',
      () => [path.join(home, 'x'), '--model', '/a', '--reward', 'b:c', '--prompts', '/d', '--top-p', '7', '--foo'],
      2,
      /^brevity: 6 problems:\n {2}--foo: unknown flag; .*\n {2}--top-p 7: expected .*\n {2}--held-out: missing; .*\n {2}--model: \/a does not exist\n {2}--prompts: \/d does not exist\n {2}--reward: .* cannot be read; .*\n$/,
    ],
    [
      'flags over a file: each problem is that of the place its value came from',
      () => {
        const file = path.join(home, 'settings.json');
        writeFileSync(
          file,
          JSON.stringify({ model, reward, prompts: '/d', held_out: '/e', dpo: { alfa: 1, beta: 0 } }),
        );
        return [path.join(home, 'x'), '--config', file, '--model', '/dev/null/nope', '--lr', '2'];
      },
      2,
      /^brevity: 6 problems:\n {2}--lr 2: .*\n {2}\S+settings\.json: dpo\.beta: 0: expected .*\n {2}\S+settings\.json: dpo\.alfa: unknown key; did you mean alpha\?\n {2}--model: \/dev\/null\/nope does not exist\n {2}\S+settings\.json: prompts: \/d does not exist\n {2}\S+settings\.json: held_out: \/e does not exist\n$/,
    ],
    [
      "a flag over the example's own settings",
      () => [path.join(home, 'example'), '--held-out', '/dev/null/nope'],
      2,
      /^brevity: --held-out: \/dev\/null\/nope does not exist\n$/,
    ],
    [
      'broken JSON in the prompts',
      () => {
        writeFileSync(path.join(home, 'broken.jsonl'), '{"prompt_ids":[1]}\n{"prompt_ids":\n');
        return [path.join(home, 'y'), ...flags, '--prompts', path.join(home, 'broken.jsonl')];
      },
      1,
      /broken\.jsonl:2 is not JSON/,
    ],
    [
      'an architecture that is not supported',
      () => {
        const dir = path.join(home, 'falcon');
        mkdirSync(dir, { recursive: true });
        writeFileSync(path.join(dir, 'config.json'), '{"architectures":["FalconForCausalLM"]}');
        return [path.join(home, 'z'), ...flags, '--model', dir];
      },
      1,
      /FalconForCausalLM.*LlamaForCausalLM/,
    ],
  ])('%s', (_name, args, status, says) => {
    const result = brevity(['auto', ...args()]);
    expect(result.stderr).toMatch(says);
    expect(result.status).toBe(status);
    expect(result.stdout).toBe('');
  });
});
