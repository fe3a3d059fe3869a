/**
 * The terminal before a run is opened: the list of runs and the form of a new one. There is no engine. Whatever needs
 * the disk or another process is a task (homeTasks.ts carries it out), and its outcome an event.
 */
import type { Config } from '../../src/core/config/schema.js';
import type { Base, PathContext, SettingsFile } from '../../src/core/form/draft.js';
import type {
  DirectoryFacts,
  EndpointFacts,
  EnvironmentFacts,
  Measurement,
  ModelFacts,
  PreferenceFacts,
  PromptFacts,
  RewardFacts,
} from '../../src/core/form/facts.js';
import type { TaskAsk } from '../../src/core/form/facts.js';
import type { FolderFacts, MachineFacts } from '../../src/core/form/machine.js';
import type { PythonSearch } from '../../src/core/form/python.js';
import type { RunEntry } from '../../src/core/runs.js';

export interface Home {
  place: PathContext;
  /** The bundled example's configuration file. */
  example: string;
}

/** Where the form's settings come from. */
export type FormSource =
  | { from: 'example' }
  | { from: 'file'; file: string }
  /** What the current folder holds; the paths are relative to it. */
  | { from: 'folder'; found: FolderFacts }
  /** A run's configuration: another one like it. */
  | { from: 'run'; entry: RunEntry };

/** Fields of the form whose values are checked on the machine. */
export const checkNames = [
  'directory',
  'model',
  'prompts',
  'held_out',
  'reward',
  'preferences',
  'endpoints',
  'updates_on',
] as const;
export type CheckName = (typeof checkNames)[number];

/** What each check finds out. */
export interface FactsOf {
  directory: DirectoryFacts;
  model: ModelFacts;
  prompts: PromptFacts;
  held_out: PromptFacts;
  reward: RewardFacts;
  preferences: PreferenceFacts;
  endpoints: EndpointFacts[];
  updates_on: EnvironmentFacts;
}

export type CheckAsk =
  | { task: 'directory'; directory: string }
  | TaskAsk<'model' | 'prompts' | 'reward' | 'preferences' | 'endpoints' | 'environment'>;

/** What the first screen tells of this machine, if there are no runs. */
export interface SurveyFacts {
  machine: MachineFacts;
  folder: FolderFacts;
  python: PythonSearch;
}
export const surveyNames = ['machine', 'folder', 'python'] as const satisfies readonly (keyof SurveyFacts)[];
export type SurveyName = (typeof surveyNames)[number];

export type HomeTask =
  | { task: 'survey'; name: SurveyName }
  /** Creates the bundled example's run and opens it. */
  | { task: 'example' }
  | { task: 'demo' }
  | { task: 'open'; directory: string }
  | { task: 'delete'; directory: string }
  | { task: 'end-engine'; directory: string }
  | { task: 'look-in'; folder: string }
  | { task: 'form'; source: FormSource }
  | { task: 'check'; name: CheckName; key: string; ask: CheckAsk }
  | { task: 'measure'; key: string; config: Config }
  | { task: 'save'; file: string; config: Config; overwrite: boolean }
  /** `named`: dotted keys that the user set in the form; the run may execute what they name without asking. */
  | { task: 'create'; directory: string; config: Config; named: readonly string[] };

export type HomeEvent =
  /** The runs that were found, and when, ms since 1970. */
  | { what: 'runs'; entries: readonly RunEntry[]; at: number }
  | { [N in SurveyName]: { what: 'surveyed'; name: N; facts: SurveyFacts[N] } }[SurveyName]
  | { what: 'survey-failed'; name: SurveyName; problem: string }
  | { what: 'form'; base: Base; directory: string }
  | { what: 'checked'; name: CheckName; key: string; facts: FactsOf[CheckName] }
  | { what: 'check-failed'; name: CheckName; key: string; problem: string }
  /** `doing` is empty once the measurement is over. */
  | { what: 'measured'; key: string; known: Measurement; doing: string }
  | { what: 'measure-failed'; key: string; problem: string }
  | { what: 'saved'; file: SettingsFile }
  /** The settings were not saved: the file exists. */
  | { what: 'file-exists'; file: string }
  | { what: 'not-created'; problem: string };
