import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/core/config/schema.js';
import {
  type Draft,
  absolute,
  absoluteReward,
  configOfDraft,
  draftOf,
  fieldProblem,
  hiddenProblems,
  namedKeys,
  settledConfig,
  shorten,
} from '../../../src/core/form/draft.js';
import type { FieldId, Values } from '../../../src/core/form/fields.js';

const place = { cwd: '/home/ann/work', home: '/home/ann' };
const settings = {
  model: '/home/ann/work/models/policy',
  reward: '0.5*hf:/home/ann/r+module:/home/ann/work/m.mjs',
  prompts: '/data/p.jsonl',
  held_out: '/home/ann/h.jsonl',
  seed: 7,
  sampling: { top_k: 5, temperature: 0.3 },
};

const draft = (config: object = settings, changes: Partial<Values> = {}): Draft => {
  const made = draftOf({ config: config as Record<string, unknown>, file: null, name: 'x' }, 'runs/x', place);
  return { ...made, values: { ...made.values, ...changes } };
};

describe('draftOf', () => {
  it('shows paths as short as they can be typed, numbers, and defaults for what is not set', () => {
    expect(draft().values).toEqual({
      directory: 'runs/x',
      model: 'models/policy',
      reward: '0.5*hf:~/r+module:m.mjs',
      prompts: '/data/p.jsonl',
      held_out: '~/h.jsonl',
      ...{ samples_on: 'this machine', endpoints: '', server_kind: 'auto', server_weights: 'reload', restart: '' },
      ...{ key_variable: '', server_paths: '' },
      samples_per_prompt: '4',
      max_new_tokens: '256',
      temperature: '0.3',
      ...{ objective: 'lr-dpo', alpha: '0.02', beta: '0.1', gamma_ratio: '0', ld_scale: '1' },
      lr: '5e-7',
      ...{ pair_strategy: 'best-worst', length_penalty: '0', pairs_per_prompt: '1', pair_weight: 'none' },
      ...{ updates_on: 'this machine', job_command: 'brevity job {dir}', job_setup: '', sbatch: '' },
      ...{ ray: 'http://127.0.0.1:8265', ray_gpus: '0', submit: '', job_status: '', job_cancel: '', job_paths: '' },
      preferences: '',
      trains: 'all weights',
      lora_rank: '16',
      held_out_share: '0',
      backend: 'auto',
      precision: 'bf16',
    });
  });

  it('an adapter in the settings is one in the form', () => {
    const { trains, lora_rank } = draft({ ...settings, update: { lora: { rank: 3 } } }).values;
    expect([trains, lora_rank]).toEqual(['LoRA adapter', '3']);
  });

  it('keeps what cannot be read as it is, for its field to say so', () => {
    const { values } = draft({ dpo: { alpha: 'much' }, sampling: { samples_per_prompt: 1 } });
    expect(values.alpha).toBe('much');
    expect(fieldProblem('alpha', values)).toBe('"much" is no number; expected 0 to 100');
    expect(fieldProblem('samples_per_prompt', values)).toMatch(/^1: expected number to be >=2/);
    expect(fieldProblem('model', values)).toContain('missing');
  });
});

describe('servers and jobs', () => {
  const elsewhere = {
    ...settings,
    sampling: {
      server: {
        endpoints: ['http://a:1', 'http://b:2'],
        weights: 'restart',
        restart: 'ssh {endpoint} restart',
        probes: 3,
      },
    },
    update: {
      job: {
        launcher: 'slurm',
        command: 'srun -m brevity_trainer {dir}',
        setup: ['module load cuda', 'source venv/bin/activate'],
        sbatch: ['--partition=gpu', '--time 04:00:00'],
        paths: ['/home/ann=/lustre/ann'],
      },
    },
  };

  it('come out of the form as they went in, with what no field shows', () => {
    expect(settledConfig(draft(elsewhere), place)).toEqual(configSchema.parse(elsewhere));
    expect(draft(elsewhere).values).toMatchObject({
      ...{ samples_on: 'servers', endpoints: 'http://a:1, http://b:2', restart: 'ssh {endpoint} restart' },
      ...{ updates_on: 'slurm', job_setup: 'module load cuda; source venv/bin/activate' },
      sbatch: '--partition=gpu --time 04:00:00',
    });
  });

  it('go with the choice of this machine', () => {
    const here = settledConfig(draft(elsewhere, { samples_on: 'this machine', updates_on: 'this machine' }), place);
    expect(here).toMatchObject({ sampling: { server: null }, update: { job: null } });
  });

  it('refuse entries by name', () => {
    const { values } = draft(elsewhere, { endpoints: 'http://a:1, ftp://b', sbatch: '--a x' });
    expect(fieldProblem('endpoints', values)).toBe('"ftp://b": expected an http or https URL');
    expect(fieldProblem('sbatch', values)).toBeNull();
    expect(fieldProblem('restart', { ...values, restart: '' })).toBe('restart command is missing; enter to write it');
    expect(fieldProblem('key_variable', { ...values, key_variable: '' })).toBeNull();
    expect(fieldProblem('key_variable', { ...values, key_variable: 'my key' })).toBe(
      '"my key": expected the name of an environment variable',
    );
  });

  it('are named by whoever changed them in the form', () => {
    const changed = draft(elsewhere, { job_command: 'mine {dir}', sbatch: '--partition=cpu' });
    expect(namedKeys(changed, 'runs/x', place)).toEqual(['update.job.command', 'update.job.sbatch']);
    expect(namedKeys(draft(elsewhere), 'runs/x', place)).toEqual([]);
  });
});

describe('configOfDraft', () => {
  it('gives back the settings it was made of, those that no field shows too', () => {
    expect(settledConfig(draft(), place)).toEqual(configSchema.parse(settings));
  });

  it('reads every field: paths and rewards absolute, numbers as numbers', () => {
    const values: Partial<Values> = {
      ...{ model: '~/m', reward: 'hf:../r', prompts: 'p.jsonl', held_out: './h.jsonl', alpha: ' 0.5 ', lr: '1e-4' },
      ...{ trains: 'LoRA adapter', lora_rank: '8', backend: 'wasm', samples_per_prompt: '2' },
    };
    expect(configOfDraft(draft(settings, values), place)).toMatchObject({
      ...{ model: '/home/ann/m', reward: 'hf:/home/ann/r', prompts: '/home/ann/work/p.jsonl' },
      ...{ held_out: '/home/ann/work/h.jsonl', backend: 'wasm', seed: 7 },
      dpo: { alpha: 0.5 },
      sampling: { samples_per_prompt: 2, top_k: 5 },
      update: { lr: 1e-4, lora: { rank: 8 } },
    });
  });

  it('settings that another objective does not use leave the base', () => {
    const base = { ...settings, dpo: { objective: 'simpo', alpha: 0.05, gamma_ratio: 0.4 } };
    expect(draft(base).values).toMatchObject({ objective: 'simpo', beta: '2.5', alpha: '0.05', gamma_ratio: '0.4' });
    expect(settledConfig(draft(base), place)?.dpo).toMatchObject({ alpha: 0.05, beta: 2.5, gamma_ratio: 0.4 });
    const sppo = draft(base, { objective: 'sppo', beta: '0.001', alpha: '0' });
    expect(settledConfig(sppo, place)?.dpo).toMatchObject({ objective: 'sppo', alpha: 0, beta: 0.001, gamma_ratio: 0 });
  });

  it('all weights turn an adapter of the settings off', () => {
    const given = draft({ ...settings, update: { lora: { rank: 3 } } }, { trains: 'all weights' });
    expect(settledConfig(given, place)?.update.lora).toBeNull();
  });

  it('is not settled while a value is out of place', () => {
    for (const [id, value] of [
      ['alpha', '-1'],
      ['lr', 'fast'],
      ['model', ' '],
      ['samples_per_prompt', '2.5'],
    ] as [FieldId, string][]) {
      const given = draft(settings, { [id]: value });
      expect(settledConfig(given, place)).toBeNull();
      expect(fieldProblem(id, given.values)).not.toBeNull();
    }
  });
});

it('hiddenProblems are those that no field can show', () => {
  const bad = { ...settings, update: { lrr: 1, epochs: 0 }, dpo: { alpha: -1 }, evaluation: { probes: 'all' } };
  const problems = hiddenProblems(draft(bad), place);
  expect(problems).toHaveLength(3);
  expect(problems.join('\n')).toMatch(/update\.lrr: unknown key; did you mean lr\?/);
  expect(problems.join('\n')).toMatch(/update\.epochs: 0: /);
  expect(problems.join('\n')).toMatch(/evaluation\.probes: "all": /);
});

describe('paths', () => {
  it.each([
    ['m', '/home/ann/work/m'],
    ['~', '/home/ann'],
    ['~/m', '/home/ann/m'],
    ['~bob', '/home/ann/work/~bob'],
    ['/m', '/m'],
  ])('%s is %s', (typed, full) => expect(absolute(typed, place)).toBe(full));

  it.each([
    ['hf:m', 'hf:/home/ann/work/m'],
    ['hf:~/m+0.5*module:./r.mjs', 'hf:/home/ann/m+0.5*module:/home/ann/work/r.mjs'],
    ['http://host:1/classify', 'http:http://host:1/classify'],
    ['nonsense', 'nonsense'],
  ])('reward %s is %s', (typed, full) => expect(absoluteReward(typed, place)).toBe(full));

  it.each([
    ['/home/ann/work/m', 'm'],
    ['/home/ann/m', '~/m'],
    ['/home/annie/m', '/home/annie/m'],
    ['/home/ann/work', '~/work'],
    ['/home/ann/work/..odd', '..odd'],
    ['hf:/home/ann/work/m+module:/home/ann/r.mjs', 'hf:m+module:~/r.mjs'],
  ])('%s is shown as %s', (full, short) => expect(shorten(full, place)).toBe(short));
});
