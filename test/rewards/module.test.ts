/** Rewards that are modules of the user's, well-behaved and not; and sums of them. */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { rewardOptionsSchema } from '../../src/core/config/schema.js';
import { namedByUser, openReward } from '../../src/rewards/index.js';
import { temporaryFolder } from '../engine/runs.js';

let home = '';
let files = 0;
beforeAll(() => {
  home = temporaryFolder();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const inputs = ['one', 'three', 'seven!'].map((response) => ({ prompt: `about ${response}`, response }));

/** Scores the inputs with a module of this source. @returns what was reported before it ended or failed */
async function run(source: string, options: object = {}): Promise<{ rewards: number[]; error: string }> {
  const file = path.join(home, `reward-${files++}.mjs`);
  writeFileSync(file, source);
  return score(`module:${file}`, options);
}

async function score(spec: string, options: object = {}): Promise<{ rewards: number[]; error: string }> {
  const rewards: number[] = [];
  try {
    const reward = await openReward(spec, rewardOptionsSchema.parse(options), namedByUser);
    try {
      await reward.score(inputs, { onReward: (index, value) => (rewards[index] = value) });
    } finally {
      reward.dispose();
    }
    return { rewards, error: '' };
  } catch (error) {
    return { rewards, error: (error as Error).message };
  }
}

const good =
  'export function score({ prompt, response }) { return response.length + (prompt.startsWith("about") ? 0 : 100); }';

describe('module:', () => {
  it.each([
    ['sync', good],
    ['async', 'export async function score({ response }) { await null; return response.length; }'],
    ['a batch', 'export function scoreBatch(rows) { return rows.map(({ response }) => response.length); }'],
    ['a default export', 'export default ({ response }) => response.length;'],
  ])('%s', async (_name, source) => {
    expect(await run(source, { batch_size: 2 })).toEqual({ rewards: [3, 5, 6], error: '' });
  });

  it.each<[string, string, RegExp]>([
    [
      'throws',
      'export function score({ response }) { if (response === "three") throw new Error("no luck"); return 1; }',
      /"about three": it threw: no luck/,
    ],
    [
      'gives text',
      'export function score({ response }) { return response === "three" ? "good" : 1; }',
      /gave "good" \(string\) for the response to "about three"; expected a finite number/,
    ],
    [
      'gives NaN',
      'export function score({ response }) { return response === "three" ? NaN : 1; }',
      /gave NaN for the response to "about three"/,
    ],
    [
      'gives nothing',
      'export function score({ response }) { if (response !== "three") return 1; }',
      /gave nothing \(undefined\) for the response to "about three"/,
    ],
    [
      'gives a BigInt',
      'export function score({ response }) { return response === "three" ? 10n : 1; }',
      /gave 10n \(bigint\) for the response to "about three"/,
    ],
    [
      'gives an object that holds itself',
      'export function score({ response }) { const o = {}; o.o = o; return response === "three" ? o : 1; }',
      /gave .*Circular.* \(object\) for the response to "about three"/,
    ],
    [
      'never answers',
      'export function score({ response }) { return response === "three" ? new Promise(() => {}) : 1; }',
      /"about three": it did not answer within 0\.5 s/,
    ],
    [
      'never returns',
      'export function score({ response }) { while (response === "three"); return 1; }',
      /"about three": it did not answer within 0\.5 s/,
    ],
    [
      'ends its thread',
      'export function score({ response }) { if (response === "three") process.exit(3); return 1; }',
      /"about three": its thread ended/,
    ],
  ])('one that %s is named by its prompt, and what came before is kept', async (_name, source, says) => {
    const { rewards, error } = await run(source, { timeout_seconds: 0.5 });
    expect(error).toMatch(says);
    expect(rewards).toEqual([1]);
  });

  it('too few of a batch', async () => {
    const { error } = await run('export const scoreBatch = () => [1];');
    expect(error).toMatch(/gave 1 values for 3 responses from "about one" on/);
  });
  it('what cannot be loaded', async () => {
    expect((await run('export const x = 1;')).error).toMatch(/exports neither score nor scoreBatch/);
    expect((await run('export function score( {')).error).toMatch(/cannot be loaded/);
    expect((await score(`module:${home}/none.mjs`)).error).toMatch(/none\.mjs does not exist/);
  });
  it("keeps the user's escapes out of errors", async () => {
    const file = path.join(home, 'escapes.mjs');
    writeFileSync(file, 'export const score = () => NaN;');
    const reward = await openReward(`module:${file}`, rewardOptionsSchema.parse({}), namedByUser);
    const attempt = reward.score([{ prompt: 'a\u001b]52;c;x\u0007b', response: '' }], { onReward: () => {} });
    await expect(attempt).rejects.toThrow('"a ]52;c;x b"');
    reward.dispose();
    const source = 'export function score() { throw new Error("cannot read \\x9b2J\\x1b[2J"); }';
    expect((await run(source)).error).toMatch(/it threw: cannot read {2}2J \[2J$/);
  });
  it('what it throws between two calls is told at the next', async () => {
    const file = path.join(home, 'late.mjs');
    writeFileSync(
      file,
      `let calls = 0;
       export function score() {
         setTimeout(() => { throw new Error('too late'); }, 20);
         return calls++ === 0 ? 1 : new Promise(() => {});
       }`,
    );
    const reward = await openReward(`module:${file}`, rewardOptionsSchema.parse({ timeout_seconds: 20 }), namedByUser);
    const rewards: number[] = [];
    const onReward = (index: number, value: number) => void (rewards[index] = value);
    await reward.score(inputs.slice(0, 1), { onReward });
    await new Promise((resolve) => setTimeout(resolve, 200));
    await expect(reward.score(inputs, { onReward })).rejects.toThrow(/"about one": it threw: too late/);
    expect(rewards).toEqual([1]);
    reward.dispose();
  });
  it('what it prints goes to standard error: standard output is for data', async () => {
    const printed = { stdout: '', stderr: '' };
    const spies = (['stdout', 'stderr'] as const).map((name) =>
      vi.spyOn(process[name], 'write').mockImplementation((text) => {
        printed[name] += String(text);
        return true;
      }),
    );
    try {
      await run('export function score() { console.log("a line"); return 1; }');
      await vi.waitFor(() => expect(printed.stderr).toContain('a line'));
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    expect(printed.stdout).not.toContain('a line');
  });
});

it('a weighted sum adds its parts', async () => {
  const [a, b] = [path.join(home, 'a.mjs'), path.join(home, 'b.mjs')];
  writeFileSync(a, good);
  writeFileSync(b, 'export const scoreBatch = (rows) => rows.map((_, i) => 10 * i);');
  expect(await score(`2*module:${a}+-0.5*module:${b}`)).toEqual({ rewards: [6, 5, 2], error: '' });
});

it('a weighted sum reports no part of a sum where a component was stopped early', async () => {
  const [a, b] = [path.join(home, 'c.mjs'), path.join(home, 'd.mjs')];
  for (const file of [a, b]) writeFileSync(file, good);
  const reward = await openReward(`module:${a}+module:${b}`, rewardOptionsSchema.parse({}), namedByUser);
  const rewards: number[] = [];
  let points = 0;
  await reward.score(inputs, {
    onReward: (index, value) => (rewards[index] = value),
    // Stops the first part after one response; the second runs through.
    control: { point: () => Promise.resolve(points++ === 1 ? 'stop' : 'go') },
  });
  expect(rewards).toEqual([6]);
  reward.dispose();
});

it('a weighted sum that overflows is refused by name and never becomes null on disk', async () => {
  const file = path.join(home, 'huge.mjs');
  writeFileSync(file, 'export function score({ response }) { return response === "three" ? 1e30 : 1; }');
  const { rewards, error } = await score(`1e300*module:${file}+module:${file}`);
  expect(error).toMatch(
    /^reward 1e300\*module:.* gave 1e\+300 for .*; expected a finite number of at most 1e\+30 either/,
  );
  expect(rewards).toEqual([]);
  const smaller = await score(`module:${file}+module:${file}`);
  expect(smaller.rewards).toEqual([2]);
  expect(smaller.error).toMatch(/gave 2e\+30 for the response to "about three"/);
});

it('a reward that is finite but too large to average is refused', async () => {
  const { error } = await run('export function score() { return 1e308; }');
  expect(error).toMatch(/gave 1e\+308 for the response to "about one"; expected a finite number/);
});
