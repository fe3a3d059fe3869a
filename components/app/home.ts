/**
 * What the terminal is before a run is opened: the list of runs and the form of a new one. There is no engine; what is
 * asked of the disk and of other processes is a task (homeTasks.ts), and what comes of it an event.
 */
import type { Config } from '../../src/core/config/schema.js';
import type { Base, Place, SettingsFile } from '../../src/core/form/draft.js';
import type { Measurement } from '../../src/core/form/facts.js';
import type { CheckAsk, CheckName, FactsOf } from '../screens/setup/checks.js';
import type { RunEntry } from '../../src/core/runs.js';

export interface Home {
  place: Place;
  /** The bundled example's configuration file. */
  example: string;
}

/** Where the form's settings come from. */
export type FormSource =
  | { from: 'example' }
  | { from: 'file'; file: string }
  /** A run's configuration: another one like it. */
  | { from: 'run'; entry: RunEntry };

export type HomeTask =
  | { task: 'open'; directory: string }
  | { task: 'delete'; directory: string }
  | { task: 'end-engine'; directory: string }
  | { task: 'look-in'; folder: string }
  | { task: 'form'; source: FormSource }
  | { task: 'check'; name: CheckName; key: string; ask: CheckAsk }
  | { task: 'measure'; key: string; config: Config }
  | { task: 'save'; file: string; config: Config; overwrite: boolean }
  /** `named`: keys, dotted, that the user set himself; the run may execute what they name without asking. */
  | { task: 'create'; directory: string; config: Config; named: readonly string[] };

export type HomeEvent =
  /** What a look found, and when, ms since 1970. */
  | { what: 'runs'; entries: readonly RunEntry[]; at: number }
  | { what: 'form'; base: Base; directory: string }
  | { what: 'checked'; name: CheckName; key: string; facts: FactsOf[CheckName] }
  | { what: 'check-failed'; name: CheckName; key: string; problem: string }
  /** `doing` is empty once it is over. */
  | { what: 'measured'; key: string; known: Measurement; doing: string }
  | { what: 'measure-failed'; key: string; problem: string }
  | { what: 'saved'; file: SettingsFile }
  /** The settings were not saved: there is such a file. */
  | { what: 'file-exists'; file: string }
  | { what: 'not-created'; problem: string };
