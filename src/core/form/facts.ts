/** The form's checks and those of the first screen: their inputs, and the facts that they find. */
import type { FolderFacts, MachineFacts } from './machine.js';
import type { PythonSearch } from './python.js';
import type { BackendChoice, Config, RewardOptions } from '../config/schema.js';

export interface ModelFacts {
  architecture: string;
  parameters: number;
  /** Longest sequence in tokens. */
  context: number;
  /** As stored in the files: F32, F16, BF16. */
  dtype: string;
  /** Size of the weight files. */
  bytes: number;
  tokenizer: boolean;
  chatTemplate: boolean;
  /** Folder name of the base if the folder is a PEFT adapter; null: full weights. */
  adapter: string | null;
  shape: ModelShape;
  /**
   * Rows plus columns of the weights that an adapter may change, summed by layer name: an adapter has rank × sum
   * parameters.
   */
  loraWidths: Record<string, number>;
}

/** Widths that determine memory; the legend is in model/types.ts: L, D, H·d, K·d, F, V. */
export interface ModelShape {
  layers: number;
  hidden: number;
  query: number;
  kv: number;
  inner: number;
  /** The feed-forward layer has a gate (SwiGLU). */
  gated: boolean;
  vocabulary: number;
  /** The output head is the embedding. */
  tied: boolean;
}

export interface PromptFacts {
  prompts: number;
  /** In tokens: the longest and the mean prompt, and the model's context; null if no tokenizer could be read. */
  longest: number | null;
  mean: number | null;
  context: number | null;
}

export interface RewardFacts {
  reward: number;
  /** The prompt that was scored, for display. */
  prompt: string;
  response: string;
  seconds: number;
  /** Total of all its models on this machine. */
  parameters: number;
}

/** The reward on some of the rows; all of them are scored before round 1. */
export interface PreferenceFacts {
  rows: number;
  scored: number;
  summary: string;
  /** What speaks against the reward. */
  warnings: string[];
}

export interface DirectoryFacts {
  /** The directory exists and is empty. */
  exists: boolean;
}

/** Facts that an endpoint of the sampling servers reports about itself. */
export interface EndpointFacts {
  url: string;
  /** Names that it serves: the base model, and adapters. */
  models: string[];
  /** Longest sequence in tokens; null if the endpoint does not report it. */
  context: number | null;
  /** The endpoint requires a key, which the form does not send. */
  locked: boolean;
}

/** What an update job would find on this machine. */
export interface EnvironmentFacts {
  python: PythonSearch;
  /** Version of Slurm or Ray; null for the other launchers. */
  scheduler: string | null;
}

/** Results of a short measurement. Parts arrive one after the other; null means not measured (yet). */
export interface Measurement {
  backend: string;
  /** A clause on faster backends; null without one. */
  backend_note: string | null;
  sample: { tokensPerSecond: number; meanLength: number; truncatedShare: number } | null;
  score: { responsesPerSecond: number } | null;
  update: { tokensPerSecond: number } | null;
  /** Peak memory of the process, MiB, over the measured parts. */
  memory_mb: number | null;
}

/** A check of what update jobs need on this machine. */
export interface EnvironmentAsk {
  /** A choice of the field `updates_on`. */
  on: string;
  command: string;
  ray: string;
  /** An adapter is trained, which needs PEFT in trainer/. */
  lora: boolean;
}

/** A trial of the reward on one prompt. */
export interface RewardAsk {
  spec: string;
  options: RewardOptions;
  prompts: string;
  /** The policy's folder: its tokenizer, for a reward that reads ids. */
  model: string;
  backend: BackendChoice;
  /** The user typed the reward or asked for the trial; false: it comes from an opened file. */
  named: boolean;
}

/** A check of the reward against some of the preference rows. */
export interface PreferenceAsk extends Pick<RewardAsk, 'spec' | 'options' | 'backend' | 'named'> {
  file: string;
}

/** The checks by name; run/preflight/tasks.ts runs each in a separate process. */
export interface Tasks {
  model: { ask: { dir: string; elsewhere?: boolean }; answer: ModelFacts };
  prompts: { ask: { file: string; model: string; raw: boolean }; answer: PromptFacts };
  reward: { ask: RewardAsk; answer: RewardFacts };
  preferences: { ask: PreferenceAsk; answer: PreferenceFacts };
  endpoints: { ask: { urls: string[] }; answer: EndpointFacts[] };
  environment: { ask: EnvironmentAsk; answer: EnvironmentFacts };
  measure: { ask: { config: Config }; answer: Measurement };
  machine: { ask: object; answer: MachineFacts };
  folder: { ask: { folder: string }; answer: FolderFacts };
  python: { ask: object; answer: PythonSearch };
}

export type TaskName = keyof Tasks;

export type TaskAsk<N extends TaskName = TaskName> = { [K in N]: { task: K } & Tasks[K]['ask'] }[N];
