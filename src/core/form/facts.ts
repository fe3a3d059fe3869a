/** The form's checks: what each is asked, and the facts that it finds about what a field names. */
import type { PythonSearch } from './python.js';
import type { BackendChoice, Config, RewardOptions } from '../config/schema.js';

export interface ModelFacts {
  architecture: string;
  parameters: number;
  /** Longest sequence in tokens. */
  context: number;
  /** As the files store it: F32, F16, BF16. */
  dtype: string;
  /** Size of the weight files. */
  bytes: number;
  tokenizer: boolean;
  chatTemplate: boolean;
  /** Name of the base's folder where the folder is a PEFT adapter; null: full weights. */
  adapter: string | null;
  shape: ModelShape;
  /** Rows and columns of the weights that an adapter may change, added up by layer name: rank × sum is its size. */
  loraWidths: Record<string, number>;
}

/** Widths that memory follows from; the legend is in model/types.ts: L, D, H·d, K·d, F, V. */
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
  /** In tokens, and the model's context; null where no tokenizer could be read. */
  longest: number | null;
  mean: number | null;
  context: number | null;
}

export interface RewardFacts {
  reward: number;
  /** What was judged, for people. */
  prompt: string;
  response: string;
  seconds: number;
  /** Of all its models on this machine together. */
  parameters: number;
}

export interface DirectoryFacts {
  /** It is there, and empty. */
  exists: boolean;
}

/** What an endpoint of the sampling servers says of itself. */
export interface EndpointFacts {
  url: string;
  /** Names that it serves: the base model, and adapters. */
  models: string[];
  /** Longest sequence in tokens; null if it does not say. */
  context: number | null;
  /** It wants a key, which the form does not send. */
  locked: boolean;
}

/** What update jobs would find. */
export interface EnvironmentFacts {
  python: PythonSearch;
  /** Version of Slurm or Ray; null for the other launchers. */
  scheduler: string | null;
}

/** What a short measurement found. Parts come one after the other: null is not measured (yet). */
export interface Measurement {
  backend: string;
  /** What to know of faster backends, in a clause; null: nothing. */
  backend_note: string | null;
  sample: { tokensPerSecond: number; meanLength: number; truncatedShare: number } | null;
  score: { responsesPerSecond: number } | null;
  update: { tokensPerSecond: number } | null;
  /** Most memory that the process held, MiB; of what was measured. */
  memory_mb: number | null;
}

/** A check of what update jobs need here. */
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
  /** The policy's folder: its tokens, for a reward that reads ids. */
  model: string;
  backend: BackendChoice;
  /** The user wrote the reward himself or asked for the trial; false: it comes from a file that was opened. */
  named: boolean;
}

/** The checks by name; run/preflight/tasks.ts runs each in a process of its own. */
export interface Tasks {
  model: { ask: { dir: string; elsewhere?: boolean }; answer: ModelFacts };
  prompts: { ask: { file: string; model: string; raw: boolean }; answer: PromptFacts };
  reward: { ask: RewardAsk; answer: RewardFacts };
  endpoints: { ask: { urls: string[] }; answer: EndpointFacts[] };
  environment: { ask: EnvironmentAsk; answer: EnvironmentFacts };
  measure: { ask: { config: Config }; answer: Measurement };
}

export type TaskName = keyof Tasks;

export type TaskAsk<N extends TaskName = TaskName> = { [K in N]: { task: K } & Tasks[K]['ask'] }[N];
