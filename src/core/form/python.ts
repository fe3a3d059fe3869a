/**
 * Facts about a Python that could run trainer/, whether it can, and the command that does. run/preflight/python.ts
 * finds one.
 */
import { shellQuote } from '../shell.js';

/** Packages of an update with trainer/; only LoRA needs PEFT. */
export const packageNames = ['torch', 'transformers', 'accelerate', 'peft'] as const;

export type PackageName = (typeof packageNames)[number];

export interface GpuFacts {
  name: string;
  /** Of the whole device, MiB. */
  memory_mb: number;
}

export interface PythonFacts {
  /** Absolute path of the program. */
  program: string;
  version: string;
  /** Version of each package; null: not installed. */
  packages: Record<PackageName, string | null>;
  /** As PyTorch sees them; empty without PyTorch. */
  gpus: GpuFacts[];
  /** Folder of brevity_trainer, for PYTHONPATH. */
  trainer_folder: string;
  /** Version of brevity_trainer; null if it cannot be imported, which `problem` explains. */
  trainer: string | null;
  /** Why PyTorch or the trainer could not be imported, or a GPU not be used; null if everything worked. */
  problem: string | null;
}

/** The best Python found, and why each of the others was skipped. */
export interface PythonSearch {
  found: PythonFacts | null;
  passed: { program: string; reason: string }[];
}

/** Why this Python cannot run the trainer; null if it can. PEFT is checked if LoRA is trained. */
export function trainerProblem({ packages, trainer, problem }: PythonFacts): string | null {
  const missing = (['torch', 'transformers', 'accelerate'] as const).filter((name) => packages[name] === null);
  if (missing.length > 0) return `it has no ${missing.join(', ')}`;
  return trainer === null ? `brevity_trainer cannot be imported (${problem ?? 'no reason given'})` : null;
}

const trainerCall = 'brevity_trainer {dir}';

/** Whether a command ends like those of trainerCommand. */
export const runsTrainer = (command: string): boolean => command.endsWith(trainerCall);

/** The shell command that runs the trainer on every GPU that this Python sees; `{dir}` is the job's folder. */
export function trainerCommand(python: Pick<PythonFacts, 'program' | 'gpus' | 'trainer_folder'>): string {
  const { program, gpus, trainer_folder } = python;
  const start = `PYTHONPATH=${shellQuote(trainer_folder)} ${shellQuote(program)} -m`;
  const many = `torch.distributed.run --standalone --nproc_per_node ${gpus.length} -m `;
  return `${start} ${gpus.length > 1 ? many : ''}${trainerCall}`;
}

/** `2 × NVIDIA H100 (80 GB)`. */
export function gpusInWords(gpus: readonly GpuFacts[]): string {
  const kinds = new Map<string, number>();
  for (const { name, memory_mb } of gpus) {
    const kind = `${name} (${Math.round(memory_mb / 1024)} GB)`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, many]) => (many === 1 ? kind : `${many} × ${kind}`)).join(', ');
}
