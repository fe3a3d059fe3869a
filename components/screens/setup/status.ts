/** The status of each field: whether its value is valid, and what the check of it found. */
import { smallest } from '../../../src/core/limits.js';
import {
  adapter,
  defaultText,
  fieldOf,
  onGpu,
  thisMachine,
  type FieldId,
  visibleFields,
} from '../../../src/core/form/fields.js';
import { fieldProblem, hiddenProblems, settledConfig, type PathContext } from '../../../src/core/form/draft.js';
import { trainedParameters } from '../../../src/core/form/estimate.js';
import type {
  EndpointFacts,
  EnvironmentFacts,
  ModelFacts,
  PreferenceFacts,
  PromptFacts,
  RewardFacts,
} from '../../../src/core/form/facts.js';
import { count, fixed, learningRate, of } from '../../../src/core/format.js';
import { type CheckName, type FactsOf, checkNames } from '../../app/home.js';
import type { SetupUi } from './state.js';
import { gpusInWords, trainerProblem } from '../../../src/core/form/python.js';

/** `quiet`: neither good nor bad. */
export interface Status {
  kind: 'quiet' | 'asked' | 'ok' | 'bad';
  text: string;
}

const quiet = (text = ''): Status => ({ kind: 'quiet', text });

export function statusOf(id: FieldId, setup: SetupUi, place: PathContext): Status {
  const { draft, checks, measuring } = setup;
  const problem = fieldProblem(id, draft.values);
  if (problem !== null) return { kind: 'bad', text: problem };
  if (isCheckName(id)) {
    const check = checks[id];
    if (check === null) return quiet(id === 'preferences' ? 'optional' : '');
    if (check.status === 'asked') return { kind: 'asked', text: asking[id] };
    if (id === 'updates_on' && check.status === 'ok')
      return environmentStatus(draft.values.updates_on, check.facts as EnvironmentFacts);
    if (check.status === 'held') return { kind: 'quiet', text: 'not tried: a module is code; press t to run it once' };
    if (check.status === 'bad') return { kind: 'bad', text: check.problem };
    return { kind: 'ok', text: factsText(id, check.facts) };
  }
  if (id === 'trains' || id === 'lora_rank') return trainedStatus(id, setup, place);
  if (id === 'backend') {
    const used = measuring?.known?.backend ?? '';
    // The measurement is of the backend that was chosen before.
    const chosen = draft.values.backend;
    if (used === '' || (chosen !== 'auto' && chosen !== used)) return quiet();
    const note = measuring?.known?.backend_note ?? null;
    return { kind: 'ok', text: note === null ? `${used} is used` : `${used} is used; ${note}` };
  }
  const usual = defaultText(fieldOf(id), draft.values);
  return quiet(usual === null || Number(usual) === Number(draft.values[id]) ? '' : `default ${short(usual)}`);
}

/** 5e-7, not 0.0000005 nor 5.0e-7. */
const short = (number: string): string => (Math.abs(Number(number)) < 1e-3 ? learningRate(Number(number)) : number);

const asking: Record<CheckName, string> = {
  directory: 'looking …',
  model: 'reading …',
  prompts: 'counting …',
  held_out: 'counting …',
  reward: 'trying it on one prompt …',
  preferences: 'checking the reward on some rows …',
  endpoints: 'asking each …',
  updates_on: 'looking for PyTorch and schedulers …',
};

function isCheckName(id: FieldId): id is CheckName {
  return (checkNames as readonly string[]).includes(id);
}

function factsText<N extends CheckName>(name: N, facts: FactsOf[N]): string {
  switch (name) {
    case 'directory':
      return (facts as FactsOf['directory']).exists ? 'empty' : 'will be created';
    case 'model':
      return modelText(facts as ModelFacts);
    case 'reward':
      return rewardText(facts as RewardFacts);
    case 'preferences':
      return preferencesText(facts as PreferenceFacts);
    case 'endpoints':
      return endpointsText(facts as EndpointFacts[]);
    default:
      return promptsText(facts as PromptFacts);
  }
}

/** 1,234,567 as 1.2 M. */
export function parametersText(parameters: number): string {
  if (parameters >= 1e9) return `${fixed(parameters / 1e9, 2)} B`;
  return parameters >= 1e5 ? `${fixed(parameters / 1e6, parameters < 1e7 ? 1 : 0)} M` : count(parameters);
}

function modelText({ architecture, parameters, context, dtype, tokenizer, chatTemplate, adapter: base }: ModelFacts) {
  const template = !tokenizer ? 'no tokenizer' : chatTemplate ? 'chat template' : 'no chat template';
  const name = architecture.replace(/(ForCausalLM|LMHeadModel)$/, '');
  return [
    `${parametersText(parameters)} ${name}`,
    `context ${count(context)}`,
    template,
    dtype,
    ...(base === null ? [] : [`an adapter of ${base}`]),
  ].join(' · ');
}

function promptsText({ prompts, longest, mean }: PromptFacts): string {
  if (longest === null) return of(prompts, 'prompt');
  return `${of(prompts, 'prompt')} of ${fixed(mean ?? NaN, 0)} tokens, ${count(longest)} at most`;
}

function rewardText({ reward, prompt, response, seconds, parameters }: RewardFacts): string {
  const size = parameters === 0 ? '' : ` · ${parametersText(parameters)} parameters`;
  return `${fixed(reward, 2)} for “${response}” to “${prompt}” in ${fixed(seconds, 2)} s${size}`;
}

function preferencesText({ rows, scored, summary, warnings }: PreferenceFacts): string {
  const part = scored === rows ? '' : ` · all ${of(rows, 'row')} before round 1`;
  return `${warnings.length === 0 ? '' : `${of(warnings.length, 'warning')} · `}${summary}${part}`;
}

function endpointsText(facts: readonly EndpointFacts[]): string {
  const models = [...new Set(facts.flatMap((one) => one.models))];
  const contexts = facts.flatMap(({ context }) => context ?? []);
  const locked = facts.filter((one) => one.locked).length;
  return [
    facts.length === 1 ? 'answers' : `all ${facts.length} answer`,
    ...(models.length === 0 ? [] : [`serves ${models.slice(0, 3).join(', ')}${models.length > 3 ? ' …' : ''}`]),
    ...(contexts.length === 0 ? [] : [`context ${count(smallest(contexts))}`]),
    ...(locked === 0 ? [] : [`${locked === facts.length ? 'requires' : `${locked} require`} a key`]),
  ].join(' · ');
}

/** The Python, GPUs or scheduler found for updates; on this machine also the hint that PyTorch on a GPU is faster. */
function environmentStatus(on: string, { python, scheduler }: EnvironmentFacts): Status {
  const { found } = python;
  const gpus = found === null || found.gpus.length === 0 ? null : gpusInWords(found.gpus);
  const versions = found === null ? '' : versionsText(found.packages);
  if (on === thisMachine) {
    if (found === null || gpus === null || trainerProblem(found) !== null) return quiet();
    return { kind: 'ok', text: `PyTorch sees ${gpus}: space moves updates there` };
  }
  if (on === onGpu) return { kind: 'ok', text: [gpus ?? '', versions].join(' · ') };
  if (on === 'process') {
    const text = found === null ? 'no Python here' : `${versions || 'no PyTorch'} in ${found.program}`;
    return quiet([...(gpus === null ? [] : [gpus]), text].join(' · '));
  }
  return scheduler === null ? quiet() : { kind: 'ok', text: scheduler };
}

function versionsText(packages: Record<string, string | null>): string {
  return Object.entries(packages)
    .flatMap(([name, version]) => (version === null ? [] : [`${name} ${version}`]))
    .join(', ');
}

function trainedStatus(id: 'trains' | 'lora_rank', { draft, checks }: SetupUi, place: PathContext): Status {
  const config = settledConfig(draft, place);
  if (checks.model?.status !== 'ok' || config === null) return quiet();
  if (id === 'trains' && draft.values.trains === adapter) return quiet();
  const trained = trainedParameters(checks.model.facts, config.update.lora);
  const share = (100 * trained) / checks.model.facts.parameters;
  if (trained === 0)
    return { kind: 'bad', text: `no linear layer of this model is among ${config.update.lora?.targets.join(', ')}` };
  return quiet(`${count(trained)} parameters${share < 99.95 ? `, ${fixed(share, 1)} %` : ''}`);
}

/** Whether the form as a whole can start a run. */
export interface Readiness {
  bad: FieldId[];
  /** Checks that are running. */
  asked: CheckName[];
  /** Problems of settings that the form does not show. */
  hidden: string[];
}

export function readinessOf(setup: SetupUi, place: PathContext): Readiness {
  const shown = visibleFields(setup.draft.values).map(({ id }) => id);
  return {
    bad: shown.filter((id) => statusOf(id, setup, place).kind === 'bad'),
    // The run starts on this machine whatever the search for a better place for updates finds.
    asked: checkNames.filter(
      (name) =>
        setup.checks[name]?.status === 'asked' &&
        (name !== 'updates_on' || setup.draft.values.updates_on !== thisMachine),
    ),
    hidden: hiddenProblems(setup.draft, place),
  };
}
