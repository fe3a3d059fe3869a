/** What this machine can do and what the current folder holds, for `doctor` and the first screen; run/preflight/machine.ts looks. */
import type { BackendName } from '../config/schema.js';
import { commandLine } from '../shell.js';

export interface BackendReport {
  name: BackendName;
  usable: boolean;
  /** Whether `auto` may choose it. */
  automatic: boolean;
  /** Whether it computes on a GPU. */
  gpu: boolean;
  /** Description of the backend, or why it cannot be used and how to fix that. */
  detail: string;
}

export interface MachineFacts {
  /** Version of Node. */
  node: string;
  platform: string;
  processor: string;
  /** Threads that this process may use. */
  cores: number;
  /** Widest vector instructions of the processor, such as AVX2; null if the system does not tell. */
  instructions: string | null;
  /** GiB. */
  memory_gb: number;
  memory_free_gb: number;
  /** NVIDIA GPUs with their memory and driver; null: none. */
  gpu: string | null;
  /** The backend that `auto` uses. */
  backend: BackendName | null;
  fastest: { name: BackendName; why: string };
  backends: BackendReport[];
}

/** What a new run could use of a folder, as paths relative to it. */
export interface FolderFacts {
  models: string[];
  /** Sequence classifiers. */
  rewards: string[];
  prompts: string[];
  /** Files of prompts whose name says that they are held out. */
  held_out: string[];
}

/** Something that is missing here, and the one command that adds it. */
export interface Missing {
  what: string;
  command: string;
}

/** What the machine lacks for faster rounds. @param torch whether some Python has PyTorch; null: not known (yet) */
export function missingHere(machine: MachineFacts, torch: boolean | null): Missing[] {
  const native = machine.backends.find(({ name }) => name === 'native');
  // The reason why it does not load ends with the command.
  const build = native?.usable === false ? (/`([^`]+)`[^`]*$/.exec(native.detail)?.[1] ?? null) : null;
  const cuda = machine.backends.find(({ name }) => name === 'cuda');
  return [
    ...(build === null ? [] : [{ what: 'the native backend, several times faster than wasm', command: build }]),
    ...(machine.gpu !== null && cuda?.usable === true && !cuda.automatic
      ? [{ what: 'rounds on the GPU (not chosen by itself yet)', command: commandLine('--backend cuda') }]
      : []),
    ...(machine.gpu !== null && torch === false
      ? [{ what: 'updates on the GPU with PyTorch', command: 'pip install torch transformers accelerate peft' }]
      : []),
  ];
}

/** What the folder lacks for a run on one's own model; the examples are small models that Brevity can use. */
export function missingInFolder({ models, rewards, prompts }: FolderFacts): Missing[] {
  return [
    ...(models.length > 0
      ? []
      : [{ what: 'a model', command: 'hf download HuggingFaceTB/SmolLM2-135M-Instruct --local-dir model' }]),
    ...(rewards.length > 0
      ? []
      : [{ what: 'a reward model', command: 'hf download Skywork/Skywork-Reward-V2-Qwen3-0.6B --local-dir reward' }]),
    ...(prompts.length > 0
      ? []
      : [{ what: 'prompts', command: `echo '{"prompt": "Why is the sky blue?"}' >> prompts.jsonl` }]),
  ];
}
