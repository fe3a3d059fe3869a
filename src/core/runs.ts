/** The list of runs: what is shown of each. */
import type { PartialConfig } from './config/partial.js';
import type { Stage } from './rounds.js';

/** Where new runs are put. */
export const runsFolder = 'runs';

/** A run as the list shows it. */
export interface RunEntry {
  directory: string;
  /** What can be read of run.json; null where it cannot be used, which `problem` explains. */
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
  /** Of the round that was worked on last. */
  stage: Stage;
  /** Of the newest evaluated round. */
  reward: number | null;
  length: number | null;
  config: PartialConfig;
}

/** What an engine computes right now; `idle` waits for a command. */
export type EngineActivity = 'starting' | 'idle' | 'working' | 'paused';

export type EngineSeen =
  | { state: 'stopped' }
  | { state: EngineActivity }
  | { state: 'problem'; problem: string }
  /** It holds the lock and does not answer in time, or is too old to be asked. */
  | { state: 'silent' }
  /** It runs on another machine. */
  | { state: 'elsewhere'; host: string };
