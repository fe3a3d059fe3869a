/**
 * The checks of the form: which ones its values need, which are still to be sent, and what their outcomes change. Pure:
 * homeTasks.ts carries them out.
 */
import {
  type BackendChoice,
  type Config,
  backendSchema,
  rewardOptionsSchema,
} from '../../../src/core/config/schema.js';
import type { PartialConfig } from '../../../src/core/config/partial.js';
import {
  type Draft,
  type PathContext,
  absolute,
  configOfDraft,
  fieldProblem,
  settledConfig,
  shorten,
} from '../../../src/core/form/draft.js';
import { adapter, entriesOf, onGpu, onServers, thisMachine } from '../../../src/core/form/fields.js';
import { moduleFiles } from '../../../src/core/config/rewardSpec.js';
import { makeLine } from '../../../src/core/sanitize.js';
import { type CheckAsk, type CheckName, type FactsOf, type HomeEvent, checkNames } from '../../app/home.js';
import { type Effect, type Step, noEffects } from '../../app/state.js';
import { withTrainer } from './edit.js';
import { type Check, type Checks, type SetupState, type SetupUi, formOf, setupUi } from './state.js';

/**
 * The check that a field's value needs.
 *
 * @param named the reward that the user typed or asked to try
 * @returns null if there is nothing to check yet
 */
export function askOf(name: CheckName, draft: Draft, place: PathContext, named: string | null): CheckAsk | null {
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
    case 'reward':
    case 'preferences': {
      const options = rewardOptionsSchema.safeParse(config.rewards ?? {}).data ?? rewardOptionsSchema.parse({});
      const backend: BackendChoice = backendSchema.safeParse(config.backend).data ?? 'auto';
      const spec = String(config.reward);
      const tried = { spec, options, backend, named: spec === named };
      if (name === 'reward') return { task: 'reward', ...tried, prompts: String(config.prompts), model };
      if (draft.values.reward.trim() === '') return null;
      return { task: 'preferences', ...tried, file: String(config.preferences) };
    }
    case 'endpoints': {
      const { samples_on, endpoints } = draft.values;
      if (samples_on !== onServers || fieldProblem('endpoints', draft.values) !== null) return null;
      return { task: 'endpoints', urls: entriesOf('endpoints', endpoints) };
    }
    case 'updates_on': {
      const { updates_on: on, job_command, ray, trains } = draft.values;
      // Values that this choice does not use are left out, so that changing them does not repeat the check.
      return {
        task: 'environment',
        on,
        lora: on === onGpu && trains === adapter,
        command: on === 'process' ? job_command : '',
        ray: on === 'ray' ? ray : '',
      };
    }
  }
}

const samplesElsewhere = ({ values }: Draft): boolean => values.samples_on === onServers;
const updatesElsewhere = ({ values }: Draft): boolean => values.updates_on !== thisMachine;

/** Servers sample or a job updates: measuring this machine would say nothing about them, and it may be too small. */
export const isElsewhere = ({ sampling, update }: Config): boolean => sampling.server !== null || update.job !== null;

/** The settings that a measurement depends on; null while they cannot be measured. */
export function measureKey(draft: Draft, checks: Checks, place: PathContext): string | null {
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

/** Trying this reward would run code that the user has not named: it came with a file or from another run. */
export function isHeld(ask: CheckAsk): boolean {
  const tries = ask.task === 'reward' || ask.task === 'preferences';
  return tries && !ask.named && moduleFiles(ask.spec).length > 0;
}

export function applySetupEvent(state: SetupState, event: HomeEvent): SetupState {
  const { setup, place } = formOf(state);
  const withSetup = (more: Partial<SetupUi>): SetupState => ({ ...state, ui: { ...setup, ...more } });
  switch (event.what) {
    case 'form': {
      // Checks of values that are the same in the new form still hold: their keys match.
      const { checks, measuring, namedReward } = setup;
      const opened = { ...setupUi(event.base, event.directory, place), checks, measuring, namedReward };
      return { ...state, screen: 'setup', ui: opened };
    }
    case 'checked':
      return withTrainer(withSetup(settled(setup, event.name, event.key, { status: 'ok', facts: event.facts })));
    case 'check-failed':
      return withSetup(settled(setup, event.name, event.key, { status: 'bad', problem: event.problem }));
    case 'measured':
      if (setup.measuring?.key !== event.key) return state;
      return withSetup({ measuring: { ...setup.measuring, known: event.known, doing: event.doing } });
    case 'measure-failed':
      if (setup.measuring?.key !== event.key) return state;
      return withSetup({ measuring: { ...setup.measuring, doing: '', problem: event.problem } });
    case 'saved': {
      const { file } = event;
      const base = { ...setup.draft.base, config: file.config, file, name: makeLine(shorten(file.path, place), 60) };
      return { ...withSetup({ draft: { ...setup.draft, base } }), notice: `Saved to ${shorten(file.path, place)}.` };
    }
    case 'file-exists': {
      const question = `Overwrite ${makeLine(shorten(event.file, place), 400)}?`;
      const lines = [question, 'The settings in the file are replaced by those of this form.'];
      return { ...state, modal: { kind: 'confirm', owner: 'setup', what: `overwrite ${event.file}`, lines } };
    }
    case 'runs':
    case 'surveyed':
    case 'survey-failed':
      return state;
    case 'not-created':
      return withSetup({ refusal: event.problem, focus: 'start' });
  }
}

type Outcome = { status: 'ok'; facts: FactsOf[CheckName] } | { status: 'bad'; problem: string };

/** The outcome of a check of an earlier value changes nothing. */
function settled(setup: SetupUi, name: CheckName, key: string, outcome: Outcome): Partial<SetupUi> {
  if (setup.checks[name]?.key !== key) return {};
  return { checks: { ...setup.checks, [name]: { key, ...outcome } as Check<FactsOf[CheckName]> } };
}

/** Sends the checks of values that have changed and, once all have passed, a measurement. */
export function setupAsks(state: SetupState): Step<SetupState> {
  const home = formOf(state);
  const { place } = home;
  let { ui: setup } = state;
  const effects: Effect[] = [];
  for (const name of checkNames) {
    const ask = askOf(name, setup.draft, place, setup.namedReward);
    const key = JSON.stringify(ask);
    const known = setup.checks[name];
    if (ask === null) {
      if (known !== null) setup = { ...setup, checks: { ...setup.checks, [name]: null } };
    } else if (known?.key !== key && isHeld(ask)) {
      setup = { ...setup, checks: { ...setup.checks, [name]: { key, status: 'held' } } };
    } else if (known?.key !== key) {
      setup = { ...setup, checks: { ...setup.checks, [name]: { key, status: 'asked' } } };
      effects.push({ do: 'home', task: { task: 'check', name, key, ask } });
    }
  }
  const key = measureKey(setup.draft, setup.checks, place);
  const config = settledConfig(setup.draft, place);
  if (setup.measuring !== null && config !== null && isElsewhere(config)) setup = { ...setup, measuring: null };
  if (key !== null && config !== null && setup.measuring?.key !== key) {
    setup = { ...setup, measuring: { key, known: null, doing: 'starting', problem: null } };
    effects.push({ do: 'home', task: { task: 'measure', key, config } });
  }
  return setup === state.ui ? noEffects(state) : { state: { ...state, ui: setup }, effects };
}
