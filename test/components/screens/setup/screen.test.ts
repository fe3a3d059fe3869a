/** The form: what it asks, what it makes of answers, and what stands against a start. */
import { describe, expect, it } from 'vitest';
import type { HomeTask } from '../../../../components/app/home.js';
import { reduce } from '../../../../components/app/reducer.js';
import { headlessOf } from '../../../../components/screens/setup/select.js';
import { costLines, costOf } from '../../../../components/screens/setup/cost.js';
import { setup as module } from '../../../../components/screens/setup/screen.js';
import { settledConfig } from '../../../../src/core/form/draft.js';
import { visibleFields } from '../../../../src/core/form/fields.js';
import { statusOf } from '../../../../components/screens/setup/status.js';
import type { Effect, State } from '../../../../components/app/state.js';
import { press, small } from '../../fixtures.js';
import {
  answered,
  exampleBase,
  gpuFacts,
  formOn,
  measured,
  measurement,
  modelFacts,
  moduleForm,
  opened,
  place,
  ready,
  tell,
} from '../../homeFixtures.js';
import { formOf as form } from '../../../../components/screens/setup/state.js';
import { on, slices } from '../../slices.js';

const tasksOf = (effects: Effect[]): HomeTask[] =>
  effects.flatMap((effect) => (effect.do === 'home' ? [effect.task] : []));
const formOf = (state: State) => slices(state).setup;
const typed = (state: State, text: string): State => press(state, 'enter', 'ctrl+u', ...text);
/** At a field, counted from the line that starts the run. */
const at = (state: State, field: number): State => press(state, 'g', ...Array<string>(field).fill('j'));
const model = 2;
const reward = 3;
const prompts = 4;
const preferences = 6;
const alpha = 12;
const pressed = (state: State, key: string) => reduce(state, { type: 'key', key });
const status = (state: State, id: Parameters<typeof statusOf>[0]) => statusOf(id, formOf(state), place);

/** The status of the backend's field once a measurement has said so. */
const noted = (backend: string, backend_note: string) => {
  const form = formOf(ready());
  const known = { ...measurement, backend, backend_note };
  if (form.measuring === null) throw new Error('nothing was measured');
  return statusOf('backend', { ...form, measuring: { ...form.measuring, known } }, place);
};

describe('checks', () => {
  it('are asked for everything at once, and a measurement once all are good', () => {
    const first = opened('setup');
    expect(Object.values(formOf(first).checks).map((check) => check?.status)).toEqual([
      ...Array<string>(5).fill('asked'),
      // No preferences and no endpoints are set; a Python with PyTorch is looked for.
      ...[undefined, undefined, 'asked'],
    ]);
    expect(formOf(first).measuring).toBeNull();
    expect(formOf(answered(first)).measuring).toMatchObject({ known: null, problem: null });
    expect(formOf(answered(first, { reward: 'no' })).measuring).toBeNull();
  });

  it('are asked again for what has changed, and for what depends on it', () => {
    const step = pressed(typed(at(ready(), prompts), 'mine.jsonl'), 'enter');
    expect(tasksOf(step.effects)).toMatchObject([
      { task: 'check', name: 'prompts', ask: { task: 'prompts', file: '/home/ann/work/mine.jsonl' } },
      { task: 'check', name: 'reward', ask: { task: 'reward', prompts: '/home/ann/work/mine.jsonl' } },
    ]);
    // Nothing is looked at while it is typed.
    expect(tasksOf(pressed(at(ready(), prompts), 'enter').effects)).toEqual([]);
  });

  it('α asks for nothing: neither a check nor a measurement knows it', () => {
    expect(tasksOf(pressed(typed(at(ready(), alpha), '0.5'), 'enter').effects)).toEqual([]);
  });

  it('an answer to what is no longer asked changes nothing', () => {
    const before = opened('setup');
    const key = formOf(before).checks.model?.key ?? '';
    const changed = press(typed(at(before, model), 'other'), 'enter');
    expect(tell(changed, { what: 'checked', name: 'model', key, facts: modelFacts })).toEqual(changed);
    expect(tell(changed, { what: 'measured', key: 'old', known: measurement, doing: '' })).toEqual(changed);
  });

  it('a value that comes back is known still where nothing else was asked since', () => {
    const step = pressed(press(ready(), 'j', 'enter'), 'enter');
    expect(tasksOf(step.effects)).toEqual([]);
  });
});

describe('fields', () => {
  it('say what was found', () => {
    expect(status(ready(), 'model')).toEqual({ kind: 'ok', text: '1.4 M Llama · context 512 · chat template · F16' });
    expect(status(ready(), 'prompts')).toEqual({ kind: 'ok', text: '320 prompts of 27 tokens, 61 at most' });
    expect(status(ready(), 'directory')).toEqual({ kind: 'ok', text: 'will be created' });
    expect(status(ready(), 'reward').text).toMatch(/^-1\.23 for “Yes\.” to “Which month.*” in 0\.04 s · 1\.3 M/);
    expect(status(ready(), 'backend')).toEqual({ kind: 'ok', text: 'wasm is used' });
    expect(noted('tensorflow', 'on the processor, where native is faster').text).toBe(
      'tensorflow is used; on the processor, where native is faster',
    );
    // Another that was chosen since is yet to be measured.
    expect(status(press(at(ready(), 21), 'space'), 'backend')).toEqual({ kind: 'quiet', text: '' });
    expect(status(ready(), 'alpha')).toEqual({ kind: 'quiet', text: 'default 0.02' });
    expect(status(ready(), 'lr').text).toBe('default 5e-7');
  });

  it('refuse what can be no value, and stay open', () => {
    const state = press(typed(at(ready(), alpha), '-1'), 'enter');
    expect(state.modal).toMatchObject({ kind: 'edit', field: 'alpha', text: '-1' });
    expect(state.modal).toHaveProperty('error', expect.stringMatching(/^-1: /));
    expect(press(state, 'escape').modal).toBeNull();
    expect(formOf(press(state, 'escape')).draft.values.alpha).toBe('0.08');
  });

  it('another objective brings its β and α, and the settings that it uses', () => {
    const simpo = press(at(ready(), alpha - 1), 'space', 'space', 'space');
    const { values } = formOf(simpo).draft;
    expect(values).toMatchObject({ objective: 'simpo', alpha: '0', beta: '2.5' });
    expect(visibleFields(values).map(({ id }) => id)).toContain('gamma_ratio');
    expect(status(simpo, 'beta')).toEqual({ kind: 'quiet', text: '' });
    expect(settledConfig(formOf(simpo).draft, place)?.dpo).toMatchObject({ objective: 'simpo', beta: 2.5 });
    const sppo = press(simpo, 'space');
    expect(visibleFields(formOf(sppo).draft.values).map(({ id }) => id)).not.toContain('alpha');
    expect(settledConfig(formOf(sppo).draft, place)?.dpo).toMatchObject({ objective: 'sppo', alpha: 0, beta: 0.001 });
  });

  it('LoRA opens its rank, tells what is trained, and lists no layer that the model lacks', () => {
    const lora = press(at(ready(), 19), 'space', 'j');
    expect(formOf(lora).focus).toBe('lora_rank');
    // Rank 16 on all seven layers of loraWidths.
    const trained = 16 * (1280 + 960 + 960 + 1280 + 2432 + 2432 + 2432);
    expect(status(lora, 'lora_rank').text).toBe(`${trained.toLocaleString('en-US')} parameters, 13.4 %`);
    const strange = { ...formOf(lora), checks: { ...formOf(lora).checks } };
    const bare = { key: '', status: 'ok', facts: { ...modelFacts, loraWidths: { c_attn: 3 } } } as const;
    expect(statusOf('lora_rank', { ...strange, checks: { ...strange.checks, model: bare } }, place)).toMatchObject({
      kind: 'bad',
    });
  });

  it('tab completes a path, unless something else is typed by then', () => {
    const typing = typed(at(ready(), model), 'mo');
    expect(pressed(typing, 'tab').effects).toEqual([{ do: 'complete', text: 'mo', inReward: false }]);
    const found = { type: 'completed', before: 'mo', text: 'models/', candidates: ['a/', 'b/'] } as const;
    expect(reduce(typing, found).state.modal).toMatchObject({ text: 'models/', hint: 'a/  b/' });
    const later = press(typing, 'x');
    expect(reduce(later, found).state).toEqual(later);
    expect(reduce(typing, { ...found, text: 'mo', candidates: [] }).state.modal).toHaveProperty(
      'hint',
      'nothing there begins so',
    );
  });
});

describe('a reward module of an opened file', () => {
  const createdNamed = (state: State) => tasksOf(pressed(state, 's').effects);

  it('is not tried, not measured and not named by starting the run', () => {
    expect(formOf(moduleForm).checks.reward).toMatchObject({ status: 'held' });
    expect(status(moduleForm, 'reward').text).toBe('not tried: a module is code; press t to run it once');
    expect(formOf(moduleForm).measuring).toBeNull();
    expect(createdNamed(moduleForm)).toMatchObject([{ task: 'create', named: [] }]);
    // Nor by leaving the field without a change.
    const left = press(at(moduleForm, reward), 'enter', 'enter');
    expect(formOf(left).checks.reward).toMatchObject({ status: 'held' });
  });

  it('is tried on t, and another one once it is typed', () => {
    const tried = pressed(moduleForm, 't');
    expect(tasksOf(tried.effects)).toMatchObject([{ task: 'check', name: 'reward', ask: { named: true } }]);
    expect(createdNamed(answered(tried.state))).toMatchObject([{ task: 'create', named: ['reward'] }]);
    const typing = typed(at(moduleForm, reward), 'module:own.mjs');
    expect(tasksOf(pressed(typing, 'enter').effects)).toMatchObject([
      { task: 'check', name: 'reward', ask: { spec: `module:${place.cwd}/own.mjs`, named: true } },
    ]);
  });

  it('is not run on preference rows either', () => {
    const typing = typed(at(moduleForm, preferences), 'p.jsonl');
    expect(tasksOf(pressed(typing, 'enter').effects)).toEqual([]);
    expect(formOf(press(typing, 'enter')).checks.preferences).toMatchObject({ status: 'held' });
    const tried = pressed(press(typing, 'enter'), 't');
    expect(tasksOf(tried.effects)).toMatchObject([{ name: 'reward' }, { name: 'preferences', ask: { named: true } }]);
  });

  it('is named in the headless command', () => {
    expect(headlessOf(form(on.setup(moduleForm)))).toEqual({
      command: 'brevity auto runs/example --config theirs.json --trust-reward ~/theirs.mjs',
    });
  });
});

describe('preference rows', () => {
  const file = (state: State) => pressed(typed(at(state, preferences), 'people.jsonl'), 'enter');

  it('are checked with the reward, and their figures shown', () => {
    const step = file(ready());
    expect(tasksOf(step.effects)).toMatchObject([
      {
        task: 'check',
        name: 'preferences',
        ask: { file: `${place.cwd}/people.jsonl`, spec: 'hf:/opt/brevity/data/reward-model' },
      },
    ]);
    expect(status(answered(step.state), 'preferences')).toEqual({
      kind: 'ok',
      text: 'right on 70.8 % [56.8, 81.8] of 48 rows, chance 25.0 % · all 1,865 rows before round 1',
    });
    const [created] = tasksOf(pressed(press(answered(step.state), 'g'), 'enter').effects);
    expect(created).toMatchObject({ task: 'create', config: { preferences: `${place.cwd}/people.jsonl` } });
  });

  it('may be left out, and do not keep a run from starting', () => {
    expect(status(ready(), 'preferences')).toEqual({ kind: 'quiet', text: 'optional' });
    expect(tasksOf(pressed(ready(), 'enter').effects)).toMatchObject([{ config: { preferences: null } }]);
    const failed = answered(file(ready()).state, { preferences: 'people.jsonl:3: `chosen` is empty' });
    expect(press(failed, 'g', 'enter').modal).toMatchObject({ kind: 'confirm', what: 'start' });
  });
});

describe('start', () => {
  it('goes ahead while checks are under way', () => {
    expect(tasksOf(pressed(opened('setup'), 'enter').effects)).toMatchObject([{ task: 'create' }]);
  });

  it('is held up at the first field that is wrong', () => {
    const step = pressed(answered(opened('setup'), { prompts: 'p.jsonl:3: broken', model: 'no such folder' }), 'enter');
    expect(step.effects).toEqual([]);
    expect(formOf(step.state).focus).toBe('model');
    expect(step.state.notice).toBe('Not started: model folder: no such folder');
  });

  it('asks first where only the reward could not be tried', () => {
    const asked = press(answered(opened('setup'), { reward: 'the server does not answer' }), 'enter');
    expect(asked.modal).toMatchObject({ kind: 'confirm', what: 'start' });
    expect(asked.modal).toHaveProperty('lines.1', 'the server does not answer');
    expect(tasksOf(pressed(asked, 'y').effects)).toMatchObject([{ task: 'create' }]);
    expect(pressed(asked, 'n').effects).toEqual([]);
  });

  it('is held up by settings that no field shows', () => {
    const bad = { ...exampleBase, config: { ...exampleBase.config, evaluation: { probes: -1 } }, name: 'bad.json' };
    const state = press(answered(opened('setup', small, formOn(bad))), 'enter');
    expect(formOf(state).refusal).toMatch(/^bad\.json cannot be used:\nevaluation\.probes: -1: /);
  });

  it('a run that could not be made says why, until something is changed', () => {
    const state = tell(press(ready(), 'j', 's'), { what: 'not-created', problem: 'the disk is full' });
    expect(formOf(state)).toMatchObject({ focus: 'start', refusal: 'the disk is full' });
    expect(formOf(press(typed(at(state, alpha), '1'), 'enter')).refusal).toBeNull();
  });
});

describe('settings files', () => {
  it('are saved as configuration; over another file only if that is wanted', () => {
    const typing = press(ready(), 'w', 'ctrl+u', ...'a.json');
    expect(tasksOf(pressed(typing, 'enter').effects)).toMatchObject([
      { task: 'save', file: '/home/ann/work/a.json', overwrite: false, config: { dpo: { alpha: 0.08 } } },
    ]);
    const asked = tell(press(typing, 'enter'), { what: 'file-exists', file: '/home/ann/work/a.json' });
    expect(asked.modal).toMatchObject({ kind: 'confirm', what: 'overwrite /home/ann/work/a.json' });
    expect(tasksOf(pressed(asked, 'y').effects)).toMatchObject([{ file: '/home/ann/work/a.json', overwrite: true }]);
    const saved = tell(asked, { what: 'saved', file: { path: '/home/ann/work/a.json', config: exampleBase.config } });
    expect(saved.notice).toBe('Saved to a.json.');
    expect(formOf(saved).draft.base.name).toBe('a.json');
  });

  it('are not saved while a field cannot be read', () => {
    const bad = { ...exampleBase, config: { ...exampleBase.config, dpo: { alpha: 'much' } } };
    const state = press(opened('setup', small, formOn(bad)), 'w', 'enter');
    expect(state.modal).toHaveProperty('error', expect.stringContaining('correct it first'));
  });

  it('are loaded into a fresh form', () => {
    const step = pressed(press(ready(), 'o', ...'b.json'), 'enter');
    expect(tasksOf(step.effects)).toEqual([{ task: 'form', source: { from: 'file', file: 'b.json' } }]);
    const loaded = tell(at(ready(), alpha), {
      what: 'form',
      base: { ...exampleBase, name: 'b.json' },
      directory: 'runs/b',
    });
    expect(formOf(loaded)).toMatchObject({ focus: 'start', directory: 'runs/b' });
    // The same model and prompts: they are known.
    expect(formOf(loaded).checks.model?.status).toBe('ok');
    expect(formOf(loaded).checks.directory?.status).toBe('asked');
  });
});

describe('the headless command', () => {
  it('is what y copies', () => {
    const state = press(typed(at(ready(), alpha), '0.5'), 'enter');
    const command = 'brevity auto runs/example --alpha 0.5';
    expect(headlessOf(form(on.setup(state)))).toEqual({ command });
    expect(pressed(state, 'y').effects).toEqual([{ do: 'copy', text: command, what: 'the selection' }]);
  });

  it('is not there while a field cannot be read', () => {
    const bad = { ...exampleBase, config: { ...exampleBase.config, dpo: { alpha: 'much' } } };
    const state = opened('setup', small, formOn(bad));
    expect(module.copies?.(on.setup(state))).toBeNull();
  });
});

describe('the estimate', () => {
  const cost = (state: State) => {
    const { draft, checks, measuring } = formOf(state);
    return costOf(draft, checks, measuring, place);
  };

  it('has memory once the model is read, time once it is measured', () => {
    expect(cost(opened('setup'))).toEqual({ memory: null, limit: null, times: null });
    expect(cost(answered(opened('setup')))).toMatchObject({ times: null });
    expect(cost(answered(opened('setup'))).memory?.total).toBeGreaterThan(150);
    // 320 prompts with 4 responses of 20 tokens at 5000 tokens/s.
    expect(cost(ready()).times?.sample).toBeCloseTo((320 * 4 * 20) / 5000);
    expect(cost(ready()).limit).toBe(4096);
  });

  it('follows the number of samples without another measurement', () => {
    const step = pressed(typed(at(ready(), 8), '8'), 'enter');
    expect(tasksOf(step.effects).filter(({ task }) => task === 'measure')).toHaveLength(1);
    expect(cost(measured(step.state)).times?.sample).toBeCloseTo((320 * 8 * 20) / 5000);
  });

  it('says that wasm cannot hold it, and what to do', () => {
    const big = { ...modelFacts, parameters: 5e8, shape: { ...modelFacts.shape, hidden: 2048, layers: 24 } };
    const key = formOf(opened('setup')).checks.model?.key ?? '';
    const state = measured(answered(tell(opened('setup'), { what: 'checked', name: 'model', key, facts: big })));
    const [line] = costLines(formOf(state), place, 1);
    expect(line).toMatchObject({ tone: 'bad' });
    expect(line.text).toMatch(/more than the 4,096 MB of wasm: use LoRA/);
  });

  it('says why there is no time', () => {
    const state = answered(opened('setup'));
    const key = formOf(state).measuring?.key ?? '';
    const failed = tell(state, { what: 'measure-failed', key, problem: 'memory ran out' });
    expect(costLines(formOf(failed), place, 2)[1].text).toBe('time is not known: memory ran out');
  });
});

it('a click selects, a second one edits; the wheel goes through the fields', () => {
  const click = (state: State, y: number) => reduce(state, { type: 'mouse', kind: 'press', x: 5, y }).state;
  const once = click(ready(), 2 + model);
  expect(formOf(once).focus).toBe('model');
  expect(click(once, 2 + model).modal).toMatchObject({ kind: 'edit', field: 'model' });
  expect(formOf(reduce(once, { type: 'mouse', kind: 'wheel-down', x: 0, y: 9 }).state).focus).toBe('reward');
  expect(click(ready(), 21)).toEqual(ready());
});

it('is read aloud: every field with its value, and the selected one explained', () => {
  const lines = module.reading(on.setup(at(ready(), alpha)));
  expect(lines).toContain('α length penalty: 0.08. default 0.02.');
  expect(lines.join('\n')).toMatch(/Selected: α length penalty, 0\.08\. α: length-penalty coefficient/);
  expect(lines).toContain('Headless: brevity auto runs/example');
  expect(lines.filter((line) => line.includes('Selected'))).toHaveLength(1);
});

describe('updates elsewhere', () => {
  const where = 18;
  const gpu = answered(opened('setup'), {}, { updates_on: gpuFacts });
  const command = 'PYTHONPATH=/opt/brevity/trainer /venv/bin/python -m brevity_trainer {dir}';

  it('are offered in one choice if PyTorch sees a GPU, with the command filled in', () => {
    expect(status(gpu, 'updates_on')).toEqual({
      kind: 'ok',
      text: 'PyTorch sees NVIDIA H100 80GB HBM3 (80 GB): space moves updates there',
    });
    const chosen = press(at(gpu, where), 'space');
    const { draft } = formOf(answered(chosen, {}, { updates_on: gpuFacts }));
    expect(settledConfig(draft, place)?.update.job).toMatchObject({ launcher: 'process', command });
    // The command goes again with the choice, as it came.
    const { values } = formOf(press(chosen, 'right')).draft;
    expect([values.updates_on, values.job_command]).toEqual(['process', 'brevity job {dir}']);
  });

  it('fills the command in once it is known what there is', () => {
    const early = press(at(opened('setup'), where), 'space');
    expect(formOf(early).draft.values.job_command).toBe('brevity job {dir}');
    expect(formOf(answered(early, {}, { updates_on: gpuFacts })).draft.values.job_command).toBe(command);
  });

  it('names the command that was chosen here, and none that came with a file', () => {
    const chosen = answered(press(at(gpu, where), 'space'), {}, { updates_on: gpuFacts });
    expect(tasksOf(pressed(chosen, 's').effects)).toMatchObject([{ task: 'create', named: ['update.job.command'] }]);
    const update = { job: { launcher: 'process', command: 'theirs {dir}' } };
    const theirs = answered(
      opened('setup', undefined, formOn({ ...exampleBase, config: { ...exampleBase.config, update } })),
    );
    expect(tasksOf(pressed(theirs, 's').effects)).toMatchObject([{ task: 'create', named: [] }]);
  });

  it('are not measured here, and say what a GPU must hold', () => {
    const chosen = answered(press(at(gpu, where), 'space'), {}, { updates_on: gpuFacts });
    expect(formOf(chosen).measuring).toBeNull();
    const [memory, time] = costLines(formOf(chosen), place, 2).map(({ text }) => text);
    expect(memory).toMatch(/^PyTorch on a GPU ≈ [\d,]+ MB all weights, ≈ [\d,]+ MB LoRA 16: fits into 79\.6 GB$/);
    expect(time).toBe('time is not measured: the update is a job');
  });

  it('say what is missing, and start all the same when asked', () => {
    const slurm = press(at(ready(), where), 'space', 'space', 'space');
    const missing = answered(slurm, { updates_on: 'sbatch is not on the path; start Brevity elsewhere' });
    expect(status(missing, 'updates_on')).toMatchObject({ kind: 'bad' });
    const question = press(missing, 's');
    expect(question.modal).toMatchObject({
      lines: ['Updates would fail at present. Start anyway?', 'sbatch is not on the path; start Brevity elsewhere'],
    });
    expect(tasksOf(pressed(question, 'y').effects)).toMatchObject([{ task: 'create' }]);
  });
});

describe('sampling servers', () => {
  it('are asked once their endpoints can be read', () => {
    const served = press(at(ready(), 7), 'space');
    expect(status(served, 'endpoints')).toEqual({ kind: 'bad', text: 'endpoints is missing; enter to write it' });
    const step = pressed(typed(press(served, 'j'), 'http://a:1, http://b:2/'), 'enter');
    expect(tasksOf(step.effects)).toMatchObject([
      { task: 'check', name: 'endpoints', ask: { task: 'endpoints', urls: ['http://a:1', 'http://b:2/'] } },
    ]);
    expect(status(answered(step.state), 'endpoints')).toEqual({
      kind: 'ok',
      text: 'answers · serves policy · context 4,096',
    });
  });
});
