/** The list of runs: the data shown for each. */
import type { PartialConfig } from './config/partial.js';
import type { Stage } from './rounds.js';

/** Folder of new runs. */
export const runsFolder = 'runs';

/** A run as the list shows it. */
export interface RunEntry {
  directory: string;
  /** The readable part of run.json; null if it is unusable, which `problem` explains. */
  seen: RunSeen | null;
  problem: string | null;
  engine: EngineSeen;
  /** When run.json was last written, ms since 1970. */
  changed: number;
}

export interface RunSeen {
  /** Folder of the base policy. */
  model: string;
  /** Without the base policy. */
  rounds: number;
  /** Of the current round. */
  stage: Stage;
  /** Of the newest evaluated round. */
  reward: number | null;
  length: number | null;
  config: PartialConfig;
}

/** An engine's activity; `idle` waits for a command. */
export type EngineActivity = 'starting' | 'idle' | 'working' | 'paused';

export type EngineSeen =
  | { state: 'stopped' }
  | { state: EngineActivity }
  | { state: 'problem'; problem: string }
  /** The engine holds the lock but does not answer in time, or is too old to be asked. */
  | { state: 'silent' }
  /** The engine runs on another machine. */
  | { state: 'elsewhere'; host: string };
