/** The list of runs and the form as they would be found, for tests of the reducer and the screens. */
import { slices } from './slices.js';
import type { PartialConfig } from '../../src/core/config/partial.js';
import type { Base } from '../../src/core/form/draft.js';
import type { DirectoryFacts, Measurement, ModelFacts, PromptFacts, RewardFacts } from '../../src/core/form/facts.js';
import { type CheckName, type FactsOf, type SurveyFacts, checkNames } from '../../components/app/home.js';
import type { FolderFacts } from '../../src/core/form/machine.js';
import { homeState } from '../../components/screens/index.js';
import type { Home, HomeEvent } from '../../components/app/home.js';
import { runsUi } from '../../components/screens/runs/state.js';
import { setupUi } from '../../components/screens/setup/state.js';
import { reduce } from '../../components/app/reducer.js';
import type { Effect, Screen, Size, State } from '../../components/app/state.js';
import { after, config, small } from './fixtures.js';
import type { RunEntry, RunSeen } from '../../src/core/runs.js';

export const place = { cwd: '/home/ann/work', home: '/home/ann' };
export const exampleFile = '/opt/brevity/data/example.json';

const exampleSettings: PartialConfig = {
  model: '/opt/brevity/data/base-policy',
  reward: 'hf:/opt/brevity/data/reward-model',
  prompts: '/opt/brevity/data/prompts.jsonl',
  held_out: '/opt/brevity/data/held-out.jsonl',
  sampling: { samples_per_prompt: 4, temperature: 0.8, top_p: 1, max_new_tokens: 80, batch_size: 64 },
  rewards: { batch_size: 32 },
  dpo: { beta: 0.1, alpha: 0.08 },
  update: { lr: 1e-4, batch_size: 32, micro_batch: 16, epochs: 2, warmup: 0.1 },
};

export const exampleBase: Base = {
  config: exampleSettings,
  file: { path: exampleFile, config: exampleSettings },
  name: 'the bundled example',
};

export const modelFacts: ModelFacts = {
  architecture: 'LlamaForCausalLM',
  parameters: 1_404_000,
  context: 512,
  dtype: 'F16',
  bytes: 2_808_000,
  tokenizer: true,
  chatTemplate: true,
  adapter: null,
  shape: { layers: 4, hidden: 160, query: 160, kv: 80, inner: 448, gated: true, vocabulary: 1024, tied: true },
  loraWidths: { q_proj: 1280, k_proj: 960, v_proj: 960, o_proj: 1280, gate_proj: 2432, up_proj: 2432, down_proj: 2432 },
};
export const promptFacts: PromptFacts = { prompts: 320, longest: 61, mean: 27.4, context: 512 };
export const rewardFacts: RewardFacts = {
  reward: -1.234,
  prompt: 'Which month comes after November?',
  response: 'Yes.',
  seconds: 0.041,
  parameters: 1_300_000,
};
export const measurement: Measurement = {
  backend: 'wasm',
  backend_note: null,
  sample: { tokensPerSecond: 5000, meanLength: 20, truncatedShare: 0 },
  score: { responsesPerSecond: 160 },
  update: { tokensPerSecond: 1500 },
  memory_mb: 402,
};

export const facts: FactsOf = {
  directory: { exists: false } satisfies DirectoryFacts,
  model: modelFacts,
  prompts: promptFacts,
  held_out: { ...promptFacts, prompts: 100 },
  reward: rewardFacts,
  preferences: {
    rows: 1865,
    scored: 48,
    summary: 'right on 70.8 % [56.8, 81.8] of 48 rows, chance 25.0 %',
    warnings: [],
  },
  endpoints: [{ url: 'http://node1:8000', models: ['policy'], context: 4096, locked: false }],
  updates_on: { python: { found: null, passed: [] }, scheduler: null },
};

/** A machine whose PyTorch sees a GPU. */
export const gpuFacts: FactsOf['updates_on'] = {
  python: {
    found: {
      ...{ program: '/venv/bin/python', version: '3.12.4', problem: null },
      ...{ trainer: '0.1.0', trainer_folder: '/opt/brevity/trainer' },
      packages: { torch: '2.9.0', transformers: '5.12.0', accelerate: '1.14.0', peft: '0.18.0' },
      gpus: [{ name: 'NVIDIA H100 80GB HBM3', memory_mb: 81_559 }],
    },
    passed: [],
  },
  scheduler: null,
};

export const noFolder: FolderFacts = { models: [], rewards: [], prompts: [], held_out: [] };

export const surveyFacts: SurveyFacts = {
  machine: {
    ...{ node: 'v20.20.2', platform: 'linux x64', processor: 'AMD EPYC 7763 64-Core Processor', cores: 2 },
    ...{ instructions: 'AVX2', memory_gb: 24, memory_free_gb: 20.5, gpu: null, backend: 'native' },
    fastest: { name: 'native', why: 'measured' },
    backends: [
      {
        ...{ name: 'cuda', usable: false, automatic: false, gpu: false },
        detail: 'no NVIDIA driver is installed',
      },
      {
        ...{ name: 'tensorflow', usable: false, automatic: true, gpu: false },
        detail: 'its package is not installed; `npm install @tensorflow/tfjs-node-gpu` adds it',
      },
      {
        ...{ name: 'native', usable: true, automatic: true, gpu: false },
        detail: 'our C++ kernels, AVX2, 2 threads',
      },
      { ...{ name: 'wasm', usable: true, automatic: true, gpu: false }, detail: 'TensorFlow.js on WebAssembly' },
    ],
  },
  folder: noFolder,
  python: { found: null, passed: [] },
};

/** A machine where the addon was not built. */
export const noNative: SurveyFacts = {
  ...surveyFacts,
  machine: {
    ...surveyFacts.machine,
    backend: 'wasm',
    fastest: { name: 'wasm', why: 'it alone loads' },
    backends: surveyFacts.machine.backends.map((each) =>
      each.name === 'native'
        ? { ...each, usable: false, detail: 'there is no C++ compiler here; `npm run build:native` builds it' }
        : each,
    ),
  },
};

const home: Home = { place, example: exampleFile };

/** The slices of the list of runs and of the form, as the command begins with them. */
export function formOn(base: Base = exampleBase, directory = 'runs/example', selected: string | null = null) {
  return { runs: runsUi(selected), setup: setupUi(base, directory, place) };
}

/** As the terminal begins. Its first action asks what the screen needs. */
export function opened(screen: Screen & ('runs' | 'setup'), size: Size = small, of = formOn()): State {
  return after(homeState(size, home, of, screen), { type: 'size', size });
}

export function tell(state: State, ...events: HomeEvent[]): State {
  return after(state, ...events.map((event) => ({ type: 'home' as const, event })));
}

/** Every check under way is answered: with the facts above unless a problem is given. */
export function answered(
  state: State,
  problems: Partial<Record<CheckName, string>> = {},
  found: Partial<FactsOf> = {},
): State {
  const checks = slices(state).setup.checks;
  return checkNames.reduce((now, name) => {
    const check = checks[name];
    if (check?.status !== 'asked') return now;
    const { key } = check;
    const problem = problems[name];
    return tell(
      now,
      problem === undefined
        ? { what: 'checked', name, key, facts: found[name] ?? facts[name] }
        : { what: 'check-failed', name, key, problem },
    );
  }, state);
}

export function measured(state: State, known: Measurement = measurement, doing = ''): State {
  return tell(state, { what: 'measured', key: slices(state).setup.measuring?.key ?? '', known, doing });
}

/** The form with the example's settings, checked and measured. */
export const ready = (size: Size = small): State => measured(answered(opened('setup', size)));

const theirs: PartialConfig = { ...exampleSettings, reward: 'module:/home/ann/theirs.mjs' };

/** The form of a configuration file whose reward is a module; everything else is checked. */
export const moduleForm = answered(
  opened(
    'setup',
    small,
    formOn({ config: theirs, file: { path: '/home/ann/work/theirs.json', config: theirs }, name: 'theirs.json' }),
  ),
);

export function effectsOf(state: State, ...keys: string[]): Effect[] {
  const last = keys.at(-1) ?? '';
  const before = keys.slice(0, -1).reduce((now, key) => reduce(now, { type: 'key', key }).state, state);
  return reduce(before, { type: 'key', key: last }).effects;
}

const noon = Date.UTC(2026, 10, 24, 12);

function entry(name: string, seen: Partial<RunSeen> | null, more: Partial<RunEntry> = {}): RunEntry {
  const usual: RunSeen = {
    ...{ model: '/home/ann/models/SmolLM2-135M-Instruct', rounds: 3, stage: 'review', reward: 1.821, length: 43.1 },
    config: config as PartialConfig,
  };
  return {
    directory: `/home/ann/work/runs/${name}`,
    seen: seen === null ? null : { ...usual, ...seen },
    problem: null,
    engine: { state: 'stopped' },
    changed: noon - 90_000,
    ...more,
  };
}

export const newer =
  '/home/ann/work/runs/tomorrow/run.json was written by a newer Brevity (version 3, this one reads 2); update Brevity to open this run';

export const noModel =
  '/home/ann/work/models/SmolLM is not there; expected a Hugging Face folder with config.json and *.safetensors';

export const entries: RunEntry[] = [
  entry('smol-alpha-0.02', {}, { engine: { state: 'idle' }, changed: noon }),
  entry('smol-lora', { stage: 'update', rounds: 5 }, { engine: { state: 'working' }, changed: noon - 30_000 }),
  entry('example', { model: '/opt/brevity/data/base-policy', stage: 'done', reward: 0.373, length: 21.2 }),
  entry(
    'broken-reward',
    { stage: 'score', rounds: 1, reward: null, length: null },
    {
      engine: { state: 'problem', problem: 'the reward server answered 500 to scoring the response to "Say hello."' },
    },
  ),
  entry(
    'on-the-cluster',
    { stage: 'sample' },
    { engine: { state: 'elsewhere', host: 'gpu-17' }, changed: noon - 3 * 86_400_000 },
  ),
  entry('tomorrow', null, { problem: newer, changed: noon - 5 * 3_600_000 }),
];

/** The first screen: there are no runs, and the survey has answered. */
export function welcomed(size: Size = small, facts: SurveyFacts = surveyFacts): State {
  return tell(
    listed(size, []),
    { what: 'surveyed', name: 'machine', facts: facts.machine },
    { what: 'surveyed', name: 'folder', facts: facts.folder },
    { what: 'surveyed', name: 'python', facts: facts.python },
  );
}

export function listed(size: Size = small, of: readonly RunEntry[] = entries, selected: string | null = null): State {
  return tell(opened('runs', size, formOn(exampleBase, 'runs/example-2', selected)), {
    ...{ what: 'runs', entries: of },
    at: noon + 30_000,
  });
}
