/** Configuration files: every problem at once, defaults, paths. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Problems, resolvePaths } from '../../src/core/config/partial.js';
import { temporaryFolder } from '../engine/runs.js';
import { checkConfig, readConfigFile } from '../../src/io/configFile.js';

let home = '';
let good: Record<string, unknown> = {};
beforeAll(() => {
  home = temporaryFolder();
  for (const name of ['model', 'reward']) mkdirSync(path.join(home, name));
  for (const name of ['p.jsonl', 'h.jsonl']) writeFileSync(path.join(home, name), '{"prompt":"x"}\n');
  good = resolvePaths({ model: 'model', reward: 'hf:reward', prompts: 'p.jsonl', held_out: 'h.jsonl' }, home);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const named = (key: string): string => key;

const problemsOf = (config: Record<string, unknown>): string[] => {
  try {
    checkConfig(config, named);
    return [];
  } catch (error) {
    return [...(error as Problems).problems];
  }
};

describe('checkConfig', () => {
  it('fills in defaults', () => {
    const config = checkConfig(good, named);
    expect(config.dpo).toEqual({
      objective: 'lr-dpo',
      beta: 0.1,
      alpha: 0.02,
      label_smoothing: 0,
      gamma_ratio: 0,
      ld_scale: 1,
      nll_weight: 0,
      reference: 'round',
    });
    expect(config.update.lora).toBeNull();
    expect(config.backend).toBe('auto');
  });

  it('names the place of a setting that the objective does not use', () => {
    expect(problemsOf({ ...good, dpo: { objective: 'simpo', gamma_ratio: 0.5, nll_weight: 0.2 } })).toEqual([]);
    expect(problemsOf({ ...good, dpo: { gamma_ratio: 0.5, ld_scale: 0.5 } })).toEqual([
      'dpo.gamma_ratio: 0.5: objective lr-dpo does not use it; leave it out',
      'dpo.ld_scale: 0.5: objective lr-dpo does not use it; leave it out',
    ]);
  });

  it('reports every problem at once: key, value, what is expected', () => {
    const problems = problemsOf({
      model: path.join(home, 'nothing'),
      reward: 'what',
      prompts: good.prompts,
      samplng: {},
      sampling: { temprature: 1, top_p: 0, max_new_tokens: 2.5 },
      dpo: { alpha: -1, beta: 'big', reference: path.join(home, 'bas') },
      update: { schedule: 'sine' },
    });
    const says = (pattern: RegExp) =>
      expect(
        problems.filter((problem) => pattern.test(problem)),
        String(pattern),
      ).toHaveLength(1);
    says(/^model: .*nothing does not exist/);
    says(/^reward: .*cannot be read; expected hf:DIR/);
    says(/^held_out: missing; expected JSON lines/);
    says(/^samplng: unknown key; did you mean sampling\?/);
    says(/^sampling\.temprature: unknown key; did you mean temperature\?/);
    says(/^sampling\.top_p: 0: expected a number above 0 and at most 1$/);
    says(/^sampling\.max_new_tokens: 2\.5: expected a whole number from 1 to \d+$/);
    says(/^dpo\.alpha: -1: expected a number from 0 to 100$/);
    says(/^dpo\.beta: "big": expected a number above 0 and at most 100$/);
    says(/^dpo\.reference: .*bas does not exist; expected `round`, `base`, a model folder, or two of them/);
    says(/^update\.schedule: "sine": expected one of constant, linear, cosine$/);
    expect(problems).toHaveLength(11);
  });
});

describe('readConfigFile', () => {
  it('refuses counts that no run has and that arrays could not hold', () => {
    const problems = problemsOf({
      ...good,
      update: { steps: 4e9, batch_size: 1e12, lora: { rank: 2000 } },
      sampling: { max_new_tokens: 2 ** 31, prompts_per_round: 1e10 },
      evaluation: { probe_tokens: 1e9 },
      rewards: { timeout_seconds: 1e9 },
    });
    expect(problems.map((problem) => problem.split(':')[0]).sort()).toEqual([
      'evaluation.probe_tokens',
      'rewards.timeout_seconds',
      'sampling.max_new_tokens',
      'sampling.prompts_per_round',
      'update.batch_size',
      'update.lora.rank',
      'update.steps',
    ]);
    expect(problems.find((problem) => problem.startsWith('update.steps'))).toMatch(
      /^update\.steps: 4000000000: .*1000000/,
    );
  });

  it('means paths from its own folder', () => {
    const file = path.join(home, 'run.json');
    writeFileSync(
      file,
      JSON.stringify({ model: './model', reward: '0.5*hf:reward+module:m.mjs', dpo: { reference: 'model' } }),
    );
    expect(readConfigFile(file)).toEqual({
      model: path.join(home, 'model'),
      reward: `0.5*hf:${home}/reward+module:${home}/m.mjs`,
      dpo: { reference: path.join(home, 'model') },
    });
  });
  it('says what is wrong with the file', () => {
    const file = path.join(home, 'bad.json');
    writeFileSync(file, '{"model": ');
    expect(() => readConfigFile(file)).toThrow(/bad\.json is not JSON/);
    writeFileSync(file, '[]');
    expect(() => readConfigFile(file)).toThrow(/not a JSON object/);
    expect(() => readConfigFile(path.join(home, 'none.json'))).toThrow(/none\.json does not exist/);
  });
});
