/** The stage commands, one feeding the next, on a golden model; and what they say to bad input. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultOut, journalOf } from '../../src/cli/reviewSession.js';
import { readScoredFile } from '../../src/run/reviewFile.js';
import { dist, temporaryFolder } from '../engine/runs.js';
import { goldenFolder, readGolden, type GoldenPair } from '../golden.js';
import { brevity } from './cli.js';

const model = `${goldenFolder}llama-tied-gqa/model`;
const reward = `module:${new URL('../fixtures/hash-reward.mjs', import.meta.url).pathname}`;
const prompts = Array.from({ length: 5 }, (_, i) => ({ prompt_ids: [3 + i, 50, 60 + i] }));
const sampling = ['-n', '3', '--max-new-tokens', '8', '--temperature', '2', '--backend', 'wasm'];

let home = '';
beforeAll(() => {
  home = temporaryFolder();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('stages compose', () => {
  it('sample | score | pair | update | logprobs | evaluate', () => {
    const sampled = brevity(['sample', '--model', model, ...sampling], prompts);
    expect(sampled.stderr).not.toMatch(/brevity:/);
    expect(sampled.status).toBe(0);
    const rows = sampled.rows() as {
      prompt_ids: number[];
      responses: { ids: number[]; logps: number; token_logprobs: number[]; finish_reason: string }[];
    }[];
    expect(rows.map(({ prompt_ids }) => prompt_ids).sort()).toEqual(prompts.map(({ prompt_ids }) => prompt_ids).sort());
    for (const { responses } of rows) {
      expect(responses.length).toBe(3);
      for (const { ids, token_logprobs, logps, finish_reason } of responses) {
        expect(token_logprobs.length).toBe(ids.length);
        expect(logps).toBeCloseTo(
          token_logprobs.reduce((a, b) => a + b, 0),
          8,
        );
        expect(['stop', 'length']).toContain(finish_reason);
      }
    }
    expect(brevity(['sample', '--model', model, ...sampling, '--seed', '0'], prompts).stdout).toBe(sampled.stdout);

    const scored = brevity(['score', '--reward', reward], sampled.stdout);
    const scoredRows = scored.rows() as { responses: { reward: number }[] }[];
    expect(scoredRows.length).toBe(5);
    expect(scoredRows.every(({ responses }) => responses.every(({ reward: r }) => r >= 0 && r < 10.09))).toBe(true);

    const paired = brevity(['pair'], scored.stdout);
    expect(paired.stderr).toMatch(/\d pairs/);
    const pairs = paired.rows() as { chosen_reward: number; rejected_reward: number }[];
    expect(pairs.every(({ chosen_reward, rejected_reward }) => chosen_reward > rejected_reward)).toBe(true);
    const pairsFile = path.join(home, 'pairs.jsonl');
    writeFileSync(pairsFile, paired.stdout);

    const out = path.join(home, 'updated');
    const updated = brevity([
      'update',
      '--policy',
      model,
      '--pairs',
      pairsFile,
      '--lr',
      '1e-3',
      '--epochs',
      '2',
      '--out',
      out,
      '--backend',
      'wasm',
    ]);
    expect(updated.status).toBe(0);
    const metrics = updated.rows();
    expect(metrics.map(({ step }) => step)).toEqual([1, 2]);
    expect(metrics[1].loss).toBeLessThan(metrics[0].loss as number);

    const first = paired.rows()[0] as { prompt_ids: number[]; chosen_ids: number[] };
    const question = [{ prompt_ids: first.prompt_ids, response_ids: first.chosen_ids, mine: 'kept' }];
    const [before] = brevity(['logprobs', '--model', model], question).rows();
    const [after] = brevity(['logprobs', '--model', out], question).rows();
    expect(before.mine).toBe('kept');
    expect((before.token_logprobs as number[]).length).toBe(first.chosen_ids.length);
    expect(after.logps).not.toBeCloseTo(before.logps as number, 3);

    const [judged] = brevity(
      ['evaluate', '--model', out, '--against', model, '--reward', reward, '--max-new-tokens', '8'],
      prompts,
    ).rows();
    expect(judged).toMatchObject({ prompts: 5, length_controlled_form: 'minimal' });
    expect(judged.win_rate).toBeGreaterThanOrEqual(0);
  });

  /** Samples to feed other stages; sampled once. */
  const samplesOnce = () => (samples ??= brevity(['sample', '--model', model, ...sampling], prompts).stdout);
  let samples: string | undefined;
  const rowsOf = <T>(text: string): T[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as T);
  interface Sampled {
    prompt_index: number;
    responses: { ids: number[]; logps: number; token_logprobs: number[]; reward: number }[];
  }
  interface Paired {
    prompt_index: number;
    chosen_reward: number;
    chosen_logps: number;
    rejected_logps: number;
    chosen_token_logprobs: number[];
  }

  it('sample -n 1 gives one response per prompt', () => {
    const rows = brevity(['sample', '--model', model, ...sampling, '-n', '1'], prompts).rows() as unknown as Sampled[];
    expect(rows.map(({ responses }) => responses.length)).toEqual([1, 1, 1, 1, 1]);
  });

  it('sample | logprobs | score | pair | logprobs | score | update: rows keep their form', () => {
    const sampled = samplesOnce();
    const again = brevity(['logprobs', '--model', model, '--backend', 'wasm'], sampled);
    expect(again.stderr).not.toMatch(/brevity:/);
    const [before, after] = [rowsOf<Sampled>(sampled), rowsOf<Sampled>(again.stdout)];
    expect(after.map(({ responses }) => responses.map(({ ids }) => ids))).toEqual(
      before.map(({ responses }) => responses.map(({ ids }) => ids)),
    );
    // The same model: the log-probabilities that it sampled with.
    before.forEach(({ responses }, i) =>
      responses.forEach(({ logps, token_logprobs }, j) => {
        expect(after[i].responses[j].logps).toBeCloseTo(logps, 3);
        expect(after[i].responses[j].token_logprobs).toHaveLength(token_logprobs.length);
      }),
    );

    const paired = brevity(['pair'], brevity(['score', '--reward', reward], again.stdout).stdout).stdout;
    const told = brevity(['logprobs', '--model', model, '--backend', 'wasm'], paired).stdout;
    const rescored = brevity(['score', '--reward', reward], told).stdout;
    const pairs = rowsOf<Paired>(rescored);
    expect(pairs.map(({ chosen_reward }) => chosen_reward)).toEqual(
      rowsOf<Paired>(paired).map(({ chosen_reward }) => chosen_reward),
    );
    const dry = brevity(['update', '--policy', model, '--dry-run', '--backend', 'wasm'], rescored).rows();
    pairs.forEach((pair, i) => {
      expect(pair.chosen_logps).toBeCloseTo(
        pair.chosen_token_logprobs.reduce((a, b) => a + b, 0),
        8,
      );
      expect(dry[i].chosen_logps).toBeCloseTo(pair.chosen_logps, 4);
      expect(dry[i].rejected_logps).toBeCloseTo(pair.rejected_logps, 4);
    });
  });

  it('works as one pipe of real processes', () => {
    const file = path.join(home, 'piped.jsonl');
    writeFileSync(file, prompts.map((row) => JSON.stringify(row) + '\n').join(''));
    const stage = (args: string) => `"${process.execPath}" "${dist}cli.js" ${args}`;
    const command = [
      stage(`sample --model "${model}" --in "${file}" ${sampling.join(' ')}`),
      stage(`logprobs --model "${model}" --backend wasm`),
      stage(`score --reward "${reward}"`),
      stage('pair'),
      stage(`update --policy "${model}" --dry-run --backend wasm`),
    ].join(' | ');
    const { status, stdout } = spawnSync('bash', ['-o', 'pipefail', '-c', command], { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(rowsOf<{ loss: number }>(stdout).at(-1)?.loss).toBeGreaterThan(0);
  });

  it('pairs of files put together are made of their own row, whatever the prompt_index', () => {
    const row = (rewards: number[]) => ({
      prompt_index: 0,
      prompt_ids: [1],
      responses: rewards.map((reward, i) => ({ ids: [i + 2], text: '', finish_reason: 'stop', reward })),
    });
    const pairs = brevity(['pair'], [row([1, 0]), row([0, 1])]).rows();
    expect(pairs.map(({ prompt_index, chosen_index }) => [prompt_index, chosen_index])).toEqual([
      [0, 0],
      [0, 1],
    ]);
  });

  it('pair: several weighted pairs of a prompt with win probabilities, in an order that length has a part in', () => {
    const lengths = [9, 1, 3, 2];
    const responses = [4, 3, 2, 1].map((reward, i) => ({ ids: Array(lengths[i]).fill(i + 2), text: '', reward }));
    const input = [{ prompt_index: 7, prompt_ids: [1], responses }];
    // 4 - 9, 3 - 1, 2 - 3, 1 - 2: 1 over 0, then 2 and 3, which are equal.
    const flags = ['--strategy', 'length-penalized', '--length-penalty', '1', '--pairs-per-prompt', '2'];
    const [pair, ...none] = brevity(['pair', ...flags], input).rows();
    expect(none).toEqual([]);
    expect(pair).toMatchObject({ prompt_index: 7, chosen_index: 1, rejected_index: 0 });
    expect(pair).toMatchObject({ chosen_reward: 3, rejected_reward: 4 });
    const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
    // Rewards 3 and 4 against 4, 3, 2, 1.
    expect(pair.chosen_win_probability).toBeCloseTo((sigmoid(-1) + 0.5 + sigmoid(1) + sigmoid(2)) / 4, 12);
    expect(pair.rejected_win_probability).toBeCloseTo((0.5 + sigmoid(1) + sigmoid(2) + sigmoid(3)) / 4, 12);
    expect(pair).not.toHaveProperty('weight');
    // Margins 3 and 1.
    const weighted = brevity(['pair', '--pairs-per-prompt', '2', '--pair-weight', 'margin'], input).rows();
    expect(weighted.map(({ chosen_index, rejected_index, weight }) => [chosen_index, rejected_index, weight])).toEqual([
      [0, 3, 1.5],
      [1, 2, 0.5],
    ]);
  });

  it('pair --preview prints what each strategy makes, and no pairs', () => {
    const responses = [2, 1].map((reward, i) => ({ ids: Array(i === 0 ? 40 : 10).fill(i), text: '', reward }));
    const { stdout, stderr, status } = brevity(
      ['pair', '--preview', '--alpha', '0.04'],
      [{ prompt_ids: [1], responses }],
    );
    expect([status, stderr]).toEqual([0, '']);
    const [heading, ...lines] = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(heading).toEqual([
      'strategy',
      'pairs',
      'prompts',
      '|y_w|',
      '|y_l|',
      'Δ|y|',
      'r_w-r_l',
      'r_w<r_l',
      'flipped',
    ]);
    // α·30 exceeds the margin of 1.
    expect(lines[0]).toEqual(['best-worst', '1', '1', '40.0', '10.0', '+30.0', '+1.000', '0', '1']);
    expect(lines).toContainEqual(['length-penalized, λ 0.02', '1', '1', '40.0', '10.0', '+30.0', '+1.000', '0', '1']);
    expect(lines).toContainEqual(['length-penalized, λ 0.05', '1', '1', '10.0', '40.0', '-30.0', '-1.000', '1', '0']);
  });

  it('texts sampled elsewhere: score | pair gives texts that update and logprobs take', () => {
    const policy = new URL('../../data/base-policy', import.meta.url).pathname;
    const texts = [{ prompt: 'Is 3 odd or even?', responses: [{ text: 'It is odd.' }, { text: 'even' }] }];
    const file = path.join(home, 'brief.mjs');
    writeFileSync(file, 'export const score = ({ response }) => -response.length;');
    const paired = brevity(['pair'], brevity(['score', '--reward', `module:${file}`], texts).stdout);
    const [pair] = paired.rows();
    expect(Object.keys(pair)).toEqual(expect.arrayContaining(['prompt', 'chosen', 'rejected', 'chosen_reward']));
    expect(pair).not.toHaveProperty('chosen_ids');
    expect(pair).toMatchObject({ chosen: 'even', rejected: 'It is odd.', chosen_reward: -4, rejected_reward: -10 });
    const [told] = brevity(['logprobs', '--model', policy], paired.stdout).rows();
    const [dry] = brevity(['update', '--policy', policy, '--dry-run'], paired.stdout).rows();
    expect(dry.chosen_logps).toBeCloseTo(told.chosen_logps as number, 4);
  });

  it('update --dry-run prints a row a pair, then the gradient; it agrees with PyTorch and writes nothing', () => {
    const golden = readGolden('llama-tied-gqa').lr_dpo as unknown as {
      beta: number;
      alpha: number;
      pairs: GoldenPair[];
      losses: number[];
      loss: number;
      grad_norm: number;
    };
    const pairs = golden.pairs.map(({ prompt, chosen, rejected }) => ({
      prompt_ids: prompt,
      chosen_ids: chosen,
      rejected_ids: rejected,
    }));
    const args = ['update', '--policy', `${goldenFolder}llama-tied-gqa/policy`, '--reference', model, '--dry-run'];
    const rows = brevity(
      [...args, '--beta', String(golden.beta), '--alpha', String(golden.alpha), '--backend', 'wasm'],
      pairs,
    ).rows();
    expect(rows.length).toBe(pairs.length + 1);
    golden.losses.forEach((loss, i) => expect(Math.abs((rows[i].loss as number) - loss)).toBeLessThan(5e-5));
    const total = rows[pairs.length] as {
      loss: number;
      grad_norm: number;
      grad_norms: Record<string, number>;
      memory_mb: number;
    };
    expect(Math.abs(total.loss - golden.loss)).toBeLessThan(1e-5);
    expect(Math.abs(total.grad_norm / golden.grad_norm - 1)).toBeLessThan(1e-4);
    expect(Object.keys(total.grad_norms)).toContain('model.layers.0.self_attn.q_proj.weight');
    expect(total.memory_mb).toBeGreaterThan(10);
  });

  it('update --dry-run takes other objectives, weights and win probabilities; it agrees with PyTorch', () => {
    const golden = JSON.parse(readFileSync(`${goldenFolder}objectives.json`, 'utf8')) as {
      win_probabilities: number[][];
      cases: { name: string; weights?: number[]; losses: number[]; grad_norm: number }[];
    };
    const caseOf = (name: string) => golden.cases.find((each) => each.name === name) as (typeof golden.cases)[0];
    const { pairs } = readGolden('llama-tied-gqa').lr_dpo as { pairs: GoldenPair[] };
    const dryRun = (args: string[], { losses, weights, grad_norm }: (typeof golden.cases)[0]) => {
      const given = pairs.map(({ prompt, chosen, rejected }, i) => ({
        prompt_ids: prompt,
        chosen_ids: chosen,
        rejected_ids: rejected,
        weight: weights?.[i],
        chosen_win_probability: golden.win_probabilities[i][0],
        rejected_win_probability: golden.win_probabilities[i][4],
      }));
      const policy = `${goldenFolder}llama-tied-gqa/policy`;
      const rows = brevity(['update', '--policy', policy, '--dry-run', '--backend', 'wasm', ...args], given).rows();
      losses.forEach((loss, i) =>
        expect(Math.abs((rows[i].loss as number) - loss)).toBeLessThan(1e-4 * Math.max(1, loss)),
      );
      expect(Math.abs((rows[pairs.length].grad_norm as number) / grad_norm - 1)).toBeLessThan(2e-4);
      return rows[0];
    };
    // β is the objective's usual one.
    const simpo = ['--objective', 'simpo', '--gamma-ratio', '0.55'];
    expect(dryRun(simpo, caseOf('SimPO, Llama-3-Instruct'))).toMatchObject({ ref_chosen_logps: null });
    expect(dryRun(['--objective', 'sppo', '--reference', model], caseOf('SPPO, weights'))).toMatchObject({ z: null });
  });

  it('win-rate prints both rates', () => {
    const rows = Array.from({ length: 40 }, (_, i) => ({
      preference: i % 4 === 0 ? 0 : 1,
      length_model: 100 + i,
      length_baseline: 120 - i,
      difficulty: i % 3,
    }));
    const [minimal] = brevity(['win-rate'], rows).rows();
    expect(minimal).toMatchObject({ win_rate: 75, form: 'minimal' });
    const [full] = brevity(['win-rate', '--difficulty'], rows).rows();
    expect(full.form).toBe('difficulty');
    const failed = brevity(['win-rate', '--difficulty'], [{ preference: 1, length_model: 1, length_baseline: 1 }]);
    expect([failed.status, failed.stderr]).toEqual([
      1,
      'brevity: row 1 has no "difficulty"; give one to each row or leave --difficulty out\n',
    ]);
  });

  it('win-rate has intervals, and the style-controlled rate of rows with texts', () => {
    const rows = Array.from({ length: 60 }, (_, i) => ({
      preference: i % 3 === 0 ? 0 : 1,
      length_model: 100 + (i % 7),
      length_baseline: 104 - (i % 5),
      text_model: i % 2 === 0 ? '# Title\n- item' : 'plain',
      text_baseline: i % 5 === 0 ? '**bold**' : 'plain',
    }));
    const [row] = brevity(['win-rate'], rows).rows() as {
      style_controlled_win_rate: number;
      intervals: Record<string, { low: number; high: number }>;
    }[];
    // 40 of 60: 66.7 ± 1.96·√(0.2222/60) = 54.7 to 78.6.
    expect(row.intervals.win_rate.low).toBeGreaterThan(52);
    expect(row.intervals.win_rate.high).toBeLessThan(81);
    const style = row.intervals.style_controlled_win_rate;
    expect(style.low).toBeLessThan(row.style_controlled_win_rate);
    expect(style.high).toBeGreaterThan(row.style_controlled_win_rate);
    const { text_model: _text, ...bare } = rows[1];
    const failed = brevity(['win-rate'], [rows[0], bare]);
    expect([failed.status, failed.stderr]).toEqual([1, expect.stringContaining('row 2 lacks "text_model"')]);
  });

  it('evaluate answers by best of N and by beam search, and says so', () => {
    const args = ['evaluate', '--model', model, '--against', model, '--reward', reward, '--max-new-tokens', '6'];
    const best = brevity([...args, '--best-of', '4', '--responses', '2'], prompts);
    const [row] = best.rows();
    expect(row).toMatchObject({ decoding: { best_of: 4 }, responses: 2, win_rate: 50, kl: null });
    expect(best.stderr).toContain('the best of 4 by the reward, and flatter it. KL is not estimated');
    const [plain] = brevity([...args, '--responses', '2'], prompts).rows();
    // The first candidates are the plain responses.
    expect(row.reward).toBeGreaterThan(plain.reward as number);
    const [beam] = brevity([...args, '--beam', '3', '--length-penalty', '0.5'], prompts).rows();
    expect(beam).toMatchObject({ decoding: { beam: 3, length_penalty: 0.5 }, win_rate: 50, kl: null });
    for (const [flags, message] of [
      [['--best-of', '4', '--beam', '3'], '--beam: 3 beams cannot be combined with the best of N (--best-of is 4)'],
      [['--beam', '3', '--responses', '2'], '--beam: beam search is deterministic'],
      [['--length-penalty', '2'], '--length-penalty: 2 belongs to beam search, and --beam is 1'],
    ] as const) {
      const { status, stderr } = brevity([...args, ...flags], prompts);
      expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });

  it('evaluate has several responses, metrics, kinds, a second judge and says what exceeds the noise', () => {
    const held = Array.from({ length: 12 }, (_, i) => ({ ...prompts[i % prompts.length], kind: i < 8 ? 'a' : 'b' }));
    const metric = new URL('../fixtures/length-metric.mjs', import.meta.url).pathname;
    const judge = `0.5*${reward}`;
    const args = ['evaluate', '--model', model, '--against', model, '--reward', reward, '--max-new-tokens', '6'];
    const evaluated = brevity([...args, '--responses', '2', '--metric', metric], held);
    expect(evaluated.rows()[0]).toMatchObject({
      prompts: 12,
      responses: 2,
      win_rate: 50,
      metrics: [{ name: 'characters', interval: { low: 0, high: 0 } }],
      kinds: [
        { kind: 'a', prompts: 8 },
        { kind: 'b', prompts: 4 },
      ],
      intervals: { win_rate: { low: 50, high: 50 } },
    });
    expect(evaluated.stderr).toContain('win rate 50.0 % (95 % 50.0 to 50.0): within the noise.');
    const same = brevity([...args, '--judge', judge], held);
    expect([same.status, same.stderr]).toEqual([2, expect.stringContaining('it is no second opinion')]);
  });

  it('texts become one user message, or stand as they are with --raw', () => {
    const policy = new URL('../../data/base-policy', import.meta.url).pathname;
    const ids = (args: string[]) =>
      brevity(
        ['sample', '--model', policy, '-n', '2', '--max-new-tokens', '2', ...args],
        [{ prompt: 'Is 3 odd or even?' }],
      ).rows()[0].prompt_ids as number[];
    const [chat, raw] = [ids([]), ids(['--raw'])];
    expect(chat.slice(1, -2)).toEqual(raw);
    expect(chat.length).toBe(raw.length + 3);
  });
});

const bare = { prompt_ids: [1], chosen_ids: [2], rejected_ids: [3] };

/** Each: arguments, input, exit code, what the one sentence says. */
const bad: [name: string, args: string[], input: string | object[], status: number, says: RegExp][] = [
  [
    'a missing model folder',
    ['sample', '--model', '/nowhere'],
    prompts,
    2,
    /--model: model folder \/nowhere does not exist/,
  ],
  [
    'broken JSON',
    ['sample', '--model', model],
    '{"prompt_ids":[1]}\n{"prompt_ids":[1',
    1,
    /standard input:2 is not JSON/,
  ],
  ['an empty prompt', ['sample', '--model', model], [{ prompt: '  ' }], 1, /standard input:1: .*prompt is empty/],
  [
    'a row without a prompt',
    ['sample', '--model', model],
    [{ question: 'x' }],
    1,
    /standard input:1.*expected "prompt"/,
  ],
  ['no input', ['sample', '--model', model], '', 1, /standard input is empty/],
  [
    'a text without a tokenizer',
    ['sample', '--model', model],
    [{ prompt: 'hello' }],
    1,
    /standard input:1: .*no tokenizer\.json, so prompts must come as "prompt_ids"/,
  ],
  [
    'a prompt longer than the context',
    ['sample', '--model', model],
    [{ prompt_ids: new Array(600).fill(1) }],
    1,
    /standard input:1: the prompt has 600 tokens and the context .* is 512/,
  ],
  [
    'a token outside the vocabulary',
    ['sample', '--model', model],
    [{ prompt_ids: [260] }],
    1,
    /token id 260 is outside the vocabulary/,
  ],
  [
    'an unknown option',
    ['sample', '--model', model, '--tempreture', '1'],
    prompts,
    2,
    /^brevity: --tempreture: unknown flag; did you mean --temperature\?$/m,
  ],
  [
    'a value out of range',
    ['sample', '--model', model, '--top-p', '1.5'],
    prompts,
    2,
    /--top-p 1\.5: expected a number above 0 and at most 1/,
  ],
  [
    'a value that is no number',
    ['update', '--policy', model, '--dry-run', '--lr', 'fast'],
    '',
    2,
    /--lr fast: expected a number above 0 and at most 1/,
  ],
  ['a missing required option', ['sample'], prompts, 2, /--model: missing; expected Hugging Face model folder/],
  [
    'an unknown backend',
    ['sample', '--model', model, '--backend', 'opencl'],
    prompts,
    2,
    /--backend opencl: expected one of auto, cuda, tensorflow, native, wasm/,
  ],
  ...['0', 'many', '1.5', '300'].map((threads): [string, string[], typeof prompts, number, RegExp] => [
    `${threads} threads`,
    ['sample', '--model', model, '--threads', threads],
    prompts,
    2,
    /--threads \S+: expected a whole number from 1 to 256/,
  ]),
  [
    'a precision for a backend that does not round',
    ['sample', '--model', model, '--precision', 'bf16', '--backend', 'wasm'],
    prompts,
    2,
    /precision can be set for the backends cuda and native; leave it out with backend wasm, or name one of them/,
  ],
  [
    'threads for a backend that has none',
    ['sample', '--model', model, '--threads', '2', '--backend', 'cuda'],
    prompts,
    2,
    /threads can be set for the backends native and wasm; leave them out with backend cuda/,
  ],
  [
    'every unusable flag at once, each with its value and range',
    [
      'sample',
      '--top-p',
      '5',
      '--tempreture',
      '1',
      '--model',
      '/dev/null/nope',
      '-n',
      '0',
      '--seed=x',
      '--out',
      '/dev/null/nope/o',
    ],
    '',
    2,
    new RegExp(
      '^brevity: 6 problems:\n  --tempreture: unknown flag; did you mean --temperature\\?\n' +
        '(?:  .*\n)*  --samples-per-prompt 0: expected a whole number from 1 to 1024\n(?:  .*\n)*$',
    ),
  ],
  ['a flag that takes no value', ['doctor', '--json=yes'], '', 2, /--json: takes no value, and yes was given/],
  ['a flag without its value', ['sample', '--model'], '', 2, /^brevity: --model: missing; expected/],
  ['a flag that needs another', ['update', '--policy', model, '--dry-run', '--lora-alpha', '8'], '', 2, /needs --lora/],
  ['a flag that is no number', ['update', '--policy', model, '--dry-run', '--lora-alpha', 'x'], '', 2, /above 0/],
  ['a slip in a command', ['smaple', '--model', 'x'], '', 2, /neither a command nor a run; did you mean `.* sample`\?/],
  ['a command that JavaScript objects have', ['constructor'], '', 2, /needs a terminal|does not exist/],
  [
    'an input that does not exist',
    ['pair', '--in', '/dev/null/nope.jsonl'],
    '',
    2,
    /--in \/dev\/null\/nope\.jsonl: does not exist/,
  ],
  [
    'report on no run',
    ['report', '/dev/null/nope/run'],
    '',
    2,
    /^brevity: \/dev\/null\/nope\/run does not exist; give the directory of a run$/m,
  ],
  ['report on a model', ['report', model], '', 2, /is not a run directory \(it has no run\.json\)/],
  [
    'export of nothing',
    ['export', '/dev/null/nope/run', '--out', '/dev/null/nope/x'],
    '',
    2,
    /\/dev\/null\/nope\/run does not exist; give a run directory/,
  ],
  [
    'export of a folder of something else',
    ['export', dist, '--out', '/dev/null/nope/x'],
    '',
    2,
    /neither a run .* nor a model/,
  ],
  [
    'export of a round of a model',
    ['export', model, '--round', '1', '--out', '/dev/null/nope/x'],
    '',
    2,
    /has no rounds/,
  ],
  [
    'an update into a folder that holds something',
    ['update', '--policy', model, '--out', dist],
    '',
    2,
    /--out \S+: is not empty; name a new folder/,
  ],
  [
    'a row without a response',
    ['logprobs', '--model', model],
    [{ ids: [1, 2] }],
    1,
    /standard input:1 has no response; expected "prompt_ids" and "response_ids"/,
  ],
  [
    'an update with nowhere to write',
    ['update', '--policy', model],
    '',
    2,
    /--out: missing; expected the folder of the new policy, or --dry-run/,
  ],
  [
    'pairs of another form',
    ['update', '--policy', model, '--dry-run'],
    [{ prompt_ids: [1], chosen_ids: [2] }],
    1,
    /standard input:1: .*rejected_ids/,
  ],
  [
    'settings that the objective does not use',
    'update --policy . --dry-run --objective hinge --alpha 0.1 --gamma-ratio 0.5 --ld-scale 0.5 --label-smoothing 0.1'
      .split(' ')
      .map((word) => (word === '.' ? model : word)),
    '',
    2,
    new RegExp(
      ['alpha', 'gamma-ratio', 'ld-scale', 'label-smoothing']
        .map((flag) => `  --${flag}: objective hinge does not use it; leave it out`)
        .join('\n'),
    ),
  ],
  [
    'a reference that the objective does not use',
    ['update', '--policy', model, '--dry-run', '--objective', 'simpo', '--reference', model],
    '',
    2,
    /^brevity: --reference: objective simpo does not use it; leave it out$/m,
  ],
  [
    'an objective that is none',
    ['update', '--policy', model, '--dry-run', '--objective', 'ppo', '--beta', '0'],
    '',
    2,
    /--objective ppo: expected one of lr-dpo, dpo, (?:.*\n)* {2}--beta 0: expected a number above 0/,
  ],
  [
    'pairs without the win probabilities that SPPO needs',
    ['update', '--policy', model, '--dry-run', '--objective', 'sppo'],
    [
      { ...bare, chosen_win_probability: 0.8, rejected_win_probability: 0.2 },
      { ...bare, chosen_win_probability: 0.8 },
    ],
    1,
    /standard input:2: `rejected_win_probability` is missing; objective sppo needs/,
  ],
  [
    'a win probability in percent',
    ['update', '--policy', model, '--dry-run', '--objective', 'sppo'],
    [{ ...bare, chosen_win_probability: 80, rejected_win_probability: 20 }],
    1,
    /standard input:1: `chosen_win_probability`: expected a number from 0 to 1/,
  ],
  [
    'a negative weight',
    ['update', '--policy', model, '--dry-run'],
    [bare, { ...bare, weight: -1 }],
    1,
    /standard input:2: `weight`: expected a number of 0 or more/,
  ],
  [
    'a weight that is not finite',
    ['update', '--policy', model, '--dry-run'],
    `${JSON.stringify(bare).slice(0, -1)},"weight":1e999}`,
    1,
    /standard input:1: `weight`: expected a finite number/,
  ],
  [
    'a length penalty of another strategy',
    ['pair', '--length-penalty', '0.1', '--strategy', 'wpo'],
    '',
    2,
    /^brevity: --length-penalty: 0\.1: strategy wpo does not use it; leave it out$/m,
  ],
  [
    'a strategy without its length penalty',
    ['pair', '--strategy', 'length-penalized'],
    '',
    2,
    /--length-penalty: 0: strategy length-penalized needs λ above 0, in reward per token/,
  ],
  [
    'a preview into a file',
    ['pair', '--preview', '--out', '/tmp/none.jsonl'],
    '',
    2,
    /--out: --preview prints a table/,
  ],
  ['α without a preview', ['pair', '--alpha', '0.1'], '', 2, /--alpha: only --preview uses it/],
  [
    'a strategy that counts tokens, of texts',
    ['pair', '--strategy', 'wpo'],
    [{ prompt: 'a', responses: [{ text: 'b', reward: 1 }] }],
    1,
    /standard input:1 has no token ids, in which strategy wpo counts lengths; expected "prompt_ids" and "ids"/,
  ],
  [
    'unscored samples',
    ['pair'],
    [{ prompt_ids: [1], responses: [{ ids: [1], text: '', logps: 0, token_logprobs: [0], finish_reason: 'stop' }] }],
    1,
    /needs a "reward"/,
  ],
  [
    'a reward that cannot be read',
    ['score', '--reward', 'gpt:4'],
    [{ prompt: 'a', response: 'b' }],
    2,
    /"gpt:4", which cannot be read; expected hf:DIR/,
  ],
  [
    'a causal model as reward',
    ['score', '--reward', `hf:${model}`],
    [{ ids: [1, 2] }],
    1,
    /LlamaForCausalLM, which gives no reward/,
  ],
  [
    'a preference row without a rejected text',
    ['check-reward', '--reward', reward],
    [{ prompt: 'a', chosen: 'b', rejected: [] }],
    1,
    /standard input:1: `rejected` has no response; expected at least one text/,
  ],
  ['a terminal that is none', [], '', 2, /needs a terminal .*cli\.js auto runs\/example` headless/],
];

describe('mixed rewards', () => {
  const modules = () => {
    const [long, vowels] = ['long.mjs', 'vowels.mjs'].map((name) => path.join(home, name));
    writeFileSync(long, 'export const score = ({ response }) => response.length;');
    writeFileSync(vowels, "export const score = ({ response }) => response.replace(/[^aeiou]/g, '').length;");
    return `0.5*module:${long}+-1*module:${vowels}`;
  };

  it('are scored with their parts, which review reads', () => {
    const rows = [{ prompt: 'p', responses: [{ text: 'abcd' }, { text: 'aei' }] }];
    const scored = brevity(['score', '--reward', modules()], rows);
    const parts = (long: number, vowels: number) => [
      { name: 'module:long.mjs', weight: 0.5, value: long },
      { name: 'module:vowels.mjs', weight: -1, value: vowels },
    ];
    expect(scored.rows()).toEqual([
      {
        prompt: 'p',
        responses: [
          { text: 'abcd', reward: 1, reward_parts: parts(4, 1) },
          { text: 'aei', reward: -1.5, reward_parts: parts(3, 3) },
        ],
      },
    ]);
    const file = path.join(home, 'mixed.jsonl');
    writeFileSync(file, scored.stdout);
    const read = readScoredFile(file, null);
    expect(read.parts).toEqual(parts(0, 0).map(({ name, weight }) => ({ name, weight })));
    expect(read.rows[0].parts).toEqual([
      [4, 1],
      [3, 3],
    ]);
    writeFileSync(file, scored.stdout + scored.stdout.replaceAll('"weight":0.5', '"weight":0.6'));
    expect(() => readScoredFile(file, null)).toThrow(/mixed\.jsonl:2: .*other names or weights than line 1/);
  });

  it("are checked against people's preferences, and go on from their rewards", () => {
    const spec = modules();
    const rows = [
      { prompt: 'p', chosen: ['abcdef'], rejected: ['abc', 'e'], subset: 'one' },
      { prompt: 'q', chosen: 'xyz', rejected: 'ooo' },
    ];
    const scores = path.join(home, 'people-scores.jsonl');
    const args = ['check-reward', '--reward', spec, '--scores', scores];
    const table = brevity(args, rows);
    expect(table.status).toBe(0);
    expect(table.stdout).toMatch(/^one +1 +100\.0 % +\[20\.7, 100\.0\] +33\.3 %$/m);
    expect(table.stdout).toMatch(/^\(none\) +1 +100\.0 %/m);
    expect(readFileSync(scores, 'utf8').trim().split('\n')).toHaveLength(2);
    // Row 1 is known; a module that has changed would give other rewards.
    writeFileSync(path.join(home, 'long.mjs'), 'export const score = ({ response }) => -100 * response.length;');
    const [result] = brevity(
      [...args, '--out', '-'],
      [rows[0], { prompt: 'r', chosen: 'aa', rejected: 'b' }],
    ).rows() as {
      subsets: { subset: string; score: number }[];
      in: string;
    }[];
    expect(result.subsets.map(({ subset, score }) => [subset, score])).toEqual([
      ['one', 1],
      ['(none)', 0],
    ]);
    expect(result.in).toBe('standard input');
    const other = brevity(['check-reward', '--reward', reward, '--scores', scores], rows);
    expect(other.stderr).toMatch(/people-scores\.jsonl:1 holds rewards of 0\.5\*module:/);
    expect(other.status).toBe(1);
  });
});

describe('bad input', () => {
  it.each(bad)('%s', (_name, args, input, status, says) => {
    const result = brevity(args, input);
    expect(result.stderr).toMatch(says);
    expect(result.status).toBe(status);
    expect(result.stderr).not.toMatch(/\n\s+at /);
    expect(result.stdout).toBe('');
  });

  it('a reward that fails keeps what was scored', () => {
    const file = path.join(home, 'fails.mjs');
    writeFileSync(
      file,
      `export function score({ response }) { if (response === 'c') throw new Error('broken'); return 1; }`,
    );
    const result = brevity(
      ['score', '--reward', `module:${file}`],
      ['a', 'b', 'c', 'd'].map((response) => ({ prompt: `about ${response}`, response })),
    );
    expect(result.status).toBe(1);
    expect(result.rows().map(({ response }) => response)).toEqual(['a', 'b']);
    expect(result.stderr).toMatch(/failed at the response to "about c": it threw: broken/);
  });

  it('a reader that has gone is no failure', () => {
    const file = path.join(home, 'many.jsonl');
    writeFileSync(file, Array.from({ length: 40 }, () => JSON.stringify(prompts[0]) + '\n').join(''));
    const command = `"${process.execPath}" "${dist}cli.js" sample --model "${model}" --in "${file}" -n 2 --max-new-tokens 2 | head -1`;
    const { status, stdout, stderr } = spawnSync('bash', ['-o', 'pipefail', '-c', command], { encoding: 'utf8' });
    expect(stdout.trim().split('\n').length).toBe(1);
    expect(stderr).not.toMatch(/EPIPE|brevity:/);
    expect(status).toBe(0);
  });
});

describe('--help', () => {
  const commands = [
    'auto',
    'doctor',
    'export',
    'report',
    'sample',
    'score',
    'check-reward',
    'pair',
    'logprobs',
    'update',
    'evaluate',
    'win-rate',
  ];
  it.each(commands)('%s shows an example', (command) => {
    const { status, stdout } = brevity([command, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`Usage: node \\S+cli\\.js ${command} `));
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  node \\S+cli\\.js ${command}`));
  });
  it('review names the files that it writes', () => {
    const { stdout } = brevity(['review', '--help']);
    expect(stdout).toContain(journalOf('scored.jsonl'));
    expect(stdout).toContain(`W writes the pairs to ${defaultOut('scored.jsonl')}`);
  });
  it('brevity lists them all', () => {
    const { stdout } = brevity(['--help']);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
  });
});

describe('doctor', () => {
  it('says of each backend whether and why not', () => {
    const report = JSON.parse(brevity(['doctor', '--json']).stdout) as {
      backend: string;
      node: string;
      cores: number;
      gpu: string;
      backends: { name: string; usable: boolean; detail: string }[];
    };
    expect(report.backends.map(({ name }) => name)).toEqual(['cuda', 'tensorflow', 'native', 'wasm']);
    expect(report.backends.every(({ detail }) => detail.length > 20)).toBe(true);
    expect(report.node).toBe(process.version);
    expect(report.cores).toBeGreaterThan(0);
    expect(brevity(['doctor']).stdout).toMatch(/Backend (?:native|wasm) +used/);
  });
});
