/** Which checks the form's values ask for, and what came of them. Pure: homeTasks.ts carries them out. */
import {
  type BackendChoice,
  type Config,
  backendSchema,
  rewardOptionsSchema,
} from '../../../src/core/config/schema.js';
import type { PartialConfig } from '../../../src/core/config/partial.js';
import {
  type Draft,
  type Place,
  absolute,
  configOfDraft,
  fieldProblem,
  settledConfig,
} from '../../../src/core/form/draft.js';
import type {
  DirectoryFacts,
  EndpointFacts,
  EnvironmentFacts,
  ModelFacts,
  PromptFacts,
  RewardFacts,
  TaskAsk,
} from '../../../src/core/form/facts.js';
import { adapter, entriesOf, onGpu, onServers, thisMachine } from '../../../src/core/form/fields.js';
import { moduleFiles } from '../../../src/core/config/rewardSpec.js';

export const checkNames = ['directory', 'model', 'prompts', 'held_out', 'reward', 'endpoints', 'updates_on'] as const;
export type CheckName = (typeof checkNames)[number];

export interface FactsOf {
  directory: DirectoryFacts;
  model: ModelFacts;
  prompts: PromptFacts;
  held_out: PromptFacts;
  reward: RewardFacts;
  endpoints: EndpointFacts[];
  updates_on: EnvironmentFacts;
}

export type CheckAsk =
  { task: 'directory'; directory: string } | TaskAsk<'model' | 'prompts' | 'reward' | 'endpoints' | 'environment'>;

/** `key` is of what was asked: an answer to something else is none. `held`: not asked, since it would run code. */
export type Check<Facts> = { key: string } & (
  { status: 'asked' } | { status: 'held' } | { status: 'ok'; facts: Facts } | { status: 'bad'; problem: string }
);
export type Checks = { readonly [N in CheckName]: Check<FactsOf[N]> | null };

export const noChecks: Checks = {
  ...{ directory: null, model: null, prompts: null, held_out: null, reward: null },
  ...{ endpoints: null, updates_on: null },
};

/**
 * @param named the reward that the user wrote here or asked to try
 * @returns null if there is nothing to check yet
 */
export function askOf(name: CheckName, draft: Draft, place: Place, named: string | null): CheckAsk | null {
  if (draft.values[name].trim() === '') return null;
  if (name === 'directory') return { task: 'directory', directory: absolute(draft.values.directory.trim(), place) };
  const config = configOfDraft(draft, place);
  const model = String(config.model);
  switch (name) {
    case 'model':
      return { task: 'model', dir: model, elsewhere: samplesElsewhere(draft) && updatesElsewhere(draft) };
    case 'prompts':
    case 'held_out': {
      const raw = (config.sampling as PartialConfig | undefined)?.raw === true;
      return { task: 'prompts', file: String(config[name]), model, raw };
    }
    case 'reward': {
      const options = rewardOptionsSchema.safeParse(config.rewards ?? {}).data ?? rewardOptionsSchema.parse({});
      const backend: BackendChoice = backendSchema.safeParse(config.backend).data ?? 'auto';
      const prompts = String(config.prompts);
      const spec = String(config.reward);
      return { task: 'reward', spec, options, prompts, model, backend, named: spec === named };
    }
    case 'endpoints': {
      const { samples_on, endpoints } = draft.values;
      if (samples_on !== onServers || fieldProblem('endpoints', draft.values) !== null) return null;
      return { task: 'endpoints', urls: entriesOf('endpoints', endpoints) };
    }
    case 'updates_on': {
      const { updates_on: on, job_command, ray, trains } = draft.values;
      // What does not matter is left out, so that changing it asks nothing again.
      return {
        ...{ task: 'environment', on, lora: on === onGpu && trains === adapter },
        ...{ command: on === 'process' ? job_command : '', ray: on === 'ray' ? ray : '' },
      };
    }
  }
}

const samplesElsewhere = ({ values }: Draft): boolean => values.samples_on === onServers;
const updatesElsewhere = ({ values }: Draft): boolean => values.updates_on !== thisMachine;

/** Servers sample or a job updates: numbers of this machine would say nothing of them, and it may be too small to try. */
export const isElsewhere = ({ sampling, update }: Config): boolean => sampling.server !== null || update.job !== null;

/** The settings that a measurement depends on; null where they cannot be measured. */
export function measureKey(draft: Draft, checks: Checks, place: Place): string | null {
  const config = settledConfig(draft, place);
  const needed = [checks.model, checks.prompts, checks.held_out, checks.reward];
  if (config === null || needed.some((check) => check?.status !== 'ok')) return null;
  if (isElsewhere(config)) return null;
  const { model, reward, prompts, backend, sampling, rewards, update } = config;
  const { batch_size, micro_batch, lora, activation_checkpointing } = update;
  // How many prompts there are is counted, not measured.
  const { prompts_per_round: _counted, ...sampled } = sampling;
  return JSON.stringify([
    ...[model, reward, prompts, backend, sampled, rewards],
    ...[batch_size, micro_batch, lora, activation_checkpointing],
  ]);
}

/** A trial of this reward runs code that the user has not named himself: it came with a file or a run. */
export function isHeld(ask: CheckAsk): boolean {
  return ask.task === 'reward' && !ask.named && moduleFiles(ask.spec).length > 0;
}
